/* SPDX-License-Identifier: MIT */
#include "lib/suite.h"
#include "proto/dns-name.h"
#include "util/error.h"
#include "util/rng.h"
#include <string.h>

static DnsName name(const char *text)
{
        DnsName n;

        ck_assert_msg(dns_name_from_text(text, &n, NULL) == 0, "%s", text);
        return n;
}

static size_t letters(const DnsName *n)
{
        size_t count = 0;

        for (size_t i = 0; i < n->len; i++)
                count += n->wire[i] >= 'a' && n->wire[i] <= 'z';
        return count;
}

START_TEST(text_round_trips)
{
        static const char *const texts[] = { ".", "a", "example.com", "a\\.b.c", "x\\032y.z",
                "\\000\\255.example", "_sip._tcp.x", "a-b.c" };
        char buf[DNS_NAME_TEXT_MAX];

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                DnsName n = name(texts[i]);

                ck_assert_str_eq(dns_name_to_text(&n, buf), texts[i]);
        }
}
END_TEST

START_TEST(what_is_no_name_is_refused)
{
        char label64[66], long254[255];
        DnsName n;

        memset(label64, 'a', 64);
        label64[64] = 0;
        /* 253 characters fit, 254 do not (REQ_DNS 3) */
        for (size_t i = 0; i < 254; i++)
                long254[i] = i % 64 == 63 ? '.' : 'a';
        long254[254] = 0;
        ck_assert_int_eq(dns_name_from_text(long254, &n, NULL), -EINVAL);
        long254[253] = 0;
        ck_assert_int_eq(dns_name_from_text(long254, &n, NULL), 0);
        ck_assert_uint_eq(n.len, 255);
        ck_assert_int_eq(dns_name_from_text(label64, &n, NULL), -EINVAL);
        label64[63] = 0;
        ck_assert_int_eq(dns_name_from_text(label64, &n, NULL), 0);
        static const char *const bad[] = { "", "..", ".a", "a..b", "a\\", "a\\25", "a\\256",
                "a.b.." };
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                ck_assert_msg(dns_name_from_text(bad[i], &n, NULL) == -EINVAL, "%s", bad[i]);
}
END_TEST

START_TEST(a_dot_at_the_end_makes_it_absolute)
{
        bool absolute;
        DnsName n;

        ck_assert_int_eq(dns_name_from_text("a.b.", &n, &absolute), 0);
        ck_assert(absolute);
        ck_assert_int_eq(dns_name_from_text("a.b", &n, &absolute), 0);
        ck_assert(!absolute);
        ck_assert_int_eq(dns_name_from_text("a\\.", &n, &absolute), 0);
        ck_assert(!absolute);
        ck_assert_uint_eq(dns_name_labels(&n), 1);
}
END_TEST

START_TEST(case_does_not_matter_and_labels_do)
{
        DnsName a = name("WwW.Example.COM"), b = name("www.example.com"),
                c = name("ww.wexample.com");
        DnsName zone = name("EXAMPLE.com"), root = name("."), other = name("xample.com");

        ck_assert(dns_name_equal(&a, &b));
        ck_assert(!dns_name_same(&a, &b));
        ck_assert_uint_eq(dns_name_hash(&a, 7), dns_name_hash(&b, 7));
        ck_assert(!dns_name_equal(&b, &c));
        ck_assert(dns_name_is_under(&a, &zone));
        ck_assert(dns_name_is_under(&zone, &zone));
        ck_assert(dns_name_is_under(&a, &root));
        ck_assert(!dns_name_is_under(&a, &other));
        ck_assert(!dns_name_is_under(&zone, &a));
}
END_TEST

