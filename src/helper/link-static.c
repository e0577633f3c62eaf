/* SPDX-License-Identifier: MIT */
/* What the configuration says about a link, as facts and as what the kernel should have. */
#include "helper/link.h"
#include "helper/network-private.h"
#include "util/log.h"
#include <string.h>

static int copy_facts(const LinkSettings *settings, LinkFacts *facts)
{
        int r = 0;

        for (size_t i = 0; i < settings->dns.n && r >= 0; i++)
                r = endpoint_list_add(&facts->dns, &settings->dns.items[i]);
        for (size_t i = 0; i < settings->ntp.n && r >= 0; i++)
                r = host_port_list_add(&facts->ntp, settings->ntp.items[i].host,
                        settings->ntp.items[i].port, settings->ntp.items[i].key);
        for (size_t i = 0; i < settings->domains.n && r >= 0; i++)
                r = string_list_add(&facts->domains, settings->domains.items[i]);
        return r;
}

void link_static_facts(Link *link)
{
        LinkFacts facts = { 0 };
        int r = link->settings ? copy_facts(link->settings, &facts) : 0;

        if (r >= 0)
                network_set_facts(link, FACT_SOURCE_STATIC, &facts);
        else
                log_error("%s: its servers cannot be used: %s", link->name, strerror(-r));
        link_facts_clear(&facts);
}

int link_static_apply(Link *link)
{
        const LinkSettings *settings = link->settings;
        ApplyAddress addresses[APPLY_ADDRESSES_MAX];
        ApplyRoute routes[APPLY_ROUTES_MAX];
        ApplyConfig config = { .addresses = addresses, .routes = routes };

        if (settings->addresses.n > APPLY_ADDRESSES_MAX || settings->gateways.n > APPLY_ROUTES_MAX)
                return -E2BIG;
        for (size_t i = 0; i < settings->addresses.n; i++)
                addresses[config.n_addresses++] = (ApplyAddress){
                        .prefix = settings->addresses.items[i],
                        .valid_until_usec = USEC_INFINITY,
                        .preferred_until_usec = USEC_INFINITY,
                };
        for (size_t i = 0; i < settings->gateways.n; i++)
                routes[config.n_routes++] = (ApplyRoute){
                        .dst = { .addr = { .family = settings->gateways.items[i].addr.family } },
                        .gateway = settings->gateways.items[i].addr,
                };
        return apply_set(link, FACT_SOURCE_STATIC, &config, NULL, NULL);
}
