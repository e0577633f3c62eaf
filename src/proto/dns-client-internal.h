/* SPDX-License-Identifier: MIT */
#pragma once
/* What the files of the resolver machine share: dns-client.c owns it, dns-lookup.c,
 * dns-transaction.c and dns-attempt.c are its levels, dns-reply.c is what comes in at the bottom.
 */
#include "proto/dns-client.h"

#define DNS_TXN_BUCKETS 256
/* Questions under way at once; the next ones wait in line. */
#define DNS_TXN_RUNNING_MAX 256
#define DNS_LOOKUPS_MAX     16384
#define DNS_SPARE_MAX       64
/* REQ_DNS 17, 23: of one look-up. */
#define DNS_LOOKUP_QUERIES_MAX 20
#define DNS_LOOKUP_PACKETS_MAX 24
#define DNS_TXN_PACKETS_MAX    12
#define DNS_TXN_ROUNDS         3
#define DNS_LOOKUP_BUDGET      (10 * USEC_PER_SEC)
#define DNS_TXN_BUDGET         (9500 * USEC_PER_MSEC)
/* How long the first usable family waits for the other (RFC 8305 3). */
#define DNS_FAMILY_DELAY (50 * USEC_PER_MSEC)
/* How long a name that the one family denies waits for the other: a lost packet's worth. */
#define DNS_DENIED_DELAY USEC_PER_SEC
#define DNS_STALE_AFTER  (1800 * USEC_PER_MSEC)
#define DNS_STALE_TTL    30u /* RFC 8767 4 */

/* Where an answer is from. */
typedef struct DnsSource DnsSource;
struct DnsSource {
        DnsServer *server;
        DnsTransport transport;
};

typedef struct DnsPart DnsPart;
struct DnsPart {
        List waiter; /* of `txn` */
        DnsLookup *lookup;
        DnsTransaction *txn;
        uint16_t type;
        DnsAnswer *answer;
        uint32_t age;
        unsigned steps;
        bool done, from_network, stale, local;
        int error;
        DnsName name; /* now asked for */
};

struct DnsLookup {
        List link;
        List event_link;
        DnsClient *client;
        DnsTimer timer;
        void *userdata;
        size_t n_candidates, candidate;
        size_t n_parts;
        unsigned queries, packets; /* of its transactions; these of those that have ended */
        usec_t started, give_up, family_at, stale_at;
        int negative; /* the better of the negatives so far */
        DnsStep *steps;
        size_t n_steps;
        bool done;
        DnsResult result;
        /* from the name of the result on not zeroed before use */
        DnsPart parts[2];
        DnsQuestion question;
        DnsName candidates[DNS_SEARCH_MAX + 1];
};

struct DnsTransaction {
        List link;    /* bucket */
        List running; /* or the line of those that wait for their turn */
        DnsClient *client;
        DnsTimer timer;
        uint16_t type, class;
        uint32_t servers; /* that may be asked */
        int ifindex;
        bool plain;
        bool is_running;
        bool second_chance; /* of the only server there is was used */
        bool is_traced;     /* by one that waited for it, at least */
        List waiters, attempts;
        DnsAttempt *current;  /* the one whose time-out moves us on */
        uint32_t tried;       /* in this round */
        uint32_t dead;        /* have said something final that is no answer */
        uint32_t asked_plain; /* without EDNS or mixed case, once each */
        usec_t started;
        unsigned round, packets, packets_max, bad_cookies;
        int error;
        DnsAnswer *doubtful; /* negative answer to a question in mixed case, being checked */
        DnsName name;
};

struct DnsClient {
        Rng *rng;
        DnsCache *cache;
        DnsHosts *hosts;
        /* Those of a kind mostly last equally long, so that each stands behind the one before;
         * which one does not is on the heap. */
        List timer_lines[DNS_TIMER_KINDS];
        Heap timers;
        DnsServer *servers[DNS_SERVERS_MAX];
        size_t n_servers;
        DnsRoute routes[DNS_ROUTES_MAX];
        size_t n_routes;
        DnsName search[DNS_SEARCH_MAX];
        size_t n_search;
        unsigned ndots;
        List lookups, events_done;
        size_t n_lookups;
        List spare; /* look-ups to be used again: they are larger than malloc() is quick with */
        size_t n_spare;
        List txns[DNS_TXN_BUCKETS];
        List running, line;
        size_t n_running, n_txns;
        size_t running_max; /* less than DNS_TXN_RUNNING_MAX where descriptors are scarce */
        uint64_t total;
        uint64_t seed;
        uint8_t random[512]; /* drawn in advance, each octet used once */
        size_t n_random;
        List orphans, events_send, closed;
        DnsServer *gone[DNS_SERVERS_MAX]; /* whose bindings are still to be let go of */
        size_t n_gone;
};

