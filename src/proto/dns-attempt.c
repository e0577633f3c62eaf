/* SPDX-License-Identifier: MIT */
/* One packet to one server: how it is built and let go of. */
#include "proto/dns-client-internal.h"
#include <stdlib.h>
#include <string.h>

#define STREAM_TIMEOUT      (5 * USEC_PER_SEC)
#define OPPORTUNISTIC_LIMIT (2 * USEC_PER_SEC)
#define PROBE_TIMEOUT       (2 * USEC_PER_SEC)
/* Sockets one question may hold open for late answers: all that a single server is asked. */
#define OPEN_MAX 6

void dns_attempt_close(DnsClient *c, DnsAttempt *a)
{
        if (a->txn && a->txn->current == a)
                a->txn->current = NULL;
        a->txn = NULL;
        dns_timer_cancel(c, &a->timer);
        list_unlink(&a->link);
        list_unlink(&a->event_link);
        if (!a->pending) {
                free(a);
                return;
        }
        a->pending = false;
        list_link_tail(&c->closed, &a->link);
}

/* RFC 0x20 draft: each letter's case by a coin. */
static void mix_case(DnsName *n, DnsClient *c)
{
        uint8_t coins[(DNS_NAME_MAX + 63) / 64 * 8];

        dns_client_random(c, coins, (n->len + 63u) / 64 * 8);
        dns_name_mix_case(n, coins);
}

/* An id that no other question on the same connection has. */
static uint16_t fresh_id(DnsClient *c, const DnsServer *s, DnsTransport transport)
{
        bool taken = true;
        uint16_t id = 0;

        for (unsigned tries = 0; taken && tries < 64; tries++) {
                dns_client_random(c, &id, sizeof(id));
                taken = false;
                if (transport == DNS_UDP)
                        break;
                list_foreach (it, &c->running) {
                        DnsTransaction *other = list_entry(it, DnsTransaction, running);

                        list_foreach (at, &other->attempts) {
                                DnsAttempt *a = list_entry(at, DnsAttempt, link);

                                taken = taken || (a->server == s && a->id == id);
                        }
                }
        }
        return id;
}

static int attempt_build(DnsClient *c, DnsAttempt *a, const DnsName *qname, uint16_t type,
        uint16_t class, usec_t now)
{
        DnsServer *s = a->server;
        DnsQueryOptions o = { .edns = a->edns,
                .keepalive = a->transport != DNS_UDP,
                .pad = a->transport == DNS_TLS };
        DnsName name;
        int size;

        dns_name_copy(&name, qname);
        if (a->edns && a->transport == DNS_UDP)
                dns_server_cookie_fill(s, &o, c->rng, now);
        dns_name_lower(&name);
        if (a->mixed_case)
                mix_case(&name, c);
        a->id = fresh_id(c, s, a->transport);
        size = dns_query_build(a->packet, sizeof(a->packet), a->id, &name, type, class, &o);
        if (size < 0)
                return size;
        a->size = (uint16_t) size;
        return 0;
}

usec_t dns_attempt_limit(const DnsTransaction *t, const DnsAttempt *a)
{
        if (a->probe)
                return PROBE_TIMEOUT;
        if (a->transport == DNS_UDP)
                return dns_server_timeout(a->server, t->round, t->client->rng);
        if (a->transport == DNS_TLS && a->server->privacy == DNS_PRIVACY_OPPORTUNISTIC)
                return OPPORTUNISTIC_LIMIT;
        return STREAM_TIMEOUT;
}

/* Sockets kept for late answers are bounded: the oldest goes. */
static void bound_open(DnsTransaction *t)
{
        size_t n = 0;

        list_foreach (it, &t->attempts)
                n++;
        if (n >= OPEN_MAX)
                dns_attempt_close(
                        t->client, list_entry(list_first(&t->attempts), DnsAttempt, link));
}

static DnsAttempt *attempt_alloc(DnsServer *s, DnsTransport transport, usec_t now)
{
        DnsAttempt *a = malloc(sizeof(*a));

        if (!a)
                return NULL;
        memset(a, 0, offsetof(DnsAttempt, packet));
        a->server = s;
        a->transport = transport;
        a->designations = s->designations;
        a->sent = now;
        a->timer.kind = DNS_TIMER_ATTEMPT;
        a->timer.fn = dns_attempt_timeout;
        return a;
}

DnsAttempt *dns_attempt_new(DnsTransaction *t, DnsServer *s, DnsTransport transport, usec_t now)
{
        bool plain = t->asked_plain & s->bit;
        DnsAttempt *a;

        bound_open(t);
        a = attempt_alloc(s, transport, now);
        if (!a)
                return NULL;
        a->txn = t;
        a->edns = !t->second_chance && dns_server_edns(s, t->round, now);
        a->mixed_case = transport == DNS_UDP && !plain && t->round == 0 &&
                        (s->letter_case == DNS_CASE_TRYING || s->letter_case == DNS_CASE_GOOD);
        if (attempt_build(t->client, a, &t->name, t->type, t->class, now) < 0) {
                free(a);
                return NULL;
        }
        t->packets++;
        list_link_tail(&t->attempts, &a->link);
        list_link_tail(&t->client->events_send, &a->event_link);
        dns_trace_attempt(a, "is asked", now);
        return a;
}

void dns_attempt_discover(DnsClient *c, DnsServer *s, const DnsName *name, uint16_t type,
        DnsTransport transport, usec_t now)
{
        DnsAttempt *a = attempt_alloc(s, transport, now);

        if (!a)
                return;
        a->discovery = true;
        a->edns = dns_server_edns(s, 0, now);
        if (attempt_build(c, a, name, type, DNS_CLASS_IN, now) < 0) {
                free(a);
                return;
        }
        list_link_tail(&c->orphans, &a->link);
        list_link_tail(&c->events_send, &a->event_link);
        dns_timer_set(c, &a->timer, now + PROBE_TIMEOUT);
}
