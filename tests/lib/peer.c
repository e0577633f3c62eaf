/* SPDX-License-Identifier: MIT */
#include "lib/peer.h"
#include "dbus/names.h"
#include <errno.h>
#include <fcntl.h>
#include <lwsd/lwsd-client.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>
#include <time.h>
#include <unistd.h>

/* -- In the process --------------------------------------------------------------------------- */

typedef struct Item Item;
struct Item {
        Item *next;
        uint64_t id;
        int state;
        bool persistent, inside;
        sd_bus *bus;
        char *owner; /* on the bus */
};

typedef struct Server Server;
struct Server {
        PeerShared *shared;
        sd_event *event;
        sd_bus *buses[300];
        unsigned n_buses;
        Item *items, **tail;
        uint64_t last_id;
        struct {
                int fd;
                int state;
                char who[64];
        } holds[64];
        unsigned n_holds;
        sd_event_source *release;
};

static uint64_t now_usec(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t) ts.tv_sec * 1000000 + (uint64_t) ts.tv_nsec / 1000;
}

/* One step of the conversation is over. */
static void step(Server *s, sd_bus *bus)
{
        if (s->shared->steps_left < 0)
                return;
        if (s->shared->steps_left-- > 0)
                return;
        if (bus)
                sd_bus_flush(bus);
        _exit(0);
}

static bool reached(const Server *s, int state)
{
        return lwsd_state_reached(
                (lws_system_states_t) s->shared->state, (lws_system_states_t) state);
}

static const char *state_name(int state)
{
        return lwsd_state_to_string((lws_system_states_t) state);
}

static void send_signal(
        Server *s, const Item *of, const char *member, const uint64_t *ids, size_t n, int state)
{
        sd_bus_message *m = NULL;

        if (sd_bus_message_new_signal(
                    of->bus, &m, LWSD_OBJECT_PATH, LWSD_INTERFACE_MANAGER, member) < 0 ||
                sd_bus_message_append_array(m, 't', ids, n * sizeof *ids) < 0 ||
                sd_bus_message_append(m, "sa{sv}", state_name(state), 2, "monotonic-usec", "t",
                        s->shared->entered_usec[state], "state-serial", "t", s->shared->serial) < 0)
                abort();
        if (of->owner)
                sd_bus_message_set_destination(m, of->owner);
        if (!s->shared->drop_signals)
                sd_bus_send(of->bus, m, NULL);
        sd_bus_message_unref(m);
        step(s, of->bus);
}

static void item_free(Server *s, Item **at)
{
        Item *item = *at;

        *at = item->next;
        if (s->tail == &item->next)
                s->tail = at;
        s->shared->attachments--;
        free(item->owner);
        free(item);
}

static bool same_owner(const Item *a, const Item *b)
{
        return a->bus == b->bus &&
               (!a->owner || !b->owner ? a->owner == b->owner : strcmp(a->owner, b->owner) == 0);
}

/* Tells all that one change concerns: per owner, as few signals as fit. */
static void tell(Server *s, const char *member, bool enter)
{
        static uint64_t ids[LWSD_IDS_PER_SIGNAL];

        for (Item **at = &s->items; *at;) {
                Item *first = *at, copy;
                size_t n = 0;

                if (first->inside == enter || reached(s, first->state) != enter) {
                        at = &first->next;
                        continue;
                }
                copy = *first;
                copy.owner = first->owner ? strdup(first->owner) : NULL;
                for (Item **it = at; *it && n < LWSD_IDS_PER_SIGNAL;) {
                        Item *item = *it;

                        if (item->state != copy.state || item->inside == enter ||
                                !same_owner(item, &copy)) {
                                it = &item->next;
                                continue;
                        }
                        ids[n++] = item->id;
                        item->inside = enter;
                        if (item->persistent)
                                it = &item->next;
                        else
                                item_free(s, it);
                }
                send_signal(s, &copy, member, ids, n, copy.state);
                free(copy.owner);
        }
}

