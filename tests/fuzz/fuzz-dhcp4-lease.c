/* SPDX-License-Identifier: MIT */
/* A lease file: what is read is written and read again the same. */
#include "fuzz.h"
#include "proto/dhcp4-lease.h"
#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static char text[2 * DHCP4_LEASE_TEXT_SIZE], again[2 * DHCP4_LEASE_TEXT_SIZE];
        Dhcp4Clocks at = { "boot", 5000 * USEC_PER_SEC, 1000000 * USEC_PER_SEC };
        Dhcp4Lease lease, back;

        if (size >= sizeof(text))
                return 0;
        memcpy(text, data, size);
        text[size] = 0;
        if (dhcp4_lease_parse(text, &at, &lease) < 0)
                return 0;
        assert(lease.t1 <= lease.t2 && lease.t2 <= lease.expires);
        assert(dhcp4_lease_format(&lease, &at, again, sizeof(again)) > 0);
        if (strlen(again) < DHCP4_LEASE_TEXT_SIZE) {
                assert(dhcp4_lease_parse(again, &at, &back) == 0);
                /* `text` is done with; the bytes between the members are the compiler's */
                assert(dhcp4_lease_format(&back, &at, text, sizeof(text)) > 0);
                assert(strcmp(text, again) == 0);
        }
        return 0;
}
