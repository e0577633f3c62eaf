/* SPDX-License-Identifier: MIT */
#include "lib/suite.h"
#include "proto/dns-hosts.h"
#include <string.h>

static const char text[] = "# a comment\n"
                           "127.0.0.1\tlocalhost\n"
                           "::1 localhost ip6-localhost # tail\n"
                           "192.0.2.7  Printer.Example printer\r\n"
                           "192.0.2.8 printer\n"
                           "not-an-address x\n"
                           "192.0.2.9\n"
                           "fe80::1%eth0 router\n"
                           "192.0.2.10 bad..name ok-name -x $(reboot)\n"
                           "192.0.2.11 last";

static DnsHosts *parse(void)
{
        DnsHosts *h = NULL;

        ck_assert_int_eq(dns_hosts_parse(&h, text, strlen(text)), 0);
        return h;
}

static DnsName name(const char *s)
{
        DnsName n;

        ck_assert_int_eq(dns_name_from_text(s, &n, NULL), 0);
        return n;
}

START_TEST(names_have_addresses)
{
        _cleanup_(dns_hosts_freep) DnsHosts *h = parse();
        char buf[IP_ADDR_STRLEN];
        IpAddr a[4];
        DnsName n = name("PRINTER");

        ck_assert_uint_eq(dns_hosts_addresses(h, &n, a, 4), 2);
        ck_assert_str_eq(ip_format(&a[0], buf), "192.0.2.7");
        ck_assert_str_eq(ip_format(&a[1], buf), "192.0.2.8");
        n = name("localhost");
        ck_assert_uint_eq(dns_hosts_addresses(h, &n, a, 1), 2);
        n = name("last");
        ck_assert_uint_eq(dns_hosts_addresses(h, &n, a, 4), 1);
        n = name("router");
        ck_assert_uint_eq(dns_hosts_addresses(h, &n, a, 4), 1);
        n = name("x");
        ck_assert_uint_eq(dns_hosts_addresses(h, &n, a, 4), 0);
}
END_TEST

START_TEST(addresses_have_names)
{
        _cleanup_(dns_hosts_freep) DnsHosts *h = parse();
        char buf[DNS_NAME_TEXT_MAX];
        DnsName n[4];
        IpAddr a;

        ck_assert_int_eq(ip_parse("192.0.2.7", &a), 0);
        ck_assert_uint_eq(dns_hosts_names(h, &a, n, 4), 2);
        ck_assert_str_eq(dns_name_to_text(&n[0], buf), "printer.example");
        ck_assert_int_eq(ip_parse("192.0.2.10", &a), 0);
        ck_assert_uint_eq(dns_hosts_names(h, &a, n, 4), 1);
        ck_assert_str_eq(dns_name_to_text(&n[0], buf), "ok-name");
        ck_assert_int_eq(ip_parse("10.0.0.1", &a), 0);
        ck_assert_uint_eq(dns_hosts_names(h, &a, n, 4), 0);
}
END_TEST

TEST_MAIN("dns-hosts", names_have_addresses, addresses_have_names)
