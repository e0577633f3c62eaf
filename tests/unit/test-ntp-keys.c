/* SPDX-License-Identifier: MIT */
#include "lib/suite.h"
#include "proto/ntp-mac.h"
#include "proto/ntp-message.h"
#include "util/error.h"
#include <string.h>

static NtpKeys parse(const char *text)
{
        NtpKeysFault fault = { 0 };
        NtpKeys keys = { 0 };
        int r = ntp_keys_parse(&keys, text, strlen(text), &fault);

        ck_assert_msg(r == 0, "line %u: %s", fault.line, fault.why);
        return keys;
}

static void has(const NtpKeys *keys, uint32_t id, MacType type, const char *data)
{
        const NtpKey *k = ntp_keys_find(keys, id);

        ck_assert_ptr_nonnull(k);
        ck_assert_int_eq(k->type, type);
        ck_assert_uint_eq(k->size, strlen(data));
        ck_assert_mem_eq(k->data, data, strlen(data));
}

START_TEST(a_file_of_chronyd)
{
        NtpKeys keys = parse("# /etc/chrony/chrony.keys\n! % ; too\n\n"
                             "1 MD5 tulip\r\n"
                             "  2 SHA1 ASCII:a#b:c  \n"
                             "3\tAES128\tHEX:30313233343536373839414243444546\n"
                             "%4 MD5 x\n"
                             "4294967295 sha512 HEX:5F6b");

        ck_assert_uint_eq(keys.n, 4);
        has(&keys, 1, MAC_MD5, "tulip");
        has(&keys, 2, MAC_SHA1, "a#b:c");
        has(&keys, 3, MAC_AES128, "0123456789ABCDEF");
        has(&keys, UINT32_MAX, MAC_SHA512, "_k");
        ck_assert_ptr_null(ntp_keys_find(&keys, 4));
        ntp_keys_clear(&keys);
        ck_assert_uint_eq(keys.n, 0);
        ck_assert_ptr_null(ntp_keys_find(&keys, 1));
}
END_TEST

START_TEST(a_file_of_ntpd)
{
        /* up to 20 digits are text there, more are hexadecimal */
        NtpKeys keys = parse("1 M  41424344454647484950 # MD5 key\n"
                             "2 SHA1 4142434445464748494a4b4c4d4e4f5051525354\n"
                             "3 AES128CMAC 30313233343536373839414243444546\n"
                             "4 AES-128-CMAC 0123456789abcdef\n");

        has(&keys, 1, MAC_MD5, "41424344454647484950");
        has(&keys, 2, MAC_SHA1, "ABCDEFGHIJKLMNOPQRST");
        has(&keys, 3, MAC_AES128, "0123456789ABCDEF");
        has(&keys, 4, MAC_AES128, "0123456789abcdef");
        ntp_keys_clear(&keys);
}
END_TEST

