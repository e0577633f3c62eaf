/* SPDX-License-Identifier: MIT */
#include "ctl/rr.h"
#include "tests/lib/suite.h"
#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* One record: owner "a." , class IN, TTL 300. */
static size_t record(uint8_t *wire, uint16_t type, const void *data, size_t size)
{
        const uint8_t head[] = { 1, 'a', 0, (uint8_t) (type >> 8), (uint8_t) type, 0, 1, 0, 0, 1,
                44, (uint8_t) (size >> 8), (uint8_t) size };

        memcpy(wire, head, sizeof head);
        memcpy(wire + sizeof head, data, size);
        return sizeof head + size;
}

static void expect(const char *type, const void *data, size_t size, const char *text)
{
        uint8_t wire[1024];
        uint16_t number;
        RrText rr;

        ck_assert_int_eq(rr_type_from_string(type, &number), 0);
        ck_assert_int_eq(rr_parse(wire, record(wire, number, data, size), &rr), 0);
        ck_assert_str_eq(rr.name, "a.");
        ck_assert_uint_eq(rr.ttl, 300);
        ck_assert_uint_eq(rr.type, number);
        ck_assert_str_eq(rr.data, text);
        rr_text_deinit(&rr);
}

#define EXPECT(type, data, text) expect(type, data, sizeof(data) - 1, text)

START_TEST(test_types)
{
        EXPECT("A", "\xc0\0\2\1", "192.0.2.1");
        EXPECT("AAAA", "\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1", "2001:db8::1");
        EXPECT("cname", "\3www\7example\0", "www.example.");
        EXPECT("NS", "\0", ".");
        EXPECT("PTR", "\4a.b\\\0", "a\\.b\\\\.");
        EXPECT("MX", "\0\12\4mail\0", "10 mail.");
        EXPECT("TXT", "\5hello\0\6a\"b\\\1\377", "\"hello\" \"\" \"a\\\"b\\\\\\001\\255\"");
        EXPECT("SRV", "\0\1\0\2\0\120\1h\0", "1 2 80 h.");
        EXPECT("SOA", "\1m\0\1r\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5", "m. r. 1 2 3 4 5");
        EXPECT("CAA", "\200\5issueca.example; x", "128 issue \"ca.example; x\"");
        EXPECT("DS", "\0\1\10\2\xab\xcd", "1 8 2 abcd");
        EXPECT("HTTPS", "\0\1\0\0\1\0\6\2h2\2h3\0\3\0\2\1\xbb\0\4\0\10\xc0\0\2\1\xc0\0\2\2",
                "1 . alpn=\"h2,h3\" port=443 ipv4hint=192.0.2.1,192.0.2.2");
        EXPECT("SVCB", "\0\0\1t\0", "0 t.");
        EXPECT("SVCB", "\0\1\1t\0\0\0\0\4\0\1\0\4\0\2\0\0\xff\xf0\0\1z",
                "1 t. mandatory=alpn,ipv4hint no-default-alpn key65520=\"z\"");
        EXPECT("HTTPS", "\0\1\0\0\5\0\3abc", "1 . ech=YWJj");
        EXPECT("TYPE65280", "\1\2", "\\# 2 0102");
        EXPECT("TYPE65280", "", "\\# 0");
}
END_TEST

START_TEST(test_data_that_is_not_its_type)
{
        EXPECT("A", "\1\2\3", "\\# 3 010203");
        EXPECT("A", "\1\2\3\4\5", "\\# 5 0102030405");
        EXPECT("MX", "\0\12\300\14", "\\# 4 000ac00c"); /* a pointer */
        EXPECT("TXT", "\5hell", "\\# 5 0568656c6c");
        EXPECT("HTTPS", "\0\1\0\0\3\0\1\1", "\\# 8 0001000003000101");
}
END_TEST

START_TEST(test_nothing_in_it_reaches_the_terminal)
{
        EXPECT("TXT", "\4\33[2J", "\"\\027[2J\"");
        EXPECT("CNAME", "\2\33c\0", "\\027c.");
}
END_TEST

START_TEST(test_cut_records)
{
        uint8_t wire[64];
        size_t size = record(wire, 1, "\1\2\3\4", 4);
        RrText rr = { 0 };

        for (size_t n = 0; n < size; n++)
                ck_assert_int_eq(rr_parse(wire, n, &rr), -EBADMSG);
        wire[size] = 0;
        ck_assert_int_eq(rr_parse(wire, size + 1, &rr), -EBADMSG);
        ck_assert_ptr_null(rr.name);
}
END_TEST

START_TEST(test_type_names)
{
        uint16_t type = 7;
        char text[16];

        ck_assert_int_eq(rr_type_from_string("TYPE", &type), -EINVAL);
        ck_assert_int_eq(rr_type_from_string("TYPE0", &type), -EINVAL);
        ck_assert_int_eq(rr_type_from_string("TYPE65536", &type), -EINVAL);
        ck_assert_int_eq(rr_type_from_string("TYPE1x", &type), -EINVAL);
        ck_assert_int_eq(rr_type_from_string("", &type), -EINVAL);
        ck_assert_uint_eq(type, 7);
        rr_type_to_string(4711, text, sizeof text);
        ck_assert_str_eq(text, "TYPE4711");
        rr_type_to_string(65, text, sizeof text);
        ck_assert_str_eq(text, "HTTPS");
}
END_TEST

START_TEST(test_random_bytes)
{
        uint64_t x = test_seed() | 1;
        uint8_t data[80], wire[128];
        bool printable = true;

        for (int i = 0; i < 50000; i++) {
                static const uint16_t types[] = { 2, 6, 15, 16, 33, 35, 43, 64, 65, 257, 4711 };
                size_t size;
                RrText rr;

                for (size_t k = 0; k < sizeof data; k++) {
                        x ^= x << 13;
                        x ^= x >> 7;
                        x ^= x << 17;
                        data[k] = (uint8_t) (x & 0x100 ? x & 7 : x);
                }
                size = record(wire, types[x % 11], data, (x >> 32) % sizeof data);
                ck_assert_int_eq(rr_parse(wire, size, &rr), 0);
                for (const char *p = rr.data; *p; p++)
                        printable &= *p >= 0x20 && *p < 0x7f;
                rr_text_deinit(&rr);
        }
        ck_assert(printable);
}
END_TEST

TEST_MAIN("ctl-rr", test_types, test_data_that_is_not_its_type,
        test_nothing_in_it_reaches_the_terminal, test_cut_records, test_type_names,
        test_random_bytes)
