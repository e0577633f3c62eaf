/* SPDX-License-Identifier: MIT */
#include "lib/suite.h"
#include "proto/rtnl-diff.h"
#include "util/error.h"
#include "util/rng.h"
#include <string.h>

enum { OWNER_STATIC, OWNER_DHCP4, OWNER_DHCP6 };

static const RtnlOwner owners[] = {
        { OWNER_STATIC, AF_UNSPEC, RTPROT_STATIC },
        { OWNER_DHCP4, AF_INET, RTPROT_DHCP },
        { OWNER_DHCP6, AF_INET6, RTPROT_DHCP },
};

/* The requests as a line of words. */
static void write_op(void *userdata, const RtnlOp *op)
{
        static const char *const names[] = { "+a", "+r", "-r", "-a" };
        char *text = userdata, ip[IP_ADDR_STRLEN];
        const IpPrefix *p = op->address ? &op->address->prefix : &op->route->dst;
        size_t used = strlen(text);

        snprintf(text + used, 512 - used, "%s %s/%u ", names[op->type],
                p->length > 0 ? ip_format(&p->addr, ip) : "any", p->length);
}

static IpPrefix prefix(const char *s)
{
        IpPrefix p;

        ck_assert_int_eq(ip_prefix_parse(s, &p), 0);
        return p;
}

static RtnlAddress address(const char *s, uint8_t protocol, uint32_t valid)
{
        return (RtnlAddress){ .ifindex = 2,
                .prefix = prefix(s),
                .protocol = protocol,
                .valid_sec = valid,
                .preferred_sec = valid };
}

static RtnlRoute route(const char *dst, const char *gateway, uint8_t protocol)
{
        RtnlRoute r = { .dst = { .addr.family = AF_INET },
                .hops = { { .ifindex = 2 } },
                .n_hops = 1,
                .metric = 1024,
                .table = RT_TABLE_MAIN,
                .protocol = protocol,
                .type = RTN_UNICAST };

        if (dst)
                r.dst = prefix(dst);
        if (gateway)
                ck_assert_int_eq(ip_parse(gateway, &r.hops[0].gateway), 0);
        return r;
}

typedef struct Case Case;
struct Case {
        RtnlWantAddress want_addresses[8];
        RtnlWantRoute want_routes[8];
        RtnlAddress have_addresses[8];
        RtnlRoute have_routes[8];
        RtnlWant want;
        RtnlHave have;
        char text[512];
};

static void init(Case *c, size_t n_owners)
{
        *c = (Case){ .want = { .owners = owners, .n_owners = n_owners } };
        c->want.addresses = c->want_addresses;
        c->want.routes = c->want_routes;
        c->have.addresses = c->have_addresses;
        c->have.routes = c->have_routes;
}

static void want_address(Case *c, unsigned owner, RtnlAddress a)
{
        c->want_addresses[c->want.n_addresses++] = (RtnlWantAddress){ owner, a };
}

static void want_route(Case *c, unsigned owner, RtnlRoute r)
{
        c->want_routes[c->want.n_routes++] = (RtnlWantRoute){ owner, r };
}

static const char *diff(Case *c)
{
        c->text[0] = 0;
        rtnl_diff(&c->want, &c->have, write_op, c->text);
        return c->text;
}

START_TEST(new_comes_before_old_and_foreign_stays)
{
        Case c;

        init(&c, ELEMENTSOF(owners));
        c.have_addresses[c.have.n_addresses++] = address("10.0.0.5/24", RTPROT_DHCP, 60);
        c.have_addresses[c.have.n_addresses++] = address("10.0.0.77/24", 0, RTNL_FOREVER);
        c.have_addresses[c.have.n_addresses++] = address("fe80::1/64", 3, RTNL_FOREVER);
        c.have_routes[c.have.n_routes++] = route(NULL, "10.0.0.1", RTPROT_DHCP);
        c.have_routes[c.have.n_routes++] = route(NULL, "10.0.0.9", RTPROT_BOOT);
        want_address(&c, OWNER_DHCP4, address("10.0.0.6/24", RTPROT_DHCP, 60));
        want_route(&c, OWNER_DHCP4, route(NULL, "10.0.0.2", RTPROT_DHCP));
        want_route(&c, OWNER_DHCP4, route("10.9.0.0/16", NULL, RTPROT_DHCP));
        ck_assert_str_eq(
                diff(&c), "+a 10.0.0.6/24 +r 10.9.0.0/16 +r any/0 -r any/0 -a 10.0.0.5/24 ");
}
END_TEST

