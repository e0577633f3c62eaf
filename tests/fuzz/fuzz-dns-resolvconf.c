/* SPDX-License-Identifier: MIT */
/* resolv.conf(5): what is read is written, and reads the same. */
#include "fuzz.h"
#include "proto/dns-resolvconf.h"
#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static DnsResolvConf a, b;
        static char text[1 << 16];
        int n;

        dns_resolvconf_parse(&a, (const char *) data, size);
        n = dns_resolvconf_format(&a, "fuzz", text, sizeof(text));
        assert(n > 0);
        dns_resolvconf_parse(&b, text, (size_t) n);
        assert(a.n_servers == b.n_servers && a.ndots == b.ndots);
        for (size_t i = 0; i < a.n_servers; i++)
                assert(ip_equal(&a.servers[i].addr, &b.servers[i].addr));
        /* a line of long names can pass what a line may hold; else they come back */
        if (a.n_search <= 1) {
                assert(a.n_search == b.n_search);
                for (size_t i = 0; i < a.n_search; i++)
                        assert(dns_name_same(&a.search[i], &b.search[i]));
        }
        return 0;
}
