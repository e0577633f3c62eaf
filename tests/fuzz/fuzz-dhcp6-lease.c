/* SPDX-License-Identifier: MIT */
/* A DHCPv6 lease file: what is read is written and read again the same. */
#include "fuzz.h"
#include "proto/dhcp6-lease.h"
#include <assert.h>
#include <string.h>

static void format(
        const Dhcp6Lease *lease, const Dhcp6Options *options, const LeaseClocks *at, char *buf)
{
        LeaseText t = { .buf = buf, .size = 2 * LEASE_TEXT_SIZE };

        dhcp6_lease_format(lease, options, at, &t);
        assert(t.len < t.size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static char text[2 * LEASE_TEXT_SIZE], again[2 * LEASE_TEXT_SIZE];
        LeaseClocks at = { "boot", 5000 * USEC_PER_SEC, 1000000 * USEC_PER_SEC };
        Dhcp6Options options, options_back;
        Dhcp6Lease lease, back;

        if (size >= sizeof(text))
                return 0;
        memcpy(text, data, size);
        text[size] = 0;
        if (dhcp6_lease_parse(text, &at, &lease, &options) < 0)
                return 0;
        assert(lease.n_addresses > 0 && lease.t1 <= lease.t2);
        format(&lease, &options, &at, again);
        if (strlen(again) < LEASE_TEXT_SIZE) {
                assert(dhcp6_lease_parse(again, &at, &back, &options_back) == 0);
                format(&back, &options_back, &at, text);
                assert(strcmp(text, again) == 0);
        }
        return 0;
}
