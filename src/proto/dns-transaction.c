/* SPDX-License-Identifier: MIT */
/*
 * One question to one set of servers.
 *
 * Servers are tried in order, the failed ones last. A timeout moves on to the next server and
 * leaves the old attempt open, so that a late answer still counts; an answer that is none
 * (SERVFAIL, REFUSED, malformed, a refused port) moves on at once and does not come back to that
 * server. Three rounds, or as many as there are in five seconds, twelve packets, 9.5 seconds:
 * whatever comes first ends it (REQ_DNS 21 to 25). Behind an alias there are fewer packets, so that
 * a look-up stays within its own.
 */
#include "proto/dns-client-internal.h"
#include <stdlib.h>
#include <string.h>

/* Who is quick with the one thing may be slow with the other. */
#define LISTEN_AT_LEAST (5 * USEC_PER_SEC)

static void txn_next(DnsTransaction *t, usec_t now);
static void start_from_line(DnsClient *c, usec_t now);

static bool is_last_round(const DnsTransaction *t)
{
        return t->round + 1 == DNS_TXN_ROUNDS;
}

/* -- attempts ---------------------------------------------------------------------------------- */

void dns_attempt_timeout(DnsClient *c, DnsTimer *timer, usec_t now)
{
        DnsAttempt *a = container_of(timer, DnsAttempt, timer);
        DnsTransaction *t = a->txn;
        bool current = t && t->current == a;
        /* of a connection beside a datagram only the wait for it is over, not the connection */
        bool beside = t && a->for_udp && is_last_round(t);

        /* what only newer servers know need not be answered */
        if (!a->discovery && !beside)
                dns_server_lost(a->server, now);
        dns_trace_attempt(a, "is silent", now);
        if (a->transport == DNS_TLS && !a->discovery &&
                a->server->privacy == DNS_PRIVACY_OPPORTUNISTIC) {
                dns_server_tls_failed(a->server, a->designations, now);
                if (t)
                        t->tried &= ~a->server->bit;
                a->server->failed = false;
        }
        /* what was lost may have been the letters' fault, what was dropped the cookie's */
        if (t && a->mixed_case && a->server->letter_case == DNS_CASE_TRYING)
                t->asked_plain |= a->server->bit;
        if (current && a->no_cookie) {
                dns_attempt_again(a, DNS_TCP, now);
                return;
        }
        if (!t || a->probe || (a->transport != DNS_UDP && !beside))
                dns_attempt_close(c, a);
        if (!current)
                return;
        t->current = NULL;
        t->error = t->error ? t->error : -ETIMEDOUT;
        txn_next(t, now);
}

/* What may go out plainly goes by TLS where there is nobody to be asked without. */
static bool goes_plainly(const DnsTransaction *t)
{
        for (size_t i = 0; t->plain && i < t->client->n_servers; i++)
                if ((t->servers & t->client->servers[i]->bit) && !t->client->servers[i]->only_tls)
                        return true;
        return false;
}

static DnsTransport first_transport(const DnsTransaction *t, const DnsServer *s, usec_t now)
{
        return goes_plainly(t) ? DNS_UDP : dns_server_transport(s, now);
}

/* Sends to `s` and lets its timeout move us on. NULL when memory ran out, which ends us soon. */
static DnsAttempt *ask(DnsTransaction *t, DnsServer *s, DnsTransport transport, usec_t now)
{
        DnsAttempt *a = dns_attempt_new(t, s, transport, now);

        t->current = a;
        if (a)
                dns_timer_set(t->client, &a->timer, now + dns_attempt_limit(t, a));
        else
                dns_timer_set(t->client, &t->timer, now);
        return a;
}

/* A copy of a live question shows whether a failed server is back (REQ_DNS 24). */
static void probe_failed(DnsTransaction *t, usec_t now)
{
        bool plain = goes_plainly(t);

        for (size_t i = 0; i < t->client->n_servers; i++) {
                DnsServer *s = t->client->servers[i];
                DnsAttempt *a;

                if (!(t->servers & s->bit) || (t->tried & s->bit) || (plain && s->only_tls) ||
                        !dns_server_probe_due(s, now))
                        continue;
                a = dns_attempt_new(t, s, first_transport(t, s, now), now);
                if (!a)
                        return;
                a->probe = true;
                dns_timer_set(t->client, &a->timer, now + dns_attempt_limit(t, a));
                return;
        }
}

