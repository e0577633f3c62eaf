/* SPDX-License-Identifier: MIT */
#include "lib/suite.h"
#include "util/addr.h"
#include <string.h>

START_TEST(endpoints_round_trip)
{
        static const char *const texts[] = { "1.2.3.4", "1.2.3.4:53", "fe80::1", "fe80::1%eth0",
                "[fe80::1%eth0]:5353", "[::1]:53", "9.9.9.9:853#dns.example", "2001:db8::1#a.b" };
        char buf[ENDPOINT_STRLEN];
        Endpoint e;

        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
                ck_assert_int_eq(endpoint_parse(texts[i], &e), 0);
                ck_assert_str_eq(endpoint_format(&e, buf), texts[i]);
        }
}
END_TEST

START_TEST(what_is_no_endpoint_is_refused)
{
        static const char *const texts[] = { "", "1.2.3", "1.2.3.4:", "1.2.3.4:0", "1.2.3.4:65536",
                "1.2.3.4:+1", "1.2.3.4%eth0", "fe80::1%", "[fe80::1", "[fe80::1]x", "1.2.3.4#",
                "fe80::1%averyveryverylongname", "[1.2.3.4]:53:1", "host" };
        Endpoint e;

        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
                ck_assert_msg(endpoint_parse(texts[i], &e) < 0, "%s", texts[i]);
}
END_TEST

START_TEST(prefixes_match_by_bits)
{
        IpPrefix p;
        IpAddr a;

        ck_assert_int_eq(ip_prefix_parse("10.0.0.77/23", &p), 0);
        ck_assert_int_eq(ip_parse("10.0.1.255", &a), 0);
        ck_assert(ip_in_prefix(&a, &p));
        ck_assert_int_eq(ip_parse("10.0.2.0", &a), 0);
        ck_assert(!ip_in_prefix(&a, &p));
        ck_assert_int_lt(ip_prefix_parse("10.0.0.0/33", &p), 0);
        ck_assert_int_lt(ip_prefix_parse("10.0.0.0", &p), 0);
        ck_assert_int_eq(ip_prefix_parse("::/0", &p), 0);
        ck_assert_int_eq(ip_parse("::1", &a), 0);
        ck_assert(ip_in_prefix(&a, &p));
}
END_TEST

TEST_MAIN("addr", endpoints_round_trip, what_is_no_endpoint_is_refused, prefixes_match_by_bits)
