/* SPDX-License-Identifier: MIT */
#include "lib/suite.h"
#include "proto/dns-answer.h"
#include <string.h>

typedef struct Reply Reply;
struct Reply {
        uint8_t buf[8192];
        DnsBuilder b;
        DnsName q;
};

static DnsName name(const char *text)
{
        DnsName n;

        ck_assert_int_eq(dns_name_from_text(text, &n, NULL), 0);
        return n;
}

static void reply_init(Reply *r, const char *qname, unsigned rcode)
{
        r->q = name(qname);
        dns_builder_init(&r->b, r->buf, sizeof(r->buf), 1, (uint16_t) (DNS_FLAG_QR | rcode));
        dns_builder_question(&r->b, &r->q, DNS_TYPE_A, DNS_CLASS_IN);
}

static void add_a(Reply *r, const char *owner, uint8_t last)
{
        uint8_t addr[4] = { 192, 0, 2, last };
        DnsName n = name(owner);

        ck_assert(
                dns_builder_record(&r->b, DNS_ANSWER, &n, DNS_TYPE_A, DNS_CLASS_IN, 300, addr, 4));
}

static void add_alias(Reply *r, uint16_t type, const char *owner, const char *target, uint32_t ttl)
{
        DnsName n = name(owner), t = name(target);

        ck_assert(
                dns_builder_record(&r->b, DNS_ANSWER, &n, type, DNS_CLASS_IN, ttl, t.wire, t.len));
}

static void add_soa(Reply *r, const char *zone, uint32_t ttl, uint32_t minimum)
{
        uint8_t data[32] = { 0 };
        Writer w = WRITER_INIT(data + 18, 4);
        DnsName n = name(zone);

        writer_u32(&w, minimum);
        ck_assert(dns_builder_record(
                &r->b, DNS_AUTHORITY, &n, DNS_TYPE_SOA, DNS_CLASS_IN, ttl, data, 22));
}

static int walk(Reply *r, DnsAnswer **ret)
{
        DnsMessage m;
        int size = dns_builder_finish(&r->b), error;

        ck_assert_int_gt(size, 0);
        ck_assert_int_eq(dns_message_parse(&m, r->buf, (size_t) size), 0);
        error = dns_answer_from_message(ret, &m, &r->q, DNS_TYPE_A, DNS_CLASS_IN);
        dns_message_deinit(&m);
        return error;
}

static bool final_is(const DnsAnswer *a, const DnsName *name)
{
        DnsName final;

        dns_answer_final(a, &final);
        return dns_name_equal(&final, name);
}

/* The last octets of the addresses, in order. */
static const char *addresses(const DnsAnswer *a)
{
        static char out[256];
        Reader rd = READER_INIT(a->data, a->size);
        DnsAnswerRecord rr;
        size_t n = 0;

        out[0] = 0;
        while (dns_answer_next(&rd, &rr))
                if (rr.type == DNS_TYPE_A)
                        n += (size_t) sprintf(out + n, "%u ", rr.data[3]);
        return out;
}

START_TEST(only_the_final_owner_counts)
{
        _cleanup_(dns_answer_unrefp) DnsAnswer *a = NULL;
        Reply r;

        /* REQ_DNS 16: any order, strangers' addresses left out */
        reply_init(&r, "www.x", 0);
        add_a(&r, "stranger.x", 66);
        add_a(&r, "c.x", 1);
        add_alias(&r, DNS_TYPE_CNAME, "b.x", "c.x", 50);
        add_a(&r, "www.x", 67);
        add_alias(&r, DNS_TYPE_CNAME, "WWW.x", "b.x", 70);
        add_a(&r, "C.X", 2);
        ck_assert_int_eq(walk(&r, &a), 0);
        ck_assert_int_eq(a->verdict, DNS_VERDICT_POSITIVE);
        ck_assert_str_eq(addresses(a), "1 2 ");
        ck_assert_uint_eq(a->n_chain, 2);
        ck_assert_uint_eq(a->ttl, 50); /* REQ_DNS 39: the smallest of the chain */
}
END_TEST

START_TEST(dname_makes_the_alias)
{
        _cleanup_(dns_answer_unrefp) DnsAnswer *a = NULL;
        DnsName expect = name("a.b.new.example");
        Reply r;

        reply_init(&r, "a.b.old.example", 0);
        add_alias(&r, DNS_TYPE_DNAME, "old.example", "new.example", 99);
        add_a(&r, "a.b.new.example", 7);
        ck_assert_int_eq(walk(&r, &a), 0);
        ck_assert_int_eq(a->verdict, DNS_VERDICT_POSITIVE);
        ck_assert(final_is(a, &expect));
        ck_assert_uint_eq(a->n_chain, 2);
        ck_assert_str_eq(addresses(a), "7 ");
}
END_TEST

