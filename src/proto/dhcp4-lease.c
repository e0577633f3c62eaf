/* SPDX-License-Identifier: MIT */
#include "proto/dhcp4-lease.h"
#include "util/addr.h"
#include "util/error.h"
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static usec_t lease_point(usec_t begin, uint64_t seconds)
{
        return usec_add(begin, seconds * USEC_PER_SEC);
}

Dhcp4Lease dhcp4_lease_from_message(const Dhcp4Message *m, usec_t begin, Rng *rng)
{
        Dhcp4Lease lease = { .address = m->yiaddr,
                .server = m->server,
                .begin = begin,
                .lifetime = m->lease_time,
                .options = m->options };
        usec_t whole = m->lease_time * USEC_PER_SEC, t1, t2;

        /* A router that is ourselves: everything is on the link (servers of proxy ARP say so). */
        for (size_t i = 0; i < lease.options.n_routes; i++)
                if (lease.options.routes[i].gateway.s_addr == lease.address.s_addr)
                        lease.options.routes[i].gateway.s_addr = 0;
        lease.t1 = lease.t2 = lease.expires = USEC_INFINITY;
        if (m->lease_time == DHCP4_INFINITE)
                return lease;
        t1 = m->has_t1 ? m->t1 * USEC_PER_SEC : whole / 2;
        t2 = m->has_t2 ? m->t2 * USEC_PER_SEC : whole / 8 * 7;
        if (t1 == 0 || t1 >= t2 || t2 >= whole) {
                t1 = whole / 2;
                t2 = whole / 8 * 7;
        }
        /* up to 2 % of what lies before each, and never so much that they change places */
        t2 -= rng_range(rng, 0, MIN(t2 / 50, (t2 - t1) / 2));
        t1 -= rng_range(rng, 0, t1 / 50);
        lease.expires = lease_point(begin, m->lease_time);
        lease.t1 = begin + t1;
        lease.t2 = begin + t2;
        return lease;
}

struct in_addr dhcp4_lease_gateway(const Dhcp4Lease *lease)
{
        for (size_t i = 0; i < lease->options.n_routes; i++)
                if (lease->options.routes[i].prefix_length == 0)
                        return lease->options.routes[i].gateway;
        return (struct in_addr){ 0 };
}

void dhcp4_lease_keep_known(Dhcp4Lease *lease, const Dhcp4Lease *old)
{
        lease->mtu_before = old->mtu_before;
        if (!old->has_gateway_mac ||
                dhcp4_lease_gateway(old).s_addr != dhcp4_lease_gateway(lease).s_addr)
                return;
        memcpy(lease->gateway_mac, old->gateway_mac, 6);
        lease->has_gateway_mac = true;
}

/* -- Text -------------------------------------------------------------------------------------- */

static const char *show(struct in_addr a, char buf[static INET_ADDRSTRLEN])
{
        return inet_ntop(AF_INET, &a, buf, INET_ADDRSTRLEN);
}

static void add_addresses(LeaseText *t, const char *key, const struct in_addr *list, size_t n)
{
        char ip[INET_ADDRSTRLEN];

        for (size_t i = 0; i < n; i++)
                lease_text_add(t, "%s=%s\n", key, show(list[i], ip));
}

static void add_options(LeaseText *t, const Dhcp4Options *o)
{
        char destination[INET_ADDRSTRLEN], gateway[INET_ADDRSTRLEN];

        for (size_t i = 0; i < o->n_routes; i++)
                lease_text_add(t, "route=%s/%u %s\n", show(o->routes[i].destination, destination),
                        o->routes[i].prefix_length, show(o->routes[i].gateway, gateway));
        add_addresses(t, "dns", o->dns, o->n_dns);
        add_addresses(t, "ntp", o->ntp, o->n_ntp);
        if (o->mtu)
                lease_text_add(t, "mtu=%u\n", o->mtu);
        lease_text_names(t, o->search, o->captive_portal);
        lease_text_resolvers(t, &o->resolvers);
}

