/* SPDX-License-Identifier: MIT */
/* The kernel's addresses and routes of a link, kept by what rtnetlink tells. */
#include "helper/link.h"
#include "helper/network-private.h"
#include "proto/rtnl-diff.h"
#include <linux/if_addr.h>
#include <string.h>

/* Makes room for one more of an array; NULL when it is full or memory is. */
static void *grow(void *items, size_t n, size_t max, size_t size)
{
        /* room for 4, 8, 16, ...: grown each time a power of two is met */
        if (n >= max)
                return NULL;
        if (items && (n < 4 || (n & (n - 1)) != 0))
                return items;
        return reallocarray(items, n < 4 ? 4 : n * 2, size);
}

/* -- Addresses --------------------------------------------------------------------------------- */

/* Their number where there is none. */
static size_t find_address(const LinkState *s, const RtnlAddress *address)
{
        size_t i = 0;

        while (i < s->n_addresses && !rtnl_address_is(&s->addresses[i].address, address))
                i++;
        return i;
}

static void drop_address(LinkState *s, size_t i)
{
        s->n_addresses--;
        memmove(s->addresses + i, s->addresses + i + 1,
                (s->n_addresses - i) * sizeof(*s->addresses));
}

static void drop_route(LinkState *s, size_t i)
{
        s->n_routes--;
        memmove(s->routes + i, s->routes + i + 1, (s->n_routes - i) * sizeof(*s->routes));
}

static void forget_routes_from(Link *link, const IpAddr *source)
{
        LinkState *s = link->state;

        for (size_t i = s->n_routes; i-- > 0;)
                if (s->routes[i].route.source.family == source->family &&
                        ip_equal(&s->routes[i].route.source, source)) {
                        drop_route(s, i);
                        link_mark_dirty(link);
                }
}

static void lost_address(Link *link, const RtnlAddress *a)
{
        /* routes from it went with it, and the kernel does not say so */
        if (a->prefix.addr.family == AF_INET)
                list_foreach (it, &link->network->links)
                        forget_routes_from(list_entry(it, Link, link), &a->prefix.addr);
        link->state->lost_address = true;
}

bool link_has_address(const Link *link, const IpAddr *addr)
{
        for (size_t i = 0; i < link->state->n_addresses; i++)
                if (ip_equal(&link->state->addresses[i].address.prefix.addr, addr))
                        return true;
        return false;
}

void link_on_address(Link *link, const RtnlAddress *address, bool removed)
{
        LinkState *s = link->state;
        MirrorAddress *grown;
        size_t i = find_address(s, address);

        link_mark_dirty(link);
        if (!removed || i == s->n_addresses || !s->addresses[i].leaving)
                apply_on_address(link, address, removed);
        /* The kernel takes an address with a lifetime away when its DAD fails, and says so there.
         */
        if (s->dhcp6 && (address->flags & IFA_F_DADFAILED))
                dhcp6_client_dad_failed(s->dhcp6, &address->prefix.addr);
        if (removed) {
                if (i < s->n_addresses) {
                        drop_address(s, i);
                        lost_address(link, address);
                }
                return;
        }
        if (i == s->n_addresses) {
                grown = grow(s->addresses, s->n_addresses, LINK_ADDRESSES_MAX, sizeof(*grown));
                if (!grown)
                        return;
                s->addresses = grown;
                s->n_addresses++;
        }
        s->addresses[i] = (MirrorAddress){
                .address = *address, .told_usec = clock_boottime_usec(), .seen = true
        };
}

/* -- Routes ------------------------------------------------------------------------------------ */

static uint32_t metric_of(const Link *link)
{
        return link->settings && link->settings->metric ? link->settings->metric
                                                        : LINK_METRIC_DEFAULT;
}

/* "proto static" is what administrators write too: ours has our metric. */
bool link_route_is_ours(const Link *link, const RtnlRoute *route)
{
        return route->protocol == LINK_PROTO_DHCP ||
               (route->protocol == LINK_PROTO_STATIC && route->metric == metric_of(link));
}

static size_t find_route(const LinkState *s, const RtnlRoute *route)
{
        size_t i = 0;

        while (i < s->n_routes && !rtnl_route_is(&s->routes[i].route, route))
                i++;
        return i;
}

static bool is_of_interest(const RtnlRoute *route)
{
        return route->table == RT_TABLE_MAIN && route->type == RTN_UNICAST && !route->cloned &&
               (route->dst.length == 0 || route->protocol == LINK_PROTO_DHCP ||
                       route->protocol == LINK_PROTO_STATIC);
}

void link_on_route(Link *link, const RtnlRoute *route, bool removed)
{
        LinkState *s = link->state;
        MirrorRoute *grown;
        size_t i;

        if (!is_of_interest(route))
                return;
        i = find_route(s, route);
        link_mark_dirty(link);
        if (!removed || i == s->n_routes || !s->routes[i].leaving)
                apply_on_route(link, route, removed);
        if (removed) {
                if (i < s->n_routes)
                        drop_route(s, i);
                return;
        }
        if (i == s->n_routes) {
                grown = grow(s->routes, s->n_routes, LINK_ROUTES_MAX, sizeof(*grown));
                if (!grown)
                        return;
                s->routes = grown;
                s->n_routes++;
        }
        s->routes[i] = (MirrorRoute){ .route = *route, .seen = true };
}

