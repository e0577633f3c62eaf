/* SPDX-License-Identifier: MIT */
#include "daemon/bus.h"
#include "core/backoff.h"
#include "core/timer.h"
#include "daemon/caller.h"
#include "daemon/encode.h"
#include "daemon/manager.h"
#include "daemon/properties.h"
#include "daemon/resolved.h"
#include "dbus/names.h"
#include "helper/system.h"
#include "state/table.h"
#include "util/fd.h"
#include "util/log.h"
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-id128.h>

#define SYSTEM_BUS_ADDRESS "unix:path=/run/dbus/system_bus_socket"

typedef struct Peer Peer;
struct Peer {
        List link;
        Bus *bus;
        Conn *conn;
        Caller *caller;
        BusContext context;
};

typedef struct LinkObject LinkObject;
struct LinkObject {
        List link;
        int ifindex;
        bool seen;
        uint64_t digests[PROPERTIES_MAX];
};

struct Bus {
        Manager *manager;
        List peers;
        /* Messages for peers are made once and sent to all of them; they belong to this connection,
         * which is never used for anything else. */
        sd_bus *template;
        int template_peer;
        BusContext template_context;
        Conn *system;
        BusContext system_context;
        Timer reconnect, publish;
        Backoff backoff;
        unsigned dirty;
        uint64_t digests[3][PROPERTIES_MAX];
        List links;
        bool complained_name;
};

static const struct {
        unsigned dirty;
        const char *interface;
        const sd_bus_vtable *vtable;
} main_objects[3] = {
        { BUS_DIRTY_MANAGER, LWSD_INTERFACE_MANAGER, bus_manager_vtable },
        { BUS_DIRTY_RESOLVER, LWSD_INTERFACE_RESOLVER, bus_resolver_vtable },
        { BUS_DIRTY_TIME, LWSD_INTERFACE_TIME, bus_time_vtable },
};

/* -- Objects ----------------------------------------------------------------------------------- */

static int add_objects(sd_bus *bus, BusContext *context)
{
        int r = 0;

        for (size_t i = 0; i < ELEMENTSOF(main_objects) && r >= 0; i++)
                r = sd_bus_add_object_vtable(bus, NULL, LWSD_OBJECT_PATH, main_objects[i].interface,
                        main_objects[i].vtable, context);
        if (r >= 0)
                r = sd_bus_add_object_vtable(bus, NULL, LWSD_LOG_CONTROL_PATH,
                        LWSD_LOG_CONTROL_INTERFACE, bus_log_control_vtable, context);
        if (r >= 0)
                r = sd_bus_add_filter(bus, NULL, bus_log_control_filter, context);
        if (r >= 0)
                r = sd_bus_add_fallback_vtable(bus, NULL, LWSD_LINK_PATH, LWSD_INTERFACE_LINK,
                        bus_link_vtable, bus_link_find, context);
        if (r >= 0)
                r = sd_bus_add_node_enumerator(
                        bus, NULL, LWSD_LINK_PATH, bus_link_enumerate, context);
        if (r >= 0)
                r = sd_bus_add_object_manager(bus, NULL, LWSD_OBJECT_PATH);
        return r;
}

/* -- Signals ----------------------------------------------------------------------------------- */

/* About how many bytes: what counts is that a large one is not counted as a small one. */
static size_t message_size(size_t payload)
{
        return 256 + payload;
}

static int build_signal(sd_bus *bus, sd_bus_message **ret, const char *path, const char *interface,
        const char *member, BusBuildFn build, const void *arg)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = sd_bus_message_new_signal(bus, &m, path, interface, member);
        if (r >= 0)
                r = build(m, arg);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(m);
        return 0;
}

static int seal_for_peers(sd_bus_message *m)
{
        int r = sd_bus_message_set_sender(m, LWSD_PEER_SENDER);

        return r < 0 ? r : sd_bus_message_seal(m, 1, 0);
}

static int send_to_peers(Bus *bus, const char *path, const char *interface, const char *member,
        BusBuildFn build, const void *arg)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        if (list_is_empty(&bus->peers))
                return 0;
        r = build_signal(bus->template, &m, path, interface, member, build, arg);
        if (r >= 0)
                r = seal_for_peers(m);
        if (r < 0)
                return r;
        list_foreach (it, &bus->peers) {
                Peer *peer = list_entry(it, Peer, link);

                if (conn_is_ready(peer->conn))
                        conn_send(peer->conn, m, message_size(1024));
        }
        return 0;
}