static void change(Server *s, int next)
{
        int old = s->shared->state;

        s->shared->state = next;
        s->shared->serial++;
        for (int i = 0; i <= LWS_SYSTATE_OPERATIONAL; i++)
                if (i > old && i <= next)
                        s->shared->entered_usec[i] = now_usec();
        for (unsigned i = 0; i < s->n_buses; i++) {
                sd_bus_emit_signal(s->buses[i], LWSD_OBJECT_PATH, LWSD_INTERFACE_MANAGER,
                        "StateChanged", "ss", state_name(old), state_name(next));
                step(s, s->buses[i]);
        }
        tell(s, "Left", false);
        tell(s, "Attached", true);
        for (unsigned i = 0; i < s->n_buses; i++)
                sd_bus_flush(s->buses[i]);
}

static void move_to(Server *s, int state)
{
        if (state < s->shared->state || state > LWS_SYSTATE_OPERATIONAL)
                change(s, state);
        while (s->shared->state < state)
                change(s, s->shared->state + 1);
}

static int on_release(sd_event_source *source, void *userdata)
{
        Server *s = userdata;

        sd_event_source_set_enabled(source, SD_EVENT_OFF);
        tell(s, "Left", false);
        tell(s, "Attached", true);
        if (s->shared->climb_to)
                move_to(s, s->shared->climb_to);
        return 0;
}

static int on_control(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        Server *s = userdata;
        unsigned char wanted;

        if (read(fd, &wanted, 1) != 1)
                _exit(0);
        move_to(s, wanted);
        (void) !write(fd, &wanted, 1);
        return 0;
}

static int add_item(Server *s, sd_bus_message *m, uint64_t *ret_id)
{
        int persistent = 0, state, r;
        const char *name, *key;
        Item *item;

        r = sd_bus_message_read(m, "s", &name);
        if (r < 0 || (r = sd_bus_message_enter_container(m, 'a', "{sv}")) < 0)
                return r;
        while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                if (sd_bus_message_read(m, "s", &key) < 0)
                        return -EBADMSG;
                r = strcmp(key, "persistent") == 0 ? sd_bus_message_read(m, "v", "b", &persistent)
                                                   : sd_bus_message_skip(m, "v");
                if (r < 0 || (r = sd_bus_message_exit_container(m)) < 0)
                        return r;
        }
        if (r < 0 || (r = sd_bus_message_exit_container(m)) < 0)
                return r;
        state = lwsd_state_from_string(name);
        if (state <= 0 || state > LWS_SYSTATE_OPERATIONAL)
                return -ERANGE;
        if (s->shared->quota && s->shared->attachments >= s->shared->quota)
                return -EDQUOT;
        item = calloc(1, sizeof *item);
        *item = (Item){ .id = ++s->last_id,
                .state = state,
                .persistent = persistent,
                .bus = sd_bus_message_get_bus(m) };
        if (sd_bus_message_get_sender(m))
                item->owner = strdup(sd_bus_message_get_sender(m));
        *s->tail = item;
        s->tail = &item->next;
        s->shared->attachments++;
        *ret_id = item->id;
        return 0;
}

static int refuse(sd_bus_error *error, int r)
{
        if (r == -ERANGE)
                return sd_bus_error_set(error, LWSD_ERROR_INVALID_STATE, "No such state.");
        if (r == -EDQUOT)
                return sd_bus_error_set(error, LWSD_ERROR_QUOTA_EXCEEDED, "Too many attachments.");
        return r;
}

static void remove_behind(Server *s, uint64_t id)
{
        for (Item **at = &s->items; *at;)
                if ((*at)->id > id)
                        item_free(s, at);
                else
                        at = &(*at)->next;
}

