/* SPDX-License-Identifier: MIT */
#pragma once
/* What is remembered of one server: how fast it is, whether it is there, what it does not cope
 * with. */
#include "proto/dns-message.h"
#include "util/clock.h"
#include "util/rng.h"

typedef enum DnsTransport { DNS_UDP, DNS_TCP, DNS_TLS } DnsTransport;
const char *dns_transport_to_string(DnsTransport t);

typedef enum DnsPrivacy {
        DNS_PRIVACY_NONE,
        DNS_PRIVACY_OPPORTUNISTIC, /* TLS where it works, unauthenticated */
        DNS_PRIVACY_STRICT,        /* TLS with a checked name, or nothing */
} DnsPrivacy;

/* Whether the server copes with a question in mixed case (REQ_DNS 6). It is asked in lower case
 * until it has answered once; a negative answer to the first mixed ones is asked again plainly
 * before it is believed. */
typedef enum DnsCase { DNS_CASE_UNKNOWN, DNS_CASE_TRYING, DNS_CASE_GOOD, DNS_CASE_OFF } DnsCase;

/* The TLS server that speaks for a server (RFC 9462), known by the latter's address. */
typedef struct DnsDesignation DnsDesignation;
struct DnsDesignation {
        bool is_set;
        bool verify; /* its certificate has to name the address of the server */
        Endpoint endpoint;
};

typedef struct DnsServer DnsServer;
struct DnsServer {
        Endpoint endpoint;
        DnsPrivacy privacy;
        bool only_tls;
        uint32_t bit;  /* its place in sets of servers */
        void *binding; /* the binding's connections to it */

        usec_t srtt;     /* 0: not measured */
        bool failed;     /* sorted last until it answers */
        usec_t probe_at; /* when a copy of a live query may look whether it is back */
        usec_t probe_wait;
        bool edns_works, udp_works; /* it has answered with one, by the other */
        usec_t plain_until;         /* no EDNS before that */
        usec_t tcp_until;           /* no UDP before that */
        usec_t tls_retry_at;
        DnsDesignation designation;
        unsigned designations; /* how many there were: a connection is to the one of its time */
        unsigned networks;     /* how many there were: a connection is of one */
        usec_t ddr_at;         /* when to ask whom it designates */
        uint16_t ddr_port;     /* of the one whose address is being asked for */
        usec_t keepalive;      /* how long it lets a connection idle; 0: it does not say */
        DnsCase letter_case;
        uint8_t cookie[40]; /* ours, then the server's */
        uint8_t cookie_len; /* 0 before the first query */
        usec_t cookie_born, cookie_missing_since;
};

/* Another network: as it is before anything is known of it; what was configured and the
 * binding stay. */
void dns_server_forget(DnsServer *s);
/* REQ_DNS 23: 5 times the smoothed RTT within 0.25 to 5 s, 2 s when unmeasured, doubled per round.
 */
usec_t dns_server_timeout(const DnsServer *s, unsigned round, Rng *rng);
void dns_server_answered(DnsServer *s, usec_t rtt);
/* A try without a usable answer. */
void dns_server_lost(DnsServer *s, usec_t now);
/* True when it is time to see whether a failed server is back; the next time is then later. */
bool dns_server_probe_due(DnsServer *s, usec_t now);
/* It has answered a try sent like that; `later`: after others of the same question came to nothing.
 */
void dns_server_learned(DnsServer *s, DnsTransport t, bool edns, bool later, usec_t now);
/* Whether to send EDNS: what a server that has never answered it may be dropping in silence is left
 * out from the second round on. */
bool dns_server_edns(const DnsServer *s, unsigned round, usec_t now);
void dns_server_no_edns(DnsServer *s, usec_t now);
/* The transport to begin with. */
DnsTransport dns_server_transport(const DnsServer *s, usec_t now);
/* TLS to it failed, or to the one it had designated by then (`designations`): that one is left, or
 * TLS altogether for a while. */
void dns_server_tls_failed(DnsServer *s, unsigned designations, usec_t now);
/* Takes another designation, or none. */
void dns_server_designate(DnsServer *s, const DnsDesignation *d);
/* Whether what it says by TLS is known to be its own. */
bool dns_server_is_verified(const DnsServer *s);

/* RFC 7873: the option to send, and whether a UDP reply with this option may be believed. */
void dns_server_cookie_fill(DnsServer *s, DnsQueryOptions *o, Rng *rng, usec_t now);
bool dns_server_cookie_check(DnsServer *s, const DnsEdns *edns, usec_t now);