/* -- the transaction --------------------------------------------------------------------------- */

DnsCacheKey dns_txn_key(const DnsTransaction *t)
{
        return (DnsCacheKey){
                .name = &t->name, .type = t->type, .class = t->class, .scope = t->servers
        };
}

/* The next in line has it; where nobody else sees to that, at the next time-out. */
static void leave_place(DnsClient *c)
{
        List *next = list_first(&c->line);

        c->n_running--;
        c->running_max = MIN(c->running_max + 1, DNS_TXN_RUNNING_MAX);
        if (next)
                dns_timer_set(c, &list_entry(next, DnsTransaction, running)->timer, 0);
}

bool dns_transaction_wait(DnsAttempt *a)
{
        DnsTransaction *t = a->txn;
        DnsClient *c = t->client;

        if (c->n_running <= 1 || list_first(&t->attempts) != &a->link ||
                a->link.next != &t->attempts)
                return false;
        dns_attempt_close(c, a);
        dns_timer_cancel(c, &t->timer);
        t->tried = 0;
        t->packets--;
        t->is_running = false;
        list_unlink(&t->running);
        list_link_tail(&c->line, &t->running);
        c->n_running--;
        c->running_max = c->n_running;
        return true;
}

void dns_transaction_free(DnsTransaction *t)
{
        DnsClient *c = t->client;

        list_foreach_safe (it, &t->waiters) {
                DnsPart *part = list_entry(it, DnsPart, waiter);

                list_unlink(it);
                part->txn = NULL;
        }
        list_foreach_safe (it, &t->attempts) {
                DnsAttempt *a = list_entry(it, DnsAttempt, link);

                /* a probe goes on without us, it has its own time */
                if (a->probe) {
                        a->txn = NULL;
                        list_unlink(it);
                        list_link_tail(&c->orphans, it);
                } else {
                        dns_attempt_close(c, a);
                }
        }
        dns_timer_cancel(c, &t->timer);
        list_unlink(&t->link);
        list_unlink(&t->running);
        if (t->is_running)
                leave_place(c);
        c->n_txns--;
        dns_answer_unref(t->doubtful);
        free(t);
}

/* Ends it: the waiters are taken along first, since what they do may start other transactions. */
void dns_txn_finish(
        DnsTransaction *t, DnsAnswer *answer, const DnsAttempt *by, int error, usec_t now)
{
        DnsSource source = { 0 };
        DnsClient *c = t->client;
        unsigned packets = t->packets;
        List waiters = LIST_INIT(waiters);

        if (by)
                source = (DnsSource){ by->server, by->transport };
        list_splice_tail(&waiters, &t->waiters);
        list_foreach (it, &waiters)
                list_entry(it, DnsPart, waiter)->txn = NULL;
        dns_transaction_free(t);
        start_from_line(c, now);
        while (!list_is_empty(&waiters)) {
                DnsPart *part = list_entry(list_first(&waiters), DnsPart, waiter);

                list_unlink(&part->waiter);
                part->lookup->packets += packets;
                if (answer)
                        dns_part_answered(part, answer, by ? &source : NULL, now);
                else
                        dns_part_failed(part, error, now);
        }
}

static void txn_fail(DnsTransaction *t, int error, usec_t now)
{
        DnsCacheKey key = dns_txn_key(t);

        /* the check of a doubtful answer failed, not the question */
        if (t->doubtful) {
                _cleanup_(dns_answer_unrefp) DnsAnswer *a = TAKE_PTR(t->doubtful);

                dns_txn_finish(t, a, NULL, 0, now);
                return;
        }
        /* a missing route or server is ours to wait for, not theirs to be blamed for */
        if (t->servers != 0 && error != -ENETUNREACH)
                dns_cache_put_failure(t->client->cache, &key, error, now);
        dns_txn_finish(t, NULL, NULL, error, now);
}

static void txn_timeout(DnsClient *c, DnsTimer *timer, usec_t now)
{
        DnsTransaction *t = container_of(timer, DnsTransaction, timer);

        if (!t->is_running)
                start_from_line(c, now);
        else
                txn_fail(t, t->error ? t->error : -ETIMEDOUT, now);
}

/* The next server of this round: in order, the failed ones last. */
static DnsServer *choose(const DnsTransaction *t)
{
        uint32_t open = t->servers & ~t->tried & ~t->dead;
        bool plain = goes_plainly(t);

        for (unsigned failed = 0; failed < 2; failed++)
                for (size_t i = 0; i < t->client->n_servers; i++) {
                        DnsServer *s = t->client->servers[i];

                        if ((open & s->bit) && s->failed == (failed > 0) && !(plain && s->only_tls))
                                return s;
                }
        return NULL;
}

