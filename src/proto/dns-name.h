/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Domain names in wire form: length-prefixed labels up to and with the root, at most 255 octets.
 * Text is the master file form (escapes `\.` and `\DDD`); IDNA is done at the edge, never here.
 */
#include "util/addr.h"
#include "util/buf.h"

#define DNS_NAME_MAX      255
#define DNS_LABEL_MAX     63
#define DNS_NAME_TEXT_MAX (4 * DNS_NAME_MAX + 1)
#define DNS_HEADER_SIZE   12

typedef struct DnsName DnsName;
struct DnsName {
        uint8_t len; /* 0: no name at all; 1: the root */
        uint8_t wire[DNS_NAME_MAX];
};

extern const DnsName DNS_NAME_ROOT;

/* What there is of it, which is mostly a tenth of the room. */
static inline void dns_name_copy(DnsName *to, const DnsName *from)
{
        memcpy(to, from, offsetof(DnsName, wire) + from->len);
}

/* Reads a name at the cursor of a whole message. Pointers go strictly backwards and never into the
 * header. 0, or -EBADMSG, after which `ret` is no name. */
int dns_name_read(Reader *r, DnsName *ret);
/* The same where compression has no place. */
int dns_name_read_plain(Reader *r, DnsName *ret);
void dns_name_write(Writer *w, const DnsName *n);

/* -EINVAL for what cannot be a name: empty or overlong labels, over 255 octets, a bad escape.
 * `ret_absolute` (may be NULL): whether the text ended in an unescaped dot. */
int dns_name_from_text(const char *s, DnsName *ret, bool *ret_absolute);
/* Escaped, without the last dot; "." for the root. Safe for logs and files. */
const char *dns_name_to_text(const DnsName *n, char buf[static DNS_NAME_TEXT_MAX]);

bool dns_name_equal(const DnsName *a, const DnsName *b); /* without case */
/* The same of what stands on the wire, uncompressed; there are at least n->len octets of it. */
bool dns_name_equal_wire(const DnsName *n, const uint8_t *wire);
bool dns_name_same(const DnsName *a, const DnsName *b);  /* octet by octet */
uint64_t dns_name_hash(const DnsName *n, uint64_t seed); /* without case */
void dns_name_lower(DnsName *n);
/* Changes the case of each letter whose coin says so; `coins` has a bit for each octet of the name,
 * rounded up to 64. */
void dns_name_mix_case(DnsName *n, const uint8_t *coins);
unsigned dns_name_labels(const DnsName *n); /* without the root */
/* `n` is `zone` or below it. */
bool dns_name_is_under(const DnsName *n, const DnsName *zone);
/* Takes the first label off; false at the root. */
bool dns_name_parent(DnsName *n);
/* `head` (its root dropped) followed by `tail`; -ENAMETOOLONG. */
int dns_name_join(const DnsName *head, const DnsName *tail, DnsName *ret);
/* Replaces the suffix `from` of `n` by `to` (DNAME); -ENAMETOOLONG, -EINVAL when not below `from`.
 */
int dns_name_rebase(const DnsName *n, const DnsName *from, const DnsName *to, DnsName *ret);

/* Letters, digits, hyphens inside, underscores. */
bool dns_name_is_host(const DnsName *n);
/* d.c.b.a.in-addr.arpa and its IPv6 sister. */
void dns_name_for_address(const IpAddr *a, DnsName *ret);
