/* SPDX-License-Identifier: MIT */
/* Encrypted resolvers as DHCP names them (RFC 9463, REQ_DNS 37). */
#include "lib/suite.h"
#include "proto/dhcp4-message.h"
#include "proto/dhcp6-message.h"
#include "util/error.h"
#include <string.h>

#define NAME   "\3dns\4test\0"
#define DOT    "\0\1\0\4\3dot"
#define PORT   "\0\3\0\2\x22\xb8"
#define ADDR   "\xc0\0\2\1"
#define OTHER  "\xc0\0\2\2"
#define ADDR_6 "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x35"

#define V4(bytes, list) read_v4(bytes, sizeof(bytes) - 1, list)
#define V6(bytes, list) read_v6(bytes, sizeof(bytes) - 1, list)

static void read_v4(const char *bytes, size_t size, DnrList *list)
{
        Reader r = READER_INIT(bytes, size);

        *list = (DnrList){ 0 };
        dnr_read_v4(list, &r);
}

static void read_v6(const char *bytes, size_t size, DnrList *list)
{
        Reader r = READER_INIT(bytes, size);

        *list = (DnrList){ 0 };
        dnr_read_v6(list, &r);
}

static void is(const DnrList *list, size_t i, const char *text)
{
        char buf[ENDPOINT_STRLEN];

        ck_assert_uint_lt(i, list->n);
        ck_assert_str_eq(endpoint_format(&list->items[i], buf), text);
}

START_TEST(addresses_come_by_priority)
{
        DnrList list;

        V4("\0\x24\0\2\x0a" NAME "\x08" ADDR OTHER DOT PORT "\0\x1a\0\1\x0a" NAME "\x04" OTHER DOT,
                &list);
        ck_assert_uint_eq(list.n, 3);
        is(&list, 0, "192.0.2.2:853#dns.test");
        is(&list, 1, "192.0.2.1:8888#dns.test");
        is(&list, 2, "192.0.2.2:8888#dns.test");
        V6("\0\1\0\x0a" NAME "\0\x10" ADDR_6 DOT, &list);
        ck_assert_uint_eq(list.n, 1);
        is(&list, 0, "[2001:db8::35]:853#dns.test");
}
END_TEST

START_TEST(what_is_of_no_use_adds_nothing)
{
        static const struct {
                const char *bytes;
                size_t size;
        } cases[] = {
#define CASE(bytes) { bytes, sizeof(bytes) - 1 }
                CASE("\0\x0d\0\1\x0a" NAME),                            /* no address */
                CASE("\0\x12\0\1\x0a" NAME "\x04" ADDR),                /* no transport */
                CASE("\0\x1a\0\1\x0a" NAME "\x04" ADDR "\0\1\0\3\2h2"), /* cut short */
                CASE("\0\x19\0\1\x0a" NAME "\x04" ADDR "\0\1\0\3\2h2"), /* another transport */
                CASE("\0\x1a\0\0\x0a" NAME "\x04" ADDR DOT),            /* an alias */
                CASE("\0\x1a\0\1\x0a" NAME "\x03" ADDR DOT),            /* no whole address */
                CASE("\0\x1a\0\1\x0a" NAME "\x04\x7f\0\0\1" DOT),       /* ourselves */
                CASE("\0\x1a\0\1\x0a\3dns\5test\0\x04" ADDR DOT),       /* no name */
                CASE("\0\x11\0\1\1\0\x04" ADDR DOT),                    /* the root */
                CASE("\0\x1a\0\1\xff" NAME "\x04" ADDR DOT),            /* past the end */
                CASE("\0\xff\0\1\x0a" NAME "\x04" ADDR DOT),
                CASE("\0\x20\0\1\x0a" NAME "\x04" ADDR "\0\0\0\2\0\5" DOT), /* not understood */
                CASE("\0"),
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                DnrList list;

                read_v4(cases[i].bytes, cases[i].size, &list);
                ck_assert_msg(list.n == 0, "case %zu", i);
        }
}
END_TEST

START_TEST(there_are_so_many)
{
        char bytes[28 * 8];
        DnrList list;
        Reader r = READER_INIT(bytes, sizeof(bytes));

        /* the last ones are the best */
        for (size_t i = 0; i < 8; i++) {
                memcpy(bytes + 28 * i, "\0\x1a\0\1\x0a" NAME "\x04" ADDR DOT, 28);
                bytes[28 * i + 3] = (char) (8 - i);
        }
        list = (DnrList){ 0 };
        dnr_read_v4(&list, &r);
        ck_assert_uint_eq(list.n, DNR_MAX);
        for (size_t i = 0; i < DNR_MAX; i++)
                ck_assert_uint_eq(list.priorities[i], i + 1);
}
END_TEST

START_TEST(text_names_all_of_it)
{
        DnrList list = { 0 };

        ck_assert(dnr_add_text(&list, "192.0.2.1:853#dns.test"));
        ck_assert(dnr_add_text(&list, "[2001:db8::35]:8853#dns.test"));
        is(&list, 1, "[2001:db8::35]:8853#dns.test");
        ck_assert(!dnr_add_text(&list, "192.0.2.1:853"));
        ck_assert(!dnr_add_text(&list, "192.0.2.1#dns.test"));
        ck_assert(!dnr_add_text(&list, "127.0.0.1:853#dns.test"));
        ck_assert(!dnr_add_text(&list, "dns.test"));
        ck_assert_uint_eq(list.n, 2);
}
END_TEST

START_TEST(both_protocols_bring_it)
{
        static const char v6[] = "\x07\x01\x02\x03\0\x90\0\x28\0\1\0\x0a" NAME "\0\x10" ADDR_6 DOT;
        static const char option[] = "\xa2\x1c\0\x1a\0\1\x0a" NAME "\x04" ADDR DOT "\xff";
        uint8_t v4[240 + sizeof(option)] = { 2, 1, 6 };
        Dhcp4Message m4;
        Dhcp6Message m6;

        memcpy(v4 + 236, "\x63\x82\x53\x63", 4);
        memcpy(v4 + 240, option, sizeof(option) - 1);
        ck_assert_int_eq(dhcp4_message_parse(v4, sizeof(v4) - 1, &m4), 0);
        is(&m4.options.resolvers, 0, "192.0.2.1:853#dns.test");
        ck_assert_int_eq(dhcp6_message_parse(v6, sizeof(v6) - 1, 1, &m6), 0);
        is(&m6.options.resolvers, 0, "[2001:db8::35]:853#dns.test");
}
END_TEST

TEST_MAIN("dnr", addresses_come_by_priority, what_is_of_no_use_adds_nothing, there_are_so_many,
        text_names_all_of_it, both_protocols_bring_it)