START_TEST(names_are_cut_and_joined)
{
        DnsName n = name("a.b.c"), zone = name("b.c"), to = name("x.y.z"), out, big;
        char text[DNS_NAME_TEXT_MAX];

        ck_assert_int_eq(dns_name_rebase(&n, &zone, &to, &out), 0);
        ck_assert_str_eq(dns_name_to_text(&out, text), "a.x.y.z");
        ck_assert_int_eq(dns_name_rebase(&zone, &zone, &to, &out), -EINVAL);
        ck_assert_int_eq(dns_name_join(&n, &to, &out), 0);
        ck_assert_str_eq(dns_name_to_text(&out, text), "a.b.c.x.y.z");
        big = out;
        while (dns_name_join(&big, &to, &out) == 0)
                big = out;
        ck_assert_uint_le(big.len, 255);
        ck_assert_uint_gt(big.len + to.len, 255);
        ck_assert(dns_name_parent(&n));
        ck_assert(dns_name_equal(&n, &zone));
        while (dns_name_parent(&n))
                ;
        ck_assert_uint_eq(n.len, 1);
}
END_TEST

START_TEST(compression_goes_backwards_only)
{
        /* REQ_DNS 13; offsets 0 to 11 stand for the header */
        static const uint8_t good[] = "000000000000\1a\0\1b\xc0\x0c";
        static const struct {
                const char *bytes;
                size_t size;
        } bad[] = {
                { "000000000000\xc0\x0c", 14 },      /* itself */
                { "000000000000\xc0\x0e\1a\0", 17 }, /* forward */
                { "00000\1a\0000000\xc0\x05", 15 },  /* into the header */
                { "000000000000\1a\xc0\x0c", 16 },   /* a loop */
                { "000000000000\x40"
                  "a\0",
                        15 }, /* type 01 */
                { "000000000000\x80"
                  "a\0",
                        15 },                /* type 10 */
                { "000000000000\xc0", 13 },  /* half a pointer */
                { "000000000000\5abc", 16 }, /* cut */
                { "000000000000\1a", 14 },   /* no root */
        };
        Reader r = READER_INIT(good, sizeof(good) - 1);
        DnsName n, expect = name("b.a");

        reader_seek(&r, 15);
        ck_assert_int_eq(dns_name_read(&r, &n), 0);
        ck_assert(dns_name_equal(&n, &expect));
        ck_assert_uint_eq(r.pos, 19);
        reader_seek(&r, 15);
        ck_assert_int_eq(dns_name_read_plain(&r, &n), -EBADMSG);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                r = READER_INIT(bad[i].bytes, bad[i].size);
                reader_seek(&r, 12);
                ck_assert_msg(dns_name_read(&r, &n) == -EBADMSG, "%zu", i);
        }
}
END_TEST

START_TEST(expansion_is_bounded)
{
        uint8_t bytes[12 + 4 * 66] = { 0 };
        Reader r = READER_INIT(bytes, sizeof(bytes));
        size_t pos = 12;
        DnsName n;

        /* five labels of 63, chained by pointers: 320 octets once expanded */
        for (size_t i = 0; i < 4; i++) {
                bytes[pos] = 63;
                memset(bytes + pos + 1, 'a', 63);
                bytes[pos + 64] = i == 0 ? 0 : 0xc0;
                bytes[pos + 65] = i == 0 ? 0 : (uint8_t) (pos - 66);
                reader_seek(&r, pos);
                ck_assert_int_eq(dns_name_read(&r, &n), i < 3 ? 0 : -EBADMSG);
                pos += 66;
        }
}
END_TEST

START_TEST(addresses_have_names)
{
        char text[DNS_NAME_TEXT_MAX];
        IpAddr a;
        DnsName n;

        ck_assert_int_eq(ip_parse("192.0.2.5", &a), 0);
        dns_name_for_address(&a, &n);
        ck_assert_str_eq(dns_name_to_text(&n, text), "5.2.0.192.in-addr.arpa");
        ck_assert_int_eq(ip_parse("2001:db8::f", &a), 0);
        dns_name_for_address(&a, &n);
        ck_assert_str_eq(dns_name_to_text(&n, text),
                "f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa");
}
END_TEST

