/* SPDX-License-Identifier: MIT */
/*
 * Which servers there are and which names go where.
 *
 * A link's domains send names under them to its servers, "~." all that nobody else wants. Names
 * that no domain covers go to the first of these that knows a server: [DNS] Servers, the links
 * (those with a default route first, by metric), /etc/resolv.conf, [DNS] FallbackServers.
 */
#include "helper/resolver-private.h"
#include <net/if.h>
#include <string.h>

#define LINKS_MAX 64

typedef struct Build Build;
struct Build {
        DnsClientConfig c;
        DnsPrivacy privacy; /* of what is added now; and whether it has nothing but TLS */
        bool only_tls;
        const Link *links[LINKS_MAX];
        size_t n_links;
        uint32_t default_links; /* servers of links with "~." */
};

static DnsPrivacy privacy_of(const Settings *s)
{
        switch (s->dns.over_tls) {
        case DNS_OVER_TLS_NO:
                return DNS_PRIVACY_NONE;
        case DNS_OVER_TLS_OPPORTUNISTIC:
                return DNS_PRIVACY_OPPORTUNISTIC;
        case DNS_OVER_TLS_YES:
                return DNS_PRIVACY_STRICT;
        }
        return DNS_PRIVACY_NONE;
}

static bool is_own_stub(const Resolver *r, const Endpoint *e)
{
        for (size_t i = 0; i < r->settings->dns.stub.n; i++) {
                const Endpoint *stub = &r->settings->dns.stub.items[i];

                if (ip_equal(&stub->addr, &e->addr) &&
                        (stub->port ? stub->port : 53) == (e->port ? e->port : 53))
                        return true;
        }
        return false;
}

/* Its bit; 0 when there is no place for it. */
static uint32_t add_server(Build *b, const Resolver *r, const Endpoint *from, int ifindex)
{
        Endpoint e = *from;

        if (e.ifindex == 0)
                e.ifindex = e.ifname[0] ? (int) if_nametoindex(e.ifname) : ifindex;
        if (ip_is_any(&e.addr) || is_own_stub(r, &e))
                return 0;
        for (size_t i = 0; i < b->c.n_servers; i++)
                if (endpoint_equal(&b->c.servers[i].endpoint, &e))
                        return 1u << i;
        if (b->c.n_servers == DNS_SERVERS_MAX)
                return 0;
        b->c.servers[b->c.n_servers] =
                (DnsServerConfig){ .endpoint = e, .privacy = b->privacy, .only_tls = b->only_tls };
        return 1u << b->c.n_servers++;
}

static uint32_t add_list(Build *b, const Resolver *r, const EndpointList *l, int ifindex)
{
        uint32_t set = 0;

        for (size_t i = 0; i < l->n; i++)
                set |= add_server(b, r, &l->items[i], ifindex);
        return set;
}

static void add_route(Build *b, const DnsName *domain, uint32_t servers)
{
        if (servers == 0)
                return;
        for (size_t i = 0; i < b->c.n_routes; i++)
                if (dns_name_equal(&b->c.routes[i].domain, domain)) {
                        b->c.routes[i].servers |= servers;
                        return;
                }
        if (b->c.n_routes < DNS_ROUTES_MAX)
                b->c.routes[b->c.n_routes++] = (DnsRoute){ .domain = *domain, .servers = servers };
}

static void add_search(Build *b, const DnsName *domain)
{
        for (size_t i = 0; i < b->c.n_search; i++)
                if (dns_name_equal(&b->c.search[i], domain))
                        return;
        if (b->c.n_search < DNS_SEARCH_MAX && domain->len > 1)
                b->c.search[b->c.n_search++] = *domain;
}

/* "example.com" is searched and routed, "~example.com" only routed. True for "~.". */
static bool add_domain(Build *b, const char *text, uint32_t servers)
{
        bool route_only = text[0] == '~';
        DnsName n;

        if (name_from_user(text + route_only, &n, NULL) < 0)
                return false;
        if (!route_only)
                add_search(b, &n);
        if (n.len == 1)
                return true;
        add_route(b, &n, servers);
        return false;
}

static uint32_t best_metric(const Link *l)
{
        uint32_t best = UINT32_MAX;

        for (size_t i = 0; i < l->n_gateways; i++)
                best = MIN(best, l->gateways[i].metric);
        return best;
}

