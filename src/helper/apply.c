/* SPDX-License-Identifier: MIT */
#include "helper/apply.h"
#include "helper/link.h"
#include "helper/network-private.h"
#include "proto/rtnl-diff.h"
#include "util/log.h"
#include <linux/if_addr.h>
#include <string.h>

/* Less than what every host must take is an attack; below the second, IPv6 leaves the link
 * (REQ_DHCP 19). */
enum { MTU_MIN = 576, MTU_MIN_INET6 = 1280 };

static const RtnlOwner owners[_FACT_SOURCE_MAX] = {
        [FACT_SOURCE_STATIC] = { FACT_SOURCE_STATIC, AF_UNSPEC, LINK_PROTO_STATIC },
        [FACT_SOURCE_DHCP4] = { FACT_SOURCE_DHCP4, AF_INET, LINK_PROTO_DHCP },
        [FACT_SOURCE_DHCP6] = { FACT_SOURCE_DHCP6, AF_INET6, LINK_PROTO_DHCP },
        /* the kernel's own business; no protocol of ours is zero */
        [FACT_SOURCE_RA] = { FACT_SOURCE_RA, AF_UNSPEC, 0 },
};

/* -- What is wanted, as the kernel would say it ------------------------------------------------ */

static uint32_t seconds_left(usec_t until, usec_t now)
{
        usec_t left = usec_sub(until, now) / USEC_PER_SEC;

        return until == USEC_INFINITY || left >= RTNL_FOREVER ? RTNL_FOREVER : (uint32_t) left;
}

/* False when its time is over. */
static bool wanted_address(
        const Link *link, FactSource source, const ApplyAddress *from, usec_t now, RtnlAddress *ret)
{
        *ret = (RtnlAddress){
                .ifindex = link->ifindex,
                .prefix = from->prefix,
                .peer = from->peer,
                .broadcast = from->broadcast,
                .protocol = owners[source].protocol,
                .metric = link->settings ? link->settings->metric : 0,
                .valid_sec = seconds_left(from->valid_until_usec, now),
                .preferred_sec = seconds_left(from->preferred_until_usec, now),
        };
        ret->preferred_sec = MIN(ret->preferred_sec, ret->valid_sec);
        if (from->broadcast.family == AF_UNSPEC && from->peer.family == AF_UNSPEC)
                ret->broadcast = rtnl_broadcast_of(&from->prefix);
        /* DHCPv6 says nothing about what else is on the link (RFC 8415 21.6) */
        if (source == FACT_SOURCE_DHCP6)
                ret->flags = IFA_F_NOPREFIXROUTE;
        return ret->valid_sec > 0;
}

/* Whether an address or a route without gateway makes a gateway reachable. */
static bool is_covered(const ApplySource *a, const IpAddr *gateway)
{
        if (ip_is_link_local(gateway) && gateway->family == AF_INET6)
                return true;
        for (size_t i = 0; i < a->n_addresses; i++)
                if (ip_in_prefix(gateway, &a->addresses[i].prefix) ||
                        (a->addresses[i].peer.family == gateway->family &&
                                ip_equal(&a->addresses[i].peer, gateway)))
                        return true;
        for (size_t i = 0; i < a->n_routes; i++)
                if (a->routes[i].gateway.family == AF_UNSPEC && a->routes[i].dst.length > 0 &&
                        ip_in_prefix(gateway, &a->routes[i].dst))
                        return true;
        return false;
}