static int on_attach_many(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        Server *s = userdata;
        sd_bus_message *reply = NULL;
        uint64_t before = s->last_id;
        int r;

        s->shared->attaches++;
        step(s, NULL);
        r = sd_bus_message_enter_container(m, 'a', "(sa{sv})");
        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'r', "sa{sv}")) > 0) {
                uint64_t id;

                r = add_item(s, m, &id);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        if (r < 0) {
                remove_behind(s, before);
                return refuse(error, r);
        }
        sd_bus_message_new_method_return(m, &reply);
        sd_bus_message_open_container(reply, 'a', "t");
        for (uint64_t id = before + 1; id <= s->last_id; id++)
                sd_bus_message_append(reply, "t", id);
        sd_bus_message_close_container(reply);
        sd_bus_message_append(reply, "s", state_name(s->shared->state));
        sd_bus_send(NULL, reply, NULL);
        sd_bus_message_unref(reply);
        sd_event_source_set_enabled(s->release, SD_EVENT_ONESHOT);
        step(s, sd_bus_message_get_bus(m));
        return 1;
}

static int on_detach(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        Server *s = userdata;
        const uint64_t *ids;
        size_t size;
        int r = sd_bus_message_read_array(m, 't', (const void **) &ids, &size);

        if (r < 0)
                return r;
        step(s, NULL);
        for (size_t i = 0; i < size / sizeof *ids; i++) {
                Item *item = s->items;

                while (item && item->id != ids[i])
                        item = item->next;
                if (!item)
                        return sd_bus_error_setf(error, LWSD_ERROR_NO_SUCH_ATTACHMENT,
                                "No attachment %llu.", (unsigned long long) ids[i]);
        }
        for (size_t i = 0; i < size / sizeof *ids; i++)
                for (Item **at = &s->items; *at; at = &(*at)->next)
                        if ((*at)->id == ids[i]) {
                                item_free(s, at);
                                break;
                        }
        return sd_bus_reply_method_return(m, NULL);
}

static int on_hold_closed(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        Server *s = userdata;

        for (unsigned i = 0; i < s->n_holds; i++)
                if (s->holds[i].fd == fd) {
                        s->holds[i] = s->holds[--s->n_holds];
                        s->shared->holds--;
                        break;
                }
        sd_event_source_disable_unref(source);
        close(fd);
        return 0;
}

static int on_hold(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        Server *s = userdata;
        const char *state, *who, *why;
        int fds[2], r;

        if (s->shared->refuse_hold)
                return sd_bus_error_set(error, SD_BUS_ERROR_ACCESS_DENIED, "Not for you.");
        if (sd_bus_message_read(m, "sss", &state, &who, &why) < 0 || s->n_holds == 64 ||
                pipe2(fds, O_CLOEXEC) < 0)
                return -EBADMSG;
        step(s, NULL);
        s->holds[s->n_holds].fd = fds[0];
        s->holds[s->n_holds].state = lwsd_state_from_string(state);
        snprintf(s->holds[s->n_holds++].who, 64, "%s", who);
        s->shared->holds++;
        sd_event_add_io(s->event, NULL, fds[0], 0, on_hold_closed, s);
        r = sd_bus_reply_method_return(m, "h", fds[1]);
        close(fds[1]);
        step(s, sd_bus_message_get_bus(m));
        return r;
}

static int on_list_holds(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        Server *s = userdata;
        sd_bus_message *reply = NULL;
        int r;

        sd_bus_message_new_method_return(m, &reply);
        sd_bus_message_open_container(reply, 'a', "(sssuu)");
        for (unsigned i = 0; i < s->n_holds; i++)
                sd_bus_message_append(reply, "(sssuu)", state_name(s->holds[i].state),
                        s->holds[i].who, "", getuid(), getpid());
        sd_bus_message_close_container(reply);
        r = sd_bus_send(NULL, reply, NULL);
        sd_bus_message_unref(reply);
        return r;
}

