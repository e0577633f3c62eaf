/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Answers by question. Bounded in entries and octets, the oldest-expiring goes first; expired
 * answers stay for as long as they may be served stale (RFC 8767). Failures are remembered too (RFC
 * 9520), beside the answers, so that they never replace one.
 */
#include "proto/dns-answer.h"
#include "util/clock.h"
#include "util/heap.h"
#include "util/list.h"

typedef struct DnsCache DnsCache;

/* Better data replaces worse, never the other way round while it is fresh (RFC 2181 5.4.1). */
typedef enum DnsTrust { DNS_TRUST_PLAIN, DNS_TRUST_ENCRYPTED, DNS_TRUST_VERIFIED } DnsTrust;

typedef struct DnsCacheKey DnsCacheKey;
struct DnsCacheKey {
        const DnsName *name;
        uint16_t type, class;
        uint32_t scope; /* the set of servers that may be asked */
};

typedef struct DnsCacheHit DnsCacheHit;
struct DnsCacheHit {
        DnsAnswer *answer; /* borrowed */
        uint32_t age;      /* seconds to take off its TTLs */
        bool stale;
        bool due; /* in the last tenth of its life, which is worth fetching again; told once */
};

typedef struct DnsCacheStatistics DnsCacheStatistics;
struct DnsCacheStatistics {
        uint64_t entries, octets, hits, misses;
};

int dns_cache_new(DnsCache **ret, uint64_t seed);
DnsCache *dns_cache_free(DnsCache *c);
DEFINE_CLEANUP(DnsCache, dns_cache_free)
/* Entries are 1024 octets on average: the limit of one follows from the other. 0 turns it off. */
void dns_cache_set_limits(DnsCache *c, size_t max_octets, usec_t stale_usec);

/* Keeps a reference. Nothing happens with what may not be stored. An NXDOMAIN for the question's
 * own name holds for every type of it. */
void dns_cache_put(
        DnsCache *c, const DnsCacheKey *key, DnsAnswer *answer, DnsTrust trust, usec_t now);
/* Fresh answers, and expired ones where `stale`. Counts a hit or a miss unless `stale`. */
bool dns_cache_get(DnsCache *c, const DnsCacheKey *key, bool stale, usec_t now, DnsCacheHit *ret);

/* All servers failed for this question: 1 s, then twice as long each time, up to 300 s. */
void dns_cache_put_failure(DnsCache *c, const DnsCacheKey *key, int error, usec_t now);
/* The error, or 0 when nothing keeps us from asking. */
int dns_cache_failure(DnsCache *c, const DnsCacheKey *key, usec_t now);

void dns_cache_flush(DnsCache *c);
DnsCacheStatistics dns_cache_statistics(const DnsCache *c);