static void wanted_route(
        const Link *link, FactSource source, const ApplyRoute *from, RtnlRoute *ret)
{
        const ApplySource *a = &link->state->apply[source];
        bool has_gateway = from->gateway.family != AF_UNSPEC;
        uint32_t metric = link->settings ? link->settings->metric : 0;

        *ret = (RtnlRoute){
                .dst = rtnl_network_of(&from->dst),
                .hops = { { .ifindex = link->ifindex,
                        .gateway = from->gateway,
                        .on_link = has_gateway &&
                                   (from->on_link || !is_covered(a, &from->gateway)) } },
                .n_hops = 1,
                .source = from->source,
                .metric = from->metric ? from->metric
                          : metric     ? metric
                                       : LINK_METRIC_DEFAULT,
                .table = RT_TABLE_MAIN,
                .mtu = from->mtu,
                .protocol = owners[source].protocol,
                .scope = from->dst.addr.family == AF_INET && !has_gateway ? RT_SCOPE_LINK
                                                                          : RT_SCOPE_UNIVERSE,
                .type = RTN_UNICAST,
        };
}

typedef struct Plan Plan;
struct Plan {
        Link *link;
        RtnlWantAddress *addresses;
        RtnlWantRoute *routes;
        RtnlAddress *have_addresses;
        RtnlRoute *have_routes;
        RtnlOwner owners[_FACT_SOURCE_MAX];
        RtnlWant want;
        RtnlHave have;
};

static void plan_deinit(Plan *plan)
{
        free(plan->addresses);
        free(plan->routes);
        free(plan->have_addresses);
        free(plan->have_routes);
}

/* A route from an address that somebody removed has to wait for it. */
static bool route_is_taken(const ApplySource *a, const ApplyRoute *route)
{
        for (size_t i = 0; i < a->n_addresses && route->source.family != AF_UNSPEC; i++)
                if (a->addresses[i].taken && ip_equal(&a->addresses[i].prefix.addr, &route->source))
                        return true;
        return route->taken;
}

static void plan_wants(Plan *plan, usec_t now)
{
        RtnlWant *want = &plan->want;

        for (unsigned source = 0; source < _FACT_SOURCE_MAX; source++) {
                const ApplySource *a = &plan->link->state->apply[source];

                if (!a->spoken)
                        continue;
                plan->owners[want->n_owners++] = owners[source];
                for (size_t i = 0; i < a->n_addresses; i++) {
                        RtnlWantAddress *to = &plan->addresses[want->n_addresses];

                        to->owner = source;
                        to->taken = a->addresses[i].taken;
                        if (wanted_address(plan->link, source, &a->addresses[i], now, &to->address))
                                want->n_addresses++;
                }
                /* none while the link is down: when it comes up, this is done again */
                for (size_t i = 0; i < a->n_routes && (plan->link->flags & IFF_UP); i++) {
                        RtnlWantRoute *to = &plan->routes[want->n_routes++];

                        to->owner = source;
                        to->taken = route_is_taken(a, &a->routes[i]);
                        wanted_route(plan->link, source, &a->routes[i], &to->route);
                }
        }
        want->owners = plan->owners;
        want->addresses = plan->addresses;
        want->routes = plan->routes;
}

static uint32_t lifetime_now(uint32_t told, usec_t age)
{
        if (told == RTNL_FOREVER)
                return told;
        return told > age / USEC_PER_SEC ? told - (uint32_t) (age / USEC_PER_SEC) : 0;
}

/* What is about to leave is not there any more. */
static void plan_haves(Plan *plan, usec_t now)
{
        const LinkState *s = plan->link->state;
        RtnlHave *have = &plan->have;

        for (size_t i = 0; i < s->n_addresses; i++) {
                RtnlAddress *a = &plan->have_addresses[have->n_addresses];
                usec_t age = usec_sub(now, s->addresses[i].told_usec);

                if (s->addresses[i].leaving)
                        continue;
                have->n_addresses++;
                *a = s->addresses[i].address;
                a->valid_sec = lifetime_now(a->valid_sec, age);
                a->preferred_sec = lifetime_now(a->preferred_sec, age);
        }
        for (size_t i = 0; i < s->n_routes; i++)
                if (!s->routes[i].leaving && link_route_is_ours(plan->link, &s->routes[i].route))
                        plan->have_routes[have->n_routes++] = s->routes[i].route;
        have->addresses = plan->have_addresses;
        have->routes = plan->have_routes;
}

