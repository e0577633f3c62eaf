/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What a reply says about its question, and nothing else of it: the alias chain from the question's
 * name and the records of the asked type at its end. An answer is immutable and shared by reference
 * between the cache and everyone who waits.
 */
#include "proto/dns-message.h"
#include "util/error.h"

/* REQ_DNS 16: steps of an alias chain. */
#define DNS_CHAIN_MAX 16

typedef enum DnsVerdict {
        DNS_VERDICT_POSITIVE,
        DNS_VERDICT_NODATA,   /* the name exists, not with this type */
        DNS_VERDICT_NXDOMAIN, /* the last name of the chain does not exist */
        DNS_VERDICT_CHASE,    /* an alias whose target is to be asked for */
} DnsVerdict;

typedef struct DnsAnswer DnsAnswer;
struct DnsAnswer {
        unsigned n_refs;
        DnsVerdict verdict;
        uint16_t n_chain;     /* CNAME (and DNAME) records, first in `data` */
        uint16_t n_records;   /* records of the asked type, next */
        uint16_t n_authority; /* the SOA of a negative answer, last */
        uint16_t n_steps;     /* of the chain */
        bool confidential;    /* made here, or by TLS all of it */
        bool storable;        /* a negative one is only with an SOA (RFC 2308 5) */
        uint32_t ttl;         /* seconds, the smallest of all that counts */
        uint8_t final_len;
        size_t size;    /* of the records */
        uint8_t data[]; /* whole records, names uncompressed; then the name at the end of the chain
                         */
};

/* -EBADMSG for a chain that loops or is too long, -ENOMEM. The message's rcode is NOERROR, NXDOMAIN
 * or YXDOMAIN. */
int dns_answer_from_message(DnsAnswer **ret, const DnsMessage *m, const DnsName *qname,
        uint16_t qtype, uint16_t qclass);
/* An answer made here: addresses of hosts files and special names. `n` 0: NODATA. */
int dns_answer_from_addresses(DnsAnswer **ret, const DnsName *name, int family, const IpAddr *addrs,
        size_t n, uint32_t ttl);
int dns_answer_from_names(
        DnsAnswer **ret, const DnsName *name, const DnsName *targets, size_t n, uint32_t ttl);
int dns_answer_negative(DnsAnswer **ret, DnsVerdict verdict, const DnsName *name);
/* `head` ended in an alias, `tail` answers for its target. Their TTLs have aged by so many seconds.
 */
int dns_answer_join(DnsAnswer **ret, const DnsAnswer *head, uint32_t head_age,
        const DnsAnswer *tail, uint32_t tail_age);
DnsAnswer *dns_answer_ref(DnsAnswer *a);
DnsAnswer *dns_answer_unref(DnsAnswer *a);
DEFINE_CLEANUP(DnsAnswer, dns_answer_unref)

/* The name at the end of the chain. */
static inline void dns_answer_final(const DnsAnswer *a, DnsName *ret)
{
        ret->len = a->final_len;
        memcpy(ret->wire, a->data + a->size, a->final_len);
}

static inline size_t dns_answer_octets(const DnsAnswer *a)
{
        return sizeof(*a) + a->size + a->final_len;
}

static inline size_t dns_answer_count(const DnsAnswer *a)
{
        return (size_t) a->n_chain + a->n_records + a->n_authority;
}

/* One record of an answer. */
typedef struct DnsAnswerRecord DnsAnswerRecord;
struct DnsAnswerRecord {
        DnsName owner;
        uint16_t type, class;
        uint32_t ttl;
        const uint8_t *data;
        size_t data_size;
        const uint8_t *wire; /* the record as a whole */
        size_t wire_size;
        size_t ttl_pos; /* in `wire` */
};
/* Reads the next one; false behind the last. Start with READER_INIT(a->data, a->size). */
bool dns_answer_next(Reader *r, DnsAnswerRecord *ret);
