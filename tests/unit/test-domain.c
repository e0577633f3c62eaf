/* SPDX-License-Identifier: MIT */
#include "lib/suite.h"
#include "proto/domain.h"
#include <string.h>

#define LIST(bytes, list)                                                                          \
        ({                                                                                         \
                Reader list_reader = READER_INIT(bytes, sizeof(bytes) - 1);                        \
                domain_read_list(&list_reader, list, sizeof(list));                                \
        })

START_TEST(only_host_names_are_names)
{
        char label64[80];

        memset(label64, 'a', 64);
        label64[64] = 0;
        ck_assert(domain_is_valid("example.com"));
        ck_assert(domain_is_valid("a"));
        ck_assert(domain_is_valid("x-1.y2"));
        ck_assert(domain_is_valid(label64 + 1));
        ck_assert(!domain_is_valid(label64));
        ck_assert(!domain_is_valid(""));
        ck_assert(!domain_is_valid("."));
        ck_assert(!domain_is_valid("a..b"));
        ck_assert(!domain_is_valid("a."));
        ck_assert(!domain_is_valid("-a"));
        ck_assert(!domain_is_valid("a-.b"));
        ck_assert(!domain_is_valid("a b"));
        ck_assert(!domain_is_valid("a\nnameserver 6.6.6.6"));
        ck_assert(!domain_is_valid("$(reboot)"));
        ck_assert(!domain_is_valid("caf\xc3\xa9"));
}
END_TEST

START_TEST(reads_names_with_and_without_pointers)
{
        char list[64];

        /* the example of RFC 3397 */
        ck_assert(LIST("\x03"
                       "eng\x05"
                       "apple\x03"
                       "com\0\x09"
                       "marketing\xc0\x04",
                list));
        ck_assert_str_eq(list, "eng.apple.com marketing.apple.com");
        ck_assert(LIST("\x01"
                       "a\0\x01"
                       "b\0\x01"
                       "a\0",
                list));
        ck_assert_str_eq(list, "a b");
}
END_TEST

START_TEST(pointers_only_go_backwards)
{
        char list[64];

        ck_assert(!LIST("\xc0\x00", list));
        ck_assert(!LIST("\x01"
                        "a\xc0\x00",
                list));
        ck_assert(!LIST("\x01"
                        "a\xc0\x02",
                list));
        ck_assert(!LIST("\x01"
                        "a\0\xc0\x05\xc0\x03",
                list));
        ck_assert(!LIST("\x01"
                        "a\0\x01"
                        "b\xc0\x09",
                list));
        ck_assert_str_eq(list, "");
        ck_assert(!LIST("\x05"
                        "ab",
                list));
        ck_assert(!LIST("\x01"
                        "a",
                list));
        ck_assert(!LIST("\x41"
                        "a\0",
                list));
}
END_TEST

START_TEST(what_is_no_host_name_is_left_out)
{
        char list[64], small[8];

        ck_assert(LIST("\x03"
                       "a b\0\x01"
                       "c\0\x02"
                       "x\n\0\0",
                list));
        ck_assert_str_eq(list, "c");
        ck_assert(LIST("\x05"
                       "12345\0\x05"
                       "67890\0",
                small));
        ck_assert_str_eq(small, "12345");
}
END_TEST

TEST_MAIN("domain", only_host_names_are_names, reads_names_with_and_without_pointers,
        pointers_only_go_backwards, what_is_no_host_name_is_left_out)
