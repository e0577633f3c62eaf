/* SPDX-License-Identifier: MIT */
#include "lib/suite.h"
#include "proto/dns-message.h"
#include "util/error.h"
#include "util/rng.h"
#include <string.h>

static DnsName name(const char *text)
{
        DnsName n;

        ck_assert_int_eq(dns_name_from_text(text, &n, NULL), 0);
        return n;
}

/* A reply with one of everything, to be cut and bent. */
static size_t sample(uint8_t *buf, size_t size)
{
        DnsName q = name("www.example.com"), target = name("host.example.com"),
                zone = name("example.com");
        uint8_t soa[DNS_NAME_MAX * 2 + 20], mx[DNS_NAME_MAX + 2];
        Writer w = WRITER_INIT(soa, sizeof(soa));
        DnsBuilder b;
        int r;

        dns_name_write(&w, &target);
        dns_name_write(&w, &zone);
        for (uint32_t i = 1; i <= 5; i++)
                writer_u32(&w, i);
        dns_builder_init(&b, buf, size, 0x1234, DNS_FLAG_QR | DNS_FLAG_RD | DNS_FLAG_RA);
        dns_builder_question(&b, &q, DNS_TYPE_A, DNS_CLASS_IN);
        ck_assert(dns_builder_record(
                &b, DNS_ANSWER, &q, DNS_TYPE_CNAME, DNS_CLASS_IN, 60, target.wire, target.len));
        ck_assert(dns_builder_record(
                &b, DNS_ANSWER, &target, DNS_TYPE_A, DNS_CLASS_IN, 60, "\1\2\3\4", 4));
        ck_assert(dns_builder_record(
                &b, DNS_AUTHORITY, &zone, DNS_TYPE_SOA, DNS_CLASS_IN, 30, soa, w.pos));
        w = WRITER_INIT(mx, sizeof(mx));
        writer_u16(&w, 10);
        dns_name_write(&w, &target);
        ck_assert(dns_builder_record(
                &b, DNS_ADDITIONAL, &zone, DNS_TYPE_MX, DNS_CLASS_IN, 0x80000001u, mx, w.pos));
        ck_assert(dns_builder_record(
                &b, DNS_ADDITIONAL, &zone, DNS_TYPE_TXT, DNS_CLASS_IN, 1, "\3abc\0", 5));
        ck_assert(dns_builder_opt(&b, 1232, 1, false,
                "\0\x0a\0\x08"
                "abcdefgh",
                12));
        r = dns_builder_finish(&b);
        ck_assert_int_gt(r, 0);
        return (size_t) r;
}

START_TEST(builds_and_reads_back)
{
        DnsName zone = name("example.com"), target = name("host.example.com"), n;
        uint8_t buf[512], data[600];
        size_t size = sample(buf, sizeof(buf));
        Writer w = WRITER_INIT(data, sizeof(data));
        DnsMessage m;

        ck_assert_int_eq(dns_message_parse(&m, buf, size), 0);
        ck_assert_uint_eq(m.header.id, 0x1234);
        ck_assert_uint_eq(m.rcode, 16);
        ck_assert_uint_eq(m.n_records, 5);
        ck_assert(m.edns.present);
        ck_assert_uint_eq(m.edns.cookie_len, 8);
        dns_message_target(&m, &m.records[0], &n);
        ck_assert(dns_name_equal(&n, &target));
        dns_message_owner(&m, &m.records[2], &n);
        ck_assert(dns_name_equal(&n, &zone));
        ck_assert_uint_eq(dns_message_soa_minimum(&m, &m.records[2]), 5);
        ck_assert_int_eq(dns_message_data(&m, &m.records[2], &w), 0);
        ck_assert_uint_eq(w.pos, (size_t) target.len + zone.len + 20);
        ck_assert_uint_eq(m.records[3].ttl, 0); /* RFC 2181 8 */
        /* owners that repeat are written once */
        ck_assert_uint_eq(size, 12 + 21 + 30 + 21 + 63 + 32 + 17 + 23);
        dns_message_deinit(&m);
}
END_TEST

START_TEST(every_cut_is_malformed)
{
        uint8_t buf[512];
        size_t size = sample(buf, sizeof(buf));
        DnsMessage m;

        for (size_t i = 0; i < size; i++)
                ck_assert_msg(dns_message_parse(&m, buf, i) == -EBADMSG, "cut at %zu", i);
        /* REQ_DNS 14: trailing octets are tolerated */
        memset(buf + size, 0xff, 10);
        ck_assert_int_eq(dns_message_parse(&m, buf, size + 10), 0);
        dns_message_deinit(&m);
}
END_TEST

