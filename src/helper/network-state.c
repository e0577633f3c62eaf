/* SPDX-License-Identifier: MIT */
/*
 * What the links amount to: whether the ladder's requirements of IFACE_COLDPLUG and DHCP hold, what
 * is missing, and when open sockets have become stale. docs/network.md says it for people.
 */
#include "helper/network-private.h"
#include "util/hash.h"
#include "util/log.h"
#include <stdio.h>
#include <string.h>

/* -- Predicates -------------------------------------------------------------------------------- */

static bool is_candidate(const Network *n, const Link *link)
{
        const StringList *required = &n->settings->require_links;

        if (link->loopback)
                return false;
        for (size_t i = 0; i < required->n; i++)
                if (glob_matches(required->items[i], link->name))
                        return true;
        return required->n == 0;
}

/* An address that others can answer to. */
static bool is_usable(const LinkAddress *a)
{
        return !a->tentative && !ip_is_link_local(&a->prefix.addr) &&
               !ip_is_loopback(&a->prefix.addr) && !ip_is_any(&a->prefix.addr);
}

/* A leased address counts while its lease does: not while a lost one is on its way out of the
 * kernel, nor back on a link whose network may be another one by now, before somebody there
 * confirmed it. */
static bool is_confirmed(const Link *link, const LinkAddress *a)
{
        FactSource source =
                a->prefix.addr.family == AF_INET ? FACT_SOURCE_DHCP4 : FACT_SOURCE_DHCP6;

        /* "no-carrier", when there is one: it has yet to begin */
        return !a->leased || (link->facts[source].expires_usec > 0 &&
                                     strcmp(link->dhcp_state, "rebooting") != 0 &&
                                     strcmp(link->dhcp_state, "no-carrier") != 0);
}

static bool has_unconfirmed(const Link *link)
{
        for (size_t i = 0; i < link->n_addresses; i++)
                if (!is_confirmed(link, &link->addresses[i]))
                        return true;
        return false;
}

static bool has_address(const Link *link, int family)
{
        for (size_t i = 0; i < link->n_addresses; i++)
                if (link->addresses[i].prefix.addr.family == family &&
                        is_usable(&link->addresses[i]) && is_confirmed(link, &link->addresses[i]))
                        return true;
        return false;
}

static bool has_route(const Link *link, int family)
{
        for (size_t i = 0; i < link->n_gateways; i++)
                if (link->gateways[i].family == family)
                        return true;
        return false;
}

static bool is_up(const Link *link, int family)
{
        return link->carrier && has_address(link, family) && has_route(link, family);
}

static bool any_link_up(Network *n, int family)
{
        list_foreach (it, &n->links) {
                const Link *link = list_entry(it, Link, link);

                if (is_candidate(n, link) && is_up(link, family))
                        return true;
        }
        return false;
}

/* The family that is still missing, AF_UNSPEC for "either will do"; -1 when nothing is. */
static int missing_family(Network *n)
{
        bool v4 = any_link_up(n, AF_INET), v6 = any_link_up(n, AF_INET6);

        switch (n->settings->require_family) {
        case REQUIRE_FAMILY_ANY:
                return v4 || v6 ? -1 : AF_UNSPEC;
        case REQUIRE_FAMILY_IPV4:
                return v4 ? -1 : AF_INET;
        case REQUIRE_FAMILY_IPV6:
                return v6 ? -1 : AF_INET6;
        case REQUIRE_FAMILY_BOTH:
                return !v4 ? AF_INET : !v6 ? AF_INET6 : -1;
        }
        return -1;
}

/* -- Words ------------------------------------------------------------------------------------- */

static bool has_any(bool (*has)(const Link *, int), const Link *link, int family)
{
        if (family != AF_UNSPEC)
                return has(link, family);
        return has(link, AF_INET) || has(link, AF_INET6);
}

/* How near a link is to what is missing; the nearest managed one is what people are told about. */
static int nearness(const Link *link, int family)
{
        return (link->managed ? 8 : 0) + (link->carrier ? 4 : 0) +
               (has_any(has_address, link, family) ? 2 : 0) +
               (has_any(has_route, link, family) ? 1 : 0);
}

static Link *nearest(Network *n, int family)
{
        Link *best = NULL;

        list_foreach (it, &n->links) {
                Link *link = list_entry(it, Link, link);

                if (is_candidate(n, link) &&
                        (!best || nearness(link, family) > nearness(best, family)))
                        best = link;
        }
        return best;
}