size_t link_routes_like(Link *link, const RtnlRoute *route, bool drop)
{
        LinkState *s = link->state;
        size_t n = 0;

        for (size_t i = 0; i < s->n_routes; i++) {
                const RtnlRoute *r = &s->routes[i].route;

                if (r->dst.addr.family != route->dst.addr.family ||
                        r->dst.length != route->dst.length || r->metric != route->metric ||
                        r->table != route->table ||
                        (r->dst.length > 0 && !ip_equal(&r->dst.addr, &route->dst.addr)))
                        continue;
                n++;
                if (drop) {
                        apply_on_route(link, r, true);
                        drop_route(s, i);
                        link_mark_dirty(link);
                        break;
                }
        }
        return n;
}

void link_forget_routes(Link *link)
{
        if (link->state->n_routes > 0)
                link_mark_dirty(link);
        link->state->n_routes = 0;
}

/* -- What we take away ------------------------------------------------------------------------- */

void link_address_leaves(Link *link, const RtnlAddress *address)
{
        LinkState *s = link->state;
        size_t i = find_address(s, address);

        if (i < s->n_addresses)
                s->addresses[i].leaving = true;
}

void link_route_leaves(Link *link, const RtnlRoute *route)
{
        LinkState *s = link->state;
        size_t i = find_route(s, route);

        if (i < s->n_routes)
                s->routes[i].leaving = true;
}

void link_none_leaves(Link *link)
{
        LinkState *s = link->state;

        for (size_t i = 0; i < s->n_addresses; i++)
                s->addresses[i].leaving = false;
        for (size_t i = 0; i < s->n_routes; i++)
                s->routes[i].leaving = false;
}

/* -- Synchronisation --------------------------------------------------------------------------- */

void link_sync_begin(Link *link)
{
        LinkState *s = link->state;

        s->seen = false;
        for (size_t i = 0; i < s->n_addresses; i++)
                s->addresses[i].seen = false;
        for (size_t i = 0; i < s->n_routes; i++)
                s->routes[i].seen = false;
}

/* Where the link went down and up meanwhile, what is missing went with that, as do routes of IPv4
 * at any time. */
void link_sync_end(Link *link)
{
        LinkState *s = link->state;

        if (s->blip)
                s->was_up = false;
        s->mtu_asked = 0;
        for (size_t i = s->n_addresses; i-- > 0;)
                if (!s->addresses[i].seen) {
                        MirrorAddress gone = s->addresses[i];

                        drop_address(s, i);
                        link_mark_dirty(link);
                        lost_address(link, &gone.address);
                        if (s->had_carrier && !s->blip && !gone.leaving)
                                apply_on_address(link, &gone.address, true);
                }
        for (size_t i = s->n_routes; i-- > 0;)
                if (!s->routes[i].seen) {
                        drop_route(s, i);
                        link_mark_dirty(link);
                }
}

/* -- The public face --------------------------------------------------------------------------- */

static bool is_tentative(const RtnlAddress *a)
{
        return (a->flags & IFA_F_DADFAILED) ||
               ((a->flags & IFA_F_TENTATIVE) && !(a->flags & IFA_F_OPTIMISTIC));
}

static bool is_ours(const Link *link, const RtnlAddress *a)
{
        return link->managed &&
               (a->protocol == LINK_PROTO_DHCP || a->protocol == LINK_PROTO_STATIC);
}

static int by_metric(const void *a, const void *b)
{
        const LinkGateway *x = a, *y = b;

        return x->metric < y->metric ? -1 : x->metric > y->metric;
}

/* On failure the old arrays stay: a machine that has no memory for this has other worries. */
void link_publish_mirror(Link *link)
{
        LinkState *s = link->state;
        LinkAddress *addresses = calloc(s->n_addresses + 1, sizeof(*addresses));
        LinkGateway *gateways = calloc(s->n_routes + 1, sizeof(*gateways));
        size_t n = 0;

        if (!addresses || !gateways) {
                free(addresses);
                free(gateways);
                return;
        }
        for (size_t i = 0; i < s->n_addresses; i++) {
                const RtnlAddress *a = &s->addresses[i].address;

                addresses[i] = (LinkAddress){
                        .prefix = a->prefix,
                        .tentative = is_tentative(a),
                        .ours = is_ours(link, a),
                        .leased = is_ours(link, a) && a->protocol == LINK_PROTO_DHCP,
                };
        }
        for (size_t i = 0; i < s->n_routes; i++) {
                const RtnlRoute *route = &s->routes[i].route;

                if (route->dst.length == 0)
                        gateways[n++] = (LinkGateway){ .addr = route->hops[0].gateway,
                                .family = route->dst.addr.family,
                                .metric = route->metric };
        }
        qsort(gateways, n, sizeof(*gateways), by_metric);
        free(link->addresses);
        free(link->gateways);
        link->addresses = addresses;
        link->n_addresses = s->n_addresses;
        link->gateways = gateways;
        link->n_gateways = n;
}

void link_mirror_free(Link *link)
{
        free(link->state->addresses);
        free(link->state->routes);
        free(link->addresses);
        free(link->gateways);
}
