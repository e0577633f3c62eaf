/* SPDX-License-Identifier: MIT */
/* What router advertisements say beyond addresses and routes, which are the kernel's to keep. */
#include "helper/link.h"
#include "helper/network-private.h"
#include <stdio.h>
#include <string.h>

static int add_fact(Link *link, const LinkRaFact *fact, LinkFacts *facts)
{
        switch (fact->kind) {
        case LINK_RA_DNS:
                return link->settings->use_dns
                               ? endpoint_list_add(&facts->dns, &(Endpoint){ .addr = fact->server,
                                                                        .ifindex = link->ifindex })
                               : 0;
        case LINK_RA_DOMAIN:
                return link->settings->use_domains ? string_list_add(&facts->domains, fact->text)
                                                   : 0;
        case LINK_RA_PORTAL:
                free(facts->captive_portal);
                facts->captive_portal = strdup(fact->text);
                return facts->captive_portal ? 0 : -ENOMEM;
        }
        return -EINVAL;
}

static void publish(Link *link)
{
        LinkFacts facts = { .expires_usec = 0 };
        usec_t next = USEC_INFINITY;
        int r = 0;

        for (size_t i = 0; i < link->state->n_ra && r >= 0; i++) {
                r = add_fact(link, &link->state->ra[i], &facts);
                next = MIN(next, link->state->ra[i].expires_usec);
        }
        if (r >= 0)
                network_set_facts(link, FACT_SOURCE_RA, &facts);
        link_facts_clear(&facts);
        timer_set(&link->state->ra_timer, next);
}

static void on_expiry(Timer *t, usec_t now)
{
        LinkState *s = container_of(t, LinkState, ra_timer);
        size_t kept = 0;

        for (size_t i = 0; i < s->n_ra; i++)
                if (s->ra[i].expires_usec > now)
                        s->ra[kept++] = s->ra[i];
        s->n_ra = kept;
        publish(s->link);
}

static bool same_fact(const LinkRaFact *a, const LinkRaFact *b)
{
        if (a->kind != b->kind)
                return false;
        return a->kind == LINK_RA_PORTAL ||
               (a->kind == LINK_RA_DNS ? ip_equal(&a->server, &b->server)
                                       : strcmp(a->text, b->text) == 0);
}

/* RFC 8106 6: a lifetime of zero withdraws; when the list is full the one that ends first gives
 * way. */
static void learn(LinkState *s, const LinkRaFact *fact, usec_t now)
{
        size_t i = 0, first = 0;

        while (i < s->n_ra && !same_fact(&s->ra[i], fact))
                i++;
        if (fact->expires_usec <= now) {
                if (i < s->n_ra) {
                        s->n_ra--;
                        memmove(s->ra + i, s->ra + i + 1, (s->n_ra - i) * sizeof(*s->ra));
                }
                return;
        }
        if (i == s->n_ra && s->n_ra < LINK_RA_FACTS_MAX)
                s->n_ra++;
        if (i == LINK_RA_FACTS_MAX) {
                for (size_t j = 1; j < s->n_ra; j++)
                        if (s->ra[j].expires_usec < s->ra[first].expires_usec)
                                first = j;
                i = first;
        }
        s->ra[i] = *fact;
}

void link_on_nd(Link *link, const RtnlNd *nd)
{
        usec_t now = thread_now(network_thread(link->network));
        LinkRaFact fact = { .expires_usec =
                                    nd->lifetime_sec == RTNL_FOREVER
                                            ? USEC_INFINITY
                                            : usec_add(now, nd->lifetime_sec * USEC_PER_SEC) };

        if (!link->managed)
                return;
        switch (nd->kind) {
        case RTNL_ND_RDNSS:
                fact.kind = LINK_RA_DNS;
                for (size_t i = 0; i < nd->n_servers; i++) {
                        fact.server = nd->servers[i];
                        learn(link->state, &fact, now);
                }
                break;
        case RTNL_ND_DNSSL:
                fact.kind = LINK_RA_DOMAIN;
                for (size_t i = 0; i < nd->n_domains; i++) {
                        snprintf(fact.text, sizeof(fact.text), "%s", nd->domains[i]);
                        learn(link->state, &fact, now);
                }
                break;
        case RTNL_ND_PORTAL:
                fact.kind = LINK_RA_PORTAL;
                fact.expires_usec = USEC_INFINITY;
                snprintf(fact.text, sizeof(fact.text), "%s", nd->portal);
                learn(link->state, &fact, now);
                break;
        }
        publish(link);
}

void link_ra_init(Link *link)
{
        timer_init(&link->state->ra_timer, network_thread(link->network), on_expiry);
}

void link_ra_forget(Link *link)
{
        timer_cancel(&link->state->ra_timer);
        if (link->state->n_ra == 0)
                return;
        link->state->n_ra = 0;
        network_set_facts(link, FACT_SOURCE_RA, &(LinkFacts){ 0 });
}