void bus_broadcast(Bus *bus, const char *path, const char *interface, const char *member,
        BusBuildFn build, const void *arg)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = send_to_peers(bus, path, interface, member, build, arg);
        if (r >= 0 && bus->system && conn_is_ready(bus->system)) {
                r = build_signal(conn_bus(bus->system), &m, path, interface, member, build, arg);
                if (r >= 0)
                        conn_send(bus->system, m, message_size(1024));
        }
        if (r < 0)
                log_warning("Signal %s cannot be sent: %s", member, strerror(-r));
}

void bus_tell_owner(const BrokerSignal *signal)
{
        Caller *caller = broker_owner_userdata(signal->owner);
        Encoded bytes;
        int r;

        r = encode_broker_signal(&bytes, caller->name, signal);
        if (r >= 0)
                conn_send_bytes(caller->conn, bytes.data, bytes.size);
        else
                log_warning("A signal cannot be sent: %s", strerror(-r));
}

/* -- Properties that changed ------------------------------------------------------------------- */

static void tell_changed(Bus *bus, const char *path, const char *interface,
        const sd_bus_vtable *vtable, uint64_t *digests)
{
        PropertiesChanged c = {
                .interface = interface, .vtable = vtable, .context = &bus->template_context
        };

        c.path = path;
        if (properties_diff(bus->template, &c, digests) > 0)
                bus_broadcast(bus, path, "org.freedesktop.DBus.Properties", "PropertiesChanged",
                        properties_build_changed, &c);
}

static int build_link_added(sd_bus_message *m, const void *arg)
{
        const PropertiesChanged *c = arg;
        int r;

        r = sd_bus_message_append(m, "o", c->path);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "{sa{sv}}");
        if (r >= 0)
                r = sd_bus_message_append(m, "{sa{sv}}", "org.freedesktop.DBus.Properties", 0);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'e', "sa{sv}");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", c->interface);
        if (r >= 0)
                r = properties_append_all(m, c);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int build_link_removed(sd_bus_message *m, const void *path)
{
        return sd_bus_message_append(
                m, "oas", path, 2, "org.freedesktop.DBus.Properties", LWSD_INTERFACE_LINK);
}

static LinkObject *link_object(Bus *bus, int ifindex)
{
        list_foreach (it, &bus->links) {
                LinkObject *o = list_entry(it, LinkObject, link);

                if (o->ifindex == ifindex)
                        return o;
        }
        return NULL;
}

static void publish_link(Bus *bus, int ifindex)
{
        LinkObject *o = link_object(bus, ifindex);
        char path[BUS_LINK_PATH_SIZE];
        PropertiesChanged c = { .interface = LWSD_INTERFACE_LINK,
                .path = path,
                .vtable = bus_link_vtable,
                .context = &bus->template_context };

        bus_link_path(ifindex, path);
        if (o) {
                o->seen = true;
                tell_changed(bus, path, LWSD_INTERFACE_LINK, bus_link_vtable, o->digests);
                return;
        }
        o = calloc(1, sizeof(*o));
        if (!o)
                return; /* told with the next change */
        o->ifindex = ifindex;
        o->seen = true;
        list_link_tail(&bus->links, &o->link);
        (void) properties_diff(bus->template, &c, o->digests);
        bus_broadcast(bus, LWSD_OBJECT_PATH, "org.freedesktop.DBus.ObjectManager",
                "InterfacesAdded", build_link_added, &c);
}

static void publish_links(Bus *bus)
{
        list_foreach (it, &bus->links)
                list_entry(it, LinkObject, link)->seen = false;
        list_foreach (it, network_links(system_network(bus->manager->system)))
                publish_link(bus, list_entry(it, Link, link)->ifindex);
        list_foreach_safe (it, &bus->links) {
                LinkObject *o = list_entry(it, LinkObject, link);
                char path[BUS_LINK_PATH_SIZE];

                if (o->seen)
                        continue;
                bus_link_path(o->ifindex, path);
                bus_broadcast(bus, LWSD_OBJECT_PATH, "org.freedesktop.DBus.ObjectManager",
                        "InterfacesRemoved", build_link_removed, path);
                list_unlink(&o->link);
                free(o);
        }
}

