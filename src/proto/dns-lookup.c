/* SPDX-License-Identifier: MIT */
/*
 * What a caller asked: candidate names one after the other, its types side by side, each along its
 * alias chain through local names, the cache and transactions.
 */
#include "proto/dns-client-internal.h"
#include "proto/dns-special.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void lookup_advance(DnsLookup *l, usec_t now);

/* -- parts ------------------------------------------------------------------------------------- */

static void part_clear(DnsPart *part)
{
        dns_transaction_leave(part, false);
        part->answer = dns_answer_unref(part->answer);
}

static void part_init(DnsPart *part, DnsLookup *l, uint16_t type)
{
        memset(part, 0, offsetof(DnsPart, name));
        part->lookup = l;
        part->type = type;
        list_init(&part->waiter);
        dns_name_copy(&part->name, &l->candidates[l->candidate]);
}

static void part_fail(DnsPart *part, int error)
{
        part->done = true;
        part->error = error;
}

/* Takes an answer for the name now asked for; an alias moves on to its target. */
static void part_absorb(DnsPart *part, DnsAnswer *answer, uint32_t age)
{
        if (part->answer) {
                DnsAnswer *both;

                if (dns_answer_join(&both, part->answer, part->age, answer, age) < 0) {
                        part_fail(part, -ENOMEM);
                        return;
                }
                dns_answer_unref(part->answer);
                part->answer = both;
                part->age = 0;
        } else {
                part->answer = dns_answer_ref(answer);
                part->age = age;
        }
        part->steps += answer->n_steps;
        if (part->answer->n_chain > 0 && part->lookup->question.flags & DNS_LOOKUP_NO_CNAME)
                part_fail(part, -ENODATA);
        else if (part->steps > DNS_CHAIN_MAX)
                part_fail(part, -EIO);
        else if (answer->verdict == DNS_VERDICT_CHASE)
                dns_answer_final(answer, &part->name);
        else
                part->done = true;
}

static int hosts_answer(DnsAnswer **ret, const DnsHosts *hosts, const DnsName *name, uint16_t type)
{
        IpAddr addrs[64];
        size_t n =
                MIN(dns_hosts_addresses(hosts, name, addrs, ELEMENTSOF(addrs)), ELEMENTSOF(addrs));
        int r;

        if (n == 0)
                return 0;
        r = dns_answer_from_addresses(
                ret, name, type == DNS_TYPE_A ? AF_INET : AF_INET6, addrs, n, 0);
        return r < 0 ? r : 1;
}

/* 4.3.2.1.in-addr.arpa back to 1.2.3.4. */
static bool address_of_reverse(const DnsName *name, IpAddr *ret)
{
        char text[DNS_NAME_TEXT_MAX];
        uint8_t bytes[16];
        DnsName check;

        dns_name_to_text(name, text);
        if (dns_name_labels(name) == 6) {
                unsigned d, c, b, a;

                if (sscanf(text, "%3u.%3u.%3u.%3u.", &d, &c, &b, &a) != 4)
                        return false;
                bytes[0] = (uint8_t) a;
                bytes[1] = (uint8_t) b;
                bytes[2] = (uint8_t) c;
                bytes[3] = (uint8_t) d;
                *ret = ip_from_bytes(AF_INET, bytes, 4);
        } else if (dns_name_labels(name) == 34) {
                for (size_t i = 0; i < 16; i++) {
                        unsigned low, high;

                        if (sscanf(text + 4 * i, "%1x.%1x.", &low, &high) != 2)
                                return false;
                        bytes[15 - i] = (uint8_t) (high << 4 | low);
                }
                *ret = ip_from_bytes(AF_INET6, bytes, 16);
        } else {
                return false;
        }
        dns_name_for_address(ret, &check);
        return dns_name_equal(&check, name);
}

static int hosts_reverse(DnsAnswer **ret, const DnsHosts *hosts, const DnsName *name)
{
        DnsName names[8];
        IpAddr a;
        size_t n;
        int r;

        if (!address_of_reverse(name, &a))
                return 0;
        n = MIN(dns_hosts_names(hosts, &a, names, ELEMENTSOF(names)), ELEMENTSOF(names));
        if (n == 0)
                return 0;
        r = dns_answer_from_names(ret, name, names, n, 0);
        return r < 0 ? r : 1;
}

/* REQ_DNS 5, 30: 1 when the name is one of ours; `first`: the one asked for, not where an alias
 * led.
 */
