/* SPDX-License-Identifier: MIT */
#include "proto/dns-special.h"

static bool is_under(const DnsName *n, const char *zone_text)
{
        DnsName zone;

        return dns_name_from_text(zone_text, &zone, NULL) == 0 && dns_name_is_under(n, &zone);
}

static bool is(const DnsName *n, const char *text)
{
        DnsName other;

        return dns_name_from_text(text, &other, NULL) == 0 && dns_name_equal(n, &other);
}

static int answer_localhost(DnsAnswer **ret, const DnsName *name, uint16_t type)
{
        IpAddr a;

        (void) ip_parse(type == DNS_TYPE_AAAA ? "::1" : "127.0.0.1", &a);
        if (type == DNS_TYPE_A || type == DNS_TYPE_AAAA)
                return dns_answer_from_addresses(ret, name, a.family, &a, 1, 0);
        return dns_answer_negative(ret, DNS_VERDICT_NODATA, name);
}

static int answer_localhost_ptr(DnsAnswer **ret, const DnsName *name, uint16_t type)
{
        DnsName localhost;

        (void) dns_name_from_text("localhost", &localhost, NULL);
        if (type == DNS_TYPE_PTR)
                return dns_answer_from_names(ret, name, &localhost, 1, 0);
        return dns_answer_negative(ret, DNS_VERDICT_NODATA, name);
}

static bool is_loopback_ptr(const DnsName *n)
{
        DnsName v6;
        IpAddr a;

        (void) ip_parse("::1", &a);
        dns_name_for_address(&a, &v6);
        return is_under(n, "127.in-addr.arpa") || dns_name_equal(n, &v6);
}

static bool is_refused(const DnsName *n, uint16_t type, bool routed)
{
        if (is_under(n, "invalid") || is_under(n, "onion"))
                return true;
        if (is_under(n, "local") && !routed)
                return true;
        return is_under(n, "resolver.arpa") &&
               !(type == DNS_TYPE_SVCB && is(n, "_dns.resolver.arpa"));
}

int dns_special_answer(DnsAnswer **ret, const DnsName *name, uint16_t type, bool routed)
{
        int r = 0;

        if (is_under(name, "localhost"))
                r = answer_localhost(ret, name, type);
        else if (is_loopback_ptr(name))
                r = answer_localhost_ptr(ret, name, type);
        else if (is_refused(name, type, routed))
                r = dns_answer_negative(ret, DNS_VERDICT_NXDOMAIN, name);
        else
                return 0;
        return r < 0 ? r : 1;
}
