/* SPDX-License-Identifier: MIT */
/* From the machine's answers to what callers get: addresses in the order to try them, records as
 * bytes. */
#include "helper/resolver-private.h"
#include "net/udp.h"
#include "proto/dns-sort.h"
#include <string.h>

/* Beyond this many addresses the sources are not asked for: sorting them would cost more than it
 * gives. */
#define SORT_MAX 128

static int answer_ifindex(const DnsResult *res, const IpAddr *a, int asked)
{
        if (ip_is_loopback(a))
                return 1;
        if (asked > 0)
                return asked;
        return res->asked ? res->server.ifindex : 0;
}

static size_t collect(const DnsResult *res, int ifindex, LookupAddress *out, size_t max)
{
        size_t n = 0;

        for (size_t i = 0; i < 2; i++) {
                const DnsAnswer *a = res->answers[i];
                Reader rd = a ? READER_INIT(a->data, a->size) : (Reader){ 0 };
                DnsAnswerRecord rr;

                if (!a || a->verdict != DNS_VERDICT_POSITIVE)
                        continue;
                while (n < max && dns_answer_next(&rd, &rr)) {
                        int family = rr.type == DNS_TYPE_A ? AF_INET : AF_INET6;

                        if (rr.type != DNS_TYPE_A && rr.type != DNS_TYPE_AAAA)
                                continue;
                        out[n].addr = ip_from_bytes(family, rr.data, rr.data_size);
                        out[n].ifindex = answer_ifindex(res, &out[n].addr, ifindex);
                        n++;
                }
        }
        return n;
}

static void sort(LookupAddress *addrs, size_t n)
{
        DnsDestination d[SORT_MAX];
        LookupAddress copy[SORT_MAX];

        if (n < 2 || n > SORT_MAX)
                return;
        for (size_t i = 0; i < n; i++) {
                copy[i] = addrs[i];
                d[i] = (DnsDestination){ .addr = addrs[i].addr };
                (void) udp_source_for(&d[i].addr,
                        ip_is_link_local(&d[i].addr) ? addrs[i].ifindex : 0, &d[i].source);
        }
        dns_sort(d, n);
        for (size_t i = 0; i < n; i++)
                addrs[i] = copy[d[i].order];
}

/* REQ_DNS 20: what stands for an address has to be the name of a host. */
static bool is_false_name(const DnsAnswerRecord *rr)
{
        static const DnsName arpa = { .len = 6,
                .wire = "\x04"
                        "arpa" };
        Reader rd = READER_INIT(rr->data, rr->data_size);
        DnsName target;

        return rr->type == DNS_TYPE_PTR && dns_name_is_under(&rr->owner, &arpa) &&
               (dns_name_read_plain(&rd, &target) < 0 || !dns_name_is_host(&target));
}

static size_t collect_records(const DnsResult *res, int ifindex, LookupRecord *out, uint8_t *wire)
{
        const DnsAnswer *a = res->answers[0];
        Reader rd = READER_INIT(a->data, a->size);
        size_t n = 0, seen = 0;
        DnsAnswerRecord rr;

        while (dns_answer_next(&rd, &rr)) {
                Writer w = WRITER_INIT(wire, rr.wire_size);
                uint32_t ttl = dns_result_ttl(res, 0, rr.ttl);

                if (seen++ < a->n_chain || n == a->n_records || is_false_name(&rr))
                        continue;
                writer_bytes(&w, rr.wire, rr.ttl_pos);
                writer_u32(&w, ttl);
                writer_bytes(&w, rr.wire + rr.ttl_pos + 4, rr.wire_size - rr.ttl_pos - 4);
                out[n++] = (LookupRecord){ .class = rr.class,
                        .type = rr.type,
                        .ttl = ttl,
                        .wire = wire,
                        .wire_size = rr.wire_size,
                        .ifindex = ifindex > 0  ? ifindex
                                   : res->asked ? res->server.ifindex
                                                : 0 };
                wire += rr.wire_size;
        }
        return n;
}

static const char *protocol(const DnsResult *res)
{
        if (res->local)
                return "local";
        if (res->from_cache || res->stale || !res->asked)
                return "cache";
        return dns_transport_to_string(res->transport);
}

static const DnsAnswer *first_positive(const DnsResult *res)
{
        for (size_t i = 0; i < 2; i++)
                if (res->answers[i] && res->answers[i]->verdict == DNS_VERDICT_POSITIVE)
                        return res->answers[i];
        return NULL;
}

static size_t collect_steps(const DnsResult *res, LookupStep steps[static DNS_STEPS_MAX])
{
        for (size_t i = 0; i < res->n_steps; i++) {
                const DnsStep *from = &res->steps[i];

                steps[i] = (LookupStep){
                        .at = from->at, .type = from->type, .protocol = "", .what = from->what
                };
                if (!from->has_server)
                        continue;
                steps[i].server = from->server;
                steps[i].protocol = dns_transport_to_string(from->transport);
        }
        return res->n_steps;
}

/* What most answers fit into. */
typedef union Small Small;
union Small {
        LookupAddress addresses[16];
        LookupRecord records[8];
        uint8_t octets[1024];
};

/* Addresses or records in `small`, or in what is to be freed. NULL when memory ran out. */
static void *fill(LookupResult *out, const DnsResult *res, const DnsAnswer *a, bool records,
        int ifindex, Small *small)
{
        size_t n = 0, size;
        void *room = small;

        for (size_t i = 0; i < 2; i++)
                n += res->answers[i] ? res->answers[i]->n_records : 0;
        size = records ? n * sizeof(LookupRecord) + a->size : n * sizeof(LookupAddress);
        if (size > sizeof(*small))
                room = malloc(size);
        if (!room) {
                out->error = -ENOMEM;
        } else if (records) {
                LookupRecord *list = room;

                out->n_records = collect_records(res, ifindex, list, (uint8_t *) (list + n));
                out->records = list;
                if (out->n_records == 0)
                        out->error = -ENODATA;
        } else {
                out->n_addresses = collect(res, ifindex, room, n);
                out->addresses = room;
                sort(room, out->n_addresses);
        }
        return room;
}

void result_deliver(Resolver *r, Lookup *l, const DnsResult *res, bool records, int ifindex,
        LookupFn fn, void *userdata)
{
        _cleanup_(freep) LookupStep *steps = NULL;
        char canonical[DNS_NAME_TEXT_MAX];
        const DnsAnswer *a = first_positive(res);
        LookupResult out = { .error = res->error,
                .canonical = canonical,
                .from_cache = res->from_cache,
                .stale = res->stale,
                .confidential = res->confidential,
                .protocol = protocol(res),
                .took_usec = res->took,
                .why = res->error == -EIO ? r->why : "",
                .certificate_dates = res->error == -EIO && r->why_dates };
        void *room = NULL;
        DnsName name;
        Small small;

        canonical[0] = 0;
        if (res->asked)
                out.server = res->server;
        if (res->n_steps > 0)
                steps = calloc(DNS_STEPS_MAX, sizeof(*steps));
        if (steps)
                out.n_steps = collect_steps(res, steps);
        out.steps = steps;
        if (res->error == 0 && a) {
                dns_answer_final(a, &name);
                dns_name_to_text(&name, canonical);
                room = fill(&out, res, a, records, ifindex, &small);
        }
        fn(l, &out, userdata);
        if (room != &small)
                free(room);
}