static void on_publish(Timer *t, usec_t now)
{
        Bus *bus = container_of(t, Bus, publish);
        unsigned dirty = bus->dirty;

        bus->dirty = 0;
        for (size_t i = 0; i < ELEMENTSOF(main_objects); i++)
                if (dirty & main_objects[i].dirty)
                        tell_changed(bus, LWSD_OBJECT_PATH, main_objects[i].interface,
                                main_objects[i].vtable, bus->digests[i]);
        if (dirty & BUS_DIRTY_LINKS)
                publish_links(bus);
}

void bus_dirty(Bus *bus, unsigned interfaces)
{
        if (!bus)
                return;
        bus->dirty |= interfaces;
        timer_set(&bus->publish, 0);
}

/* -- Peers ------------------------------------------------------------------------------------- */

static void peer_free(Peer *peer)
{
        list_unlink(&peer->link);
        caller_free(peer->caller);
        conn_free(peer->conn);
        free(peer);
}

static void on_peer_ready(Conn *conn, void *userdata)
{
        Peer *peer = ((Caller *) userdata)->peer;
        int r;

        r = add_objects(conn_bus(conn), &peer->context);
        if (r >= 0)
                r = sd_bus_add_object_vtable(conn_bus(conn), NULL, "/org/freedesktop/DBus",
                        "org.freedesktop.DBus", bus_driver_vtable, &peer->context);
        if (r >= 0)
                r = sd_bus_add_object_vtable(conn_bus(conn), NULL, "/org/freedesktop/DBus",
                        "org.freedesktop.DBus.Monitoring", bus_monitoring_vtable, &peer->context);
        if (r < 0)
                log_warning(
                        "Objects for %s cannot be made: %s", conn_peer_name(conn), strerror(-r));
}

static void on_peer_closed(Conn *conn, int error, void *userdata)
{
        log_debug("Peer %s is gone: %s", conn_peer_name(conn), strerror(-error));
        peer_free(((Caller *) userdata)->peer);
}

int bus_accept(Bus *bus, int fd)
{
        static const ConnOps ops = { on_peer_ready, on_peer_closed };
        Peer *peer = calloc(1, sizeof(*peer));
        int r;

        if (!peer)
                return -ENOMEM;
        peer->bus = bus;
        list_init(&peer->link);
        r = caller_new_peer(&peer->caller, bus->manager->callers, fd);
        if (r >= 0) {
                peer->caller->peer = peer;
                r = conn_new_peer(&peer->conn, bus->manager->thread, fd, &bus->manager->quota,
                        peer->caller->uid, &ops, peer->caller);
        }
        if (r < 0) {
                peer_free(peer);
                return r;
        }
        caller_set_conn(peer->caller, peer->conn);
        peer->context = (BusContext){ bus->manager, peer->conn };
        list_link_tail(&bus->peers, &peer->link);
        return 0;
}

/* -- The system bus ---------------------------------------------------------------------------- */

static int on_name_requested(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        Bus *bus = userdata;
        uint32_t result = 0;

        if (sd_bus_message_is_method_error(m, NULL))
                log_error("The bus does not give us the name " LWSD_BUS_NAME
                          ": %s; is its policy installed?",
                        sd_bus_message_get_error(m)->message);
        else if (sd_bus_message_read(m, "u", &result) >= 0 && result == 2) {
                if (!bus->complained_name)
                        log_notice("Another process has the name " LWSD_BUS_NAME
                                   "; waiting for it in the queue");
                bus->complained_name = true;
        }
        return 0;
}

static void on_bus_ready(Conn *conn, void *userdata)
{
        Bus *bus = userdata;
        int r;

        backoff_reset(&bus->backoff);
        resolved_connected(bus->manager->resolved, conn);
        r = sd_bus_request_name_async(
                conn_bus(conn), NULL, LWSD_BUS_NAME, SD_BUS_NAME_QUEUE, on_name_requested, bus);
        if (r < 0)
                log_error("The name " LWSD_BUS_NAME " cannot be asked for: %s", strerror(-r));
}

