/* SPDX-License-Identifier: MIT */
#include "proto/dns-client-internal.h"
#include <stdlib.h>
#include <string.h>

static bool timer_before(const HeapNode *a, const HeapNode *b)
{
        return container_of(a, DnsTimer, node)->deadline <
               container_of(b, DnsTimer, node)->deadline;
}

int dns_client_new(DnsClient **ret, Rng *rng)
{
        _cleanup_(dns_client_freep) DnsClient *c = calloc(1, sizeof(*c));
        int r;

        if (!c)
                return -ENOMEM;
        c->rng = rng;
        c->seed = rng_u64(rng);
        c->ndots = 1;
        c->running_max = DNS_TXN_RUNNING_MAX;
        c->timers.before = timer_before;
        list_init(&c->lookups);
        list_init(&c->spare);
        list_init(&c->events_done);
        list_init(&c->events_send);
        list_init(&c->running);
        list_init(&c->line);
        list_init(&c->orphans);
        list_init(&c->closed);
        for (size_t i = 0; i < DNS_TXN_BUCKETS; i++)
                list_init(&c->txns[i]);
        for (size_t i = 0; i < DNS_TIMER_KINDS; i++)
                list_init(&c->timer_lines[i]);
        r = dns_cache_new(&c->cache, c->seed);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(c);
        return 0;
}

static void free_all_transactions(DnsClient *c)
{
        for (size_t i = 0; i < DNS_TXN_BUCKETS; i++)
                list_foreach_safe (it, &c->txns[i])
                        dns_transaction_free(list_entry(it, DnsTransaction, link));
        list_foreach_safe (it, &c->orphans)
                dns_attempt_close(c, list_entry(it, DnsAttempt, link));
}

DnsClient *dns_client_free(DnsClient *c)
{
        if (!c)
                return NULL;
        while (!list_is_empty(&c->lookups))
                dns_lookup_free(list_entry(list_first(&c->lookups), DnsLookup, link));
        list_foreach_safe (it, &c->spare)
                free(list_entry(it, DnsLookup, link));
        if (c->txns[0].next)
                free_all_transactions(c);
        list_foreach_safe (it, &c->closed)
                free(list_entry(it, DnsAttempt, link));
        for (size_t i = 0; i < c->n_servers; i++)
                free(c->servers[i]);
        while (c->n_gone > 0)
                free(c->gone[--c->n_gone]);
        dns_cache_free(c->cache);
        dns_hosts_free(c->hosts);
        free(c);
        return NULL;
}

void dns_timer_set(DnsClient *c, DnsTimer *t, usec_t deadline)
{
        List *line = &c->timer_lines[t->kind];

        dns_timer_cancel(c, t);
        t->deadline = deadline;
        if (deadline == USEC_INFINITY)
                return;
        if (list_is_empty(line) || list_entry(line->prev, DnsTimer, line)->deadline <= deadline)
                list_link_tail(line, &t->line);
        else
                heap_link(&c->timers, &t->node);
}

void dns_timer_cancel(DnsClient *c, DnsTimer *t)
{
        if (list_is_linked(&t->line))
                list_unlink(&t->line);
        else
                heap_unlink(&c->timers, &t->node);
}

static DnsTimer *first_timer(const DnsClient *c)
{
        HeapNode *n = heap_first(&c->timers);
        DnsTimer *first = n ? container_of(n, DnsTimer, node) : NULL;

        for (size_t i = 0; i < DNS_TIMER_KINDS; i++) {
                List *l = list_first(&c->timer_lines[i]);
                DnsTimer *t = l ? list_entry(l, DnsTimer, line) : NULL;

                if (t && (!first || t->deadline < first->deadline))
                        first = t;
        }
        return first;
}

usec_t dns_client_deadline(const DnsClient *c)
{
        const DnsTimer *t = first_timer(c);

        return t ? t->deadline : USEC_INFINITY;
}

void dns_client_timeout(DnsClient *c, usec_t now)
{
        DnsTimer *t;

        /* every timer that fires is set later, or not at all: this ends */
        while ((t = first_timer(c)) && t->deadline <= now) {
                dns_timer_cancel(c, t);
                t->fn(c, t, now);
        }
}