void dhcp4_lease_format(const Dhcp4Lease *lease, const LeaseClocks *at, LeaseText *t)
{
        const uint8_t *mac = lease->gateway_mac;
        char ip[INET_ADDRSTRLEN];

        lease_text_add(t, "# DHCPv4 lease, kept by lwsd to ask for the same address again.\n");
        lease_text_add(
                t, "address=%s/%u\n", show(lease->address, ip), lease->options.prefix_length);
        lease_text_add(t, "server=%s\n", show(lease->server, ip));
        lease_text_add(t, "lifetime-sec=%" PRIu32 "\n", lease->lifetime);
        lease_text_clocks(t, at);
        lease_text_time(t, "begin", lease->begin);
        lease_text_time(t, "t1", lease->t1);
        lease_text_time(t, "t2", lease->t2);
        lease_text_time(t, "expires", lease->expires);
        if (lease->expires != USEC_INFINITY)
                lease_text_add(t, "expires-realtime-usec=%" PRIu64 "\n",
                        usec_add(at->realtime, usec_sub(lease->expires, at->boottime)));
        if (lease->has_gateway_mac)
                lease_text_add(t, "gateway-mac=%02x:%02x:%02x:%02x:%02x:%02x\n", mac[0], mac[1],
                        mac[2], mac[3], mac[4], mac[5]);
        if (lease->mtu_before)
                lease_text_add(t, "mtu-before=%" PRIu32 "\n", lease->mtu_before);
        add_options(t, &lease->options);
}

typedef struct Parsed Parsed;
struct Parsed {
        Dhcp4Lease lease;
        char boot_id[64];
        usec_t saved_boottime, saved_realtime, expires_realtime;
};

static bool parse_v4(const char *s, struct in_addr *ret)
{
        return inet_pton(AF_INET, s, ret) == 1;
}

static bool parse_v4_prefix(const char *s, struct in_addr *ret, uint8_t *ret_length)
{
        IpPrefix p;

        if (ip_prefix_parse(s, &p) < 0 || p.addr.family != AF_INET)
                return false;
        *ret = p.addr.v4;
        *ret_length = p.length;
        return true;
}

static bool parse_list(const char *s, struct in_addr list[DHCP4_SERVERS_MAX], uint8_t *n)
{
        return *n < DHCP4_SERVERS_MAX && parse_v4(s, &list[*n]) && ++*n;
}

static bool parse_route(char *s, Dhcp4Options *o)
{
        char *gateway = strchr(s, ' ');
        Dhcp4Route route;

        if (!gateway || o->n_routes == DHCP4_ROUTES_MAX)
                return false;
        *gateway++ = 0;
        if (!parse_v4_prefix(s, &route.destination, &route.prefix_length) ||
                !parse_v4(gateway, &route.gateway))
                return false;
        o->routes[o->n_routes++] = route;
        return true;
}

static bool parse_mac(const char *s, uint8_t mac[static 6])
{
        int end = 0;

        return sscanf(s, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &mac[0], &mac[1], &mac[2],
                       &mac[3], &mac[4], &mac[5], &end) == 6 &&
               !s[end];
}

static bool parse_option(Dhcp4Options *o, const char *key, char *value)
{
        uint64_t n;

        if (strcmp(key, "route") == 0)
                return parse_route(value, o);
        if (strcmp(key, "dns") == 0)
                return parse_list(value, o->dns, &o->n_dns);
        if (strcmp(key, "ntp") == 0)
                return parse_list(value, o->ntp, &o->n_ntp);
        if (strcmp(key, "resolver") == 0)
                return dnr_add_text(&o->resolvers, value);
        if (strcmp(key, "domains") == 0)
                return lease_domains(value, o->search, sizeof(o->search));
        if (strcmp(key, "captive-portal") == 0)
                return lease_uri(value, o->captive_portal, sizeof(o->captive_portal));
        if (strcmp(key, "mtu") == 0 && lease_number(value, UINT16_MAX, &n)) {
                o->mtu = (uint16_t) n;
                return true;
        }
        /* A key of a later version is no fault; a number that is none is. */
        return strcmp(key, "mtu") != 0;
}

