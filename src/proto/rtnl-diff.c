/* SPDX-License-Identifier: MIT */
#include "proto/rtnl-diff.h"
#include "util/error.h"

/* IPv4 tells addresses apart by their network and peer too, IPv6 does not. */
bool rtnl_address_is(const RtnlAddress *a, const RtnlAddress *b)
{
        if (a->ifindex != b->ifindex || !ip_equal(&a->prefix.addr, &b->prefix.addr))
                return false;
        if (a->prefix.addr.family == AF_INET6)
                return true;
        return a->prefix.length == b->prefix.length && a->peer.family == b->peer.family &&
               (a->peer.family == AF_UNSPEC || ip_equal(&a->peer, &b->peer));
}

static bool same_ip(const IpAddr *a, const IpAddr *b)
{
        return a->family == b->family && (a->family == AF_UNSPEC || ip_equal(a, b));
}

/* IPv6 takes two routes that differ in source or MTU only for one. */
bool rtnl_route_is(const RtnlRoute *a, const RtnlRoute *b)
{
        if (a->table != b->table || a->metric != b->metric || a->dst.length != b->dst.length ||
                a->dst.addr.family != b->dst.addr.family || a->type != b->type || a->n_hops != 1 ||
                b->n_hops != 1 || a->hops[0].ifindex != b->hops[0].ifindex ||
                !same_ip(&a->hops[0].gateway, &b->hops[0].gateway) ||
                (a->dst.length > 0 && !ip_equal(&a->dst.addr, &b->dst.addr)))
                return false;
        if (a->dst.addr.family == AF_INET6)
                return true;
        return same_ip(&a->source, &b->source) && a->mtu == b->mtu && a->protocol == b->protocol;
}

IpPrefix rtnl_network_of(const IpPrefix *p)
{
        IpPrefix network = *p;

        for (size_t i = 0; i < ip_size(p->addr.family); i++) {
                size_t bits = p->length > i * 8 ? MIN((size_t) p->length - i * 8, (size_t) 8) : 0;

                network.addr.bytes[i] &= (uint8_t) (0xff00 >> bits);
        }
        return network;
}

IpAddr rtnl_broadcast_of(const IpPrefix *p)
{
        IpPrefix network = rtnl_network_of(p);

        if (p->addr.family != AF_INET || p->length > 30)
                return (IpAddr){ .family = AF_UNSPEC };
        network.addr.v4.s_addr |= htonl(p->length > 0 ? UINT32_MAX >> p->length : UINT32_MAX);
        return network.addr;
}

static bool lifetime_differs(uint32_t a, uint32_t b)
{
        if (a == RTNL_FOREVER || b == RTNL_FOREVER)
                return a != b;
        return (a > b ? a - b : b - a) > RTNL_DIFF_SLACK_SEC;
}

static bool address_needs_update(const RtnlAddress *want, const RtnlAddress *have)
{
        return want->protocol != have->protocol ||
               lifetime_differs(want->valid_sec, have->valid_sec) ||
               lifetime_differs(want->preferred_sec, have->preferred_sec);
}

static void set_addresses(const RtnlWant *want, const RtnlHave *have, RtnlOpFn fn, void *userdata)
{
        for (size_t i = 0; i < want->n_addresses; i++) {
                const RtnlAddress *a = &want->addresses[i].address;
                bool current = want->addresses[i].taken;

                for (size_t j = 0; j < have->n_addresses && !current; j++)
                        current = rtnl_address_is(a, &have->addresses[j]) &&
                                  !address_needs_update(a, &have->addresses[j]);
                if (!current)
                        fn(userdata, &(RtnlOp){ .type = RTNL_OP_ADDRESS_SET,
                                             .owner = want->addresses[i].owner,
                                             .address = a });
        }
}

/* Routes without a gateway first: they are what makes the gateways of others reachable. */
static void set_routes(
        const RtnlWant *want, const RtnlHave *have, bool gateways, RtnlOpFn fn, void *userdata)
{
        for (size_t i = 0; i < want->n_routes; i++) {
                const RtnlRoute *route = &want->routes[i].route;
                bool there = want->routes[i].taken;

                if ((route->hops[0].gateway.family != AF_UNSPEC) != gateways)
                        continue;
                for (size_t j = 0; j < have->n_routes && !there; j++)
                        there = rtnl_route_is(route, &have->routes[j]);
                if (!there)
                        fn(userdata, &(RtnlOp){ .type = RTNL_OP_ROUTE_SET,
                                             .owner = want->routes[i].owner,
                                             .route = route });
        }
}

static const RtnlOwner *owner_of(const RtnlWant *want, int family, uint8_t protocol)
{
        for (size_t i = 0; i < want->n_owners; i++) {
                const RtnlOwner *owner = &want->owners[i];

                if (owner->protocol == protocol &&
                        (owner->family == AF_UNSPEC || owner->family == family))
                        return owner;
        }
        return NULL;
}

static void del_routes(const RtnlWant *want, const RtnlHave *have, RtnlOpFn fn, void *userdata)
{
        for (size_t i = 0; i < have->n_routes; i++) {
                const RtnlRoute *route = &have->routes[i];
                const RtnlOwner *owner = owner_of(want, route->dst.addr.family, route->protocol);
                bool wanted = false;

                for (size_t j = 0; j < want->n_routes && !wanted; j++)
                        wanted = rtnl_route_is(&want->routes[j].route, route);
                if (owner && !wanted)
                        fn(userdata, &(RtnlOp){ .type = RTNL_OP_ROUTE_DEL,
                                             .owner = owner->id,
                                             .route = route });
        }
}

static void del_addresses(const RtnlWant *want, const RtnlHave *have, RtnlOpFn fn, void *userdata)
{
        for (size_t i = 0; i < have->n_addresses; i++) {
                const RtnlAddress *a = &have->addresses[i];
                const RtnlOwner *owner = owner_of(want, a->prefix.addr.family, a->protocol);
                bool wanted = false;

                for (size_t j = 0; j < want->n_addresses && !wanted; j++)
                        wanted = rtnl_address_is(&want->addresses[j].address, a);
                if (owner && !wanted)
                        fn(userdata, &(RtnlOp){ .type = RTNL_OP_ADDRESS_DEL,
                                             .owner = owner->id,
                                             .address = a });
        }
}

void rtnl_diff(const RtnlWant *want, const RtnlHave *have, RtnlOpFn fn, void *userdata)
{
        set_addresses(want, have, fn, userdata);
        set_routes(want, have, false, fn, userdata);
        set_routes(want, have, true, fn, userdata);
        del_routes(want, have, fn, userdata);
        del_addresses(want, have, fn, userdata);
}
