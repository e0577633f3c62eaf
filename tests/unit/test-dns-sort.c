/* SPDX-License-Identifier: MIT */
#include "lib/suite.h"
#include "proto/dns-sort.h"
#include "util/error.h"
#include <string.h>

typedef struct Case Case;
struct Case {
        /* destination and source, "-" for unreachable; in the order expected */
        const char *dst[2], *src[2];
};

/* The examples of RFC 6724 10.2. */
static const Case cases[] = {
        { { "2001:db8:1::1", "198.51.100.121" }, { "2001:db8:1::2", "169.254.13.78" } },
        { { "198.51.100.121", "2001:db8:1::1" }, { "198.51.100.117", "fe80::1" } },
        { { "2001:db8:1::1", "10.1.2.3" }, { "2001:db8:1::2", "10.1.2.4" } },
        { { "fe80::1", "2001:db8:1::1" }, { "fe80::2", "2001:db8:1::2" } },
        { { "2001:db8:1::1", "2001:db8:3ffe::1" }, { "2001:db8:1::2", "2001:db8:3f44::2" } },
        { { "2002:c633:6401::1", "2001:db8:1::1" }, { "2002:c633:6401::2", "fe80::2" } },
        { { "2001:db8:1::1", "2002:c633:6401::1" }, { "2001:db8:1::2", "2002:c633:6401::2" } },
        /* unreachable last; ULA behind IPv4 */
        { { "192.0.2.1", "2001:db8::1" }, { "192.0.2.9", "-" } },
        { { "192.0.2.1", "fd00::1" }, { "192.0.2.9", "2001:db8::9" } },
        { { "::1", "127.0.0.1" }, { "::1", "127.0.0.1" } },
};

START_TEST(orders_as_the_rfc_does)
{
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char buf[IP_ADDR_STRLEN];

                /* given either way round */
                for (size_t flip = 0; flip < 2; flip++) {
                        DnsDestination d[2] = { 0 };

                        for (size_t k = 0; k < 2; k++) {
                                size_t from = k ^ flip;

                                ck_assert_int_eq(ip_parse(cases[i].dst[from], &d[k].addr), 0);
                                if (strcmp(cases[i].src[from], "-") != 0)
                                        ck_assert_int_eq(
                                                ip_parse(cases[i].src[from], &d[k].source), 0);
                        }
                        dns_sort(d, 2);
                        ck_assert_msg(strcmp(ip_format(&d[0].addr, buf), cases[i].dst[0]) == 0,
                                "case %zu: %s first", i, buf);
                }
        }
}
END_TEST

START_TEST(keeps_the_order_of_equals)
{
        DnsDestination d[3] = { 0 };

        for (uint8_t i = 0; i < 3; i++) {
                uint8_t dst[4] = { 203, 0, 113, (uint8_t) (9 - i) }, src[4] = { 192, 0, 2, 1 };

                d[i].addr = ip_from_bytes(AF_INET, dst, 4);
                d[i].source = ip_from_bytes(AF_INET, src, 4);
        }
        dns_sort(d, 3);
        ck_assert_uint_eq(d[0].addr.bytes[3], 9);
        ck_assert_uint_eq(d[2].addr.bytes[3], 7);
}
END_TEST

TEST_MAIN("dns-sort", orders_as_the_rfc_does, keeps_the_order_of_equals)