static int on_resolve(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        static const uint8_t a[] = { 192, 0, 2, 1 };
        sd_bus_message *reply = NULL;
        const char *name;
        int ifindex, family, r;
        uint64_t flags;

        r = sd_bus_message_read(m, "isit", &ifindex, &name, &family, &flags);
        if (r < 0)
                return r;
        step(userdata, NULL);
        if (strcmp(name, "host.example") != 0)
                return sd_bus_error_setf(
                        error, LWSD_ERROR_NO_SUCH_NAME, "%s does not exist.", name);
        sd_bus_message_new_method_return(m, &reply);
        sd_bus_message_open_container(reply, 'a', "(iiay)");
        sd_bus_message_open_container(reply, 'r', "iiay");
        sd_bus_message_append(reply, "ii", 0, AF_INET);
        sd_bus_message_append_array(reply, 'y', a, sizeof a);
        sd_bus_message_close_container(reply);
        sd_bus_message_close_container(reply);
        sd_bus_message_append(reply, "st", name, UINT64_C(0));
        r = sd_bus_send(NULL, reply, NULL);
        sd_bus_message_unref(reply);
        step(userdata, sd_bus_message_get_bus(m));
        return r;
}

static int get_text(sd_bus *bus, const char *path, const char *interface, const char *property,
        sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Server *s = userdata;
        char instance[32];

        if (strcmp(property, "State") == 0)
                return sd_bus_message_append(reply, "s", state_name(s->shared->state));
        snprintf(instance, sizeof instance, "%llu", (unsigned long long) s->shared->instances);
        return sd_bus_message_append(reply, "s", instance);
}

static int get_serial(sd_bus *bus, const char *path, const char *interface, const char *property,
        sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        return sd_bus_message_append(reply, "t", ((Server *) userdata)->shared->serial);
}