static int local_answer(
        DnsAnswer **ret, const DnsLookup *l, const DnsName *name, uint16_t type, bool first)
{
        bool plain = l->question.flags & DNS_LOOKUP_NO_SYNTHESIZE, with_hosts = first && !plain;
        const DnsClient *c = l->client;
        bool routed;
        int r = 0;

        (void) dns_client_route(c, name, 0, &routed);
        if (with_hosts && c->hosts && (type == DNS_TYPE_A || type == DNS_TYPE_AAAA))
                r = hosts_answer(ret, c->hosts, name, type);
        else if (with_hosts && c->hosts && type == DNS_TYPE_PTR)
                r = hosts_reverse(ret, c->hosts, name);
        if (r == 0)
                r = dns_special_answer(ret, name, type, routed);
        if (r > 0 && plain) {
                /* still nobody else's to answer */
                dns_answer_unref(*ret);
                *ret = NULL;
                r = dns_answer_negative(ret, DNS_VERDICT_NXDOMAIN, name);
                return r < 0 ? r : 1;
        }
        return r;
}

/* The answer is in use and soon over. */
static void part_refresh(DnsPart *part, uint32_t servers, usec_t now)
{
        if (part->lookup->question.flags & (DNS_LOOKUP_NO_NETWORK | DNS_LOOKUP_PLAIN) ||
                servers == 0)
                return;
        dns_trace_part(part, "is fetched anew", now);
        dns_transaction_refresh(part, servers, now);
}

/* As far as it goes without waiting for a packet. */
static void part_local(DnsPart *part, usec_t now)
{
        const DnsQuestion *q = &part->lookup->question;
        DnsClient *c = part->lookup->client;

        while (!part->done) {
                _cleanup_(dns_answer_unrefp) DnsAnswer *own = NULL;
                DnsCacheKey key = { .name = &part->name, .type = part->type, .class = q->class };
                DnsCacheHit hit;
                int r = 0;

                if (q->class == DNS_CLASS_IN)
                        r = local_answer(
                                &own, part->lookup, &part->name, part->type, part->steps == 0);
                if (r < 0) {
                        part_fail(part, r);
                } else if (r > 0) {
                        dns_trace_part(part, "known here", now);
                        part->local = true;
                        part_absorb(part, own, 0);
                } else {
                        if (q->flags & DNS_LOOKUP_NO_CACHE)
                                return;
                        key.scope = dns_client_route(c, &part->name, q->ifindex, NULL);
                        if (!dns_cache_get(c->cache, &key, false, now, &hit))
                                return;
                        dns_trace_part(part, "in the cache", now);
                        own = dns_answer_ref(hit.answer);
                        if (hit.due)
                                part_refresh(part, key.scope, now);
                        part_absorb(part, own, hit.age);
                }
        }
}

/* Expired answers, when nothing better is to be had (RFC 8767): from the start of the chain. */
static bool part_stale(DnsPart *part, usec_t now)
{
        const DnsQuestion *q = &part->lookup->question;
        DnsClient *c = part->lookup->client;
        DnsPart old;

        if (q->flags & (DNS_LOOKUP_NO_CACHE | DNS_LOOKUP_NO_STALE))
                return false;
        part_init(&old, part->lookup, part->type);
        while (!old.done) {
                DnsCacheKey key = { .name = &old.name,
                        .type = old.type,
                        .class = q->class,
                        .scope = dns_client_route(c, &old.name, q->ifindex, NULL) };
                DnsCacheHit hit;

                if (!dns_cache_get(c->cache, &key, true, now, &hit))
                        break;
                part_absorb(&old, hit.answer, 0);
        }
        if (!old.done || old.error < 0 || old.answer->verdict != DNS_VERDICT_POSITIVE) {
                dns_answer_unref(old.answer);
                return false;
        }
        dns_transaction_leave(part, true);
        dns_trace_part(part, "in the cache, expired", now);
        dns_answer_unref(part->answer);
        part->answer = old.answer;
        part->age = 0;
        part->done = part->stale = true;
        part->error = 0;
        return true;
}

static void part_fail_or_stale(DnsPart *part, int error, usec_t now)
{
        if (!part_stale(part, now))
                part_fail(part, error);
}

/* REQ_DNS 23: what is left of the look-up's packets when each of its transactions that are under
 * way has sent all that it may. */
static unsigned packets_left(const DnsLookup *l)
{
        unsigned n = l->packets;

        for (size_t i = 0; i < l->n_parts; i++)
                if (l->parts[i].txn)
                        n += l->parts[i].txn->packets_max;
        return n < DNS_LOOKUP_PACKETS_MAX ? DNS_LOOKUP_PACKETS_MAX - n : 0;
}