START_TEST(what_is_there_already_costs_nothing)
{
        Case c;

        init(&c, ELEMENTSOF(owners));
        c.have_addresses[c.have.n_addresses++] = address("10.0.0.5/24", RTPROT_DHCP, 58);
        c.have_routes[c.have.n_routes++] = route(NULL, "10.0.0.1", RTPROT_DHCP);
        want_address(&c, OWNER_DHCP4, address("10.0.0.5/24", RTPROT_DHCP, 60));
        want_route(&c, OWNER_DHCP4, route(NULL, "10.0.0.1", RTPROT_DHCP));
        ck_assert_str_eq(diff(&c), "");
        /* a renewal changes the time that is left, and nothing else */
        c.want_addresses[0].address.valid_sec = 120;
        ck_assert_str_eq(diff(&c), "+a 10.0.0.5/24 ");
        c.want_addresses[0].address.valid_sec = 60;
        c.want_addresses[0].address.preferred_sec = RTNL_FOREVER;
        ck_assert_str_eq(diff(&c), "+a 10.0.0.5/24 ");
        /* what somebody else left there becomes ours when we want it */
        c.have_addresses[0] = address("10.0.0.5/24", 0, RTNL_FOREVER);
        ck_assert_str_eq(diff(&c), "+a 10.0.0.5/24 ");
        /* another length is another address for IPv4 */
        c.have_addresses[0] = address("10.0.0.5/16", RTPROT_DHCP, 60);
        ck_assert_str_eq(diff(&c), "+a 10.0.0.5/24 -a 10.0.0.5/16 ");
}
END_TEST

START_TEST(what_somebody_took_is_not_put_back_and_not_taken_out)
{
        Case c;

        init(&c, ELEMENTSOF(owners));
        want_address(&c, OWNER_DHCP4, address("10.0.0.5/24", RTPROT_DHCP, 60));
        want_route(&c, OWNER_DHCP4, route(NULL, "10.0.0.1", RTPROT_DHCP));
        c.want_addresses[0].taken = c.want_routes[0].taken = true;
        ck_assert_str_eq(diff(&c), "");
        c.have_addresses[c.have.n_addresses++] = address("10.0.0.5/24", RTPROT_DHCP, 60);
        c.have_routes[c.have.n_routes++] = route(NULL, "10.0.0.1", RTPROT_DHCP);
        ck_assert_str_eq(diff(&c), "");
}
END_TEST

START_TEST(who_has_not_spoken_loses_nothing)
{
        Case c;

        init(&c, 1); /* the configuration only */
        c.have_addresses[c.have.n_addresses++] = address("10.0.0.5/24", RTPROT_DHCP, 60);
        c.have_addresses[c.have.n_addresses++] = address("10.0.0.6/24", RTPROT_STATIC, 60);
        c.have_routes[c.have.n_routes++] = route(NULL, "10.0.0.1", RTPROT_DHCP);
        ck_assert_str_eq(diff(&c), "-a 10.0.0.6/24 ");
        c.want.n_owners = 2;
        c.have_addresses[c.have.n_addresses++] = address("2001:db8::1/128", RTPROT_DHCP, 60);
        ck_assert_str_eq(diff(&c), "-r any/0 -a 10.0.0.5/24 -a 10.0.0.6/24 ");
}
END_TEST

START_TEST(ipv6_knows_an_address_by_its_bits_alone)
{
        Case c;

        init(&c, ELEMENTSOF(owners));
        c.have_addresses[c.have.n_addresses++] = address("2001:db8::1/64", RTPROT_DHCP, 60);
        want_address(&c, OWNER_DHCP6, address("2001:db8::1/128", RTPROT_DHCP, 60));
        ck_assert_str_eq(diff(&c), "");
}
END_TEST

