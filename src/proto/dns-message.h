/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * DNS messages. Parsing checks the whole message once (RFC 9267) and leaves an index of it; names
 * and data are then read in place, where they can no longer fail. Building is the reverse, with
 * name compression.
 */
#include "proto/dns-record.h"

#define DNS_MESSAGE_MAX 65535
/* UDP payload we announce (RFC 9715: what passes without fragments). */
#define DNS_UDP_SIZE 1232
#define DNS_TTL_MAX  86400u

enum {
        DNS_FLAG_QR = 0x8000,
        DNS_FLAG_OPCODE = 0x7800,
        DNS_FLAG_AA = 0x0400,
        DNS_FLAG_TC = 0x0200,
        DNS_FLAG_RD = 0x0100,
        DNS_FLAG_RA = 0x0080,
        DNS_FLAG_AD = 0x0020,
        DNS_FLAG_CD = 0x0010,
        DNS_FLAG_RCODE = 0x000f,
};

enum {
        DNS_OPTION_COOKIE = 10,
        DNS_OPTION_KEEPALIVE = 11,
        DNS_OPTION_PADDING = 12,
        DNS_OPTION_EDE = 15,
};

typedef enum DnsSection { DNS_ANSWER, DNS_AUTHORITY, DNS_ADDITIONAL } DnsSection;

/* Header and question: enough to tell whose reply it is before anything else of it is believed. */
typedef struct DnsHeader DnsHeader;
struct DnsHeader {
        uint16_t id, flags;
        uint16_t counts[4];
        bool has_question; /* exactly one, and readable */
        DnsName qname;
        uint16_t qtype, qclass;
        size_t size; /* where the records start */
};
/* -EBADMSG under 12 octets, or for a question that cannot be read. */
int dns_header_parse(DnsHeader *ret, const void *data, size_t size);

typedef struct DnsEdns DnsEdns;
struct DnsEdns {
        bool present, dnssec_ok;
        uint8_t version, rcode_high;
        uint16_t udp_size;
        uint8_t cookie[40]; /* client part, then the server's */
        uint8_t cookie_len; /* 0, 8 or 16 to 40 */
        bool has_keepalive;
        uint16_t keepalive; /* 100 ms */
};

/* One record of a parsed message, 16 octets. */
typedef struct DnsRecord DnsRecord;
struct DnsRecord {
        uint16_t owner_pos, data_pos, data_len;
        uint16_t type, class;
        uint8_t section;
        uint32_t ttl; /* top bit set has become 0 (RFC 2181 8) */
};

#define DNS_MESSAGE_INLINE 24

/* Not to be moved: `records` may point inside. */
typedef struct DnsMessage DnsMessage;
struct DnsMessage {
        const uint8_t *data; /* the caller's, must stay */
        size_t size;
        DnsHeader header;
        uint16_t rcode; /* with the extended bits */
        DnsEdns edns;
        DnsRecord *records; /* OPT is not among them */
        size_t n_records;
        DnsRecord records_inline[DNS_MESSAGE_INLINE];
};

/* -EBADMSG for a malformed one, -ENOMEM. Trailing octets are tolerated. `m` needs no
 * initialisation; after a failure there is nothing to free. */
int dns_message_parse(DnsMessage *m, const void *data, size_t size);
/* The same where m->header has been parsed already. */
int dns_message_parse_records(DnsMessage *m, const void *data, size_t size);
void dns_message_deinit(DnsMessage *m);
void dns_message_owner(const DnsMessage *m, const DnsRecord *rr, DnsName *ret);
bool dns_message_owner_is(const DnsMessage *m, const DnsRecord *rr, const DnsName *name);
/* The name that is the whole data, or that data starts with (CNAME, NS, PTR, DNAME, SOA). */
void dns_message_target(const DnsMessage *m, const DnsRecord *rr, DnsName *ret);
/* Data with names uncompressed; -ENOBUFS. */
int dns_message_data(const DnsMessage *m, const DnsRecord *rr, Writer *out);
/* The last field of an SOA. */
uint32_t dns_message_soa_minimum(const DnsMessage *m, const DnsRecord *rr);

/* What a query says besides its question. */
typedef struct DnsQueryOptions DnsQueryOptions;
struct DnsQueryOptions {
        bool edns;
        bool keepalive; /* on a connection (RFC 7828) */
        bool pad;       /* to a multiple of 128, encrypted transport only (RFC 8467) */
        uint8_t cookie[40];
        uint8_t cookie_len;
};
/* Room enough for any query we build. */
#define DNS_QUERY_MAX 512
/* The size, or -ENOBUFS. */
int dns_query_build(void *buf, size_t size, uint16_t id, const DnsName *name, uint16_t type,
        uint16_t class, const DnsQueryOptions *options);

/* Building messages of any kind. Records come in the order of the sections. What does not fit fails
 * as a whole record and stays out. */
typedef struct DnsBuilder DnsBuilder;
struct DnsBuilder {
        Writer w;
        uint16_t counts[4];
        uint16_t names[32]; /* where names that may be pointed at start */
        size_t n_names;
};
void dns_builder_init(DnsBuilder *b, void *buf, size_t size, uint16_t id, uint16_t flags);
void dns_builder_question(DnsBuilder *b, const DnsName *name, uint16_t type, uint16_t class);
/* `data` has its names uncompressed. */
bool dns_builder_record(DnsBuilder *b, DnsSection section, const DnsName *owner, uint16_t type,
        uint16_t class, uint32_t ttl, const void *data, size_t size);
bool dns_builder_opt(DnsBuilder *b, uint16_t udp_size, uint8_t rcode_high, bool dnssec_ok,
        const void *options, size_t size);
/* The size of the message, or -ENOBUFS when not even header and question fit. */
int dns_builder_finish(DnsBuilder *b);
