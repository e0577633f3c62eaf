/* SPDX-License-Identifier: MIT */
#include "daemon/resolved.h"
#include "util/hash.h"
#include "util/log.h"
#include <string.h>

#define NAME "org.freedesktop.resolve1"

/* What it was told of a link. */
typedef struct Told Told;
struct Told {
        List link;
        int ifindex;
        uint64_t digest;
        bool managed;
};

struct Resolved {
        Network *network;
        Conn *conn; /* NULL: no bus */
        bool present, complained;
        sd_bus_slot *match, *question;
        List told;
};

int resolved_new(Resolved **ret, Network *network)
{
        Resolved *r = calloc(1, sizeof(*r));

        if (!r)
                return -ENOMEM;
        r->network = network;
        list_init(&r->told);
        *ret = r;
        return 0;
}

static void forget(Resolved *r)
{
        list_foreach_safe (it, &r->told)
                free(list_entry(it, Told, link));
        list_init(&r->told);
}

Resolved *resolved_free(Resolved *r)
{
        if (!r)
                return NULL;
        resolved_disconnected(r);
        free(r);
        return NULL;
}

/* -- What a link has --------------------------------------------------------------------------- */

static uint64_t digest(const Link *link)
{
        uint64_t hash = HASH_INIT;

        for (size_t s = 0; s < _FACT_SOURCE_MAX; s++) {
                const LinkFacts *f = &link->facts[s];

                for (size_t i = 0; i < f->dns.n; i++) {
                        const Endpoint *e = &f->dns.items[i];

                        hash = hash_mix(hash, e->addr.bytes, ip_size(e->addr.family));
                        hash = hash_mix(hash, &e->port, sizeof(e->port));
                        hash = hash_mix(hash, e->name, strlen(e->name) + 1);
                }
                for (size_t i = 0; i < f->domains.n; i++)
                        hash = hash_mix(hash, f->domains.items[i], strlen(f->domains.items[i]) + 1);
        }
        return hash;
}

/* Whether a server needs more words than an address. */
static bool is_plain(const Link *link)
{
        for (size_t s = 0; s < _FACT_SOURCE_MAX; s++)
                for (size_t i = 0; i < link->facts[s].dns.n; i++)
                        if (link->facts[s].dns.items[i].port || link->facts[s].dns.items[i].name[0])
                                return false;
        return true;
}

