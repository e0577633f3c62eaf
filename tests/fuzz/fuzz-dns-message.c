/* SPDX-License-Identifier: MIT */
/* Messages in a round trip: what parses is written again, parses to the same records and gives the
 * same answer. */
#include "fuzz.h"
#include "proto/dns-answer.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define ROOM (1u << 20)

static void data_of(const DnsMessage *m, const DnsRecord *rr, Writer *w)
{
        assert(dns_message_data(m, rr, w) == 0);
}

/* False when it does not fit: uncompressed data can pass the size of a message. */
static bool write_again(const DnsMessage *m, uint8_t *buf, int *ret_size)
{
        static uint8_t data[ROOM];
        DnsBuilder b;

        dns_builder_init(&b, buf, DNS_MESSAGE_MAX, m->header.id, m->header.flags);
        if (m->header.has_question)
                dns_builder_question(&b, &m->header.qname, m->header.qtype, m->header.qclass);
        for (size_t i = 0; i < m->n_records; i++) {
                const DnsRecord *rr = &m->records[i];
                Writer w = WRITER_INIT(data, sizeof(data));
                DnsName owner;

                dns_message_owner(m, rr, &owner);
                assert(owner.len > 0);
                data_of(m, rr, &w);
                if (!dns_builder_record(&b, (DnsSection) rr->section, &owner, rr->type, rr->class,
                            rr->ttl, data, w.pos))
                        return false;
        }
        *ret_size = dns_builder_finish(&b);
        return *ret_size > 0;
}

static void compare(const DnsMessage *a, const DnsMessage *b)
{
        static uint8_t data_a[ROOM], data_b[ROOM];

        assert(a->n_records == b->n_records);
        for (size_t i = 0; i < a->n_records; i++) {
                Writer wa = WRITER_INIT(data_a, ROOM), wb = WRITER_INIT(data_b, ROOM);
                DnsName na, nb;

                dns_message_owner(a, &a->records[i], &na);
                dns_message_owner(b, &b->records[i], &nb);
                assert(dns_name_same(&na, &nb));
                assert(a->records[i].ttl == b->records[i].ttl);
                data_of(a, &a->records[i], &wa);
                data_of(b, &b->records[i], &wb);
                assert(wa.pos == wb.pos && memcmp(data_a, data_b, wa.pos) == 0);
        }
}

static DnsAnswer *answer(const DnsMessage *m)
{
        DnsAnswer *a = NULL;

        if (!m->header.has_question || dns_answer_from_message(&a, m, &m->header.qname,
                                               m->header.qtype, m->header.qclass) < 0)
                return NULL;
        return a;
}

static void check_answer(const DnsAnswer *a)
{
        Reader r = READER_INIT(a->data, a->size);
        DnsAnswerRecord rr;
        size_t n = 0;

        while (dns_answer_next(&r, &rr))
                n++;
        assert(r.pos == a->size);
        assert(n == dns_answer_count(a));
        assert(a->n_steps <= DNS_CHAIN_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static uint8_t buf[DNS_MESSAGE_MAX];
        DnsAnswer *first, *second;
        DnsMessage m, again;
        int n;

        if (dns_message_parse(&m, data, size) < 0)
                return 0;
        first = answer(&m);
        if (first)
                check_answer(first);
        if (write_again(&m, buf, &n)) {
                assert(dns_message_parse(&again, buf, (size_t) n) == 0);
                compare(&m, &again);
                second = answer(&again);
                /* the extended half of the rcode is not written here */
                if (first && second && m.edns.rcode_high == 0)
                        assert(first->size == second->size && first->ttl == second->ttl &&
                                first->verdict == second->verdict &&
                                memcmp(first->data, second->data, first->size) == 0);
                dns_answer_unref(second);
                dns_message_deinit(&again);
        }
        dns_answer_unref(first);
        dns_message_deinit(&m);
        return 0;
}
