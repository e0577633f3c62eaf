/* SPDX-License-Identifier: MIT */
#include "lib/suite.h"
#include "util/addr.h"
#include "util/error.h"
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

START_TEST(what_may_be_another_host)
{
        static const struct {
                const char *text;
                bool is;
        } cases[] = {
                { "192.0.2.1", true },
                { "10.0.0.1", true },
                { "fe80::1", true },
                { "2001:db8::1", true },
                { "0.0.0.0", false },
                { "127.8.8.8", false },
                { "224.0.0.1", false },
                { "::", false },
                { "::1", false },
                { "ff02::1", false },
                { "::ffff:127.0.0.1", false },
                { "::ffff:192.0.2.1", false },
        };
        const IpAddr none = { 0 };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                IpAddr a;

                ck_assert_int_eq(ip_parse(cases[i].text, &a), 0);
                ck_assert_msg(ip_is_other_host(&a) == cases[i].is, "%s", cases[i].text);
        }
        ck_assert(!ip_is_other_host(&none));
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

TEST_MAIN("addr", endpoints_round_trip, what_is_no_endpoint_is_refused, what_may_be_another_host,
        prefixes_match_by_bits)
