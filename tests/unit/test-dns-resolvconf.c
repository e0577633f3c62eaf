/* SPDX-License-Identifier: MIT */
#include "lib/suite.h"
#include "proto/dns-resolvconf.h"
#include <string.h>

START_TEST(reads_what_resolvers_read)
{
        static const char text[] =
                "; comment\n# comment\nnameserver 192.0.2.1\n"
                " nameserver\t2001:db8::1 \nnameserver fe80::1%eth0\n"
                "nameserver bogus\nnameserver\nnameserver 0.0.0.0\n"
                "domain first.example\nsearch a.example b.example. c..d .\n"
                "options rotate ndots:3 timeout:1\noptions ndots:99999999999999\n"
                "unknown x\nsearch";
        char buf[DNS_NAME_TEXT_MAX];
        DnsResolvConf c;

        dns_resolvconf_parse(&c, text, strlen(text) - 7);
        ck_assert_uint_eq(c.n_servers, 4);
        ck_assert_str_eq(c.servers[2].ifname, "eth0");
        ck_assert(ip_is_loopback(&c.servers[3].addr));
        ck_assert_uint_eq(c.n_search, 2);
        ck_assert_str_eq(dns_name_to_text(&c.search[1], buf), "b.example");
        ck_assert_uint_eq(c.ndots, 15);
        dns_resolvconf_parse(&c, text, strlen(text));
        ck_assert_uint_eq(c.n_search, 0);
}
END_TEST

START_TEST(what_is_written_reads_the_same)
{
        static const char text[] = "nameserver 192.0.2.1\nnameserver fe80::1%eth0\n"
                                   "search a.example b.example\noptions ndots:2\n";
        char out[4096], expect[256];
        DnsResolvConf c;
        int n;

        dns_resolvconf_parse(&c, text, strlen(text));
        n = dns_resolvconf_format(&c, "made by a test", out, sizeof(out));
        ck_assert_int_gt(n, 0);
        out[n] = 0;
        snprintf(expect, sizeof(expect), "# made by a test\n%s", text);
        ck_assert_str_eq(out, expect);
        ck_assert_int_eq(dns_resolvconf_format(&c, "x", out, 8), -ENOBUFS);
}
END_TEST

TEST_MAIN("dns-resolvconf", reads_what_resolvers_read, what_is_written_reads_the_same)