/* One answer record of `type` with the given data behind the question a. IN A. */
static int parse_one(uint16_t type, uint16_t rdlen, const void *data, size_t size)
{
        uint8_t buf[256];
        Writer w = WRITER_INIT(buf, sizeof(buf));
        DnsMessage m;
        int r;

        writer_u16(&w, 1);
        writer_u16(&w, DNS_FLAG_QR);
        writer_u16(&w, 1);
        writer_u16(&w, 1);
        writer_u32(&w, 0);
        writer_bytes(&w, "\1a\0\0\1\0\1", 7);
        writer_bytes(&w, "\xc0\x0c", 2);
        writer_u16(&w, type);
        writer_u16(&w, 1);
        writer_u32(&w, 60);
        writer_u16(&w, rdlen);
        writer_bytes(&w, data, size);
        r = dns_message_parse(&m, buf, w.pos);
        if (r >= 0)
                dns_message_deinit(&m);
        return r;
}

START_TEST(a_header_comes_whole_or_not_at_all)
{
        DnsHeader h, before;
        uint8_t buf[512];
        size_t size = sample(buf, sizeof(buf));

        memset(&before, 0x55, sizeof(before));
        for (size_t cut = 0; cut < 12 + 21; cut++) {
                h = before;
                ck_assert_int_eq(dns_header_parse(&h, buf, cut), -EBADMSG);
                ck_assert_mem_eq(&h, &before, sizeof(h));
        }
        ck_assert_int_eq(dns_header_parse(&h, buf, 12 + 21), 0);
        ck_assert_int_eq(dns_header_parse(&h, buf, size), 0);
        ck_assert(h.has_question);
        ck_assert_uint_eq(h.size, 12 + 21);
}
END_TEST

START_TEST(data_fits_exactly)
{
        /* REQ_DNS 14 */
        ck_assert_int_eq(parse_one(DNS_TYPE_A, 4, "1234", 4), 0);
        ck_assert_int_eq(parse_one(DNS_TYPE_A, 3, "123", 3), -EBADMSG);
        ck_assert_int_eq(parse_one(DNS_TYPE_A, 5, "12345", 5), -EBADMSG);
        ck_assert_int_eq(parse_one(DNS_TYPE_A, 0, "", 0), -EBADMSG);
        ck_assert_int_eq(parse_one(DNS_TYPE_A, 4, "123", 3), -EBADMSG);
        ck_assert_int_eq(parse_one(DNS_TYPE_AAAA, 16, "0123456789abcdef", 16), 0);
        ck_assert_int_eq(parse_one(DNS_TYPE_AAAA, 4, "1234", 4), -EBADMSG);
        ck_assert_int_eq(parse_one(DNS_TYPE_CNAME, 3, "\1b\0", 3), 0);
        ck_assert_int_eq(parse_one(DNS_TYPE_CNAME, 4, "\1b\0x", 4), -EBADMSG);
        ck_assert_int_eq(parse_one(DNS_TYPE_CNAME, 2, "\1b\0", 3), -EBADMSG);
        ck_assert_int_eq(parse_one(DNS_TYPE_MX, 5, "\0\1\1b\0", 5), 0);
        ck_assert_int_eq(parse_one(DNS_TYPE_MX, 2, "\0\1", 2), -EBADMSG);
        ck_assert_int_eq(parse_one(DNS_TYPE_SRV, 9, "\0\1\0\1\0\1\1b\0", 9), 0);
        ck_assert_int_eq(parse_one(DNS_TYPE_SRV, 6, "\0\1\0\1\0\1", 6), -EBADMSG);
        ck_assert_int_eq(
                parse_one(DNS_TYPE_SOA, 22, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 22), 0);
        ck_assert_int_eq(
                parse_one(DNS_TYPE_SOA, 21, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 21),
                -EBADMSG);
        ck_assert_int_eq(parse_one(DNS_TYPE_TXT, 4, "\3abc", 4), 0);
        ck_assert_int_eq(parse_one(DNS_TYPE_TXT, 4, "\4abc", 4), -EBADMSG);
        ck_assert_int_eq(parse_one(DNS_TYPE_TXT, 0, "", 0), -EBADMSG);
        ck_assert_int_eq(parse_one(65400, 0, "", 0), 0);
        ck_assert_int_eq(parse_one(65400, 200, "", 0), -EBADMSG);
}
END_TEST