static void say_no_link(Network *n, Hold *hold)
{
        const StringList *required = &n->settings->require_links;

        hold_set_who(hold, "link");
        if (required->n > 0)
                hold_assert(hold, "no-link", 0, "no link matches RequireLinks=%s%s",
                        required->items[0], required->n > 1 ? " ..." : "");
        else
                hold_assert(hold, "no-link", 0, "no network link");
}

static const char *family_word(int family)
{
        return family == AF_INET ? "IPv4 " : family == AF_INET6 ? "IPv6 " : "";
}

static void say_what_is_missing(Network *n, Hold *hold, int family)
{
        Link *link = nearest(n, family);
        const char *word = family_word(family);

        if (!link) {
                say_no_link(n, hold);
                return;
        }
        if (link->carrier && link->wait_code[0]) {
                hold_set_who(hold, "dhcp");
                hold_assert(hold, link->wait_code, link->wait_next_try_usec, "%s", link->wait_why);
                return;
        }
        if (link->carrier && has_unconfirmed(link)) {
                hold_set_who(hold, "dhcp");
                hold_assert(hold, "unconfirmed", 0, "%s: asks whether its lease still holds",
                        link->name);
                return;
        }
        hold_set_who(hold, "link");
        if (!link->carrier)
                hold_assert(hold, "no-carrier", 0, "%s: no carrier", link->name);
        else if (!has_any(has_address, link, family))
                hold_assert(hold, "no-address", 0, "%s: no %saddress", link->name, word);
        else
                hold_assert(hold, "no-route", 0, "%s: no %sdefault route", link->name, word);
}

static bool any_carrier(Network *n)
{
        list_foreach (it, &n->links) {
                const Link *link = list_entry(it, Link, link);

                if (is_candidate(n, link) && link->carrier)
                        return true;
        }
        return false;
}

void network_judge(Network *n)
{
        int family = missing_family(n);
        Link *link = nearest(n, AF_UNSPEC);

        if (any_carrier(n))
                hold_drop(n->coldplug);
        else if (!link)
                say_no_link(n, n->coldplug);
        else
                hold_assert(n->coldplug, "no-carrier", 0, "%s: no carrier", link->name);
        if (family < 0)
                hold_drop(n->dhcp);
        else
                say_what_is_missing(n, n->dhcp, family);
}

/* -- The epoch --------------------------------------------------------------------------------- */

static void snapshot_uplink(NetworkUplink *best, const Link *link, int family)
{
        for (size_t i = 0; i < link->n_gateways; i++) {
                const LinkGateway *g = &link->gateways[i];

                if (g->family != family || (best->ifindex > 0 && g->metric >= best->metric))
                        continue;
                *best = (NetworkUplink){
                        .ifindex = link->ifindex, .gateway = g->addr, .metric = g->metric
                };
        }
}