static int plan_init(Plan *plan, Link *link, usec_t now)
{
        const LinkState *s = link->state;
        size_t n_addresses = 1, n_routes = 1;

        for (int source = 0; source < _FACT_SOURCE_MAX; source++) {
                n_addresses += s->apply[source].n_addresses;
                n_routes += s->apply[source].n_routes;
        }
        *plan = (Plan){
                .link = link,
                .addresses = calloc(n_addresses, sizeof(*plan->addresses)),
                .routes = calloc(n_routes, sizeof(*plan->routes)),
                .have_addresses = calloc(s->n_addresses + 1, sizeof(*plan->have_addresses)),
                .have_routes = calloc(s->n_routes + 1, sizeof(*plan->have_routes)),
        };
        if (!plan->addresses || !plan->routes || !plan->have_addresses || !plan->have_routes) {
                plan_deinit(plan);
                return -ENOMEM;
        }
        plan_wants(plan, now);
        plan_haves(plan, now);
        return 0;
}

/* -- Carrying it out --------------------------------------------------------------------------- */

static void fail(ApplySource *a, int error)
{
        if (a->error == 0)
                a->error = error;
}

static bool send_request(Link *link, unsigned source, RtnlRequest *request)
{
        ApplySource *a = &link->state->apply[source];
        RtnlTag tag = { .ifindex = link->ifindex, .source = source, .generation = a->generation };
        int r = rtnl_send(link->network->rtnl, request, &tag);

        if (r < 0) {
                log_warning("%s: cannot be changed: %s", link->name, strerror(-r));
                fail(a, r);
                return false;
        }
        a->pending++;
        link->state->in_flight++;
        return true;
}

static void on_op(void *userdata, const RtnlOp *op)
{
        Plan *plan = userdata;
        RtnlRequest request;

        switch (op->type) {
        case RTNL_OP_ADDRESS_SET:
                rtnl_build_address_set(&request, 0, op->address);
                break;
        case RTNL_OP_ADDRESS_DEL:
                rtnl_build_address_del(&request, 0, op->address);
                break;
        case RTNL_OP_ROUTE_SET:
                rtnl_build_route_set(&request, 0, op->route);
                break;
        case RTNL_OP_ROUTE_DEL:
                rtnl_build_route_del(&request, 0, op->route);
                break;
        }
        if (!send_request(plan->link, op->owner, &request))
                return;
        if (op->type == RTNL_OP_ADDRESS_DEL)
                link_address_leaves(plan->link, op->address);
        else if (op->type == RTNL_OP_ROUTE_DEL)
                link_route_leaves(plan->link, op->route);
}

static bool mtu_is_possible(const Link *link, uint32_t mtu)
{
        uint32_t min = MTU_MIN;

        for (size_t i = 0; i < link->n_addresses; i++)
                if (link->addresses[i].prefix.addr.family == AF_INET6)
                        min = MTU_MIN_INET6;
        return mtu >= min && (link->max_mtu == 0 || mtu <= link->max_mtu);
}

/* The smallest that any source wants; when none does any more, what it was before (REQ_DHCP 19). */
static void apply_mtu(Link *link)
{
        LinkState *s = link->state;
        uint32_t is = s->mtu_asked ? s->mtu_asked : link->mtu, want = 0;
        unsigned by = 0;
        RtnlRequest request;

        for (unsigned source = 0; source < _FACT_SOURCE_MAX; source++) {
                uint32_t mtu = s->apply[source].mtu;

                if (mtu > 0 && mtu_is_possible(link, mtu) && (want == 0 || mtu < want)) {
                        want = mtu;
                        by = source;
                }
        }
        if (want > 0) {
                if (s->mtu_before == 0)
                        s->mtu_before = is;
        } else {
                want = s->mtu_before;
                s->mtu_before = 0;
        }
        if (want == 0 || want == is)
                return;
        rtnl_build_link_mtu(&request, 0, link->ifindex, want);
        if (send_request(link, by, &request))
                s->mtu_asked = want;
}

