/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Names, asynchronously: proto/dns-* bound to sockets, timers and the network's servers. A callback
 * never runs inside the call that asked. Thread 0 only.
 */
#include "helper/network.h"

typedef struct Resolver Resolver;
typedef struct Lookup Lookup;

enum {
        LOOKUP_NO_CACHE = 1 << 0,
        LOOKUP_NO_CNAME = 1 << 1,
        LOOKUP_NO_SEARCH = 1 << 2,
        LOOKUP_NO_NETWORK = 1 << 3,
        /* Plain DNS even where TLS is required: only for the hosts of the portal check, and for
         * time servers while no certificate's date can be checked. */
        LOOKUP_PLAIN = 1 << 4,
        LOOKUP_NO_SYNTHESIZE = 1 << 5, /* neither the hosts file nor localhost */
        LOOKUP_NO_STALE = 1 << 6,
        LOOKUP_TRACE = 1 << 7, /* with the steps of it in the result */
};

typedef struct LookupAddress LookupAddress;
struct LookupAddress {
        int ifindex;
        IpAddr addr;
};

typedef struct LookupRecord LookupRecord;
struct LookupRecord {
        int ifindex;
        uint16_t class, type;
        uint32_t ttl;
        const uint8_t *wire; /* the whole record, name uncompressed, as in resolve1 */
        size_t wire_size;
};

/* One thing that happened on the way. */
typedef struct LookupStep LookupStep;
struct LookupStep {
        usec_t at; /* since the start */
        uint16_t type;
        Endpoint server;      /* AF_UNSPEC: it was none's doing */
        const char *protocol; /* "udp", "tcp", "dot", "" */
        const char *what;
};

/* What a look-up gave; valid inside the callback. */
typedef struct LookupResult LookupResult;
struct LookupResult {
        int error; /* 0 or negative errno: -ESRCH no such name, -ENODATA no such record, -ETIMEDOUT,
                      -EIO servers failed, -ENETUNREACH no servers, -ECANCELED resolver gone */
        const LookupAddress *addresses; /* sorted by RFC 6724 */
        size_t n_addresses;
        const LookupRecord *records;
        size_t n_records;
        const char *canonical;
        bool from_cache, stale, confidential;
        const char *protocol; /* "udp", "tcp", "dot", "cache", "local" */
        Endpoint server;      /* AF_UNSPEC when none was asked */
        usec_t took_usec;
        const char *why;         /* more words on an error; "" for none */
        const LookupStep *steps; /* under LOOKUP_TRACE */
        size_t n_steps;
        bool certificate_dates; /* it failed for the dates of a server's certificate: true time may
                                   help */
};
typedef void (*LookupFn)(Lookup *lookup, const LookupResult *result, void *userdata);

/* `network` NULL: only the servers of the settings and of /etc/resolv.conf are known. The first
 * resolver of a context is the one behind <lwsd/lws-dns.h>. */
int resolver_new(
        Resolver **ret, struct lws_context *cx, Network *network, const Settings *settings);
Resolver *resolver_free(Resolver *resolver);
int resolver_reload(Resolver *resolver, const Settings *settings);

/* Names may be UTF-8 (IDNA); an address is its own answer, and for PTR becomes its reverse name.
 * `family` AF_UNSPEC, AF_INET or AF_INET6; ifindex 0: any. -EINVAL for a name that cannot be one.
 */
int resolver_lookup_host(Resolver *resolver, Lookup **ret, int ifindex, const char *name,
        int family, unsigned flags, LookupFn fn, void *userdata);
int resolver_lookup_record(Resolver *resolver, Lookup **ret, int ifindex, const char *name,
        uint16_t class, uint16_t type, unsigned flags, LookupFn fn, void *userdata);
/* No callback follows. Needed only to give up early: a look-up frees itself after its callback. */
Lookup *lookup_cancel(Lookup *lookup);

typedef struct ResolverServer ResolverServer;
struct ResolverServer {
        Endpoint endpoint; /* .ifindex: its link, 0 for global; .name: TLS name */
        const char *protocol;
};
typedef struct ResolverStatistics ResolverStatistics;
struct ResolverStatistics {
        uint64_t cache_entries, cache_hits, cache_misses;
        uint64_t transactions_current, transactions_total;
};

/* An answer from the cache, the hosts file or the special names, at once: 1 with `fn` called before
 * it returns, 0 when it takes packets and resolver_lookup_host() has to be called. */
int resolver_peek_host(Resolver *resolver, int ifindex, const char *name, int family,
        unsigned flags, LookupFn fn, void *userdata);

void resolver_flush(Resolver *resolver);
void resolver_statistics(const Resolver *resolver, ResolverStatistics *ret);
/* Server `i`, or false behind the last. */
bool resolver_server(const Resolver *resolver, size_t i, ResolverServer *ret);