/* Nothing more is sent, and what is open is listened to until then. */
static void listen_on(DnsTransaction *t, usec_t end)
{
        end = MAX(end, t->started + LISTEN_AT_LEAST);
        dns_timer_set(t->client, &t->timer, MIN(end, t->started + DNS_TXN_BUDGET));
}

/* Nothing is left to send. A quick server may still be busy with a slow question: what is open is
 * listened to for a while (a server that asks others has its own timeouts). */
static void txn_exhausted(DnsTransaction *t, usec_t now)
{
        if (list_is_empty(&t->attempts) || now >= t->started + LISTEN_AT_LEAST)
                txn_fail(t, t->error ? t->error : -ETIMEDOUT, now);
        else
                listen_on(t, 0);
}

/* In the last round what datagrams have not brought is asked for by both: a connection gets over
 * losses, and is refused or swallowed where there are only datagrams. */
static void ask_plainly(DnsTransaction *t, DnsServer *s, DnsTransport transport, usec_t now)
{
        bool both = is_last_round(t) && t->packets + 1 < t->packets_max;
        DnsAttempt *a;

        if (both)
                (void) dns_attempt_new(t, s, DNS_UDP, now);
        a = ask(t, s, both ? DNS_TCP : transport, now);
        if (!a)
                return;
        a->for_udp = a->transport == DNS_TCP;
        /* the next server waits no longer than for a datagram; both are listened to from there on
         */
        if (both)
                dns_timer_set(t->client, &a->timer,
                        now + dns_server_timeout(s, t->round, t->client->rng));
}

/* Three rounds; quick servers are through with them while late answers are still listened for, and
 * have what was lost asked for again meanwhile. */
static bool has_another_round(const DnsTransaction *t, usec_t now)
{
        return t->round + 1 < DNS_TXN_ROUNDS || now < t->started + LISTEN_AT_LEAST;
}

static void txn_next(DnsTransaction *t, usec_t now)
{
        DnsServer *s = choose(t);
        DnsTransport transport;

        if (!s && has_another_round(t, now) && (t->tried & t->servers & ~t->dead)) {
                t->round++;
                t->tried = 0;
                s = choose(t);
        }
        if (!s || t->packets >= t->packets_max) {
                txn_exhausted(t, now);
                return;
        }
        t->tried |= s->bit;
        transport = first_transport(t, s, now);
        if (transport == DNS_TLS)
                ask(t, s, transport, now);
        else
                ask_plainly(t, s, transport, now);
        /* a round beyond the third makes nothing last longer */
        if (t->current && t->round >= DNS_TXN_ROUNDS)
                dns_timer_set(t->client, &t->current->timer,
                        MIN(t->current->timer.deadline, t->started + LISTEN_AT_LEAST));
}

static void txn_run(DnsTransaction *t, usec_t now)
{
        list_unlink(&t->running);
        list_link_tail(&t->client->running, &t->running);
        t->is_running = true;
        t->client->n_running++;
        t->started = now;
        dns_timer_set(t->client, &t->timer, now + DNS_TXN_BUDGET);
        if (choose(t)) {
                txn_next(t, now);
                return;
        }
        /* nobody may be asked in this way: not ended here, in the middle of whoever starts it */
        t->error = t->error ? t->error : -ENETUNREACH;
        dns_timer_set(t->client, &t->timer, now);
}

/* Whoever stands in line and has somebody waiting gets the free place. */
static void start_from_line(DnsClient *c, usec_t now)
{
        while (c->n_running < c->running_max && !list_is_empty(&c->line)) {
                DnsTransaction *t = list_entry(list_first(&c->line), DnsTransaction, running);

                txn_run(t, now);
                probe_failed(t, now);
        }
}

static DnsTransaction *txn_find(
        const DnsClient *c, const DnsPart *part, uint32_t servers, bool plain, List *bucket)
{
        list_foreach (it, bucket) {
                DnsTransaction *t = list_entry(it, DnsTransaction, link);

                if (t->type == part->type && t->class == part->lookup->question.class &&
                        t->servers == servers && t->plain == plain &&
                        dns_name_equal(&t->name, &part->name))
                        return t;
        }
        return NULL;
}