/* Sorted by the metric of their default route; those without one last. */
static void list_links(Build *b, Network *network)
{
        list_foreach (it, network_links(network)) {
                const Link *l = list_entry(it, Link, link);
                size_t at = b->n_links;

                if (b->n_links == LINKS_MAX)
                        break;
                while (at > 0 && best_metric(b->links[at - 1]) > best_metric(l)) {
                        b->links[at] = b->links[at - 1];
                        at--;
                }
                b->links[at] = l;
                b->n_links++;
        }
}

/* REQ_DNS 37: those that the network names (DNR) come before its others, by their names and never
 * without; where TLS is not wanted at all, not. */
static uint32_t add_resolvers(Build *b, const Resolver *r, const Link *l)
{
        DnsPrivacy privacy = b->privacy;
        uint32_t set = 0;

        if (privacy == DNS_PRIVACY_NONE)
                return 0;
        b->privacy = DNS_PRIVACY_STRICT;
        b->only_tls = true;
        for (size_t k = 0; k < _FACT_SOURCE_MAX; k++)
                set |= add_list(b, r, &l->facts[k].resolvers, l->ifindex);
        b->privacy = privacy;
        b->only_tls = false;
        return set;
}

static uint32_t add_links(Build *b, const Resolver *r)
{
        uint32_t all = 0;

        for (size_t i = 0; i < b->n_links; i++) {
                const Link *l = b->links[i];
                uint32_t set = add_resolvers(b, r, l);

                for (size_t k = 0; k < _FACT_SOURCE_MAX; k++)
                        set |= add_list(b, r, &l->facts[k].dns, l->ifindex);
                for (size_t k = 0; k < _FACT_SOURCE_MAX; k++)
                        for (size_t j = 0; j < l->facts[k].domains.n; j++)
                                if (add_domain(b, l->facts[k].domains.items[j], set))
                                        b->default_links |= set;
                all |= set;
        }
        return all;
}

static uint32_t add_resolvconf(Build *b, const Resolver *r)
{
        const DnsResolvConf *conf = files_resolvconf(r);
        uint32_t set = 0;

        if (!conf)
                return 0;
        for (size_t i = 0; i < conf->n_servers; i++)
                set |= add_server(b, r, &conf->servers[i], 0);
        for (size_t i = 0; i < conf->n_search && b->c.n_search < DNS_SEARCH_MAX; i++)
                add_search(b, &conf->search[i]);
        b->c.ndots = conf->ndots;
        return set;
}

static void build(Build *b, const Resolver *r)
{
        const DnsSettings *dns = &r->settings->dns;
        bool global_default = false;
        uint32_t global, links, set;

        b->privacy = privacy_of(r->settings);
        b->c.ndots = 1;
        if (r->network)
                list_links(b, r->network);
        global = add_list(b, r, &dns->servers, 0);
        for (size_t i = 0; i < dns->domains.n; i++)
                global_default = add_domain(b, dns->domains.items[i], global) || global_default;
        links = add_links(b, r);
        set = b->default_links | (global_default ? global : 0);
        if (set == 0)
                set = global;
        if (set == 0)
                set = links;
        if (set == 0)
                set = add_resolvconf(b, r);
        if (set == 0)
                set = add_list(b, r, &dns->fallback_servers, 0);
        add_route(b, &DNS_NAME_ROOT, set);
}

void servers_update(Resolver *r)
{
        Build *b = calloc(1, sizeof(*b));
        DnsResolvConf *out = calloc(1, sizeof(*out));

        if (b && out) {
                build(b, r);
                if (dns_client_configure(r->client, &b->c, clock_boottime_usec()) < 0)
                        log_error("DNS: no memory for a change of servers");
                /* those that are gone have connections, which must not bring anything any more */
                resolver_pump(r, false);
                out->ndots = b->c.ndots;
                out->n_servers = b->c.n_servers;
                for (size_t i = 0; i < b->c.n_servers; i++)
                        out->servers[i] = b->c.servers[i].endpoint;
                out->n_search = b->c.n_search;
                memcpy(out->search, b->c.search, sizeof(out->search));
                files_write(r, out);
        }
        free(b);
        free(out);
}
