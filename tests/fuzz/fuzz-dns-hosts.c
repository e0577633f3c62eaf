/* SPDX-License-Identifier: MIT */
/* hosts(5): whatever the file, each name it gives for an address leads back to that address. */
#include "fuzz.h"
#include "proto/dns-hosts.h"
#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const char *const probes[] = { "127.0.0.1", "::1", "192.0.2.7", "fe80::1" };
        DnsHosts *h = NULL;

        assert(dns_hosts_parse(&h, (const char *) data, size) == 0);
        for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++) {
                DnsName names[8];
                IpAddr addr;
                size_t n;

                assert(ip_parse(probes[i], &addr) == 0);
                n = dns_hosts_names(h, &addr, names, 8);
                for (size_t k = 0; k < n && k < 8; k++) {
                        IpAddr back[64];
                        size_t n_back = dns_hosts_addresses(h, &names[k], back, 64);
                        bool found = n_back > 64;

                        assert(dns_name_is_host(&names[k]));
                        for (size_t j = 0; j < n_back && j < 64; j++)
                                found = found || ip_equal(&back[j], &addr);
                        assert(found);
                }
        }
        dns_hosts_free(h);
        return 0;
}