START_TEST(prefixes_are_counted_right)
{
        static const struct {
                const char *prefix, *network, *broadcast;
        } cases[] = {
                { "192.0.2.77/24", "192.0.2.0", "192.0.2.255" },
                { "192.0.2.77/30", "192.0.2.76", "192.0.2.79" },
                { "10.1.2.3/8", "10.0.0.0", "10.255.255.255" },
                { "10.1.2.3/9", "10.0.0.0", "10.127.255.255" },
                { "10.1.2.3/31", "10.1.2.2", NULL },
                { "10.1.2.3/32", "10.1.2.3", NULL },
                { "10.1.2.3/0", "0.0.0.0", "255.255.255.255" },
                { "2001:db8::ffff/65", "2001:db8::", NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                IpPrefix p = prefix(cases[i].prefix);
                IpPrefix network = rtnl_network_of(&p);
                IpAddr broadcast = rtnl_broadcast_of(&p);
                char text[IP_ADDR_STRLEN];

                ck_assert_str_eq(ip_format(&network.addr, text), cases[i].network);
                if (cases[i].broadcast)
                        ck_assert_str_eq(ip_format(&broadcast, text), cases[i].broadcast);
                else
                        ck_assert_int_eq(broadcast.family, AF_UNSPEC);
        }
}
END_TEST

/* -- A kernel in memory ------------------------------------------------------------------------ */

static void carry_out(void *userdata, const RtnlOp *op)
{
        Case *c = userdata;
        size_t i = 0;

        switch (op->type) {
        case RTNL_OP_ADDRESS_SET:
        case RTNL_OP_ADDRESS_DEL:
                while (i < c->have.n_addresses &&
                        !rtnl_address_is(&c->have_addresses[i], op->address))
                        i++;
                if (op->type == RTNL_OP_ADDRESS_DEL) {
                        ck_assert_uint_lt(i, c->have.n_addresses);
                        c->have_addresses[i] = c->have_addresses[--c->have.n_addresses];
                        break;
                }
                ck_assert_uint_lt(i, ELEMENTSOF(c->have_addresses));
                c->have_addresses[i] = *op->address;
                c->have.n_addresses = MAX(c->have.n_addresses, i + 1);
                break;
        case RTNL_OP_ROUTE_SET:
                ck_assert_uint_lt(c->have.n_routes, ELEMENTSOF(c->have_routes));
                c->have_routes[c->have.n_routes++] = *op->route;
                break;
        case RTNL_OP_ROUTE_DEL:
                while (i < c->have.n_routes && !rtnl_route_is(&c->have_routes[i], op->route))
                        i++;
                ck_assert_uint_lt(i, c->have.n_routes);
                c->have_routes[i] = c->have_routes[--c->have.n_routes];
                break;
        }
}

/* Requests point into what they change, so that each is carried out on a copy. */
static void reconcile(Case *c)
{
        Case before = *c;

        before.want.addresses = before.want_addresses;
        before.want.routes = before.want_routes;
        before.have.addresses = before.have_addresses;
        before.have.routes = before.have_routes;
        rtnl_diff(&before.want, &before.have, carry_out, c);
}

START_TEST(random_wants_are_met_in_one_go)
{
        Rng rng = rng_seeded(test_seed());

        for (unsigned round = 0; round < 10000; round++) {
                char text[32];
                Case c;

                init(&c, rng_range(&rng, 1, ELEMENTSOF(owners)));
                for (uint64_t n = rng_range(&rng, 0, 3); n > 0; n--) {
                        snprintf(text, sizeof(text), "10.0.0.%u/24",
                                (unsigned) (n * 10 + rng_range(&rng, 0, 2)));
                        c.have_addresses[c.have.n_addresses++] = address(
                                text, rng_range(&rng, 0, 1) ? RTPROT_DHCP : RTPROT_BOOT, 60);
                        c.have_routes[c.have.n_routes++] = route(text, "10.0.0.1",
                                rng_range(&rng, 0, 1) ? RTPROT_STATIC : RTPROT_BOOT);
                }
                for (uint64_t n = rng_range(&rng, 0, 3); n > 0; n--) {
                        snprintf(text, sizeof(text), "10.0.0.%u/24",
                                (unsigned) (n * 10 + rng_range(&rng, 0, 2)));
                        want_address(&c, OWNER_DHCP4, address(text, RTPROT_DHCP, 90));
                        want_route(&c, OWNER_STATIC, route(text, "10.0.0.1", RTPROT_STATIC));
                }
                size_t foreign = 0, left = 0;
                for (size_t i = 0; i < c.have.n_routes; i++)
                        foreign += c.have_routes[i].protocol == RTPROT_BOOT;
                reconcile(&c);
                ck_assert_str_eq(diff(&c), "");
                for (size_t i = 0; i < c.have.n_routes; i++)
                        left += c.have_routes[i].protocol == RTPROT_BOOT;
                ck_assert_uint_eq(left, foreign);
        }
}
END_TEST

TEST_MAIN("rtnl-diff", new_comes_before_old_and_foreign_stays, what_is_there_already_costs_nothing,
        what_somebody_took_is_not_put_back_and_not_taken_out, who_has_not_spoken_loses_nothing,
        ipv6_knows_an_address_by_its_bits_alone, prefixes_are_counted_right,
        random_wants_are_met_in_one_go)
