/* SPDX-License-Identifier: MIT */
/* A file of keys: it is refused with a line that is there, or every key in it is whole. */
#include "fuzz.h"
#include "proto/ntp-keys.h"
#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        NtpKeysFault fault = { 0 };
        NtpKeys keys = { 0 };

        if (ntp_keys_parse(&keys, (const char *) data, size, &fault) < 0) {
                assert(fault.line > 0 && fault.line <= size && fault.why && keys.n == 0);
                return 0;
        }
        for (size_t i = 0; i < keys.n; i++) {
                const NtpKey *k = &keys.items[i];

                assert(k->id != 0 && k->size > 0 && k->size <= NTP_KEY_MAX);
                assert(mac_key_size(k->type) == 0 || mac_key_size(k->type) == k->size);
                assert(ntp_keys_find(&keys, k->id) == k);
        }
        assert(ntp_keys_equal(&keys, &keys));
        ntp_keys_clear(&keys);
        return 0;
}