static int snapshot_link(NetworkSnapshot *s, const Link *link)
{
        NetworkBound *grown;

        snapshot_uplink(&s->uplinks[0], link, AF_INET);
        snapshot_uplink(&s->uplinks[1], link, AF_INET6);
        if (link->n_addresses == 0 || s->n_bound + link->n_addresses > NETWORK_BOUND_MAX)
                return 0;
        grown = reallocarray(s->bound, s->n_bound + link->n_addresses, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        s->bound = grown;
        for (size_t i = 0; i < link->n_addresses; i++)
                if (is_usable(&link->addresses[i]))
                        s->bound[s->n_bound++] = (NetworkBound){ .ifindex = link->ifindex,
                                .addr = link->addresses[i].prefix.addr };
        return 0;
}

static int by_bound(const void *a, const void *b)
{
        const NetworkBound *x = a, *y = b;

        return x->ifindex != y->ifindex ? (x->ifindex > y->ifindex) - (x->ifindex < y->ifindex)
                                        : ip_cmp(&x->addr, &y->addr);
}

static int snapshot_take(Network *n, NetworkSnapshot *ret)
{
        *ret = (NetworkSnapshot){ 0 };
        list_foreach (it, &n->links) {
                const Link *link = list_entry(it, Link, link);
                int r;

                if (link->loopback || !link->carrier)
                        continue;
                r = snapshot_link(ret, link);
                if (r < 0) {
                        network_snapshot_clear(ret);
                        return r;
                }
        }
        if (ret->n_bound > 0)
                qsort(ret->bound, ret->n_bound, sizeof(*ret->bound), by_bound);
        return 0;
}

void network_snapshot_clear(NetworkSnapshot *s)
{
        free(s->bound);
        *s = (NetworkSnapshot){ 0 };
}

/* Is each of the one among the other? Both are sorted. */
static bool all_bound(const NetworkSnapshot *of, const NetworkSnapshot *in)
{
        size_t j = 0;

        for (size_t i = 0; i < of->n_bound; i++) {
                while (j < in->n_bound && by_bound(&in->bound[j], &of->bound[i]) < 0)
                        j++;
                if (j == in->n_bound || by_bound(&in->bound[j], &of->bound[i]) > 0)
                        return false;
        }
        return true;
}

static bool same_uplink(const NetworkUplink *a, const NetworkUplink *b)
{
        return a->ifindex == b->ifindex && a->gateway.family == b->gateway.family &&
               (a->gateway.family == AF_UNSPEC || ip_equal(&a->gateway, &b->gateway));
}

typedef enum EpochChange {
        EPOCH_SAME,  /* or something more than before */
        EPOCH_LOST,  /* something is gone and nothing in its place */
        EPOCH_OTHER, /* something else is there now */
} EpochChange;

static EpochChange epoch_change(const NetworkSnapshot *old, const NetworkSnapshot *new)
{
        bool lost = !all_bound(old, new), gained = !all_bound(new, old), other = lost && gained;

        for (size_t i = 0; i < ELEMENTSOF(old->uplinks); i++) {
                if (same_uplink(&old->uplinks[i], &new->uplinks[i]))
                        continue;
                if (new->uplinks[i].ifindex > 0)
                        other = true;
                else
                        lost = true;
        }
        return other ? EPOCH_OTHER : lost ? EPOCH_LOST : EPOCH_SAME;
}

static uint64_t mix_address(uint64_t hash, int ifindex, const IpAddr *a)
{
        hash = hash_mix(hash, &ifindex, sizeof(ifindex));
        hash = hash_mix(hash, &a->family, sizeof(a->family));
        return a->family == AF_UNSPEC ? hash : hash_mix(hash, a->bytes, ip_size(a->family));
}

/* A link-local address of IPv6 comes with the link, and a second after it: it tells nothing. */
static bool tells_networks_apart(const IpAddr *a)
{
        return a->family != AF_INET6 || !ip_is_link_local(a);
}

static uint64_t snapshot_digest(const NetworkSnapshot *s)
{
        uint64_t hash = HASH_INIT;

        for (size_t i = 0; i < ELEMENTSOF(s->uplinks); i++)
                hash = mix_address(hash, s->uplinks[i].ifindex, &s->uplinks[i].gateway);
        for (size_t i = 0; i < s->n_bound; i++)
                if (tells_networks_apart(&s->bound[i].addr))
                        hash = mix_address(hash, s->bound[i].ifindex, &s->bound[i].addr);
        return hash;
}

/* Takes `new` over. */
static void snapshot_keep(Network *n, NetworkSnapshot *new)
{
        network_snapshot_clear(&n->snapshot);
        n->snapshot = *new;
        n->epoch_digest = snapshot_digest(new);
}

/* Helpers are told of the first network they see, also where it has been counted before. */
static bool is_resumed(Network *n, const NetworkSnapshot *new)
{
        bool same = n->epoch_resumes && snapshot_digest(new) == n->epoch_digest;

        n->epoch_resumes = false;
        n->epoch_changed |= same;
        return same;
}

static void epoch_count(Network *n)
{
        n->epoch++;
        n->epoch_changed = true;
        network_touch(n);
}

/* What was lost did not come back in time. */
static void on_epoch_timer(Timer *t, usec_t now)
{
        Network *n = container_of(t, Network, epoch_timer);
        NetworkSnapshot new;

        if (snapshot_take(n, &new) < 0)
                return;
        if (epoch_change(&n->snapshot, &new) != EPOCH_SAME)
                epoch_count(n);
        snapshot_keep(n, &new);
}

/* A loss counts after the flap time, so that a flap of an address or a route tells nobody. */
void network_update_epoch(Network *n, usec_t now)
{
        NetworkSnapshot new;

        if (snapshot_take(n, &new) < 0)
                return;
        switch (is_resumed(n, &new) ? EPOCH_SAME : epoch_change(&n->snapshot, &new)) {
        case EPOCH_LOST:
                if (!timer_is_set(&n->epoch_timer))
                        timer_set(
                                &n->epoch_timer, usec_add(now, ladder_flap(context_ladder(n->cx))));
                network_snapshot_clear(&new);
                return;
        case EPOCH_OTHER:
                epoch_count(n);
                break;
        case EPOCH_SAME:
                break;
        }
        timer_cancel(&n->epoch_timer);
        snapshot_keep(n, &new);
}

void network_epoch_init(Network *n)
{
        timer_init(&n->epoch_timer, n->thread, on_epoch_timer);
}
