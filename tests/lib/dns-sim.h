/* SPDX-License-Identifier: MIT */
#pragma once
/* A network of DNS servers in memory under virtual time: the resolver machine on one side, a
 * function for each server on the other. */
#include "proto/dns-client.h"
#include "util/heap.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIM_SERVERS 8
#define SIM_SOCKETS 4096
#define SIM_DROP    USEC_INFINITY
#define SIM_REFUSED (USEC_INFINITY - 1)
#define SIM_RESET   (USEC_INFINITY - 2) /* the connection breaks */
#define SIM_RTT     (10 * USEC_PER_MSEC)

/* Millions of times, so without check's note of each place it comes past. */
#define sim_check(what)                                                                            \
        do                                                                                         \
                if (!(what))                                                                       \
                        ck_abort_msg("%s", #what);                                                 \
        while (0)

typedef struct Sim Sim;
typedef struct SimQuery SimQuery;
struct SimQuery {
        unsigned server;
        const DnsAttempt *attempt;
        const DnsMessage *m;
        DnsBuilder *reply; /* header and question are there */
};
/* Fills the reply; gives back how long it takes, SIM_DROP or SIM_REFUSED. */
typedef usec_t (*SimServer)(Sim *sim, SimQuery *q);

typedef struct SimSocket SimSocket;
struct SimSocket {
        HeapNode node;       /* of those that will bring something */
        SimSocket *next;     /* of the free ones */
        DnsAttempt *attempt; /* NULL: free */
        usec_t arrives;
        size_t size;
        uint8_t data[1500];
};

struct Sim {
        DnsClient *c;
        Rng rng, chance;
        usec_t now;
        SimServer servers[SIM_SERVERS];
        unsigned n_servers, loss_percent;
        unsigned packets, asked[SIM_SERVERS], tcp, open, max_open, done;
        unsigned sockets_max; /* 0: as many as there are */
        SimSocket *sockets, *unused;
        Heap arrivals;
        DnsLookup *last;
};

static inline DnsName sim_name(const char *text)
{
        DnsName n;

        sim_check(dns_name_from_text(text, &n, NULL) == 0);
        return n;
}

static inline void sim_apply(Sim *sim, const DnsClientConfig *config)
{
        sim->n_servers = (unsigned) config->n_servers;
        sim_check(dns_client_configure(sim->c, config, sim->now) == 0);
}

/* The first of the servers, all of them asked for everything; to be changed before it is applied,
 * and good until the next call. */
static inline DnsClientConfig *sim_config(unsigned n_servers)
{
        static DnsClientConfig config;

        config = (DnsClientConfig){ .n_servers = n_servers, .ndots = 1, .n_routes = 1 };
        for (unsigned i = 0; i < n_servers; i++) {
                uint8_t addr[4] = { 192, 0, 2, (uint8_t) (i + 1) };

                config.servers[i].endpoint.addr = ip_from_bytes(AF_INET, addr, 4);
        }
        config.routes[0] = (DnsRoute){ .domain = DNS_NAME_ROOT, .servers = (1u << n_servers) - 1 };
        return &config;
}

static inline void sim_configure(Sim *sim, unsigned n_servers)
{
        sim_apply(sim, sim_config(n_servers));
}

static inline bool sim_before(const HeapNode *a, const HeapNode *b)
{
        const SimSocket *x = container_of(a, SimSocket, node);
        const SimSocket *y = container_of(b, SimSocket, node);

        return x->arrives != y->arrives ? x->arrives < y->arrives : x < y;
}

static inline void sim_init_with(
        Sim *sim, uint64_t seed, const DnsClientConfig *config, SimServer server)
{
        memset(sim, 0, sizeof(*sim));
        sim->rng = rng_seeded(seed);
        sim->chance = rng_seeded(seed + 1);
        sim->now = USEC_PER_HOUR;
        sim->sockets = calloc(SIM_SOCKETS, sizeof(*sim->sockets));
        ck_assert_ptr_nonnull(sim->sockets);
        sim->arrivals.before = sim_before;
        for (size_t i = SIM_SOCKETS; i-- > 0;) {
                sim->sockets[i].next = sim->unused;
                sim->unused = &sim->sockets[i];
        }
        ck_assert_int_eq(dns_client_new(&sim->c, &sim->rng), 0);
        dns_client_set_cache_limits(sim->c, 4 << 20, USEC_PER_DAY);
        for (unsigned i = 0; i < SIM_SERVERS; i++)
                sim->servers[i] = server;
        sim_apply(sim, config);
}

static inline void sim_init(Sim *sim, uint64_t seed, unsigned n_servers, SimServer server)
{
        sim_init_with(sim, seed, sim_config(n_servers), server);
}

static inline void sim_deinit(Sim *sim)
{
        DnsEvent e;

        dns_client_flush(sim->c);
        while (dns_client_pop_event(sim->c, &e))
                ;
        dns_client_free(sim->c);
        free(sim->sockets);
}

static inline bool sim_lost(Sim *sim)
{
        return rng_range(&sim->chance, 0, 99) < sim->loss_percent;
}

static inline void sim_send(Sim *sim, DnsAttempt *a)
{
        SimSocket *s = sim->unused;
        SimQuery q = { .server = a->server->endpoint.addr.bytes[3] - 1u, .attempt = a };
        DnsBuilder b;
        DnsMessage m;
        usec_t delay;
        int size;

        sim_check(s);
        if (sim->sockets_max > 0 && sim->open >= sim->sockets_max) {
                dns_client_attempt_failed(sim->c, a, -EMFILE, sim->now);
                return;
        }
        sim->unused = s->next;
        s->attempt = a;
        a->binding = s;
        sim->packets++;
        sim->asked[q.server]++;
        sim->tcp += a->transport == DNS_TCP;
        sim->open++;
        if (sim->open > sim->max_open)
                sim->max_open = sim->open;
        sim_check(dns_message_parse(&m, a->packet, a->size) == 0);
        sim_check(m.header.flags == DNS_FLAG_RD);
        dns_builder_init(
                &b, s->data, sizeof(s->data), m.header.id, DNS_FLAG_QR | DNS_FLAG_RD | DNS_FLAG_RA);
        dns_builder_question(&b, &m.header.qname, m.header.qtype, m.header.qclass);
        q.m = &m;
        q.reply = &b;
        delay = sim->servers[q.server](sim, &q);
        dns_message_deinit(&m);
        size = dns_builder_finish(&b);
        sim_check(size > 0);
        s->size = (size_t) size;
        if (delay == SIM_REFUSED || delay == SIM_RESET) {
                dns_client_attempt_failed(
                        sim->c, a, delay == SIM_RESET ? -ECONNRESET : -ECONNREFUSED, sim->now);
                return;
        }
        if (delay == SIM_DROP || (a->transport == DNS_UDP && (sim_lost(sim) || sim_lost(sim))))
                return;
        s->arrives = sim->now + delay;
        heap_link(&sim->arrivals, &s->node);
}

/* Everything the machine wants done now. */
static inline void sim_pump(Sim *sim)
{
        DnsEvent e;

        while (dns_client_pop_event(sim->c, &e)) {
                SimSocket *s = e.binding;

                switch (e.kind) {
                case DNS_EVENT_CLOSE:
                        if (!s) /* never sent */
                                break;
                        heap_unlink(&sim->arrivals, &s->node);
                        s->attempt = NULL;
                        s->next = sim->unused;
                        sim->unused = s;
                        sim->open--;
                        break;
                case DNS_EVENT_GONE:
                        break;
                case DNS_EVENT_SEND:
                        sim_send(sim, e.attempt);
                        break;
                case DNS_EVENT_DONE:
                        sim->done++;
                        sim->last = e.lookup;
                        break;
                }
        }
}

/* Lets time pass to the next thing that happens; false when nothing will. */
static inline bool sim_step(Sim *sim)
{
        usec_t deadline;
        HeapNode *first;
        SimSocket *s;

        sim_pump(sim);
        first = heap_first(&sim->arrivals);
        s = first ? container_of(first, SimSocket, node) : NULL;
        deadline = dns_client_deadline(sim->c);
        if (s && s->arrives <= deadline) {
                sim->now = s->arrives;
                heap_unlink(&sim->arrivals, &s->node);
                if (s->attempt->transport == DNS_UDP)
                        (void) dns_client_datagram(sim->c, s->attempt, s->data, s->size, sim->now);
                else
                        (void) dns_client_stream_message(sim->c, s->attempt->server,
                                s->attempt->transport, s->data, s->size, sim->now);
        } else if (deadline != USEC_INFINITY) {
                sim->now = deadline > sim->now ? deadline : sim->now;
                dns_client_timeout(sim->c, sim->now);
        } else {
                return false;
        }
        sim_pump(sim);
        return true;
}

/* Until nothing more is under way. */
static inline void sim_settle(Sim *sim)
{
        while (sim_step(sim))
                ;
}

static inline DnsLookup *sim_start(
        Sim *sim, const char *name, uint16_t type, uint16_t type2, unsigned flags)
{
        DnsQuestion q = { .types = { type, type2 }, .class = DNS_CLASS_IN, .flags = flags };
        DnsLookup *l = NULL;

        sim_check(dns_name_from_text(name, &q.name, &q.absolute) == 0);
        sim_check(dns_client_lookup(sim->c, &l, &q, NULL, sim->now) == 0);
        return l;
}

/* Runs one look-up to its end and gives its error; it stays in sim->last. */
static inline int sim_lookup2(
        Sim *sim, const char *name, uint16_t type, uint16_t type2, unsigned flags)
{
        unsigned done = sim->done;
        DnsLookup *l;

        dns_lookup_free(sim->last);
        sim->last = NULL;
        l = sim_start(sim, name, type, type2, flags);
        while (sim->done == done)
                if (!sim_step(sim))
                        break;
        ck_assert_msg(sim->done > done, "%s was never answered", name);
        ck_assert_ptr_eq(sim->last, l);
        return dns_lookup_result(l)->error;
}

static inline const DnsResult *sim_result(const Sim *sim)
{
        return dns_lookup_result(sim->last);
}

static inline int sim_lookup(Sim *sim, const char *name)
{
        return sim_lookup2(sim, name, DNS_TYPE_A, 0, 0);
}

static inline void sim_add(SimQuery *q, DnsSection section, const char *owner, uint16_t type,
        uint32_t ttl, const void *data, size_t size)
{
        DnsName n = owner ? sim_name(owner) : q->m->header.qname;

        sim_check(dns_builder_record(q->reply, section, &n, type, DNS_CLASS_IN, ttl, data, size));
}

static inline void sim_add_soa(SimQuery *q, const char *zone, uint32_t ttl)
{
        uint8_t data[22] = { 0 };
        Writer w = WRITER_INIT(data + 18, 4);

        writer_u32(&w, ttl);
        sim_add(q, DNS_AUTHORITY, zone, DNS_TYPE_SOA, ttl, data, sizeof(data));
}

static inline void sim_rcode(SimQuery *q, unsigned rcode)
{
        q->reply->w.data[3] = (uint8_t) ((q->reply->w.data[3] & 0xf0) | rcode);
}

static inline void sim_add_address(SimQuery *q, uint32_t ttl)
{
        uint8_t addr[16] = { 192, 0, 2, (uint8_t) (q->server + 1) };

        if (q->m->header.qtype == DNS_TYPE_A)
                sim_add(q, DNS_ANSWER, NULL, DNS_TYPE_A, ttl, addr, 4);
        else if (q->m->header.qtype == DNS_TYPE_AAAA)
                sim_add(q, DNS_ANSWER, NULL, DNS_TYPE_AAAA, ttl, addr, 16);
        else
                sim_add_soa(q, ".", ttl);
}

/* One that fails at everything. */
static inline usec_t sim_servfail(Sim *sim, SimQuery *q)
{
        (void) sim;
        sim_rcode(q, DNS_RCODE_SERVFAIL);
        return SIM_RTT;
}

/* The server that just answers. */
static inline usec_t sim_good(Sim *sim, SimQuery *q)
{
        (void) sim;
        sim_add_address(q, 60);
        return SIM_RTT;
}

/* After the question was asked again. */
static inline usec_t sim_late(Sim *sim, SimQuery *q)
{
        sim_good(sim, q);
        return 2500 * USEC_PER_MSEC;
}

static inline usec_t sim_hates_edns(Sim *sim, SimQuery *q)
{
        if (!q->m->edns.present)
                return sim_good(sim, q);
        sim_rcode(q, DNS_RCODE_FORMERR);
        return SIM_RTT;
}

static inline usec_t sim_dead(Sim *sim, SimQuery *q)
{
        (void) sim;
        (void) q;
        return SIM_DROP;
}

/* "a" leads to "b", "l" to itself, "n0" to "n1" and so on without an end. */
static inline usec_t sim_alias(Sim *sim, SimQuery *q)
{
        char text[DNS_NAME_TEXT_MAX];
        unsigned n = 0;
        DnsName to;

        (void) sim;
        dns_name_to_text(&q->m->header.qname, text);
        if (sscanf(text, "n%u.", &n) == 1 || sscanf(text, "N%u.", &n) == 1) {
                sprintf(text, "n%u.example", n + 1);
                to = sim_name(text);
                sim_add(q, DNS_ANSWER, NULL, DNS_TYPE_CNAME, 60, to.wire, to.len);
        } else if (text[0] == 'l' || text[0] == 'L') {
                to = sim_name("l.example");
                sim_add(q, DNS_ANSWER, NULL, DNS_TYPE_CNAME, 60, to.wire, to.len);
        } else if (text[0] == 'a' || text[0] == 'A') {
                to = sim_name("b.example");
                sim_add(q, DNS_ANSWER, NULL, DNS_TYPE_CNAME, 60, to.wire, to.len);
        } else {
                sim_add_address(q, 60);
        }
        return SIM_RTT;
}