/* The one that there is, or a new one in the line. NULL when memory ran out. */
static DnsTransaction *txn_get(DnsPart *part, uint32_t servers, unsigned packets_max)
{
        const DnsQuestion *q = &part->lookup->question;
        DnsClient *c = part->lookup->client;
        List *bucket = &c->txns[dns_name_hash(&part->name, c->seed) % DNS_TXN_BUCKETS];
        bool plain = q->flags & DNS_LOOKUP_PLAIN;
        DnsTransaction *t = txn_find(c, part, servers, plain, bucket);

        if (t)
                return t;
        t = malloc(sizeof(*t));
        if (!t)
                return NULL;
        memset(t, 0, offsetof(DnsTransaction, name));
        t->client = c;
        t->timer.kind = DNS_TIMER_TXN;
        t->timer.fn = txn_timeout;
        t->type = part->type;
        t->class = q->class;
        t->servers = servers;
        t->ifindex = q->ifindex;
        t->plain = plain;
        t->packets_max = packets_max;
        dns_name_copy(&t->name, &part->name);
        list_init(&t->waiters);
        list_init(&t->attempts);
        list_link_tail(bucket, &t->link);
        list_link_tail(&c->line, &t->running);
        c->n_txns++;
        c->total++;
        return t;
}

int dns_transaction_join(DnsPart *part, uint32_t servers, unsigned packets_max, usec_t now)
{
        DnsClient *c = part->lookup->client;
        DnsTransaction *t = txn_get(part, servers, packets_max);

        if (!t)
                return -ENOMEM;
        part->txn = t;
        t->is_traced = t->is_traced || part->lookup->steps;
        list_link_tail(&t->waiters, &part->waiter);
        if (!list_is_empty(&t->attempts))
                dns_trace_part(part, "was asked already", now);
        start_from_line(c, now);
        return 0;
}

void dns_transaction_refresh(DnsPart *part, uint32_t servers, usec_t now)
{
        DnsClient *c = part->lookup->client;

        /* whoever waits comes first */
        if (list_is_empty(&c->line) && c->n_running < c->running_max / 2 &&
                txn_get(part, servers, DNS_TXN_PACKETS_MAX))
                start_from_line(c, now);
}

void dns_transaction_leave(DnsPart *part, bool keep)
{
        DnsTransaction *t = part->txn;

        if (!t)
                return;
        part->txn = NULL;
        list_unlink(&part->waiter);
        if (list_is_empty(&t->waiters) && !(keep && t->is_running))
                dns_transaction_free(t);
}

void dns_transaction_restart(DnsTransaction *t, usec_t now)
{
        t->servers = dns_client_route(t->client, &t->name, t->ifindex, NULL);
        t->current = NULL;
        t->tried = t->dead = t->asked_plain = 0;
        t->round = t->packets = 0;
        t->second_chance = false;
        t->error = 0;
        t->doubtful = dns_answer_unref(t->doubtful);
        if (t->servers == 0)
                txn_fail(t, -ENETUNREACH, now);
        else if (t->is_running)
                txn_next(t, now);
}

void dns_attempt_useless(DnsAttempt *a, int error, usec_t now)
{
        DnsTransaction *t = a->txn;
        DnsServer *s = a->server;
        DnsClient *c = t->client;
        bool current = t->current == a;

        t->dead |= s->bit;
        t->error = error;
        dns_attempt_close(c, a);
        if (current)
                txn_next(t, now);
        else if (!t->current && list_is_empty(&t->attempts))
                dns_timer_set(c, &t->timer, now);
}

DnsAttempt *dns_attempt_again(DnsAttempt *a, DnsTransport transport, usec_t now)
{
        DnsTransaction *t = a->txn;
        DnsServer *s = a->server;
        DnsAttempt *old = t->current;

        dns_attempt_close(t->client, a);
        if (t->packets >= t->packets_max) {
                t->error = t->error ? t->error : -EIO;
                if (t->doubtful || list_is_empty(&t->attempts))
                        txn_fail(t, t->error, now);
                else if (!t->current) /* what is open may have gone out only now */
                        listen_on(t, now + dns_server_timeout(s, t->round, t->client->rng));
                return NULL;
        }
        /* an older attempt that answered after all is worth more than the one it was given up for
         */
        if (old && old != a)
                dns_timer_cancel(t->client, &old->timer);
        return ask(t, s, transport, now);
}