START_TEST(host_names_are_letters_digits_hyphens)
{
        static const char *const good[] = { "a", "a-b.c9", "x_y.z", "9.a" };
        static const char *const bad[] = { ".", "-a", "a-.b", "a b", "a\\000", "ä", "a;b", "$x" };

        for (size_t i = 0; i < ELEMENTSOF(good); i++) {
                DnsName n = name(good[i]);

                ck_assert_msg(dns_name_is_host(&n), "%s", good[i]);
        }
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                DnsName n = name(bad[i]);

                ck_assert_msg(!dns_name_is_host(&n), "%s", bad[i]);
        }
}
END_TEST

/* Any octets, of any length: letters are the only ones that fold, wherever they stand. */
START_TEST(every_octet_folds_in_every_place)
{
        for (unsigned c = 0; c < 256; c++)
                for (size_t len = 1; len <= 20; len++)
                        for (size_t at = 0; at < len; at++) {
                                DnsName a = { .len = (uint8_t) len }, lower, other;
                                bool upper = c >= 'A' && c <= 'Z';

                                memset(a.wire, 'Q', len);
                                a.wire[at] = (uint8_t) c;
                                lower = a;
                                dns_name_lower(&lower);
                                for (size_t i = 0; i < len; i++)
                                        ck_assert_uint_eq(lower.wire[i], i != at ? 'q'
                                                                         : upper ? c + 0x20
                                                                                 : c);
                                ck_assert_uint_eq(dns_name_hash(&a, 1), dns_name_hash(&lower, 1));
                                other = a;
                                other.wire[at] ^= 0x01;
                                ck_assert_uint_ne(dns_name_hash(&a, 1), dns_name_hash(&other, 1));
                        }
}
END_TEST

/* Whoever does not know the seed cannot make names for one place: by the highest bit of an octet,
 * and of any of the eight in the lot behind it. */
START_TEST(no_names_share_a_hash_under_every_seed)
{
        DnsName a = name("abcdefghijklmnopqrstuvwxyz012345678901234.test");
        Rng rng = rng_seeded(test_seed());
        uint64_t seed = rng_u64(&rng);

        for (unsigned first = 0; first < 8; first++)
                for (unsigned changed = 0; changed < 256; changed++) {
                        DnsName b = a;

                        b.wire[first] ^= 0x80;
                        for (unsigned i = 0; i < 8; i++)
                                b.wire[8 + i] ^= changed >> i & 1 ? 0x80 : 0;
                        ck_assert_uint_ne(dns_name_hash(&a, seed), dns_name_hash(&b, seed));
                }
}
END_TEST

START_TEST(each_letter_has_a_coin_of_its_own)
{
        static const uint8_t all[] = { [0 ... 31] = 0xff };
        DnsName n = name("example-1.a-name-of-more-than-sixty-four-octets.with-a-second-part."
                         "so-that-more-than-one-lot-of-coins-is-used.test"),
                mixed = n;

        dns_name_mix_case(&mixed, all);
        for (size_t i = 0; i < n.len; i++)
                ck_assert_uint_eq(mixed.wire[i],
                        n.wire[i] >= 'a' && n.wire[i] <= 'z' ? n.wire[i] ^ 0x20u : n.wire[i]);
        /* one coin is for one letter at most, and no letter is without */
        for (size_t i = 0, flipped = 0; i < 256; i++) {
                uint8_t coins[32] = { 0 };
                size_t here = 0;

                coins[i / 8] = (uint8_t) (1u << i % 8);
                mixed = n;
                dns_name_mix_case(&mixed, coins);
                for (size_t k = 0; k < n.len; k++)
                        here += mixed.wire[k] != n.wire[k];
                ck_assert_uint_le(here, 1);
                flipped += here;
                if (i == 255)
                        ck_assert_uint_eq(flipped, letters(&n));
        }
}
END_TEST

TEST_MAIN("dns-name", text_round_trips, what_is_no_name_is_refused,
        a_dot_at_the_end_makes_it_absolute, case_does_not_matter_and_labels_do,
        names_are_cut_and_joined, compression_goes_backwards_only, expansion_is_bounded,
        addresses_have_names, host_names_are_letters_digits_hyphens,
        every_octet_folds_in_every_place, no_names_share_a_hash_under_every_seed,
        each_letter_has_a_coin_of_its_own)
