/* SPDX-License-Identifier: MIT */
/* What router advertisements say beyond addresses and routes, which are the kernel's to keep. */
#include "helper/link.h"
#include "helper/network-private.h"
#include "util/fd.h"
#include "util/log.h"
#include <netinet/icmp6.h>
#include <stdio.h>
#include <string.h>

#define SOLICITS     3
#define SOLICIT_USEC (4 * USEC_PER_SEC)
#define IN6ADDR_LINKLOCAL_ALLROUTERS                                                               \
        {                                                                                          \
                {                                                                                  \
                        {                                                                          \
                                0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2                  \
                        }                                                                          \
                }                                                                                  \
        }

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

/* -- Solicitation ------------------------------------------------------------------------------ */

/*
 * The kernel solicits when a link comes up. Where it was up before us, its routers have been heard
 * by the kernel and not by us, and would be silent for up to half an hour: ask as RFC 4861 6.3.7
 * says.
 */
static int send_solicitation(const Link *link)
{
        static const uint8_t message[8] = { ND_ROUTER_SOLICIT };
        struct sockaddr_in6 routers = { .sin6_family = AF_INET6,
                .sin6_addr = IN6ADDR_LINKLOCAL_ALLROUTERS,
                .sin6_scope_id = (uint32_t) link->ifindex };
        _cleanup_fd_ int fd = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMPV6);
        int hops = 255;

        /* the kernel writes the checksum */
        if (fd < 0 || setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof(hops)) < 0 ||
                sendto(fd, message, sizeof(message), 0, (struct sockaddr *) &routers,
                        sizeof(routers)) < 0)
                return -errno;
        return 0;
}

static void on_solicit(Timer *t, usec_t now)
{
        LinkState *s = container_of(t, LinkState, solicit_timer);
        int r;

        if (s->solicits_left == 0)
                return;
        s->solicits_left--;
        r = send_solicitation(s->link);
        if (r < 0)
                log_debug("%s: cannot ask for routers: %s", s->link->name, strerror(-r));
        timer_set(t, usec_add(now, SOLICIT_USEC));
}

void link_ra_solicit(Link *link)
{
        link->state->solicits_left = SOLICITS;
        timer_set(&link->state->solicit_timer, 0);
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
        link->state->solicits_left = 0;
        timer_cancel(&link->state->solicit_timer);
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
        timer_init(&link->state->solicit_timer, network_thread(link->network), on_solicit);
}

void link_ra_forget(Link *link)
{
        timer_cancel(&link->state->ra_timer);
        timer_cancel(&link->state->solicit_timer);
        if (link->state->n_ra == 0)
                return;
        link->state->n_ra = 0;
        network_set_facts(link, FACT_SOURCE_RA, &(LinkFacts){ 0 });
}
