/* SPDX-License-Identifier: MIT */
#include "helper/dhcp4-apply.h"
#include "helper/apply.h"
#include "util/log.h"
#include <string.h>

static ApplyRoute apply_route(const Dhcp4Lease *lease, const Dhcp4Route *route)
{
        IpPrefix subnet = { .addr = ip_from_v4(lease->address.s_addr),
                .length = lease->options.prefix_length };
        ApplyRoute a = { .dst = { ip_from_v4(route->destination.s_addr), route->prefix_length },
                .source = ip_from_v4(lease->address.s_addr) };

        if (route->gateway.s_addr) {
                a.gateway = ip_from_v4(route->gateway.s_addr);
                a.on_link = !ip_in_prefix(&a.gateway, &subnet);
        }
        return a;
}

/* A gateway that stands in a subnet which another route of the lease puts on the link needs that
 * route first; such routes go in front. */
static size_t apply_routes(const Dhcp4Lease *lease, ApplyRoute ret[static DHCP4_ROUTES_MAX])
{
        const Dhcp4Options *o = &lease->options;
        size_t n = 0;

        for (size_t i = 0; i < o->n_routes; i++)
                if (o->routes[i].gateway.s_addr == 0)
                        ret[n++] = apply_route(lease, &o->routes[i]);
        for (size_t i = 0; i < o->n_routes; i++)
                if (o->routes[i].gateway.s_addr != 0)
                        ret[n++] = apply_route(lease, &o->routes[i]);
        return n;
}

static void add_servers(EndpointList *list, const struct in_addr *servers, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                Endpoint e = { .addr = ip_from_v4(servers[i].s_addr) };

                (void) endpoint_list_add(list, &e);
        }
}

static void add_ntp(HostPortList *list, const struct in_addr *servers, size_t n)
{
        char text[IP_ADDR_STRLEN];

        for (size_t i = 0; i < n; i++) {
                IpAddr a = ip_from_v4(servers[i].s_addr);

                (void) host_port_list_add(list, ip_format(&a, text), 0, 0);
        }
}

static void add_domains(StringList *list, const char *domains)
{
        char copy[DHCP4_SEARCH_SIZE], *save = NULL;

        strcpy(copy, domains);
        for (char *name = strtok_r(copy, " ", &save); name; name = strtok_r(NULL, " ", &save))
                (void) string_list_add(list, name);
}

static void tell_facts(Link *link, const Dhcp4Lease *lease)
{
        const LinkSettings *s = link->settings;
        const Dhcp4Options *o = &lease->options;
        LinkFacts facts = { .server = ip_from_v4(lease->server.s_addr),
                .expires_usec = lease->expires };

        if (s->use_dns)
                add_servers(&facts.dns, o->dns, o->n_dns);
        for (size_t i = 0; s->use_dns && i < o->resolvers.n; i++)
                (void) endpoint_list_add(&facts.resolvers, &o->resolvers.items[i]);
        if (s->use_ntp)
                add_ntp(&facts.ntp, o->ntp, o->n_ntp);
        if (s->use_domains)
                add_domains(&facts.domains, o->search);
        if (o->captive_portal[0])
                facts.captive_portal = strdup(o->captive_portal);
        network_set_facts(link, FACT_SOURCE_DHCP4, &facts);
}

static void applied(Link *link, FactSource source, int error, void *userdata)
{
        if (error < 0)
                log_warning("%s: the kernel refused a part of the lease: %s", link->name,
                        strerror(-error));
}

int dhcp4_apply(Link *link, const Dhcp4Lease *lease)
{
        ApplyAddress address = { .prefix = { ip_from_v4(lease->address.s_addr),
                                         lease->options.prefix_length },
                .valid_until_usec = lease->expires,
                .preferred_until_usec = lease->expires };
        ApplyRoute routes[DHCP4_ROUTES_MAX];
        ApplyConfig config = { .addresses = &address,
                .n_addresses = 1,
                .routes = routes,
                .mtu = link->settings->use_mtu ? lease->options.mtu : 0 };
        int r;

        if (link->settings->use_routes)
                config.n_routes = apply_routes(lease, routes);
        r = apply_set(link, FACT_SOURCE_DHCP4, &config, applied, NULL);
        tell_facts(link, lease);
        return r;
}

void dhcp4_unapply(Link *link)
{
        LinkFacts none = { 0 };

        apply_flush(link, FACT_SOURCE_DHCP4);
        network_set_facts(link, FACT_SOURCE_DHCP4, &none);
}