static int append_server(sd_bus_message *m, const Endpoint *e, bool plain)
{
        int r;

        r = sd_bus_message_open_container(m, 'r', plain ? "iay" : "iayqs");
        if (r >= 0)
                r = sd_bus_message_append(m, "i", (int32_t) e->addr.family);
        if (r >= 0)
                r = sd_bus_message_append_array(m, 'y', e->addr.bytes, ip_size(e->addr.family));
        if (r >= 0 && !plain)
                r = sd_bus_message_append(m, "qs", e->port, e->name);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_servers(sd_bus_message *m, const Link *link)
{
        bool plain = is_plain(link);
        int r;

        r = sd_bus_message_open_container(m, 'a', plain ? "(iay)" : "(iayqs)");
        for (size_t s = 0; s < _FACT_SOURCE_MAX; s++)
                for (size_t i = 0; i < link->facts[s].dns.n && r >= 0; i++)
                        r = append_server(m, &link->facts[s].dns.items[i], plain);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_domains(sd_bus_message *m, const Link *link)
{
        int r;

        r = sd_bus_message_open_container(m, 'a', "(sb)");
        for (size_t s = 0; s < _FACT_SOURCE_MAX; s++)
                for (size_t i = 0; i < link->facts[s].domains.n && r >= 0; i++) {
                        const char *domain = link->facts[s].domains.items[i];
                        bool route_only = domain[0] == '~';

                        r = sd_bus_message_append(m, "(sb)", domain + route_only, route_only);
                }
        return r < 0 ? r : sd_bus_message_close_container(m);
}

/* -- Telling ----------------------------------------------------------------------------------- */

static int on_told(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        Resolved *r = userdata;

        if (!sd_bus_message_is_method_error(m, NULL) || r->complained ||
                sd_bus_message_is_method_error(m, SD_BUS_ERROR_SERVICE_UNKNOWN) ||
                sd_bus_message_is_method_error(m, SD_BUS_ERROR_NAME_HAS_NO_OWNER))
                return 0;
        r->complained = true;
        log_warning(
                "systemd-resolved does not take the servers of a link: %s; is the polkit rule of "
                "lwsd installed?",
                sd_bus_message_get_error(m)->message);
        return 0;
}

static int tell(Resolved *r, const char *member, const Link *link, int ifindex,
        int (*append)(sd_bus_message *m, const Link *link))
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int k;

        k = sd_bus_message_new_method_call(conn_bus(r->conn), &m, NAME, "/org/freedesktop/resolve1",
                "org.freedesktop.resolve1.Manager", member);
        if (k >= 0)
                k = sd_bus_message_set_auto_start(m, 0);
        if (k >= 0)
                k = sd_bus_message_append(m, "i", (int32_t) ifindex);
        if (k >= 0 && append)
                k = append(m, link);
        if (k >= 0)
                conn_call(r->conn, m, 1024, on_told, r);
        return k;
}

static Told *told_of(Resolved *r, int ifindex)
{
        Told *t;

        list_foreach (it, &r->told)
                if (list_entry(it, Told, link)->ifindex == ifindex)
                        return list_entry(it, Told, link);
        t = calloc(1, sizeof(*t));
        if (t) {
                t->ifindex = ifindex;
                list_link_tail(&r->told, &t->link);
        }
        return t;
}

static void update_link(Resolved *r, const Link *link)
{
        uint64_t now = digest(link);
        Told *t;
        int k = 0;

        if (link->loopback)
                return;
        t = told_of(r, link->ifindex);
        if (!t || (t->managed == link->managed && (!t->managed || t->digest == now)))
                return;
        if (link->managed) {
                k = tell(r, is_plain(link) ? "SetLinkDNS" : "SetLinkDNSEx", link, link->ifindex,
                        append_servers);
                if (k >= 0)
                        k = tell(r, "SetLinkDomains", link, link->ifindex, append_domains);
        } else {
                k = tell(r, "RevertLink", link, link->ifindex, NULL);
        }
        if (k < 0)
                log_warning(
                        "%s: systemd-resolved cannot be told of it: %s", link->name, strerror(-k));
        t->managed = link->managed;
        t->digest = now;
}

void resolved_update(Resolved *r)
{
        if (!r->conn || !r->present)
                return;
        list_foreach (it, network_links(r->network))
                update_link(r, list_entry(it, Link, link));
        list_foreach_safe (it, &r->told)
                if (!network_link_by_index(r->network, list_entry(it, Told, link)->ifindex)) {
                        list_unlink(it);
                        free(list_entry(it, Told, link));
                }
}

/* -- Whether it is there ----------------------------------------------------------------------- */

static void set_present(Resolved *r, bool present)
{
        forget(r); /* a new one knows nothing */
        r->present = present;
        resolved_update(r);
}

static int on_owner_changed(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        const char *name, *old, *new;

        if (sd_bus_message_read(m, "sss", &name, &old, &new) >= 0)
                set_present(userdata, *new != 0);
        return 0;
}

static int on_owner(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        Resolved *r = userdata;

        r->question = sd_bus_slot_unref(r->question);
        if (!sd_bus_message_is_method_error(m, NULL))
                set_present(r, true);
        return 0;
}

/* Without this match nobody says that it has come; it is told nothing then. */
static int on_match_installed(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        return 0;
}

void resolved_connected(Resolved *r, Conn *conn)
{
        sd_bus *bus = conn_bus(conn);
        int k;

        resolved_disconnected(r);
        r->conn = conn;
        k = sd_bus_add_match_async(bus, &r->match,
                "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"
                "interface='org.freedesktop.DBus',member='NameOwnerChanged',arg0='" NAME "'",
                on_owner_changed, on_match_installed, r);
        if (k >= 0)
                k = sd_bus_call_method_async(bus, &r->question, "org.freedesktop.DBus",
                        "/org/freedesktop/DBus", "org.freedesktop.DBus", "GetNameOwner", on_owner,
                        r, "s", NAME);
        if (k < 0)
                log_warning("systemd-resolved cannot be looked for: %s", strerror(-k));
}

void resolved_disconnected(Resolved *r)
{
        r->match = sd_bus_slot_unref(r->match);
        r->question = sd_bus_slot_unref(r->question);
        r->conn = NULL;
        r->present = false;
        forget(r);
}