START_TEST(too_long_is_only_what_a_dname_made)
{
        _cleanup_(dns_answer_unrefp) DnsAnswer *a = NULL;
        char far[256];
        Reply r;

        snprintf(far, sizeof(far), "%060d.%060d.%060d.%060d", 1, 2, 3, 4);
        reply_init(&r, "abcdefghijklmnop.old.example", DNS_RCODE_YXDOMAIN);
        add_alias(&r, DNS_TYPE_DNAME, "old.example", far, 99);
        ck_assert_int_eq(walk(&r, &a), 0);
        ck_assert_int_eq(a->verdict, DNS_VERDICT_NXDOMAIN);
        ck_assert(!a->storable);
        /* REQ_DNS 21: without one the server has failed, and the name may well exist */
        a = dns_answer_unref(a);
        reply_init(&r, "abcdefgh.old.example", DNS_RCODE_YXDOMAIN);
        ck_assert_int_eq(walk(&r, &a), -EBADMSG);
        reply_init(&r, "abcdefgh.old.example", DNS_RCODE_YXDOMAIN);
        add_alias(&r, DNS_TYPE_DNAME, "old.example", "new.example", 99);
        add_soa(&r, "example", 60, 60);
        ck_assert_int_eq(walk(&r, &a), -EBADMSG);
}
END_TEST

START_TEST(loops_and_endless_chains_fail)
{
        DnsAnswer *a = NULL;
        char from[16], to[16];
        Reply r;

        reply_init(&r, "a", 0);
        add_alias(&r, DNS_TYPE_CNAME, "a", "b", 1);
        add_alias(&r, DNS_TYPE_CNAME, "b", "A", 1);
        ck_assert_int_eq(walk(&r, &a), -EBADMSG);
        for (unsigned steps = 16; steps <= 17; steps++) {
                reply_init(&r, "n0", 0);
                for (unsigned i = 0; i < steps; i++) {
                        sprintf(from, "n%u", i);
                        sprintf(to, "n%u", i + 1);
                        add_alias(&r, DNS_TYPE_CNAME, from, to, 1);
                }
                add_a(&r, to, 1);
                ck_assert_int_eq(walk(&r, &a), steps == 16 ? 0 : -EBADMSG);
                if (steps == 16)
                        a = dns_answer_unref(a);
        }
        ck_assert_ptr_null(a);
}
END_TEST

START_TEST(an_alias_without_target_is_chased)
{
        _cleanup_(dns_answer_unrefp) DnsAnswer *a = NULL, *b = NULL, *both = NULL;
        Reply r;

        reply_init(&r, "a.x", 0);
        add_alias(&r, DNS_TYPE_CNAME, "a.x", "b.y", 100);
        ck_assert_int_eq(walk(&r, &a), 0);
        ck_assert_int_eq(a->verdict, DNS_VERDICT_CHASE);
        reply_init(&r, "b.y", 0);
        add_a(&r, "b.y", 3);
        ck_assert_int_eq(walk(&r, &b), 0);
        ck_assert_int_eq(dns_answer_join(&both, a, 30, b, 0), 0);
        ck_assert_int_eq(both->verdict, DNS_VERDICT_POSITIVE);
        ck_assert_str_eq(addresses(both), "3 ");
        ck_assert_uint_eq(both->ttl, 70);
        ck_assert_uint_eq(both->n_chain, 1);
}
END_TEST

START_TEST(negatives_need_an_soa)
{
        static const struct {
                unsigned rcode;
                const char *zone;
                uint32_t ttl, minimum, expect;
                bool storable;
                DnsVerdict verdict;
        } cases[] = {
                { 3, "x", 600, 60, 60, true, DNS_VERDICT_NXDOMAIN },
                { 0, "x", 60, 600, 60, true, DNS_VERDICT_NODATA },
                { 3, ".", 99999, 99999, 10800, true, DNS_VERDICT_NXDOMAIN },
                { 3, "other", 60, 60, 0, false, DNS_VERDICT_NXDOMAIN },
                { 3, "sub.www.x", 60, 60, 0, false, DNS_VERDICT_NXDOMAIN },
                { 0, NULL, 0, 0, 0, false, DNS_VERDICT_NODATA },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(dns_answer_unrefp) DnsAnswer *a = NULL;
                Reply r;

                reply_init(&r, "www.x", cases[i].rcode);
                if (cases[i].zone)
                        add_soa(&r, cases[i].zone, cases[i].ttl, cases[i].minimum);
                ck_assert_int_eq(walk(&r, &a), 0);
                ck_assert_int_eq(a->verdict, cases[i].verdict);
                ck_assert_int_eq(a->storable, cases[i].storable);
                if (a->storable)
                        ck_assert_uint_eq(a->ttl, cases[i].expect);
        }
}
END_TEST

