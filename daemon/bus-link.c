/* SPDX-License-Identifier: MIT */
#include "daemon/bus-common.h"
#include "helper/system.h"
#include "util/text.h"
#include <stdio.h>
#include <string.h>

static Network *network_of(void *userdata)
{
        return system_network(MANAGER(userdata)->system);
}

void bus_link_path(int ifindex, char ret[static BUS_LINK_PATH_SIZE])
{
        _cleanup_(freep) char *path = NULL;
        char number[16];

        snprintf(number, sizeof(number), "%d", ifindex);
        if (sd_bus_path_encode(LWSD_LINK_PATH, number, &path) < 0)
                path = NULL;
        snprintf(ret, BUS_LINK_PATH_SIZE, "%s", path ? path : LWSD_LINK_PATH);
}

static Link *link_at(const char *path, void *userdata)
{
        _cleanup_(freep) char *number = NULL;
        char canonical[BUS_LINK_PATH_SIZE];
        int ifindex;

        if (sd_bus_path_decode(path, LWSD_LINK_PATH, &number) <= 0)
                return NULL;
        ifindex = atoi(number);
        bus_link_path(ifindex, canonical); /* one path for one link */
        if (strcmp(canonical, path) != 0)
                return NULL;
        return network_link_by_index(network_of(userdata), ifindex);
}

int bus_link_find(sd_bus *bus, const char *path, const char *interface, void *userdata,
        void **ret_found, sd_bus_error *error)
{
        if (!link_at(path, userdata))
                return 0;
        *ret_found = userdata;
        return 1;
}

int bus_link_enumerate(
        sd_bus *bus, const char *prefix, void *userdata, char ***ret_nodes, sd_bus_error *error)
{
        List *links = network_links(network_of(userdata));
        size_t n = 0;
        char **nodes;

        list_foreach (it, links)
                n++;
        nodes = calloc(n + 1, sizeof(*nodes));
        if (!nodes)
                return -ENOMEM;
        n = 0;
        list_foreach (it, links) {
                char path[BUS_LINK_PATH_SIZE];

                bus_link_path(list_entry(it, Link, link)->ifindex, path);
                nodes[n] = strdup(path);
                if (!nodes[n++]) {
                        while (n > 0)
                                free(nodes[--n]);
                        free(nodes);
                        return -ENOMEM;
                }
        }
        *ret_nodes = nodes;
        return 0;
}

int bus_append_address(sd_bus_message *m, const IpAddr *addr, bool outer)
{
        int r = 0;

        if (outer)
                r = sd_bus_message_open_container(m, 'r', "iay");
        if (r >= 0)
                r = sd_bus_message_append(m, "i", (int32_t) addr->family);
        if (r >= 0)
                r = sd_bus_message_append_array(m, 'y', addr->bytes, ip_size(addr->family));
        if (r >= 0 && outer)
                r = sd_bus_message_close_container(m);
        return r;
}

/* -- Methods ----------------------------------------------------------------------------------- */

static int do_lease(Caller *caller, sd_bus_message *m, sd_bus_error *error, int (*act)(Link *link))
{
        BusContext context = { caller->manager, caller->conn };
        Link *link = link_at(sd_bus_message_get_path(m), &context);
        int r;

        if (!link)
                return sd_bus_error_set(error, LWSD_ERROR_NO_SUCH_LINK, "The link is gone");
        r = link->managed ? act(link) : -EOPNOTSUPP;
        if (r == -EOPNOTSUPP)
                return sd_bus_error_set(error, LWSD_ERROR_NOT_MANAGED,
                        "lwsd runs no DHCP on this link; see [Link] in lwsd.conf(5)");
        return r < 0 ? r : sd_bus_reply_method_return(m, NULL);
}

static int do_renew(Caller *caller, sd_bus_message *m, sd_bus_error *error)
{
        return do_lease(caller, m, error, network_link_renew);
}

static int do_release(Caller *caller, sd_bus_message *m, sd_bus_error *error)
{
        return do_lease(caller, m, error, network_link_release);
}

METHOD_PRIVILEGED(renew, do_renew);
METHOD_PRIVILEGED(release, do_release);

/* -- Properties -------------------------------------------------------------------------------- */

/* A link may go between the look-up of its object and the call of a getter only by our own doing,
 * but digests are made for links that are about to be removed too. */
#define LINK_GETTER(name)                                                                          \
        static int append_##name(sd_bus_message *m, void *userdata, const Link *link);             \
        GETTER(name)                                                                               \
        {                                                                                          \
                const Link *link = link_at(path, userdata);                                        \
                                                                                                   \
                return link ? append_##name(m, userdata, link) : -ENOENT;                          \
        }                                                                                          \
        static int append_##name(sd_bus_message *m, void *userdata, const Link *link)

LINK_GETTER(name)
{
        char name[IFNAMSIZ * 3];

        text_copy(name, sizeof(name), link->name);
        return sd_bus_message_append(m, "s", name);
}

LINK_GETTER(managed)
{
        return sd_bus_message_append(m, "b", link->managed);
}

LINK_GETTER(carrier)
{
        return sd_bus_message_append(m, "b", link->carrier);
}

LINK_GETTER(dhcp_state)
{
        return sd_bus_message_append(m, "s", link->dhcp_state ? link->dhcp_state : "");
}

