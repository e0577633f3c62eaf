/* SPDX-License-Identifier: MIT */
/* A lease file: what is read is written and read again the same. */
#include "fuzz.h"
#include "proto/dhcp4-lease.h"
#include <assert.h>
#include <string.h>

static void format(const Dhcp4Lease *lease, const LeaseClocks *at, char *buf, size_t size)
{
        LeaseText t = { .buf = buf, .size = size };

        dhcp4_lease_format(lease, at, &t);
        assert(t.len < size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static char text[2 * LEASE_TEXT_SIZE], again[2 * LEASE_TEXT_SIZE];
        LeaseClocks at = { "boot", 5000 * USEC_PER_SEC, 1000000 * USEC_PER_SEC };
        Dhcp4Lease lease, back;

        if (size >= sizeof(text))
                return 0;
        memcpy(text, data, size);
        text[size] = 0;
        if (dhcp4_lease_parse(text, &at, &lease) < 0)
                return 0;
        assert(lease.t1 <= lease.t2 && lease.t2 <= lease.expires);
        format(&lease, &at, again, sizeof(again));
        if (strlen(again) < LEASE_TEXT_SIZE) {
                assert(dhcp4_lease_parse(again, &at, &back) == 0);
                /* `text` is done with; the bytes between the members are the compiler's */
                format(&back, &at, text, sizeof(text));
                assert(strcmp(text, again) == 0);
        }
        return 0;
}
