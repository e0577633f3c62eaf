/* SPDX-License-Identifier: MIT */
/* One packet to one server: how it is built and let go of. */
#include "proto/dns-client-internal.h"
#include <stdlib.h>
#include <string.h>

#define STREAM_TIMEOUT      (5 * USEC_PER_SEC)
#define OPPORTUNISTIC_LIMIT (2 * USEC_PER_SEC)
#define PROBE_TIMEOUT       (2 * USEC_PER_SEC)
/* Sockets one question may hold open for late answers. */
#define OPEN_MAX 4

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
        uint64_t bits = 0;

        for (size_t i = 0; i < n->len; i++) {
                if (i % 64 == 0)
                        dns_client_random(c, &bits, sizeof(bits));
                if ((n->wire[i] | 0x20) >= 'a' && (n->wire[i] | 0x20) <= 'z' && bits & 1)
                        n->wire[i] ^= 0x20;
                bits >>= 1;
        }
}

/* An id that no other question on the same connection has. */
static uint16_t fresh_id(const DnsTransaction *t, const DnsServer *s, DnsTransport transport)
{
        DnsClient *c = t->client;
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

static int attempt_build(DnsTransaction *t, DnsAttempt *a, usec_t now)
{
        DnsServer *s = a->server;
        DnsQueryOptions o = { .edns = a->edns,
                .keepalive = a->transport != DNS_UDP,
                .pad = a->transport == DNS_TLS };
        DnsName name = t->name;
        int size;

        if (a->edns && a->transport == DNS_UDP)
                dns_server_cookie_fill(s, &o, t->client->rng, now);
        dns_name_lower(&name);
        if (a->mixed_case)
                mix_case(&name, t->client);
        a->id = fresh_id(t, s, a->transport);
        size = dns_query_build(a->packet, sizeof(a->packet), a->id, &name, t->type, t->class, &o);
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

DnsAttempt *dns_attempt_new(DnsTransaction *t, DnsServer *s, DnsTransport transport, usec_t now)
{
        bool plain = t->asked_plain & s->bit;
        DnsAttempt *a;

        bound_open(t);
        a = malloc(sizeof(*a));
        if (!a)
                return NULL;
        memset(a, 0, offsetof(DnsAttempt, packet));
        a->txn = t;
        a->server = s;
        a->transport = transport;
        a->sent = now;
        a->timer.fn = dns_attempt_timeout;
        a->edns = !t->second_chance && dns_server_edns(s, t->round, now);
        a->mixed_case = transport == DNS_UDP && !plain && t->round == 0 &&
                        (s->letter_case == DNS_CASE_TRYING || s->letter_case == DNS_CASE_GOOD);
        if (attempt_build(t, a, now) < 0) {
                free(a);
                return NULL;
        }
        t->packets++;
        list_link_tail(&t->attempts, &a->link);
        list_link_tail(&t->client->events_send, &a->event_link);
        dns_trace_attempt(a, "is asked", now);
        return a;
}