/* Goes on until the part is done or waits for a transaction. */
static void part_run(DnsPart *part, usec_t now)
{
        DnsLookup *l = part->lookup;
        const DnsQuestion *q = &l->question;
        DnsCacheKey key = { .name = &part->name, .type = part->type, .class = q->class };
        unsigned packets;
        int r;

        part_local(part, now);
        if (part->done)
                return;
        key.scope = dns_client_route(l->client, &part->name, q->ifindex, NULL);
        if (key.scope == 0 || q->flags & DNS_LOOKUP_NO_NETWORK) {
                part_fail_or_stale(part, -ENETUNREACH, now);
                return;
        }
        r = q->flags & (DNS_LOOKUP_NO_CACHE | DNS_LOOKUP_PLAIN)
                    ? 0
                    : dns_cache_failure(l->client->cache, &key, now);
        if (r < 0)
                dns_trace_part(part, "failed a moment ago", now);
        packets = MIN(packets_left(l), DNS_TXN_PACKETS_MAX);
        if (r == 0 && (l->queries++ >= DNS_LOOKUP_QUERIES_MAX || packets == 0))
                r = -EIO;
        if (r == 0) {
                part->from_network = true;
                r = dns_transaction_join(part, key.scope, packets, now);
        }
        if (r < 0)
                part_fail_or_stale(part, r, now);
}

void dns_part_answered(DnsPart *part, DnsAnswer *answer, const DnsSource *by, usec_t now)
{
        DnsLookup *l = part->lookup;

        if (by) {
                l->result.asked = true;
                l->result.server = by->server->endpoint;
                l->result.transport = by->transport;
        }
        part_absorb(part, answer, 0);
        if (!part->done)
                part_run(part, now);
        lookup_advance(l, now);
}

void dns_part_failed(DnsPart *part, int error, usec_t now)
{
        part_fail_or_stale(part, error, now);
        lookup_advance(part->lookup, now);
}

/* -- look-ups ---------------------------------------------------------------------------------- */

static bool is_positive(const DnsPart *part)
{
        return part->done && part->error == 0 && part->answer->verdict == DNS_VERDICT_POSITIVE;
}

static bool any_positive(const DnsLookup *l)
{
        for (size_t i = 0; i < l->n_parts; i++)
                if (is_positive(&l->parts[i]))
                        return true;
        return false;
}

/* A name that has no IPv4 addresses because it does not exist has no others either. What is said of
 * AAAA tells less: some servers deny the name where it has addresses of IPv4 only (RFC 4074 4.2).
 */
static bool is_denied(const DnsLookup *l)
{
        for (size_t i = 0; i < l->n_parts; i++) {
                const DnsPart *part = &l->parts[i];

                if (part->type == DNS_TYPE_A && part->done && part->error == 0 &&
                        part->answer->verdict == DNS_VERDICT_NXDOMAIN)
                        return true;
        }
        return false;
}

static void result_fill(DnsLookup *l, int error, usec_t now)
{
        DnsResult *res = &l->result;
        bool network = false;

        res->error = error;
        dns_name_copy(&res->name, &l->candidates[l->candidate]);
        res->took = usec_sub(now, l->started);
        res->steps = l->steps;
        res->n_steps = l->n_steps;
        res->local = res->confidential = true;
        for (size_t i = 0; i < l->n_parts; i++) {
                DnsPart *part = &l->parts[i];

                if (part->done && part->error == 0 && part->answer) {
                        res->answers[i] = dns_answer_ref(part->answer);
                        res->ages[i] = part->age;
                        res->confidential = res->confidential && part->answer->confidential;
                }
                res->stale = res->stale || part->stale;
                res->local = res->local && part->local && part->steps == 0;
                network = network || (part->from_network && !part->stale);
        }
        res->from_cache = !network && !res->local;
        if (!network)
                res->asked = false;
}

static void lookup_done(DnsLookup *l, int error, usec_t now)
{
        if (l->done)
                return;
        l->done = true;
        result_fill(l, error, now);
        for (size_t i = 0; i < l->n_parts; i++)
                dns_transaction_leave(&l->parts[i], true);
        dns_timer_cancel(l->client, &l->timer);
        list_link_tail(&l->client->events_done, &l->event_link);
}

static void set_timer(DnsLookup *l)
{
        dns_timer_set(l->client, &l->timer, MIN(l->give_up, MIN(l->family_at, l->stale_at)));
}