void dns_timer_set(DnsClient *c, DnsTimer *t, usec_t deadline);
void dns_timer_cancel(DnsClient *c, DnsTimer *t);

void dns_client_random(DnsClient *c, void *dst, size_t size);
/* The servers to ask about a name; 0: none. */
uint32_t dns_client_route(const DnsClient *c, const DnsName *name, int ifindex, bool *ret_routed);

/* -- dns-attempt.c -- */
/* On the transaction's list and on its way to be sent; NULL when memory ran out. */
DnsAttempt *dns_attempt_new(DnsTransaction *t, DnsServer *s, DnsTransport transport, usec_t now);
/* A question of our own, which nobody waits for (dns-discovery.c). */
void dns_attempt_discover(DnsClient *c, DnsServer *s, const DnsName *name, uint16_t type,
        DnsTransport transport, usec_t now);
usec_t dns_attempt_limit(const DnsTransaction *t, const DnsAttempt *a);
void dns_attempt_close(DnsClient *c, DnsAttempt *a);

/* -- dns-transaction.c -- */
void dns_attempt_timeout(DnsClient *c, DnsTimer *timer, usec_t now);
/* Joins or starts the transaction for the part's question; one that is started sends so many
 * packets at most. */
int dns_transaction_join(DnsPart *part, uint32_t servers, unsigned packets_max, usec_t now);
/* The same question for nobody, so that who asks it next finds a fresh answer (REQ_DNS 45). */
void dns_transaction_refresh(DnsPart *part, uint32_t servers, usec_t now);
/* There was no descriptor for its only attempt: back to the line, until another question ends.
 * False when there is none to wait for. */
bool dns_transaction_wait(DnsAttempt *a);
/* The part no longer waits. `keep`: the question goes on for the cache's sake. */
void dns_transaction_leave(DnsPart *part, bool keep);
void dns_transaction_restart(DnsTransaction *t, usec_t now);
void dns_transaction_free(DnsTransaction *t);
DnsCacheKey dns_txn_key(const DnsTransaction *t);
/* Ends it with an answer that `by` brought (NULL: kept from before), or with an error. */
void dns_txn_finish(
        DnsTransaction *t, DnsAnswer *answer, const DnsAttempt *by, int error, usec_t now);
/* This server said something that is no answer; the next one is asked at once. */
void dns_attempt_useless(DnsAttempt *a, int error, usec_t now);
/* The same server again, another way. NULL when no packet is left for that, which may have ended
 * the transaction. */
DnsAttempt *dns_attempt_again(DnsAttempt *a, DnsTransport transport, usec_t now);

/* -- dns-discovery.c -- */
/* This server has answered: it is asked whom it designates when that is not known, by TLS where it
 * has that itself, so that nothing goes out plainly where it need not. */
void dns_discovery_consider(DnsClient *c, DnsServer *s, DnsTransport by, usec_t now);
void dns_discovery_answered(DnsClient *c, const DnsAttempt *a, const DnsMessage *m, usec_t now);
void dns_discovery_truncated(DnsClient *c, const DnsAttempt *a, usec_t now);

/* -- dns-trace.c -- */
void dns_trace_part(DnsPart *part, const char *what, usec_t now);
/* For all who wait for it. */
void dns_trace_attempt(const DnsAttempt *a, const char *what, usec_t now);
const char *dns_trace_rcode(unsigned rcode);
const char *dns_trace_error(int error);

/* -- dns-lookup.c -- */
/* The transaction the part waited for has ended; it has already left it. */
void dns_part_answered(DnsPart *part, DnsAnswer *answer, const DnsSource *by, usec_t now);
void dns_part_failed(DnsPart *part, int error, usec_t now);
