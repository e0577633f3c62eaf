/* SPDX-License-Identifier: MIT */
/* The text form of a DHCPv6 lease, as dhcp4-lease.c has one. */
#include "proto/dhcp6-lease.h"
#include "proto/domain.h"
#include "util/addr.h"
#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>

static void add_address(LeaseText *t, const Dhcp6LeaseAddress *a)
{
        char ip[INET6_ADDRSTRLEN];

        lease_text_add(t, "address=%s\n", inet_ntop(AF_INET6, &a->address, ip, sizeof(ip)));
        lease_text_time(t, "preferred", a->preferred_until);
        lease_text_time(t, "valid", a->valid_until);
}

void dhcp6_lease_format(
        const Dhcp6Lease *lease, const Dhcp6Options *options, const LeaseClocks *at, LeaseText *t)
{
        char ip[INET6_ADDRSTRLEN];

        lease_text_add(t, "# DHCPv6 lease, kept by lwsd to ask for the same addresses again.\n");
        lease_text_hex(t, "server", lease->server.bytes, lease->server.size);
        lease_text_clocks(t, at);
        lease_text_time(t, "t1", lease->t1);
        lease_text_time(t, "t2", lease->t2);
        for (size_t i = 0; i < lease->n_addresses; i++)
                add_address(t, &lease->addresses[i]);
        for (size_t i = 0; i < options->n_dns; i++)
                lease_text_add(
                        t, "dns=%s\n", inet_ntop(AF_INET6, &options->dns[i], ip, sizeof(ip)));
        if (options->ntp[0])
                lease_text_add(t, "ntp=%s\n", options->ntp);
        lease_text_names(t, options->search, options->captive_portal);
        lease_text_resolvers(t, &options->resolvers);
}

typedef struct Parsed Parsed;
struct Parsed {
        Dhcp6Lease lease;
        Dhcp6Options options;
        char boot_id[64];
        usec_t saved_boottime, saved_realtime;
};

static bool parse_address(Parsed *p, const char *value)
{
        Dhcp6LeaseAddress *a = &p->lease.addresses[p->lease.n_addresses];

        if (p->lease.n_addresses == DHCP6_ADDRESSES_MAX)
                return false;
        *a = (Dhcp6LeaseAddress){ .preferred_until = USEC_INFINITY, .valid_until = USEC_INFINITY };
        p->lease.n_addresses++;
        return inet_pton(AF_INET6, value, &a->address) == 1 && dhcp6_address_is_valid(&a->address);
}

static bool parse_server(Dhcp6Duid *duid, const char *value)
{
        int n = lease_hex(value, duid->bytes, sizeof(duid->bytes));

        duid->size = n > 0 ? (uint8_t) n : 0;
        return n > 0;
}

/* Host names and addresses, as they came from the wire. */
static bool parse_ntp(char *value, Dhcp6Options *o)
{
        char *save = NULL;
        IpAddr addr;

        for (char *host = strtok_r(value, " ", &save); host; host = strtok_r(NULL, " ", &save)) {
                if (!domain_is_valid(host) && ip_parse(host, &addr) < 0)
                        return false;
                domain_list_add(o->ntp, sizeof(o->ntp), host);
        }
        return true;
}

static bool parse_time(const char *value, usec_t *ret)
{
        return ret && lease_number(value, USEC_INFINITY - 1, ret);
}

static bool parse_entry(void *userdata, const char *key, char *value)
{
        Parsed *p = userdata;
        Dhcp6Options *o = &p->options;
        Dhcp6LeaseAddress *last =
                p->lease.n_addresses ? &p->lease.addresses[p->lease.n_addresses - 1] : NULL;

        if (strcmp(key, "address") == 0)
                return parse_address(p, value);
        if (strcmp(key, "preferred-boottime-usec") == 0)
                return parse_time(value, last ? &last->preferred_until : NULL);
        if (strcmp(key, "valid-boottime-usec") == 0)
                return parse_time(value, last ? &last->valid_until : NULL);
        if (strcmp(key, "t1-boottime-usec") == 0)
                return parse_time(value, &p->lease.t1);
        if (strcmp(key, "t2-boottime-usec") == 0)
                return parse_time(value, &p->lease.t2);
        if (strcmp(key, "saved-boottime-usec") == 0)
                return parse_time(value, &p->saved_boottime);
        if (strcmp(key, "saved-realtime-usec") == 0)
                return parse_time(value, &p->saved_realtime);
        if (strcmp(key, "boot-id") == 0)
                return lease_string(value, p->boot_id, sizeof(p->boot_id));
        if (strcmp(key, "server") == 0)
                return parse_server(&p->lease.server, value);
        if (strcmp(key, "dns") == 0)
                return o->n_dns < DHCP6_SERVERS_MAX &&
                       inet_pton(AF_INET6, value, &o->dns[o->n_dns]) == 1 && ++o->n_dns;
        if (strcmp(key, "ntp") == 0)
                return parse_ntp(value, o);
        if (strcmp(key, "resolver") == 0)
                return dnr_add_text(&o->resolvers, value);
        if (strcmp(key, "domains") == 0)
                return lease_domains(value, o->search, sizeof(o->search));
        if (strcmp(key, "captive-portal") == 0)
                return lease_uri(value, o->captive_portal, sizeof(o->captive_portal));
        return true; /* a key of a later version is no fault */
}

/* A time of another boot on this one's clock: what was left when it was saved, less what the wall
 * clock says has gone by. */
static usec_t moved(const Parsed *p, const LeaseClocks *at, usec_t when)
{
        usec_t gone = at->realtime - p->saved_realtime;

        if (when == USEC_INFINITY)
                return when;
        return usec_add(at->boottime, usec_sub(usec_sub(when, p->saved_boottime), gone));
}

/* False when nothing of it holds any more. */
static bool rebase(Parsed *p, const LeaseClocks *at)
{
        Dhcp6Lease *l = &p->lease;

        if (strcmp(p->boot_id, at->boot_id) != 0) {
                if (at->realtime < p->saved_realtime)
                        return false; /* a clock that is not to be believed */
                l->t1 = moved(p, at, l->t1);
                l->t2 = moved(p, at, l->t2);
                for (size_t i = 0; i < l->n_addresses; i++) {
                        Dhcp6LeaseAddress *a = &l->addresses[i];

                        a->preferred_until = moved(p, at, a->preferred_until);
                        a->valid_until = moved(p, at, a->valid_until);
                }
        }
        for (size_t i = l->n_addresses; i-- > 0;)
                if (l->addresses[i].valid_until <= at->boottime)
                        dhcp6_lease_drop(l, i);
        return l->n_addresses > 0 && l->server.size > 0 && l->t1 <= l->t2;
}

int dhcp6_lease_parse(
        const char *text, const LeaseClocks *at, Dhcp6Lease *ret, Dhcp6Options *ret_options)
{
        Parsed p = { .lease = { .t1 = USEC_INFINITY, .t2 = USEC_INFINITY } };
        int r = lease_text_parse(text, parse_entry, &p);

        if (r < 0)
                return r;
        if (!rebase(&p, at))
                return -EBADMSG;
        *ret = p.lease;
        *ret_options = p.options;
        return 0;
}