void dns_client_random(DnsClient *c, void *dst, size_t size)
{
        if (c->n_random < size) {
                c->rng->fill(c->rng, c->random, sizeof(c->random));
                c->n_random = sizeof(c->random);
        }
        c->n_random -= size;
        memcpy(dst, c->random + c->n_random, size);
        memset(c->random + c->n_random, 0, size);
}

static DnsServer *find_server(const DnsClient *c, const DnsServerConfig *want)
{
        for (size_t i = 0; i < c->n_servers; i++)
                if (c->servers[i] && c->servers[i]->privacy == want->privacy &&
                        c->servers[i]->only_tls == want->only_tls &&
                        endpoint_equal(&c->servers[i]->endpoint, &want->endpoint))
                        return c->servers[i];
        return NULL;
}

static int server_new(DnsServer **ret, const DnsServerConfig *config)
{
        DnsServer *s = calloc(1, sizeof(*s));

        if (!s)
                return -ENOMEM;
        s->endpoint = config->endpoint;
        s->privacy = config->privacy;
        s->only_tls = config->only_tls;
        *ret = s;
        return 0;
}

static bool routes_equal(const DnsClient *c, const DnsClientConfig *config)
{
        if (c->n_routes != config->n_routes)
                return false;
        for (size_t i = 0; i < c->n_routes; i++)
                if (c->routes[i].servers != config->routes[i].servers ||
                        !dns_name_equal(&c->routes[i].domain, &config->routes[i].domain))
                        return false;
        return true;
}

static bool servers_equal(const DnsClient *c, const DnsClientConfig *config)
{
        if (c->n_servers != config->n_servers)
                return false;
        for (size_t i = 0; i < c->n_servers; i++)
                if (find_server(c, &config->servers[i]) != c->servers[i])
                        return false;
        return true;
}

static void server_drop(DnsClient *c, DnsServer *s)
{
        /* its connections look at it until they are closed */
        if (s->binding && c->n_gone < ELEMENTSOF(c->gone))
                c->gone[c->n_gone++] = s;
        else
                free(s);
}

/* All that is under way lets go of its servers and asks those that now are the right ones. */
static void restart_all(DnsClient *c, usec_t now)
{
        for (size_t i = 0; i < DNS_TXN_BUCKETS; i++) {
                List old = LIST_INIT(old);

                list_splice_tail(&old, &c->txns[i]);
                while (!list_is_empty(&old)) {
                        List *it = list_first(&old);

                        list_unlink(it);
                        list_link_tail(&c->txns[i], it);
                        dns_transaction_restart(list_entry(it, DnsTransaction, link), now);
                }
        }
}

static void close_all_attempts(DnsClient *c)
{
        list_foreach_safe (it, &c->orphans)
                dns_attempt_close(c, list_entry(it, DnsAttempt, link));
        for (size_t i = 0; i < DNS_TXN_BUCKETS; i++)
                list_foreach (it, &c->txns[i]) {
                        DnsTransaction *t = list_entry(it, DnsTransaction, link);

                        list_foreach_safe (at, &t->attempts)
                                dns_attempt_close(c, list_entry(at, DnsAttempt, link));
                }
}

int dns_client_configure(DnsClient *c, const DnsClientConfig *config, usec_t now)
{
        DnsServer *fresh[DNS_SERVERS_MAX] = { 0 };
        size_t n = MIN(config->n_servers, DNS_SERVERS_MAX);

        memcpy(c->search, config->search, sizeof(c->search));
        c->n_search = config->n_search;
        c->ndots = config->ndots;
        if (servers_equal(c, config) && routes_equal(c, config))
                return 0;
        /* the new ones first: after that nothing can fail */
        for (size_t i = 0; i < n; i++)
                if (!find_server(c, &config->servers[i]) &&
                        server_new(&fresh[i], &config->servers[i]) < 0) {
                        for (size_t k = 0; k < i; k++)
                                free(fresh[k]);
                        return -ENOMEM;
                }
        close_all_attempts(c);
        for (size_t i = 0; i < n; i++)
                if (!fresh[i]) {
                        fresh[i] = find_server(c, &config->servers[i]);
                        for (size_t k = 0; fresh[i] && k < c->n_servers; k++)
                                if (c->servers[k] == fresh[i])
                                        c->servers[k] = NULL;
                }
        for (size_t k = 0; k < c->n_servers; k++)
                if (c->servers[k])
                        server_drop(c, c->servers[k]);
        c->n_servers = 0;
        for (size_t i = 0; i < n; i++) {
                /* the same server given twice */
                if (!fresh[i] && server_new(&fresh[i], &config->servers[i]) < 0)
                        break;
                fresh[i]->bit = 1u << i;
                c->servers[c->n_servers++] = fresh[i];
        }
        memcpy(c->routes, config->routes, sizeof(c->routes));
        c->n_routes = MIN(config->n_routes, DNS_ROUTES_MAX);
        for (size_t i = 0; i < c->n_routes; i++)
                c->routes[i].servers &= (uint32_t) ((1ull << c->n_servers) - 1);
        dns_cache_flush(c->cache);
        restart_all(c, now);
        return 0;
}