/* Until everything has been read nobody knows what differs: the end of the dump comes back here. */
void apply_all(Link *link)
{
        usec_t now = clock_boottime_usec();
        Plan plan;
        int r;

        if (!link->network->synced)
                return;
        r = plan_init(&plan, link, now);
        if (r < 0) {
                log_error("%s: cannot be changed: %s", link->name, strerror(-r));
                return;
        }
        link->state->apply_due = link->state->in_flight > 0;
        apply_mtu(link);
        rtnl_diff(&plan.want, &plan.have, on_op, &plan);
        plan_deinit(&plan);
        timer_set(&link->state->apply_timer, 0);
}

static void on_apply_timer(Timer *t, usec_t now)
{
        LinkState *s = container_of(t, LinkState, apply_timer);

        for (unsigned source = 0; source < _FACT_SOURCE_MAX; source++) {
                ApplySource *a = &s->apply[source];

                if (!a->waiting || a->pending > 0)
                        continue;
                a->waiting = false;
                if (a->fn) {
                        /* may end in anything but the end of the link, which is of this file's
                         * caller; what else waits is told at the next turn */
                        timer_set(&s->apply_timer, 0);
                        a->fn(s->link, (FactSource) source, a->error, a->userdata);
                        return;
                }
        }
}

/* What the kernel need not be told twice, or what is gone already. */
static bool is_harmless(int error)
{
        return error == 0 || error == -EEXIST || error == -ESRCH || error == -EADDRNOTAVAIL ||
               error == -ENODEV;
}

/* The kernel tells what it did before it answers, so that the mirror has it by now. */
static void on_all_answered(Link *link)
{
        link_none_leaves(link);
        link->state->mtu_asked = 0;
        if (link->state->apply_due)
                apply_all(link);
}

static void source_answered(Link *link, ApplySource *a, int error, const char *text)
{
        if (a->pending > 0)
                a->pending--;
        /* an answer that was lost in an overrun: the resync that follows looks again, as does the
         * way up of a link that went down meanwhile */
        if (!is_harmless(error) && error != -ENOBUFS && (link->flags & IFF_UP)) {
                log_warning("%s: the kernel refuses an address or route: %s%s%s", link->name,
                        strerror(-error), text[0] ? ": " : "", text);
                fail(a, error);
        }
        if (a->pending == 0)
                timer_set(&link->state->apply_timer, 0);
}

void apply_on_reply(Link *link, const RtnlTag *tag, int error, const char *text)
{
        LinkState *s = link->state;
        ApplySource *a;

        if (tag->source >= _FACT_SOURCE_MAX) {
                if (error < 0 && error != -ENOBUFS)
                        log_warning("%s: cannot be set up: %s%s%s", link->name, strerror(-error),
                                text[0] ? ": " : "", text);
                return;
        }
        a = &s->apply[tag->source];
        if (tag->generation == a->generation)
                source_answered(link, a, error, text);
        /* after an overrun the resync looks */
        if (s->in_flight > 0 && --s->in_flight == 0 && error != -ENOBUFS)
                on_all_answered(link);
}

/* -- What the sources say ---------------------------------------------------------------------- */

static void source_clear(ApplySource *a)
{
        uint32_t generation = a->generation + 1;

        free(a->addresses);
        free(a->routes);
        *a = (ApplySource){ .generation = generation };
}