static const sd_bus_vtable manager_vtable[] = { SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("AttachMany", "a(sa{sv})", "ats", on_attach_many, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Detach", "at", "", on_detach, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Hold", "sss", "h", on_hold, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("ListHolds", "", "a(sssuu)", on_list_holds, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_PROPERTY("State", "s", get_text, 0, 0),
        SD_BUS_PROPERTY("InstanceId", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("StateSerial", "t", get_serial, 0, 0), SD_BUS_VTABLE_END };

static const sd_bus_vtable resolver_vtable[] = { SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD(
                "ResolveHostname", "isit", "a(iiay)st", on_resolve, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END };

static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        Server *s = userdata;
        sd_bus *bus = sd_bus_message_get_bus(m);

        s->shared->messages++;
        if (!sd_bus_message_is_signal(m, "org.freedesktop.DBus.Local", "Disconnected"))
                return 0;
        for (Item **at = &s->items; *at;)
                if ((*at)->bus == bus)
                        item_free(s, at);
                else
                        at = &(*at)->next;
        for (unsigned i = 0; i < s->n_buses; i++)
                if (s->buses[i] == bus) {
                        s->buses[i] = s->buses[--s->n_buses];
                        s->shared->connections--;
                }
        sd_bus_detach_event(bus);
        sd_bus_close(bus);
        return 0;
}

static void serve(Server *s, sd_bus *bus)
{
        if (sd_bus_add_filter(bus, NULL, on_message, s) < 0 ||
                sd_bus_add_object_vtable(bus, NULL, LWSD_OBJECT_PATH, LWSD_INTERFACE_MANAGER,
                        manager_vtable, s) < 0 ||
                sd_bus_add_object_vtable(bus, NULL, LWSD_OBJECT_PATH, LWSD_INTERFACE_RESOLVER,
                        resolver_vtable, s) < 0 ||
                sd_bus_start(bus) < 0 || sd_bus_attach_event(bus, s->event, 0) < 0)
                abort();
        s->buses[s->n_buses++] = bus;
        s->shared->connections++;
}

static int on_accept(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        Server *s = userdata;
        int conn = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        sd_bus *bus = NULL;
        sd_id128_t id = { 0 };

        if (conn < 0)
                return 0;
        if (s->shared->drop_connections || s->n_buses == 300) {
                close(conn);
                return 0;
        }
        if (sd_bus_new(&bus) < 0 || sd_bus_set_fd(bus, conn, conn) < 0 ||
                sd_bus_set_server(bus, true, id) < 0 || sd_bus_negotiate_fds(bus, true) < 0 ||
                sd_bus_set_anonymous(bus, true) < 0)
                abort();
        serve(s, bus);
        return 0;
}

static void open_bus(Server *s, const char *address)
{
        sd_bus *bus = NULL;

        if (sd_bus_new(&bus) < 0 || sd_bus_set_address(bus, address) < 0 ||
                sd_bus_set_bus_client(bus, true) < 0)
                abort();
        serve(s, bus);
        if (sd_bus_request_name(bus, LWSD_BUS_NAME, 0) < 0)
                abort();
}

static int listen_at(const char *path)
{
        struct sockaddr_un sun = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        strncpy(sun.sun_path, path, sizeof sun.sun_path - 1);
        unlink(path);
        if (fd < 0 || bind(fd, (struct sockaddr *) &sun, sizeof sun) < 0 || listen(fd, 128) < 0)
                abort();
        return fd;
}

static void __attribute__((noreturn)) run(Peer *peer, int control)
{
        static Server server;
        Server *s = &server;
        unsigned char ready = 0;

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        s->shared = peer->shared;
        s->tail = &s->items;
        s->shared->instances++;
        s->shared->connections = s->shared->attachments = s->shared->holds = 0;
        if (sd_event_new(&s->event) < 0 ||
                sd_event_add_io(s->event, NULL, control, EPOLLIN, on_control, s) < 0 ||
                sd_event_add_defer(s->event, &s->release, on_release, s) < 0)
                abort();
        sd_event_source_set_enabled(s->release, SD_EVENT_OFF);
        if (peer->bus)
                open_bus(s, peer->bus);
        if (peer->path)
                sd_event_add_io(s->event, NULL, listen_at(peer->path), EPOLLIN, on_accept, s);
        (void) !write(control, &ready, 1);
        sd_event_loop(s->event);
        _exit(0);
}

/* -- In the test ------------------------------------------------------------------------------ */

int peer_init(Peer *peer, const char *socket_path, const char *bus_address)
{
        *peer = (Peer){ .control = -1, .path = socket_path, .bus = bus_address };
        peer->shared = mmap(NULL, sizeof *peer->shared, PROT_READ | PROT_WRITE,
                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (peer->shared == MAP_FAILED)
                return -errno;
        peer->shared->steps_left = -1;
        return 0;
}

void peer_deinit(Peer *peer)
{
        peer_kill(peer);
        munmap(peer->shared, sizeof *peer->shared);
}

int peer_start(Peer *peer)
{
        unsigned char byte;
        int fds[2];

        peer_kill(peer);
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
                return -errno;
        peer->pid = fork();
        if (peer->pid == 0) {
                close(fds[0]);
                run(peer, fds[1]);
        }
        close(fds[1]);
        peer->control = fds[0];
        return read(peer->control, &byte, 1) == 1 ? 0 : -EIO;
}

void peer_kill(Peer *peer)
{
        if (peer->pid > 0) {
                kill(peer->pid, SIGKILL);
                waitpid(peer->pid, NULL, 0);
        }
        peer->pid = 0;
        if (peer->control >= 0)
                close(peer->control);
        peer->control = -1;
}

bool peer_is_running(Peer *peer)
{
        if (peer->pid > 0 && waitpid(peer->pid, NULL, WNOHANG) == peer->pid)
                peer->pid = 0;
        return peer->pid > 0;
}

void peer_move(Peer *peer, int state)
{
        unsigned char byte = (unsigned char) state;

        if (peer_is_running(peer) && send(peer->control, &byte, 1, MSG_NOSIGNAL) == 1 &&
                read(peer->control, &byte, 1) == 1)
                return;
        /* It is dead, or died on the way: what it kept says the rest. */
        for (int i = peer->shared->state + 1; i <= state && i <= LWS_SYSTATE_OPERATIONAL; i++)
                peer->shared->entered_usec[i] = now_usec();
        if (peer->shared->state != state)
                peer->shared->serial++;
        peer->shared->state = state;
}
