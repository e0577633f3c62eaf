/* SPDX-License-Identifier: MIT */
#pragma once
/* Record types: their numbers, names and the shape of their data. */
#include "proto/dns-name.h"

enum {
        DNS_TYPE_A = 1,
        DNS_TYPE_NS = 2,
        DNS_TYPE_CNAME = 5,
        DNS_TYPE_SOA = 6,
        DNS_TYPE_PTR = 12,
        DNS_TYPE_HINFO = 13,
        DNS_TYPE_MX = 15,
        DNS_TYPE_TXT = 16,
        DNS_TYPE_AAAA = 28,
        DNS_TYPE_SRV = 33,
        DNS_TYPE_NAPTR = 35,
        DNS_TYPE_DNAME = 39,
        DNS_TYPE_OPT = 41,
        DNS_TYPE_DS = 43,
        DNS_TYPE_RRSIG = 46,
        DNS_TYPE_NSEC = 47,
        DNS_TYPE_DNSKEY = 48,
        DNS_TYPE_TLSA = 52,
        DNS_TYPE_SVCB = 64,
        DNS_TYPE_HTTPS = 65,
        DNS_TYPE_ANY = 255,
        DNS_TYPE_CAA = 257,
};

enum { DNS_CLASS_IN = 1, DNS_CLASS_ANY = 255 };

enum {
        DNS_RCODE_NOERROR = 0,
        DNS_RCODE_FORMERR = 1,
        DNS_RCODE_SERVFAIL = 2,
        DNS_RCODE_NXDOMAIN = 3,
        DNS_RCODE_NOTIMP = 4,
        DNS_RCODE_REFUSED = 5,
        DNS_RCODE_YXDOMAIN = 6,
        DNS_RCODE_BADVERS = 16,
        DNS_RCODE_BADCOOKIE = 23,
};

/* "AAAA", "TYPE123"; the number, or -EINVAL. */
int dns_type_from_string(const char *s);
/* Types that are questions only: no record has one. */
bool dns_type_is_meta(uint16_t type);

/*
 * Walks `len` octets of record data at the cursor of a whole message: fixed fields must fit exactly
 * and names must end where the data ends (RFC 9267 3). Into `out`, when given, goes the same data
 * with its names uncompressed. 0 or -EBADMSG (-ENOBUFS when `out` is full).
 */
int dns_rdata_read(Reader *r, uint16_t type, size_t len, Writer *out);