/* What the parts of one candidate come to when all are done: 0, -ENODATA, -ESRCH or a failure. */
static int verdict(const DnsLookup *l)
{
        int error = -ESRCH;

        if (any_positive(l))
                return 0;
        if (is_denied(l))
                return -ESRCH;
        for (size_t i = 0; i < l->n_parts; i++)
                if (l->parts[i].error < 0 && l->parts[i].error != -ENODATA)
                        return l->parts[i].error;
        for (size_t i = 0; i < l->n_parts; i++)
                if (l->parts[i].error < 0 || l->parts[i].answer->verdict != DNS_VERDICT_NXDOMAIN)
                        error = -ENODATA;
        return error;
}

static void start_candidate(DnsLookup *l, usec_t now)
{
        size_t n_types = l->question.types[1] ? 2 : 1;

        l->n_parts = n_types;
        l->family_at = USEC_INFINITY;
        for (size_t i = 0; i < n_types; i++)
                part_init(&l->parts[i], l, l->question.types[i]);
        for (size_t i = 0; i < n_types; i++)
                part_run(&l->parts[i], now);
}

static bool all_done(const DnsLookup *l)
{
        for (size_t i = 0; i < l->n_parts; i++)
                if (!l->parts[i].done)
                        return false;
        return true;
}

/* Looks at what there is: the next candidate, the end, or the wait for the slower family. */
static void lookup_advance(DnsLookup *l, usec_t now)
{
        usec_t family_at = USEC_INFINITY;

        while (!l->done && all_done(l)) {
                int error = verdict(l);

                /* REQ_DNS 28: the first positive ends it, and so does a failure */
                if (error == -ENODATA || (error == -ESRCH && l->negative == 0))
                        l->negative = error;
                if ((error != -ENODATA && error != -ESRCH) || l->candidate + 1 == l->n_candidates) {
                        lookup_done(l, error == -ESRCH ? l->negative : error, now);
                        return;
                }
                for (size_t i = 0; i < l->n_parts; i++)
                        part_clear(&l->parts[i]);
                l->candidate++;
                start_candidate(l, now);
        }
        if (l->done)
                return;
        if (any_positive(l))
                family_at = now + DNS_FAMILY_DELAY;
        else if (is_denied(l))
                family_at = now + DNS_DENIED_DELAY;
        if (family_at < l->family_at) {
                l->family_at = family_at;
                set_timer(l);
        }
}

/* Whoever is slow is not waited for, and nothing more is sent for it. */
static void give_up_on_others(DnsLookup *l)
{
        for (size_t i = 0; i < l->n_parts; i++) {
                DnsPart *part = &l->parts[i];

                if (part->done)
                        continue;
                l->packets += part->txn->packets;
                dns_transaction_leave(part, false);
                part_fail(part, -ETIMEDOUT);
        }
}

static void lookup_timeout(DnsClient *c, DnsTimer *timer, usec_t now)
{
        DnsLookup *l = container_of(timer, DnsLookup, timer);

        if (now >= l->stale_at) {
                l->stale_at = USEC_INFINITY;
                for (size_t i = 0; i < l->n_parts; i++)
                        if (!l->parts[i].done)
                                (void) part_stale(&l->parts[i], now);
                lookup_advance(l, now);
        }
        /* the next candidate may have what this one has not */
        if (!l->done && now >= l->family_at && now < l->give_up && !any_positive(l)) {
                give_up_on_others(l);
                lookup_advance(l, now);
        } else if (!l->done && (now >= l->family_at || now >= l->give_up)) {
                lookup_done(l, any_positive(l) ? 0 : -ETIMEDOUT, now);
        }
        if (!l->done)
                set_timer(l);
}

static bool is_ours(const DnsLookup *l)
{
        _cleanup_(dns_answer_unrefp) DnsAnswer *a = NULL;
        const DnsQuestion *q = &l->question;

        return q->class == DNS_CLASS_IN && local_answer(&a, l, &q->name, q->types[0], true) > 0;
}

/* REQ_DNS 28: the names to try, in order. */
static void make_candidates(DnsLookup *l)
{
        const DnsQuestion *q = &l->question;
        const DnsClient *c = l->client;
        bool search = !q->absolute && !(q->flags & DNS_LOOKUP_NO_SEARCH) &&
                      dns_name_labels(&q->name) <= c->ndots && c->n_search > 0 && !is_ours(l);

        l->n_candidates = 0;
        for (size_t i = 0; search && i < c->n_search; i++)
                if (dns_name_join(&q->name, &c->search[i], &l->candidates[l->n_candidates]) == 0)
                        l->n_candidates++;
        dns_name_copy(&l->candidates[l->n_candidates++], &q->name);
}

