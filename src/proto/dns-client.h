/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The resolver as a machine: look-ups in, packets to send and results out. It knows servers, routes
 * and the cache, chooses, retries, falls back and follows aliases; it has no socket and no clock.
 *
 *      lookup      what a caller asked: up to six candidate names, one or two types
 *      part        one type of a look-up, following its alias chain
 *      transaction one question to one set of servers, shared by all who ask it
 *      attempt     one packet to one server
 *
 * After any call, pop events until there are none, then arrange for dns_client_timeout() at
 * dns_client_deadline(). Nothing is freed behind the binding's back: an attempt stays valid from
 * its SEND event until its CLOSE event, a look-up from dns_client_lookup() until dns_lookup_free().
 */
#include "proto/dns-cache.h"
#include "proto/dns-hosts.h"
#include "proto/dns-resolvconf.h"
#include "proto/dns-server.h"
#include "util/list.h"

typedef struct DnsClient DnsClient;
typedef struct DnsLookup DnsLookup;
typedef struct DnsTransaction DnsTransaction;
typedef struct DnsAttempt DnsAttempt;

/* Whose timer it is. */
typedef enum DnsTimerKind {
        DNS_TIMER_LOOKUP,
        DNS_TIMER_TXN,
        DNS_TIMER_ATTEMPT,
        DNS_TIMER_KINDS,
} DnsTimerKind;

/* A timer of the machine itself. */
typedef struct DnsTimer DnsTimer;
struct DnsTimer {
        List line;     /* of its kind; or */
        HeapNode node; /* on the heap */
        usec_t deadline;
        DnsTimerKind kind;
        void (*fn)(DnsClient *c, DnsTimer *t, usec_t now);
};

struct DnsAttempt {
        List link; /* of its transaction, of orphans, or of the closed */
        List event_link;
        DnsTimer timer;
        DnsTransaction *txn; /* NULL: nobody waits, it only shows whether the server is back */
        DnsServer *server;
        DnsTransport transport;
        void *binding; /* its socket; NULL before it was sent */
        usec_t sent;
        uint16_t id;
        bool edns, mixed_case, probe, retried;
        bool for_udp;          /* by TCP for no better reason than that UDP has brought nothing */
        bool no_cookie;        /* a reply without the cookie it should have brought was dropped */
        bool pending;          /* handed out with SEND: a CLOSE follows */
        bool discovery;        /* whom the server designates, or where that one is; nobody waits */
        unsigned designations; /* of its server, when it was made */
        uint16_t size;
        uint8_t packet[DNS_QUERY_MAX];
};

typedef struct DnsServerConfig DnsServerConfig;
struct DnsServerConfig {
        Endpoint endpoint;
        DnsPrivacy privacy;
        bool only_tls; /* nothing plain is to be had there: others come first for who asks for it */
};

/* Names under `domain` go to `servers`, a set of bits by place in the list. The longest domain that
 * matches rules, the sets of equal ones are joined. */
typedef struct DnsRoute DnsRoute;
struct DnsRoute {
        DnsName domain;
        uint32_t servers;
};

#define DNS_ROUTES_MAX 64

typedef struct DnsClientConfig DnsClientConfig;
struct DnsClientConfig {
        DnsServerConfig servers[DNS_SERVERS_MAX];
        size_t n_servers;
        DnsRoute routes[DNS_ROUTES_MAX];
        size_t n_routes;
        DnsName search[DNS_SEARCH_MAX];
        size_t n_search;
        unsigned ndots;
};

enum {
        DNS_LOOKUP_NO_CACHE = 1 << 0,
        DNS_LOOKUP_NO_CNAME = 1 << 1,
        DNS_LOOKUP_NO_SEARCH = 1 << 2,
        DNS_LOOKUP_NO_NETWORK = 1 << 3,
        /* Plain even where TLS is required: the hosts of the portal check, time servers before the
         * clock is true (REQ_DNS 36); but where every server is `only_tls`. */
        DNS_LOOKUP_PLAIN = 1 << 4,
        DNS_LOOKUP_NO_SYNTHESIZE = 1 << 5, /* neither the hosts file nor localhost */
        DNS_LOOKUP_NO_STALE = 1 << 6,
        DNS_LOOKUP_TRACE = 1 << 7, /* the result says what was done for it */
};

typedef struct DnsQuestion DnsQuestion;
struct DnsQuestion {
        bool absolute;     /* no search list */
        uint16_t types[2]; /* the second is 0 for one alone */
        uint16_t class;
        unsigned flags;
        int ifindex; /* servers of this link only; 0: any */
        DnsName name;
};