static void bus_disconnect(Bus *bus)
{
        if (!bus->system)
                return;
        resolved_disconnected(bus->manager->resolved);
        callers_drop_bus(bus->manager->callers, bus->system);
        bus->system = conn_free(bus->system);
}

static void schedule_reconnect(Bus *bus)
{
        timer_set(&bus->reconnect,
                thread_now(bus->manager->thread) + backoff_next(&bus->backoff, &RNG_KERNEL));
}

static void on_bus_closed(Conn *conn, int error, void *userdata)
{
        Bus *bus = userdata;

        if (conn_is_ready(conn) || bus->backoff.tries == 0)
                log_notice("The connection to the system bus is gone: %s; trying again",
                        strerror(-error));
        bus_disconnect(bus);
        schedule_reconnect(bus);
}

static void on_reconnect(Timer *t, usec_t now)
{
        static const ConnOps ops = { on_bus_ready, on_bus_closed };
        Bus *bus = container_of(t, Bus, reconnect);
        const char *address = getenv("DBUS_SYSTEM_BUS_ADDRESS");
        int r;

        r = conn_new_bus(&bus->system, bus->manager->thread,
                address && *address ? address : SYSTEM_BUS_ADDRESS, &ops, bus);
        if (r >= 0) {
                bus->system_context = (BusContext){ bus->manager, bus->system };
                r = add_objects(conn_bus(bus->system), &bus->system_context);
        }
        if (r < 0) {
                if (bus->backoff.tries == 0)
                        log_warning(
                                "The system bus cannot be reached: %s; trying again", strerror(-r));
                bus_disconnect(bus);
                schedule_reconnect(bus);
        }
}

int bus_connect(Bus *bus)
{
        timer_set(&bus->reconnect, 0);
        return 0;
}

/* -- The whole --------------------------------------------------------------------------------- */

static int make_template(Bus *bus)
{
        int fds[2], r;
        sd_id128_t id;

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
                return -errno;
        if ((r = sd_bus_new(&bus->template)) >= 0 &&
                (r = sd_bus_set_fd(bus->template, fds[0], fds[0])) >= 0) {
                fds[0] = -EBADF;
                if ((r = sd_id128_randomize(&id)) >= 0 &&
                        (r = sd_bus_set_server(bus->template, 1, id)) >= 0)
                        r = sd_bus_start(bus->template);
        }
        /* the other end must stay open for this one to stay usable; nothing is ever written */
        bus->template_peer = fds[1];
        if (fds[0] >= 0)
                (void) fd_close(fds[0]);
        return r;
}

int bus_new(Bus **ret, Manager *manager)
{
        Bus *bus = calloc(1, sizeof(*bus));
        int r;

        if (!bus)
                return -ENOMEM;
        bus->manager = manager;
        bus->template_peer = -EBADF;
        bus->template_context = (BusContext){ manager, NULL };
        bus->backoff = (Backoff){ .first_usec = 250 * USEC_PER_MSEC,
                .max_usec = 30 * USEC_PER_SEC,
                .jitter_percent = 25 };
        list_init(&bus->peers);
        list_init(&bus->links);
        timer_init(&bus->reconnect, manager->thread, on_reconnect);
        timer_init(&bus->publish, manager->thread, on_publish);
        r = make_template(bus);
        if (r < 0) {
                bus_free(bus);
                return r;
        }
        *ret = bus;
        return 0;
}

void bus_flush(Bus *bus)
{
        list_foreach (it, &bus->peers)
                conn_flush(list_entry(it, Peer, link)->conn);
        if (bus->system)
                conn_flush(bus->system);
}

Bus *bus_free(Bus *bus)
{
        if (!bus)
                return NULL;
        timer_cancel(&bus->reconnect);
        timer_cancel(&bus->publish);
        list_foreach_safe (it, &bus->peers)
                peer_free(list_entry(it, Peer, link));
        bus_disconnect(bus);
        list_foreach_safe (it, &bus->links)
                free(list_entry(it, LinkObject, link));
        sd_bus_close_unref(bus->template);
        fd_close(bus->template_peer);
        free(bus);
        return NULL;
}