static int check_question(const DnsQuestion *q)
{
        if (q->name.len == 0)
                return -EINVAL;
        for (size_t i = 0; i < 2; i++)
                if ((i == 0 || q->types[i]) && dns_type_is_meta(q->types[i]))
                        return -EOPNOTSUPP; /* REQ_DNS 2: ANY is never sent, and is no type */
        return 0;
}

static void question_copy(DnsQuestion *to, const DnsQuestion *from)
{
        memcpy(to, from, offsetof(DnsQuestion, name));
        dns_name_copy(&to->name, &from->name);
}

static DnsLookup *lookup_alloc(DnsClient *c)
{
        List *spare = list_first(&c->spare);

        if (!spare)
                return malloc(sizeof(DnsLookup));
        list_unlink(spare);
        c->n_spare--;
        return list_entry(spare, DnsLookup, link);
}

int dns_client_lookup(
        DnsClient *c, DnsLookup **ret, const DnsQuestion *q, void *userdata, usec_t now)
{
        int r = check_question(q);
        DnsLookup *l;

        if (r < 0)
                return r;
        if (c->n_lookups >= DNS_LOOKUPS_MAX)
                return -EAGAIN;
        l = lookup_alloc(c);
        if (!l)
                return -ENOMEM;
        memset(l, 0, offsetof(DnsLookup, result.name));
        l->client = c;
        l->userdata = userdata;
        question_copy(&l->question, q);
        l->timer.kind = DNS_TIMER_LOOKUP;
        l->timer.fn = lookup_timeout;
        l->started = now;
        if (q->flags & DNS_LOOKUP_TRACE)
                l->steps = calloc(DNS_STEPS_MAX, sizeof(*l->steps));
        l->give_up = now + DNS_LOOKUP_BUDGET;
        l->family_at = USEC_INFINITY;
        l->stale_at = q->flags & (DNS_LOOKUP_NO_CACHE | DNS_LOOKUP_NO_STALE)
                              ? USEC_INFINITY
                              : now + DNS_STALE_AFTER;
        list_init(&l->event_link);
        list_link_tail(&c->lookups, &l->link);
        c->n_lookups++;
        make_candidates(l);
        start_candidate(l, now);
        lookup_advance(l, now);
        if (!l->done)
                set_timer(l);
        *ret = l;
        return 0;
}

int dns_client_peek(DnsClient *c, const DnsQuestion *q, usec_t now, DnsResult *ret)
{
        DnsLookup l;
        int r = 1;

        if (check_question(q) < 0)
                return 0;
        l.client = c;
        question_copy(&l.question, q);
        make_candidates(&l);
        /* with a search list a negative answer is not the end */
        if (l.n_candidates > 1)
                return 0;
        l.candidate = 0;
        l.started = now;
        l.result = (DnsResult){ 0 };
        l.n_parts = q->types[1] ? 2 : 1;
        l.steps = NULL;
        l.n_steps = 0;
        for (size_t i = 0; i < l.n_parts; i++) {
                part_init(&l.parts[i], &l, q->types[i]);
                part_local(&l.parts[i], now);
                r = r && l.parts[i].done;
        }
        if (r) {
                result_fill(&l, verdict(&l), now);
                *ret = l.result;
        }
        for (size_t i = 0; i < l.n_parts; i++)
                dns_answer_unref(l.parts[i].answer);
        return r;
}

void dns_result_clear(DnsResult *r)
{
        for (size_t i = 0; i < 2; i++)
                r->answers[i] = dns_answer_unref(r->answers[i]);
}

uint32_t dns_result_ttl(const DnsResult *r, size_t i, uint32_t ttl)
{
        if (r->stale)
                return DNS_STALE_TTL;
        return ttl > r->ages[i] ? ttl - r->ages[i] : 0;
}

void *dns_lookup_userdata(const DnsLookup *l)
{
        return l->userdata;
}

const DnsResult *dns_lookup_result(const DnsLookup *l)
{
        return &l->result;
}

DnsLookup *dns_lookup_free(DnsLookup *l)
{
        if (!l)
                return NULL;
        list_unlink(&l->link);
        list_unlink(&l->event_link);
        dns_timer_cancel(l->client, &l->timer);
        l->client->n_lookups--;
        for (size_t i = 0; i < l->n_parts; i++)
                part_clear(&l->parts[i]);
        dns_result_clear(&l->result);
        free(l->steps);
        if (l->client->n_spare < DNS_SPARE_MAX) {
                list_link_front(&l->client->spare, &l->link);
                l->client->n_spare++;
        } else {
                free(l);
        }
        return NULL;
}