START_TEST(counts_beyond_the_content_are_malformed)
{
        uint8_t buf[512];
        size_t size;
        DnsMessage m;

        for (size_t i = 6; i < 12; i += 2) {
                size = sample(buf, sizeof(buf));
                buf[i] = 0xff;
                ck_assert_int_eq(dns_message_parse(&m, buf, size), -EBADMSG);
        }
}
END_TEST

START_TEST(a_second_opt_is_malformed)
{
        uint8_t buf[128];
        DnsName q = name("a");
        DnsBuilder b;
        DnsMessage m;
        int size;

        dns_builder_init(&b, buf, sizeof(buf), 1, DNS_FLAG_QR);
        dns_builder_question(&b, &q, 1, 1);
        ck_assert(dns_builder_opt(&b, 512, 0, false, NULL, 0));
        ck_assert(dns_builder_opt(&b, 512, 0, false, NULL, 0));
        size = dns_builder_finish(&b);
        ck_assert_int_eq(dns_message_parse(&m, buf, (size_t) size), -EBADMSG);
}
END_TEST

START_TEST(queries_carry_what_they_should)
{
        DnsQueryOptions o = { .edns = true, .pad = true, .keepalive = true };
        DnsName q = name("www.example.com");
        uint8_t buf[DNS_QUERY_MAX];
        DnsMessage m;
        int size = dns_query_build(buf, sizeof(buf), 77, &q, DNS_TYPE_AAAA, DNS_CLASS_IN, &o);

        ck_assert_int_eq(size, 128);
        ck_assert_int_eq(dns_message_parse(&m, buf, (size_t) size), 0);
        ck_assert_uint_eq(m.header.id, 77);
        ck_assert_uint_eq(m.header.flags, DNS_FLAG_RD);
        ck_assert(dns_name_equal(&m.header.qname, &q));
        ck_assert_uint_eq(m.edns.udp_size, 1232);
        ck_assert(!m.edns.dnssec_ok);
        dns_message_deinit(&m);
        o = (DnsQueryOptions){ 0 };
        size = dns_query_build(buf, sizeof(buf), 77, &q, DNS_TYPE_AAAA, DNS_CLASS_IN, &o);
        ck_assert_int_eq(size, 12 + 17 + 4);
}
END_TEST

START_TEST(a_record_that_does_not_fit_stays_out)
{
        uint8_t buf[12 + 7 + 16 + 10];
        DnsName q = name("a");
        DnsBuilder b;
        DnsMessage m;
        int size;

        dns_builder_init(&b, buf, sizeof(buf), 1, DNS_FLAG_QR);
        dns_builder_question(&b, &q, 1, 1);
        ck_assert(dns_builder_record(&b, DNS_ANSWER, &q, 1, 1, 5, "1234", 4));
        ck_assert(!dns_builder_record(&b, DNS_ANSWER, &q, 1, 1, 5, "1234", 4));
        size = dns_builder_finish(&b);
        ck_assert_int_eq(dns_message_parse(&m, buf, (size_t) size), 0);
        ck_assert_uint_eq(m.n_records, 1);
        dns_message_deinit(&m);
}
END_TEST

START_TEST(ten_thousand_mutations_stay_inside)
{
        Rng rng = rng_seeded(test_seed());
        uint8_t buf[512];

        for (unsigned i = 0; i < 10000; i++) {
                size_t size = sample(buf, sizeof(buf));
                DnsMessage m;

                for (unsigned k = (unsigned) rng_range(&rng, 1, 6); k > 0; k--)
                        buf[rng_range(&rng, 0, size - 1)] = (uint8_t) rng_u32(&rng);
                size = rng_range(&rng, 0, size);
                if (dns_message_parse(&m, buf, size) < 0)
                        continue;
                for (size_t k = 0; k < m.n_records; k++) {
                        uint8_t data[4096];
                        Writer w = WRITER_INIT(data, sizeof(data));

                        ck_assert_int_eq(dns_message_data(&m, &m.records[k], &w), 0);
                }
                dns_message_deinit(&m);
        }
}
END_TEST

TEST_MAIN("dns-message", builds_and_reads_back, every_cut_is_malformed,
        a_header_comes_whole_or_not_at_all, data_fits_exactly,
        counts_beyond_the_content_are_malformed, a_second_opt_is_malformed,
        queries_carry_what_they_should, a_record_that_does_not_fit_stays_out,
        ten_thousand_mutations_stay_inside)