static bool parse_u32(const char *s, uint32_t *ret)
{
        uint64_t n;

        if (!lease_number(s, UINT32_MAX, &n))
                return false;
        *ret = (uint32_t) n;
        return true;
}

static bool parse_entry(void *userdata, const char *key, char *value)
{
        Parsed *p = userdata;
        const struct {
                const char *key;
                usec_t *ret;
        } times[] = {
                { "begin-boottime-usec", &p->lease.begin },
                { "t1-boottime-usec", &p->lease.t1 },
                { "t2-boottime-usec", &p->lease.t2 },
                { "expires-boottime-usec", &p->lease.expires },
                { "saved-boottime-usec", &p->saved_boottime },
                { "saved-realtime-usec", &p->saved_realtime },
                { "expires-realtime-usec", &p->expires_realtime },
        };

        for (size_t i = 0; i < ELEMENTSOF(times); i++)
                if (strcmp(key, times[i].key) == 0)
                        return lease_number(value, USEC_INFINITY - 1, times[i].ret);
        if (strcmp(key, "address") == 0)
                return parse_v4_prefix(value, &p->lease.address, &p->lease.options.prefix_length);
        if (strcmp(key, "server") == 0)
                return parse_v4(value, &p->lease.server);
        if (strcmp(key, "boot-id") == 0)
                return lease_string(value, p->boot_id, sizeof(p->boot_id));
        if (strcmp(key, "lifetime-sec") == 0)
                return parse_u32(value, &p->lease.lifetime);
        if (strcmp(key, "mtu-before") == 0)
                return parse_u32(value, &p->lease.mtu_before);
        if (strcmp(key, "gateway-mac") == 0)
                return p->lease.has_gateway_mac = parse_mac(value, p->lease.gateway_mac);
        return parse_option(&p->lease.options, key, value);
}

/* Moves the times of another boot onto this one's clock. */
static bool rebase(Parsed *p, const LeaseClocks *at)
{
        Dhcp4Lease *l = &p->lease;
        usec_t whole = (usec_t) l->lifetime * USEC_PER_SEC, left;

        if (l->lifetime == DHCP4_INFINITE) {
                l->t1 = l->t2 = l->expires = USEC_INFINITY;
                return true;
        }
        if (strcmp(p->boot_id, at->boot_id) == 0)
                return l->begin <= at->boottime && l->begin <= l->t1 && l->t1 <= l->t2 &&
                       l->t2 <= l->expires && l->expires - l->begin <= whole;
        left = usec_sub(p->expires_realtime, at->realtime);
        if (at->realtime < p->saved_realtime || left > whole)
                left = 0;
        /* Nothing but the end counts: the first thing done with it is to ask the server. */
        l->begin = usec_sub(at->boottime, whole - left);
        l->expires = usec_add(at->boottime, left);
        l->t1 = at->boottime + left / 2;
        l->t2 = at->boottime + left / 8 * 7;
        return true;
}

int dhcp4_lease_parse(const char *text, const LeaseClocks *at, Dhcp4Lease *ret)
{
        Parsed p = { .lease = {
                             .t1 = USEC_INFINITY, .t2 = USEC_INFINITY, .expires = USEC_INFINITY } };
        int r = lease_text_parse(text, parse_entry, &p);

        if (r < 0)
                return r;
        if (!dhcp4_address_is_valid(p.lease.address) || p.lease.lifetime == 0 || !rebase(&p, at))
                return -EBADMSG;
        *ret = p.lease;
        return 0;
}