START_TEST(nxdomain_believes_no_address)
{
        _cleanup_(dns_answer_unrefp) DnsAnswer *a = NULL;
        DnsName last = name("gone.x");
        Reply r;

        /* REQ_DNS 18 */
        reply_init(&r, "www.x", DNS_RCODE_NXDOMAIN);
        add_alias(&r, DNS_TYPE_CNAME, "www.x", "gone.x", 10);
        add_a(&r, "gone.x", 9);
        add_soa(&r, "x", 30, 30);
        ck_assert_int_eq(walk(&r, &a), 0);
        ck_assert_int_eq(a->verdict, DNS_VERDICT_NXDOMAIN);
        ck_assert_str_eq(addresses(a), "");
        ck_assert(final_is(a, &last));
        ck_assert_uint_eq(a->ttl, 10);
}
END_TEST

START_TEST(other_sections_and_classes_do_not_answer)
{
        _cleanup_(dns_answer_unrefp) DnsAnswer *a = NULL;
        DnsName q = name("www.x");
        Reply r;

        /* REQ_DNS 19 */
        reply_init(&r, "www.x", 0);
        ck_assert(dns_builder_record(&r.b, DNS_ANSWER, &q, DNS_TYPE_A, 3, 9, "1234", 4));
        ck_assert(dns_builder_record(&r.b, DNS_AUTHORITY, &q, DNS_TYPE_A, 1, 9, "1234", 4));
        ck_assert(dns_builder_record(&r.b, DNS_ADDITIONAL, &q, DNS_TYPE_A, 1, 9, "1234", 4));
        ck_assert_int_eq(walk(&r, &a), 0);
        ck_assert_int_eq(a->verdict, DNS_VERDICT_NODATA);
        ck_assert_uint_eq(a->n_records, 0);
        ck_assert(!a->storable);
}
END_TEST

START_TEST(no_record_is_there_twice)
{
        _cleanup_(dns_answer_unrefp) DnsAnswer *a = NULL;
        IpAddr addrs[3] = { { .family = AF_INET }, { .family = AF_INET }, { .family = AF_INET } };
        Reply r;

        reply_init(&r, "www.x", 0);
        add_a(&r, "www.x", 3);
        add_a(&r, "www.x", 1);
        add_a(&r, "WWW.x", 3);
        add_a(&r, "stranger.x", 9);
        add_a(&r, "www.x", 2);
        add_a(&r, "www.x", 1);
        add_a(&r, "www.x", 1);
        ck_assert_int_eq(walk(&r, &a), 0);
        ck_assert_str_eq(addresses(a), "3 1 2 ");
        ck_assert_uint_eq(a->n_records, 3);
        a = dns_answer_unref(a);
        addrs[1].bytes[3] = 1;
        ck_assert_int_eq(dns_answer_from_addresses(&a, &r.q, AF_INET, addrs, 3, 0), 0);
        ck_assert_str_eq(addresses(a), "0 1 ");
        ck_assert_uint_eq(a->n_records, 2);
}
END_TEST

/* As many as 64 kB hold; they stay in the order in which each was first said. */
START_TEST(thousands_of_records_are_each_there_once)
{
        static const unsigned different[] = { 1, 2, 1500, 4000 };
        enum { RECORDS = 4000 };

        for (size_t i = 0; i < 4; i++) {
                _cleanup_(dns_answer_unrefp) DnsAnswer *a = NULL;
                static uint8_t buf[65535];
                DnsName q = name("x");
                DnsAnswerRecord rr;
                DnsBuilder b;
                DnsMessage m;
                Reader rd;
                int size;

                dns_builder_init(&b, buf, sizeof(buf), 1, DNS_FLAG_QR);
                dns_builder_question(&b, &q, DNS_TYPE_A, DNS_CLASS_IN);
                for (unsigned k = 0; k < RECORDS; k++) {
                        unsigned n = k % different[i];
                        uint8_t addr[4] = { 10, 0, (uint8_t) (n >> 8), (uint8_t) n };

                        ck_assert(dns_builder_record(
                                &b, DNS_ANSWER, &q, DNS_TYPE_A, DNS_CLASS_IN, 60, addr, 4));
                }
                size = dns_builder_finish(&b);
                ck_assert_int_gt(size, 0);
                ck_assert_int_eq(dns_message_parse(&m, buf, (size_t) size), 0);
                ck_assert_int_eq(dns_answer_from_message(&a, &m, &q, DNS_TYPE_A, DNS_CLASS_IN), 0);
                dns_message_deinit(&m);
                ck_assert_uint_eq(a->n_records, different[i]);
                rd = READER_INIT(a->data, a->size);
                for (unsigned n = 0; n < different[i]; n++) {
                        ck_assert(dns_answer_next(&rd, &rr));
                        ck_assert_uint_eq(rr.data[2] << 8 | rr.data[3], n);
                }
                ck_assert(!dns_answer_next(&rd, &rr));
        }
}
END_TEST

TEST_MAIN("dns-answer", only_the_final_owner_counts, dname_makes_the_alias,
        too_long_is_only_what_a_dname_made, loops_and_endless_chains_fail,
        an_alias_without_target_is_chased, negatives_need_an_soa, nxdomain_believes_no_address,
        other_sections_and_classes_do_not_answer, no_record_is_there_twice,
        thousands_of_records_are_each_there_once)