int apply_set(Link *link, FactSource source, const ApplyConfig *config, ApplyFn fn, void *userdata)
{
        ApplySource *a = &link->state->apply[source];
        ApplyAddress *addresses;
        ApplyRoute *routes;

        if (config->n_addresses > APPLY_ADDRESSES_MAX || config->n_routes > APPLY_ROUTES_MAX)
                return -E2BIG;
        addresses = calloc(config->n_addresses + 1, sizeof(*addresses));
        routes = calloc(config->n_routes + 1, sizeof(*routes));
        if (!addresses || !routes) {
                free(addresses);
                free(routes);
                return -ENOMEM;
        }
        if (config->n_addresses > 0)
                memcpy(addresses, config->addresses, config->n_addresses * sizeof(*addresses));
        if (config->n_routes > 0)
                memcpy(routes, config->routes, config->n_routes * sizeof(*routes));
        source_clear(a);
        a->spoken = true;
        a->addresses = addresses;
        a->n_addresses = config->n_addresses;
        a->routes = routes;
        a->n_routes = config->n_routes;
        a->mtu = config->mtu;
        a->fn = fn;
        a->userdata = userdata;
        a->waiting = fn != NULL;
        apply_all(link);
        return 0;
}

void apply_flush(Link *link, FactSource source)
{
        source_clear(&link->state->apply[source]);
        link->state->apply[source].spoken = true;
        apply_all(link);
}

void apply_forget(Link *link, FactSource source)
{
        source_clear(&link->state->apply[source]);
}

/* -- What others do ---------------------------------------------------------------------------- */

void apply_on_address(Link *link, const RtnlAddress *address, bool removed)
{
        for (unsigned source = 0; source < _FACT_SOURCE_MAX; source++) {
                ApplySource *a = &link->state->apply[source];

                for (size_t i = 0; i < a->n_addresses; i++) {
                        RtnlAddress ours = { .ifindex = link->ifindex,
                                .prefix = a->addresses[i].prefix,
                                .peer = a->addresses[i].peer };

                        if (rtnl_address_is(&ours, address))
                                a->addresses[i].taken = removed;
                }
        }
}

void apply_on_route(Link *link, const RtnlRoute *route, bool removed)
{
        for (unsigned source = 0; source < _FACT_SOURCE_MAX; source++) {
                ApplySource *a = &link->state->apply[source];

                for (size_t i = 0; i < a->n_routes; i++) {
                        IpPrefix dst = rtnl_network_of(&a->routes[i].dst);
                        RtnlRoute ours;

                        /* saves most of them the rest, which looks at all others of the source */
                        if (dst.length != route->dst.length ||
                                (dst.length > 0 && !ip_equal(&dst.addr, &route->dst.addr)))
                                continue;
                        wanted_route(link, source, &a->routes[i], &ours);
                        if (rtnl_route_is(&ours, route))
                                a->routes[i].taken = removed;
                }
        }
}

void apply_again(Link *link)
{
        for (unsigned source = 0; source < _FACT_SOURCE_MAX; source++) {
                ApplySource *a = &link->state->apply[source];

                for (size_t i = 0; i < a->n_addresses; i++)
                        a->addresses[i].taken = false;
                for (size_t i = 0; i < a->n_routes; i++)
                        a->routes[i].taken = false;
        }
        apply_all(link);
}

bool apply_lacks_address(const Link *link, FactSource source, usec_t now)
{
        const ApplySource *a = &link->state->apply[source];
        usec_t soon = usec_add(now, RTNL_DIFF_SLACK_SEC * USEC_PER_SEC);

        for (size_t i = 0; i < a->n_addresses; i++)
                if (a->addresses[i].valid_until_usec > soon &&
                        !link_has_address(link, &a->addresses[i].prefix.addr))
                        return true;
        return false;
}

void apply_init(Link *link)
{
        timer_init(&link->state->apply_timer, network_thread(link->network), on_apply_timer);
}

void apply_free(Link *link)
{
        timer_cancel(&link->state->apply_timer);
        for (int source = 0; source < _FACT_SOURCE_MAX; source++)
                source_clear(&link->state->apply[source]);
}
