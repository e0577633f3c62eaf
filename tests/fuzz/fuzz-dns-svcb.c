/* SPDX-License-Identifier: MIT */
/* The data of SVCB records. */
#include "fuzz.h"
#include "proto/dns-svcb.h"
#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        DnsSvcb s;

        if (dns_svcb_parse(&s, data, size) < 0)
                return 0;
        assert(s.target.len >= 1 && s.target.wire[s.target.len - 1] == 0);
        assert(s.n_addrs <= DNS_SVCB_ADDRS_MAX);
        for (size_t i = 0; i < s.n_addrs; i++)
                assert(ip_size(s.addrs[i].family) > 0);
        return 0;
}