LINK_GETTER(addresses)
{
        int r = sd_bus_message_open_container(m, 'a', "(iayu)");

        for (size_t i = 0; i < link->n_addresses && r >= 0; i++) {
                const LinkAddress *a = &link->addresses[i];

                if ((r = sd_bus_message_open_container(m, 'r', "iayu")) >= 0 &&
                        (r = bus_append_address(m, &a->prefix.addr, false)) >= 0 &&
                        (r = sd_bus_message_append(m, "u", (uint32_t) a->prefix.length)) >= 0)
                        r = sd_bus_message_close_container(m);
        }
        return r < 0 ? r : sd_bus_message_close_container(m);
}

LINK_GETTER(gateways)
{
        int r = sd_bus_message_open_container(m, 'a', "(iay)");

        for (size_t i = 0; i < link->n_gateways && r >= 0; i++)
                if (link->gateways[i].addr.family != AF_UNSPEC)
                        r = bus_append_address(m, &link->gateways[i].addr, true);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

LINK_GETTER(dns)
{
        int r = sd_bus_message_open_container(m, 'a', "(iay)");

        for (size_t s = 0; s < _FACT_SOURCE_MAX; s++)
                for (size_t i = 0; i < link->facts[s].dns.n && r >= 0; i++)
                        r = bus_append_address(m, &link->facts[s].dns.items[i].addr, true);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

/* Servers that a lease gives by name are not here: they are in Sources of org.lwsd1.Time. */
LINK_GETTER(ntp)
{
        int r = sd_bus_message_open_container(m, 'a', "(iay)");

        for (size_t s = 0; s < _FACT_SOURCE_MAX; s++)
                for (size_t i = 0; i < link->facts[s].ntp.n && r >= 0; i++) {
                        IpAddr addr;

                        if (ip_parse(link->facts[s].ntp.items[i].host, &addr) == 0)
                                r = bus_append_address(m, &addr, true);
                }
        return r < 0 ? r : sd_bus_message_close_container(m);
}

LINK_GETTER(domains)
{
        int r = sd_bus_message_open_container(m, 'a', "s");

        for (size_t s = 0; s < _FACT_SOURCE_MAX; s++)
                for (size_t i = 0; i < link->facts[s].domains.n && r >= 0; i++) {
                        char domain[256];

                        text_copy(domain, sizeof(domain), link->facts[s].domains.items[i]);
                        r = sd_bus_message_append(m, "s", domain);
                }
        return r < 0 ? r : sd_bus_message_close_container(m);
}

/* The one that gave the IPv4 lease comes first where there are two. */
static const LinkFacts *lease_of(const Link *link)
{
        if (link->facts[FACT_SOURCE_DHCP4].expires_usec > 0)
                return &link->facts[FACT_SOURCE_DHCP4];
        if (link->facts[FACT_SOURCE_DHCP6].expires_usec > 0)
                return &link->facts[FACT_SOURCE_DHCP6];
        return NULL;
}

LINK_GETTER(lease_server)
{
        const LinkFacts *lease = lease_of(link);
        char server[IP_ADDR_STRLEN] = "";

        if (lease && lease->server.family != AF_UNSPEC)
                (void) ip_format(&lease->server, server);
        return sd_bus_message_append(m, "s", server);
}

/* CLOCK_REALTIME, in whole seconds so that it is the same however often it is asked; UINT64_MAX for
 * a lease without an end, 0 for none. */
LINK_GETTER(lease_expires)
{
        const LinkFacts *lease = lease_of(link);
        usec_t expires = lease ? lease->expires_usec : 0;

        if (expires > 0 && expires != USEC_INFINITY) {
                expires = expires + clock_realtime_usec() - clock_boottime_usec();
                expires = (expires + USEC_PER_SEC / 2) / USEC_PER_SEC * USEC_PER_SEC;
        }
        return sd_bus_message_append(m, "t", (uint64_t) expires);
}

const sd_bus_vtable bus_link_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS(
                "Renew", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_renew, UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                "Release", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_release, UNPRIVILEGED),
        SD_BUS_PROPERTY("Name", "s", get_name, 0, CHANGES),
        SD_BUS_PROPERTY("Managed", "b", get_managed, 0, CHANGES),
        SD_BUS_PROPERTY("Carrier", "b", get_carrier, 0, CHANGES),
        SD_BUS_PROPERTY("DhcpState", "s", get_dhcp_state, 0, CHANGES),
        SD_BUS_PROPERTY("Addresses", "a(iayu)", get_addresses, 0, CHANGES),
        SD_BUS_PROPERTY("Gateways", "a(iay)", get_gateways, 0, CHANGES),
        SD_BUS_PROPERTY("Dns", "a(iay)", get_dns, 0, CHANGES),
        SD_BUS_PROPERTY("Ntp", "a(iay)", get_ntp, 0, CHANGES),
        SD_BUS_PROPERTY("Domains", "as", get_domains, 0, CHANGES),
        SD_BUS_PROPERTY("LeaseServer", "s", get_lease_server, 0, CHANGES),
        SD_BUS_PROPERTY("LeaseExpiresUSec", "t", get_lease_expires, 0, CHANGES),
        SD_BUS_VTABLE_END,
};
