/* SPDX-License-Identifier: MIT */
#include "lib/suite.h"
#include "proto/url.h"
#include <string.h>

START_TEST(urls_give_host_port_and_scheme)
{
        Url u;

        ck_assert_int_eq(url_parse("http://Example.TEST/x?y#z", &u), 0);
        ck_assert_str_eq(u.host, "example.test");
        ck_assert_uint_eq(u.port, 80);
        ck_assert(!u.https);
        ck_assert_int_eq(url_parse("HTTPS://[fe80::1]:8443", &u), 0);
        ck_assert_str_eq(u.host, "fe80::1");
        ck_assert_uint_eq(u.port, 8443);
        ck_assert(u.https);
        ck_assert_int_eq(url_parse("https://h:/", &u), 0);
        ck_assert_uint_eq(u.port, 443);
}
END_TEST

START_TEST(what_is_no_http_url_is_refused)
{
        static const char *const bad[] = { "", "http://", "http:///x", "ftp://h/", "h", "http:/h",
                "http://u@h/", "http://h:0/", "http://h:65536/", "http://h:x/", "http://[::1",
                "http://[::1]x/", "http://h /", "http://h\n/", "http://[]/", "http://h%00/" };
        Url u;

        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
                ck_assert_msg(url_parse(bad[i], &u) < 0, "%s", bad[i]);
}
END_TEST

TEST_MAIN("url", urls_give_host_port_and_scheme, what_is_no_http_url_is_refused)