/* One thing that happened on the way of a look-up. */
typedef struct DnsStep DnsStep;
struct DnsStep {
        usec_t at; /* since its start */
        uint16_t type;
        bool has_server; /* the next two are set */
        Endpoint server;
        DnsTransport transport;
        const char *what; /* words that stay */
};
#define DNS_STEPS_MAX 48

typedef struct DnsResult DnsResult;
struct DnsResult {
        int error;             /* as in helper/resolver.h */
        DnsAnswer *answers[2]; /* positive or negative, NULL where a type failed or was late */
        uint32_t ages[2];
        bool from_cache, stale, local;
        bool confidential; /* nobody on the way could read it */
        bool asked;        /* the next two are set */
        Endpoint server;
        DnsTransport transport;
        usec_t took;
        const DnsStep *steps; /* under DNS_LOOKUP_TRACE, the first so many */
        size_t n_steps;
        DnsName name; /* the candidate that was answered */
};

typedef enum DnsEventKind {
        DNS_EVENT_CLOSE, /* let go of `binding`, an attempt's */
        DNS_EVENT_GONE,  /* the same, a server's */
        DNS_EVENT_SEND,  /* send attempt->packet to attempt->server over attempt->transport */
        DNS_EVENT_DONE,  /* dns_lookup_result(lookup) is there */
} DnsEventKind;

typedef struct DnsEvent DnsEvent;
struct DnsEvent {
        DnsEventKind kind;
        DnsAttempt *attempt;
        DnsLookup *lookup;
        void *binding;
        DnsTransport transport; /* of a closed attempt */
};

int dns_client_new(DnsClient **ret, Rng *rng);
DnsClient *dns_client_free(DnsClient *c);
DEFINE_CLEANUP(DnsClient, dns_client_free)

/* Servers that stay keep what is known of them. When anything differs the cache is flushed and what
 * is under way starts over at the new servers. */
int dns_client_configure(DnsClient *c, const DnsClientConfig *config, usec_t now);
/* Another network, or back from a suspend: all that was learned is doubtful, open sockets are
 * stale. */
void dns_client_network_changed(DnsClient *c, usec_t now);
/* Takes the table over; NULL for none. */
void dns_client_set_hosts(DnsClient *c, DnsHosts *hosts);
void dns_client_set_cache_limits(DnsClient *c, size_t max_octets, usec_t stale_usec);
void dns_client_flush(DnsClient *c);

int dns_client_lookup(
        DnsClient *c, DnsLookup **ret, const DnsQuestion *q, void *userdata, usec_t now);
/* An answer that needs no packet, at once and without a look-up: 1, or 0 when it takes one. `ret`
 * holds references to be given back with dns_result_clear(). */
int dns_client_peek(DnsClient *c, const DnsQuestion *q, usec_t now, DnsResult *ret);
void dns_result_clear(DnsResult *r);
/* Whether there are events to be popped: an answer from the cache may have it fetched anew. */
bool dns_client_has_events(const DnsClient *c);
/* What a record of answer `i` is handed out with: what is left of its TTL. */
uint32_t dns_result_ttl(const DnsResult *r, size_t i, uint32_t ttl);
void *dns_lookup_userdata(const DnsLookup *l);
const DnsResult *dns_lookup_result(const DnsLookup *l);
/* Also cancels: no event follows. NULL is fine. */
DnsLookup *dns_lookup_free(DnsLookup *l);

bool dns_client_pop_event(DnsClient *c, DnsEvent *ret);
usec_t dns_client_deadline(const DnsClient *c);
void dns_client_timeout(DnsClient *c, usec_t now);

/* A datagram on an attempt's own socket, from the server's address and port, until the socket is to
 * be closed. False: dropped. */
bool dns_client_datagram(DnsClient *c, DnsAttempt *a, const void *data, size_t size, usec_t now);
/* A message on a connection to `s`; finds its attempt by id and question. 1; 0 when nobody waits
 * for it; -EBADMSG when it is none, after which nothing on that connection can be believed. */
int dns_client_stream_message(DnsClient *c, DnsServer *s, DnsTransport transport, const void *data,
        size_t size, usec_t now);
/* All attempts with this binding have lost their connection. */
void dns_client_stream_failed(DnsClient *c, const void *binding, int error, usec_t now);
/* Could not be sent, was refused, or its connection broke: -ECONNRESET, which is tried once more on
 * a new one; -EPIPE after it had brought answers, which does not count. */
void dns_client_attempt_failed(DnsClient *c, DnsAttempt *a, int error, usec_t now);

typedef struct DnsClientStatistics DnsClientStatistics;
struct DnsClientStatistics {
        DnsCacheStatistics cache;
        uint64_t transactions_current, transactions_total;
};
DnsClientStatistics dns_client_statistics(const DnsClient *c);
const DnsServer *dns_client_server(const DnsClient *c, size_t i); /* NULL behind the last */