START_TEST(what_is_wrong_is_refused_with_its_line)
{
        static const struct {
                const char *text, *why;
                unsigned line;
        } cases[] = {
                { "x\n", "expected ID TYPE KEY", 1 },
                { "0 MD5 secret\n", "expected ID TYPE KEY", 1 },
                { "-1 MD5 secret\n", "expected ID TYPE KEY", 1 },
                { "4294967296 MD5 secret\n", "expected ID TYPE KEY", 1 },
                { "99999999999999999999999 MD5 secret\n", "expected ID TYPE KEY", 1 },
                { "\n# x\n1\n", "expected a type and a key", 3 },
                { "1 secret\n", "no type between the ID and the key, which is MD5", 1 },
                { "1 secret # as chronyd has it\n", "no type between the ID and the key", 1 },
                { "1 HEX:0011secret\n", "no type between the ID and the key", 1 },
                { "1 secret secret\n", "not a type behind the ID; it is one of AES128", 1 },
                { "1 MD5\n", "expected a key", 1 },
                { "1 MD5 HEX:\n", "the key is empty", 1 },
                { "1 MD5 ASCII:\n", "the key is empty", 1 },
                { "1 MD5 HEX:secret\n", "the key is not an even number", 1 },
                { "1 MD5 HEX:abc\n", "the key is not an even number", 1 },
                { "1 AES128 secret\n", "a key of AES128 has 16", 1 },
                { "1 AES256 HEX:00112233445566778899aabbccddeeff\n", "a key of AES256 has 32", 1 },
                { "1 MD5 secret secret\n", "text behind the key", 1 },
                { "1 MD5 a\n2 SHA1 b\n1 MD5 a\n", "this ID stands in a line above", 3 },
                { "1 MD5 a\x01z\n", "a control character", 1 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                NtpKeysFault fault = { 0 };
                NtpKeys keys = { .n = 77 };

                ck_assert_int_eq(
                        ntp_keys_parse(&keys, cases[i].text, strlen(cases[i].text), &fault),
                        -EINVAL);
                ck_assert_uint_eq(keys.n, 77);
                ck_assert_uint_eq(fault.line, cases[i].line);
                ck_assert_msg(strncmp(fault.why, cases[i].why, strlen(cases[i].why)) == 0, "%s: %s",
                        cases[i].text, fault.why);
                ck_assert_ptr_null(strstr(fault.why, "secret"));
        }
}
END_TEST

START_TEST(there_are_limits)
{
        static char text[300 * 16 + 1000];
        NtpKeysFault fault = { 0 };
        NtpKeys keys = { 0 };
        int len = 0;

        for (int i = 1; i <= 257; i++)
                len += sprintf(text + len, "%d MD5 x\n", i);
        ck_assert_int_eq(ntp_keys_parse(&keys, text, (size_t) len, &fault), -EINVAL);
        ck_assert_uint_eq(fault.line, 257);
        len = sprintf(text, "1 SHA1 %0512d\n", 0);
        ck_assert_int_eq(ntp_keys_parse(&keys, text, (size_t) len, &fault), -EINVAL);
        ck_assert_str_eq(fault.why, "line over 511 bytes");
        len = sprintf(text, "1 SHA1 %0258d\n", 0);
        ck_assert_int_eq(ntp_keys_parse(&keys, text, (size_t) len, &fault), -EINVAL);
        ck_assert_str_eq(fault.why, "the key is longer than 128 octets");
        ck_assert_int_eq(ntp_keys_parse(&keys, "1 MD5 a\0b\n", 10, &fault), -EINVAL);
        ck_assert_str_eq(fault.why, "a NUL byte");
        len = sprintf(text, "1 SHA1 %0256d\n", 0);
        ck_assert_int_eq(ntp_keys_parse(&keys, text, (size_t) len, &fault), 0);
        ck_assert_uint_eq(keys.items[0].size, NTP_KEY_MAX);
        ntp_keys_clear(&keys);
        ck_assert_int_eq(ntp_keys_parse(&keys, "", 0, &fault), 0);
        ck_assert_uint_eq(keys.n, 0);
}
END_TEST

START_TEST(only_good_keys_are_strong)
{
        NtpKeys keys = parse("1 MD5 0123456789abcdefghi\n2 SHA1 0123456789abcdefghi\n"
                             "3 SHA256 0123456789abcde\n4 SHA256 0123456789abcdef\n"
                             "5 AES128 0123456789abcdef\n");

        for (uint32_t id = 1; id <= 5; id++)
                ck_assert_int_eq(ntp_key_is_strong(ntp_keys_find(&keys, id)), id >= 4);
        ntp_keys_clear(&keys);
}
END_TEST

START_TEST(keys_are_compared)
{
        NtpKeys a = parse("1 MD5 a\n2 SHA1 b\n"), b = parse("# x\n1 M ASCII:a\n2 SHA HEX:62\n");
        NtpKeys others[] = { parse("1 MD5 a\n"), parse("1 MD5 a\n2 SHA1 c\n"),
                parse("1 MD5 a\n2 MD5 b\n"), parse("1 MD5 a\n3 SHA1 b\n"),
                parse("1 MD5 a\n2 SHA1 bb\n") };

        ck_assert(ntp_keys_equal(&a, &b));
        for (size_t i = 0; i < ELEMENTSOF(others); i++) {
                ck_assert(!ntp_keys_equal(&a, &others[i]));
                ntp_keys_clear(&others[i]);
        }
        ntp_keys_clear(&a);
        ntp_keys_clear(&b);
}
END_TEST

/* -- The MAC at the end of a packet ---------------------------------------------------------------
 */

/* `fields`: octets of extension fields in front of the MAC. */
static bool sealed_is_valid(const NtpKey *with, const NtpKey *checked, size_t fields, int flip)
{
        uint8_t p[256] = { 0x24 };
        Writer w = WRITER_INIT(p, sizeof(p));
        size_t end;

        writer_zero(&w, NTP_HEADER_SIZE);
        if (fields) {
                writer_u16(&w, 0x7f01);
                writer_u16(&w, (uint16_t) fields);
                writer_zero(&w, fields - 4);
        }
        ck_assert_int_eq(ntp_mac_write(&w, with), 0);
        if (flip >= 0)
                p[flip] ^= 4;
        return ntp_fields_valid(p, w.pos, &end) && end == NTP_HEADER_SIZE + fields &&
               ntp_mac_valid(p, w.pos, end, checked);
}

START_TEST(a_mac_is_the_last_of_a_packet)
{
        NtpKeys keys = parse("1 MD5 a\n2 SHA1 b\n3 AES128 0123456789abcdef\n4 SHA512 x\n"
                             "5 AES256 0123456789abcdef0123456789ABCDEZ\n6 SHA1 b\n7 SHA1 c\n");

        for (size_t i = 0; i < keys.n; i++)
                for (size_t k = 0; k < keys.n; k++)
                        for (size_t fields = 0; fields <= 64; fields += fields ? 4 : 16)
                                ck_assert_int_eq(
                                        sealed_is_valid(&keys.items[i], &keys.items[k], fields, -1),
                                        i == k);
        for (int at = 0; at < NTP_HEADER_SIZE + 24; at++)
                ck_assert(!sealed_is_valid(&keys.items[1], &keys.items[1], 0, at));
        ntp_keys_clear(&keys);
}
END_TEST

START_TEST(no_mac_is_no_mac)
{
        NtpKeys keys = parse("1 SHA1 b\n");
        uint8_t p[NTP_HEADER_SIZE + 24] = { 0x24 };

        for (size_t size = NTP_HEADER_SIZE; size <= sizeof(p); size++)
                ck_assert(!ntp_mac_valid(p, size, NTP_HEADER_SIZE, &keys.items[0]));
        ck_assert(!ntp_mac_valid(p, NTP_HEADER_SIZE, NTP_HEADER_SIZE + 4, &keys.items[0]));
        ntp_keys_clear(&keys);
}
END_TEST

START_TEST(a_packet_without_room_stays_unsealed)
{
        NtpKeys keys = parse("1 SHA1 b\n");
        uint8_t p[NTP_HEADER_SIZE + 23];
        Writer w = WRITER_INIT(p, sizeof(p));

        writer_zero(&w, NTP_HEADER_SIZE);
        ck_assert_int_eq(ntp_mac_write(&w, &keys.items[0]), -ENOBUFS);
        ntp_keys_clear(&keys);
}
END_TEST

TEST_MAIN("ntp-keys", a_file_of_chronyd, a_file_of_ntpd, what_is_wrong_is_refused_with_its_line,
        there_are_limits, only_good_keys_are_strong, keys_are_compared,
        a_mac_is_the_last_of_a_packet, no_mac_is_no_mac, a_packet_without_room_stays_unsealed)