void dns_client_network_changed(DnsClient *c, usec_t now)
{
        close_all_attempts(c);
        for (size_t i = 0; i < c->n_servers; i++)
                dns_server_forget(c->servers[i]);
        dns_cache_flush(c->cache);
        restart_all(c, now);
}

void dns_client_set_hosts(DnsClient *c, DnsHosts *hosts)
{
        dns_hosts_free(c->hosts);
        c->hosts = hosts;
}

void dns_client_set_cache_limits(DnsClient *c, size_t max_octets, usec_t stale_usec)
{
        dns_cache_set_limits(c->cache, max_octets, stale_usec);
}

void dns_client_flush(DnsClient *c)
{
        dns_cache_flush(c->cache);
}

/* REQ_DNS 27: the longest suffix wins. */
uint32_t dns_client_route(const DnsClient *c, const DnsName *name, int ifindex, bool *ret_routed)
{
        uint32_t servers = 0;
        size_t best = 0;

        for (size_t i = 0; i < c->n_routes; i++) {
                const DnsRoute *route = &c->routes[i];

                if (route->domain.len < best || !dns_name_is_under(name, &route->domain))
                        continue;
                if (route->domain.len > best)
                        servers = 0;
                best = route->domain.len;
                servers |= route->servers;
        }
        if (ifindex > 0) {
                /* the caller has chosen the link, and with it the routes */
                servers = 0;
                for (size_t i = 0; i < c->n_servers; i++)
                        if (c->servers[i]->endpoint.ifindex == ifindex)
                                servers |= c->servers[i]->bit;
        }
        if (ret_routed)
                *ret_routed = best > 1;
        return servers;
}

bool dns_client_has_events(const DnsClient *c)
{
        return !list_is_empty(&c->events_send) || !list_is_empty(&c->events_done) ||
               !list_is_empty(&c->closed) || c->n_gone > 0;
}

bool dns_client_pop_event(DnsClient *c, DnsEvent *ret)
{
        List *l = list_first(&c->closed);

        if (l) {
                DnsAttempt *a = list_entry(l, DnsAttempt, link);

                *ret = (DnsEvent){
                        .kind = DNS_EVENT_CLOSE, .binding = a->binding, .transport = a->transport
                };
                list_unlink(l);
                free(a);
                return true;
        }
        if (c->n_gone > 0) {
                DnsServer *s = c->gone[--c->n_gone];

                *ret = (DnsEvent){ .kind = DNS_EVENT_GONE, .binding = s->binding };
                free(s);
                return true;
        }
        l = list_first(&c->events_send);
        if (l) {
                DnsAttempt *a = list_entry(l, DnsAttempt, event_link);

                list_unlink(l);
                a->pending = true;
                *ret = (DnsEvent){ .kind = DNS_EVENT_SEND, .attempt = a };
                return true;
        }
        l = list_first(&c->events_done);
        if (!l)
                return false;
        list_unlink(l);
        *ret = (DnsEvent){ .kind = DNS_EVENT_DONE, .lookup = list_entry(l, DnsLookup, event_link) };
        return true;
}

DnsClientStatistics dns_client_statistics(const DnsClient *c)
{
        return (DnsClientStatistics){ .cache = dns_cache_statistics(c->cache),
                .transactions_current = c->n_txns,
                .transactions_total = c->total };
}

const DnsServer *dns_client_server(const DnsClient *c, size_t i)
{
        return i < c->n_servers ? c->servers[i] : NULL;
}
