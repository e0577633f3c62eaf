/* SPDX-License-Identifier: MIT */
#include "proto/dns-special.h"

/* In wire form, so that an ordinary name costs a few comparisons. */
#define NAME(text)                                                                                 \
        {                                                                                          \
                .len = sizeof(text), .wire = text                                                  \
        }
static const DnsName localhost = NAME("\x09"
                                      "localhost");
static const DnsName loopback_v4 = NAME("\x03"
                                        "127"
                                        "\x07"
                                        "in-addr"
                                        "\x04"
                                        "arpa");
static const DnsName local = NAME("\x05"
                                  "local");
static const DnsName invalid = NAME("\x07"
                                    "invalid");
static const DnsName onion = NAME("\x05"
                                  "onion");
static const DnsName resolver_arpa = NAME("\x08"
                                          "resolver"
                                          "\x04"
                                          "arpa");
const DnsName DNS_NAME_DDR = NAME("\x04"
                                  "_dns"
                                  "\x08"
                                  "resolver"
                                  "\x04"
                                  "arpa");

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
        if (type == DNS_TYPE_PTR)
                return dns_answer_from_names(ret, name, &localhost, 1, 0);
        return dns_answer_negative(ret, DNS_VERDICT_NODATA, name);
}

static bool is_loopback_ptr(const DnsName *n)
{
        DnsName v6;
        IpAddr a;

        if (dns_name_is_under(n, &loopback_v4))
                return true;
        if (dns_name_labels(n) != 34)
                return false;
        (void) ip_parse("::1", &a);
        dns_name_for_address(&a, &v6);
        return dns_name_equal(n, &v6);
}

static bool is_refused(const DnsName *n, uint16_t type, bool routed)
{
        if (dns_name_is_under(n, &invalid) || dns_name_is_under(n, &onion))
                return true;
        if (dns_name_is_under(n, &local) && !routed)
                return true;
        return dns_name_is_under(n, &resolver_arpa) &&
               !(type == DNS_TYPE_SVCB && dns_name_equal(n, &DNS_NAME_DDR));
}

/* Most names end in none of the labels that matter here. */
static bool may_be_special(const DnsName *n)
{
        size_t last = 0;

        for (size_t i = 0; n->wire[i] > 0; i += 1u + n->wire[i])
                last = i;
        switch (n->wire[last]) {
        case 4: /* arpa */
                return (n->wire[last + 1] | 0x20) == 'a';
        case 5: /* local, onion */
                return (n->wire[last + 1] | 0x20) == 'l' || (n->wire[last + 1] | 0x20) == 'o';
        case 7: /* invalid */
        case 9: /* localhost */
                return true;
        default:
                return false;
        }
}

int dns_special_answer(DnsAnswer **ret, const DnsName *name, uint16_t type, bool routed)
{
        int r = 0;

        if (!may_be_special(name))
                return 0;
        if (dns_name_is_under(name, &localhost))
                r = answer_localhost(ret, name, type);
        else if (is_loopback_ptr(name))
                r = answer_localhost_ptr(ret, name, type);
        else if (is_refused(name, type, routed))
                r = dns_answer_negative(ret, DNS_VERDICT_NXDOMAIN, name);
        else
                return 0;
        return r < 0 ? r : 1;
}
