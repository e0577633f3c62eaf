/* SPDX-License-Identifier: MIT */
#include "dbus/names.h"
#include "libclient/backoff.h"
#include "libclient/client-private.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/random.h>
#include <unistd.h>

#define DEFAULT_BUS_ADDRESS "unix:path=/run/dbus/system_bus_socket"
#define MESSAGES_PER_TURN   64
/* So long after a signal the client asks whether there were others. */
#define DOUBT_USEC 1000000

static void connection_wait(lwsd_client *client);

/* -- Set up ----------------------------------------------------------------------------------- */

/* The path of the first unix:path= of a D-Bus address, or "". */
static void address_to_path(const char *address, char *path, size_t size)
{
        static const char prefix[] = "unix:path=";
        size_t len;

        path[0] = '\0';
        if (strncmp(address, prefix, sizeof prefix - 1) != 0)
                return;
        address += sizeof prefix - 1;
        len = strcspn(address, ",;");
        if (len >= size || memchr(address, '%', len))
                return;
        memcpy(path, address, len);
        path[len] = '\0';
}

int connection_init(Connection *conn, const char *socket_path, bool only_socket)
{
        const char *address = secure_getenv("DBUS_SYSTEM_BUS_ADDRESS");

        conn->inotify_fd = conn->polled_fd = conn->bus_fd = -1;
        conn->doubt_usec = NEVER;
        conn->only_socket = only_socket;
        if (strlen(socket_path) >= sizeof conn->socket.path)
                return -ENAMETOOLONG;
        strcpy(conn->socket.path, socket_path);
        conn->bus_address = strdup(address && address[0] ? address : DEFAULT_BUS_ADDRESS);
        if (!conn->bus_address)
                return -ENOMEM;
        address_to_path(conn->bus_address, conn->bus_socket.path, sizeof conn->bus_socket.path);
        return 0;
}

/* "unix:path=..." with what the address syntax would misread escaped. */
static void socket_address(const char *path, char *ret, size_t size)
{
        static const char hex[] = "0123456789abcdef";
        size_t n = (size_t) snprintf(ret, size, "unix:path=");

        for (const unsigned char *p = (const unsigned char *) path; *p && n + 4 <= size; p++) {
                bool plain = (*p >= '0' && *p <= '9') || ((*p | 32) >= 'a' && (*p | 32) <= 'z') ||
                             strchr("-_/.\\*", *p);

                if (!plain) {
                        ret[n++] = '%';
                        ret[n++] = hex[*p >> 4];
                        ret[n++] = hex[*p & 15];
                } else {
                        ret[n++] = (char) *p;
                }
        }
        ret[n] = '\0';
}

/* -- Loss ------------------------------------------------------------------------------------- */

/* What was going on with this lwsd is over; the bus may still be there. */
static void connection_forget_daemon(lwsd_client *client)
{
        Connection *conn = &client->connection;

        conn->facts_call = sd_bus_slot_unref(conn->facts_call);
        free(conn->owner);
        conn->owner = NULL;
        conn->doubt_usec = NEVER;
        attachments_lost(client);
        holds_lost(client);
        queries_lost(client);
        if (client->told_connected || conn->phase == PHASE_ANSWERED)
                client_due(client, &client->status_due);
}

static void connection_unpoll(lwsd_client *client)
{
        Connection *conn = &client->connection;

        if (conn->polled_fd < 0)
                return;
        epoll_ctl(client->epoll_fd, EPOLL_CTL_DEL, conn->polled_fd, NULL);
        close(conn->polled_fd);
        conn->polled_fd = conn->bus_fd = -1;
}

static void connection_close_bus(lwsd_client *client)
{
        Connection *conn = &client->connection;

        connection_unpoll(client);
        conn->owner_call = sd_bus_slot_unref(conn->owner_call);
        conn->facts_call = sd_bus_slot_unref(conn->facts_call);
        conn->bus = sd_bus_close_unref(conn->bus);
        conn->on_bus = false;
        conn->lost = false;
}

static void connection_stop_waiting(lwsd_client *client)
{
        Connection *conn = &client->connection;

        conn->retry_usec = NEVER;
        if (conn->inotify_fd >= 0) {
                /* Closing alone would leave it in the set where a child has a copy. */
                epoll_ctl(client->epoll_fd, EPOLL_CTL_DEL, conn->inotify_fd, NULL);
                close(conn->inotify_fd);
        }
        conn->inotify_fd = -1;
        conn->socket.wd = conn->bus_socket.wd = -1;
}

static void connection_drop(lwsd_client *client)
{
        Connection *conn = &client->connection;

        if (!conn->on_bus && conn->phase == PHASE_READY)
                conn->skip_socket = !conn->only_socket;
        connection_forget_daemon(client);
        connection_close_bus(client);
        conn->phase = PHASE_IDLE;
        connection_wait(client);
}

void connection_deinit(lwsd_client *client)
{
        Connection *conn = &client->connection;

        connection_stop_waiting(client);
        connection_close_bus(client);
        free(conn->owner);
        free(conn->bus_address);
        conn->owner = conn->bus_address = NULL;
        conn->phase = PHASE_IDLE;
}

/* -- Facts and signals ------------------------------------------------------------------------ */

void connection_note_state(lwsd_client *client, const char *name)
{
        int state = lwsd_state_from_string(name);

        if (state < 0)
                return;
        client->connection.state = (lws_system_states_t) state;
        client->connection.state_known = true;
        attachments_note_state(client, (lws_system_states_t) state);
}

bool connection_reply_is_loss(lwsd_client *client, sd_bus_message *reply)
{
        static const char *const names[] = {
                SD_BUS_ERROR_NO_REPLY,
                SD_BUS_ERROR_DISCONNECTED,
                SD_BUS_ERROR_SERVICE_UNKNOWN,
                SD_BUS_ERROR_NAME_HAS_NO_OWNER,
                SD_BUS_ERROR_TIMEOUT,
        };
        const sd_bus_error *error = sd_bus_message_get_error(reply);

        if (sd_bus_is_open(client->connection.bus) <= 0)
                client->connection.lost = true;
        for (size_t i = 0; error && i < ELEMENTSOF(names); i++)
                if (sd_bus_error_has_name(error, names[i]))
                        client->connection.lost = true;
        return client->connection.lost;
}

static uint64_t hash_text(const char *s)
{
        uint64_t hash = UINT64_C(0xcbf29ce484222325);

        while (*s)
                hash = (hash ^ (unsigned char) *s++) * UINT64_C(0x100000001b3);
        return hash ? hash : 1;
}

/* One entry of GetAll. */
static int facts_read_entry(lwsd_client *client, sd_bus_message *m, uint64_t *instance)
{
        Connection *conn = &client->connection;
        const char *name, *text;
        int r = sd_bus_message_read(m, "s", &name);

        if (r < 0)
                return r;
        if (strcmp(name, "State") == 0) {
                r = sd_bus_message_read(m, "v", "s", &text);
                if (r >= 0)
                        connection_note_state(client, text);
        } else if (strcmp(name, "InstanceId") == 0) {
                r = sd_bus_message_read(m, "v", "s", &text);
                if (r >= 0)
                        *instance = hash_text(text);
        } else if (strcmp(name, "StateSerial") == 0) {
                r = sd_bus_message_read(m, "v", "t", &conn->serial);
        } else {
                r = sd_bus_message_skip(m, "v");
        }
        return r;
}

static int facts_read(lwsd_client *client, sd_bus_message *m, uint64_t *instance)
{
        int r = sd_bus_message_enter_container(m, 'a', "{sv}");

        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = facts_read_entry(client, m, instance);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        return r;
}

static int connection_on_facts(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        lwsd_client *client = userdata;
        Connection *conn = &client->connection;
        uint64_t instance = 0;

        conn->facts_call = sd_bus_slot_unref(conn->facts_call);
        if (connection_reply_is_loss(client, m))
                return 1;
        /* Whoever answers with an error is not ready, or not lwsd. */
        if (sd_bus_message_is_method_error(m, NULL) || facts_read(client, m, &instance) < 0) {
                conn->lost = true;
                return 1;
        }
        attachments_repair(client);
        conn->phase = PHASE_ANSWERED;
        conn->attempt = 0;
        conn->skip_socket = false;
        if (conn->instance && conn->instance != instance)
                holds_verify(client);
        conn->instance = instance;
        client_due(client, &client->status_due);
        return 1;
}

static void connection_ask_facts(lwsd_client *client)
{
        _cleanup_(message_unrefp) sd_bus_message *m = NULL;
        Connection *conn = &client->connection;

        if (connection_call(client, &m, "org.freedesktop.DBus.Properties", "GetAll") < 0 ||
                sd_bus_message_append(m, "s", LWSD_INTERFACE_MANAGER) < 0 ||
                connection_send(client, m, &conn->facts_call, connection_on_facts, client, 0) < 0)
                conn->lost = true;
}

/* Asks what is so now. */
static void connection_check(lwsd_client *client)
{
        Connection *conn = &client->connection;

        conn->doubt_usec = NEVER;
        if (conn->phase == PHASE_ANSWERED && !conn->facts_call &&
                !TAILQ_EMPTY(&client->attachments.all))
                connection_ask_facts(client);
}

static int connection_on_message(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        lwsd_client *client = userdata;
        Connection *conn = &client->connection;
        const char *sender = sd_bus_message_get_sender(m), *before, *after;

        if (sd_bus_message_is_signal(m, "org.freedesktop.DBus.Local", "Disconnected")) {
                conn->lost = true;
                return 0;
        }
        if (!sd_bus_message_is_signal(m, LWSD_INTERFACE_MANAGER, NULL))
                return 0;
        /* Anyone on the bus may send us a signal of that name. */
        if (conn->on_bus && (!conn->owner || !sender || strcmp(sender, conn->owner) != 0))
                return 0;
        if (!sd_bus_message_is_signal(m, NULL, "StateChanged")) {
                attachments_signal(client, m);
        } else if (sd_bus_message_read(m, "ss", &before, &after) >= 0) {
                conn->serial++;
                connection_note_state(client, after);
        }
        if (conn->on_bus && conn->doubt_usec == NEVER)
                conn->doubt_usec = client_now() + DOUBT_USEC;
        return 1;
}

/* -- Making the connection -------------------------------------------------------------------- */

bool connection_is_ready(const lwsd_client *client)
{
        return client->connection.phase >= PHASE_READY && !client->connection.lost;
}

int connection_call(
        lwsd_client *client, sd_bus_message **ret, const char *interface, const char *member)
{
        Connection *conn = &client->connection;

        return sd_bus_message_new_method_call(
                conn->bus, ret, conn->owner, LWSD_OBJECT_PATH, interface, member);
}

int connection_send(lwsd_client *client, sd_bus_message *m, sd_bus_slot **ret_slot,
        sd_bus_message_handler_t reply, void *userdata, uint64_t timeout_usec)
{
        int r = sd_bus_call_async(
                client->connection.bus, ret_slot, m, reply, userdata, timeout_usec);

        /* No memory may pass; all else means that this connection is of no more use. */
        if (r < 0 && r != -ENOMEM)
                client->connection.lost = true;
        return r;
}

/* Somebody answers to the name: calls may be made from now on. */
static void connection_start_daemon(lwsd_client *client)
{
        client->connection.phase = PHASE_READY;
        connection_stop_waiting(client);
        connection_ask_facts(client);
}

static int connection_open(lwsd_client *client, sd_bus **ret, const char *address, bool bus_client)
{
        sd_bus *bus = NULL;
        int r = sd_bus_new(&bus);

        if (r < 0)
                return r;
        if ((r = sd_bus_set_address(bus, address)) >= 0 &&
                (r = sd_bus_set_bus_client(bus, bus_client)) >= 0 &&
                (r = sd_bus_negotiate_fds(bus, true)) >= 0 &&
                (r = sd_bus_add_filter(bus, NULL, connection_on_message, client)) >= 0)
                r = sd_bus_start(bus);
        if (r < 0) {
                sd_bus_close_unref(bus);
                return r;
        }
        *ret = bus;
        return 0;
}

static int connection_try_socket(lwsd_client *client)
{
        Connection *conn = &client->connection;
        char address[sizeof "unix:path=" + 3 * sizeof conn->socket.path];
        sd_bus *bus;
        int r;

        socket_address(conn->socket.path, address, sizeof address);
        r = connection_open(client, &bus, address, false);
        if (r < 0)
                return r;
        connection_close_bus(client);
        conn->bus = bus;
        connection_start_daemon(client);
        return 0;
}

static void connection_set_owner(lwsd_client *client, const char *owner)
{
        Connection *conn = &client->connection;

        if (conn->phase >= PHASE_READY)
                connection_forget_daemon(client);
        if (owner && owner[0]) {
                conn->owner = strdup(owner);
                if (conn->owner)
                        connection_start_daemon(client);
                else
                        conn->lost = true;
                return;
        }
        conn->phase = PHASE_NO_OWNER;
        connection_wait(client);
}

static int connection_on_owner_changed(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        lwsd_client *client = userdata;
        const char *name, *before, *after;

        if (sd_bus_message_read(m, "sss", &name, &before, &after) < 0 ||
                strcmp(name, LWSD_BUS_NAME) != 0)
                return 0;
        /* The answer to the question is on its way, and says what came before this change or after
         * it: either way this is newer or the same. */
        client->connection.owner_call = sd_bus_slot_unref(client->connection.owner_call);
        if (client->connection.owner && strcmp(client->connection.owner, after) == 0)
                return 0;
        connection_set_owner(client, after);
        return 0;
}

static int connection_on_owner(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        lwsd_client *client = userdata;
        const char *owner = NULL;

        client->connection.owner_call = sd_bus_slot_unref(client->connection.owner_call);
        if (sd_bus_message_is_method_error(m, SD_BUS_ERROR_NAME_HAS_NO_OWNER))
                owner = "";
        else if (connection_reply_is_loss(client, m))
                return 1;
        else if (sd_bus_message_read(m, "s", &owner) < 0)
                client->connection.lost = true;
        if (owner)
                connection_set_owner(client, owner);
        return 1;
}

static int connection_ignore(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        return 0; /* the filter has seen it */
}

static int connection_try_bus(lwsd_client *client)
{
        Connection *conn = &client->connection;
        sd_bus *bus;
        int r = connection_open(client, &bus, conn->bus_address, true);

        if (r < 0)
                return r;
        r = sd_bus_add_match_async(bus, NULL,
                "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"
                "interface='org.freedesktop.DBus',member='NameOwnerChanged',"
                "arg0='" LWSD_BUS_NAME "'",
                connection_on_owner_changed, NULL, client);
        if (r >= 0)
                r = sd_bus_add_match_async(bus, NULL,
                        "type='signal',sender='" LWSD_BUS_NAME "',path='" LWSD_OBJECT_PATH "',"
                        "interface='" LWSD_INTERFACE_MANAGER "',member='StateChanged'",
                        connection_ignore, NULL, client);
        if (r >= 0)
                r = sd_bus_call_method_async(bus, &conn->owner_call, "org.freedesktop.DBus",
                        "/org/freedesktop/DBus", "org.freedesktop.DBus", "GetNameOwner",
                        connection_on_owner, client, "s", LWSD_BUS_NAME);
        if (r < 0) {
                sd_bus_close_unref(bus);
                return r;
        }
        conn->bus = bus;
        conn->on_bus = true;
        conn->phase = PHASE_ASKING;
        connection_stop_waiting(client);
        return 0;
}

/* -- Waiting for it --------------------------------------------------------------------------- */

/* Nobody is there: a file that appears tells when to look again, and where one is there already but
 * nobody behind it, only time can. */
static void connection_wait(lwsd_client *client)
{
        struct epoll_event event = { .events = EPOLLIN, .data.fd = -1 };
        Connection *conn = &client->connection;
        bool blind = true;
        uint64_t random;

        connection_stop_waiting(client);
        conn->inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        if (conn->inotify_fd >= 0 &&
                epoll_ctl(client->epoll_fd, EPOLL_CTL_ADD, conn->inotify_fd, &event) == 0) {
                blind = path_watch_arm(&conn->socket, conn->inotify_fd) != 0;
                if (conn->phase == PHASE_IDLE && !conn->only_socket)
                        blind |= path_watch_arm(&conn->bus_socket, conn->inotify_fd) != 0;
        }
        if (!blind)
                return;
        if (getrandom(&random, sizeof random, GRND_NONBLOCK) != (ssize_t) sizeof random)
                random = client_now();
        conn->retry_usec = client_now() + backoff_delay(conn->attempt++, random);
}

/* Whether a file that is waited for has come closer. */
static bool connection_heard_of_file(Connection *conn)
{
        char buf[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
        bool heard = false;
        ssize_t n;

        while ((n = read(conn->inotify_fd, buf, sizeof buf)) > 0) {
                for (char *p = buf; p < buf + n;) {
                        struct inotify_event *event = (struct inotify_event *) p;

                        heard |= path_watch_concerns(&conn->socket, event) ||
                                 path_watch_concerns(&conn->bus_socket, event);
                        p += sizeof *event + event->len;
                }
        }
        return heard;
}

static void connection_try(lwsd_client *client)
{
        Connection *conn = &client->connection;
        bool skip = conn->skip_socket;

        conn->retry_usec = NEVER;
        conn->skip_socket = false;
        if (!skip && connection_try_socket(client) >= 0)
                return;
        if (conn->phase == PHASE_IDLE && !conn->only_socket && connection_try_bus(client) >= 0)
                return;
        connection_wait(client);
}

/* -- The turn --------------------------------------------------------------------------------- */

int connection_turn(lwsd_client *client, uint64_t now)
{
        Connection *conn = &client->connection;
        unsigned i = 0;

        if (conn->inotify_fd >= 0 && connection_heard_of_file(conn)) {
                conn->attempt = 0;
                conn->retry_usec = 0;
        }
        if (conn->retry_usec <= now && conn->phase <= PHASE_NO_OWNER)
                connection_try(client);
        for (; conn->bus && !conn->lost && i < MESSAGES_PER_TURN; i++) {
                int r = sd_bus_process(conn->bus, NULL);

                if (r < 0)
                        conn->lost = true;
                if (r <= 0)
                        break;
        }
        if (conn->doubt_usec <= now && !conn->lost)
                connection_check(client);
        if (conn->lost)
                connection_drop(client);
        return i == MESSAGES_PER_TURN;
}

uint64_t connection_deadline(lwsd_client *client)
{
        Connection *conn = &client->connection;
        uint64_t usec = NEVER;

        if (conn->lost)
                return 0;
        if (conn->bus && sd_bus_get_timeout(conn->bus, &usec) < 0)
                return 0;
        if (conn->doubt_usec < usec)
                usec = conn->doubt_usec;
        return usec < conn->retry_usec ? usec : conn->retry_usec;
}

/* The set watches a copy of the bus's descriptor: sd-bus closes its own when it likes, and a closed
 * one stays in the set, out of reach, where a child of ours has inherited it. */
static int connection_poll_copy(lwsd_client *client, int fd, struct epoll_event *event)
{
        Connection *conn = &client->connection;
        int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);

        connection_unpoll(client);
        if (copy < 0)
                return -errno;
        if (epoll_ctl(client->epoll_fd, EPOLL_CTL_ADD, copy, event) < 0) {
                close(copy);
                return -errno;
        }
        conn->polled_fd = copy;
        conn->bus_fd = fd;
        return 0;
}

void connection_poll(lwsd_client *client)
{
        Connection *conn = &client->connection;
        struct epoll_event event = { .data.fd = -1 };
        int fd, events, r = 0;

        if (!conn->bus || conn->lost)
                return;
        fd = sd_bus_get_fd(conn->bus);
        events = sd_bus_get_events(conn->bus);
        event.events = (uint32_t) events; /* EPOLLIN is POLLIN, EPOLLOUT is POLLOUT */
        if (fd < 0 || events < 0)
                r = -EBADF;
        else if (fd != conn->bus_fd)
                r = connection_poll_copy(client, fd, &event);
        else if (event.events != conn->polled_events)
                r = epoll_ctl(client->epoll_fd, EPOLL_CTL_MOD, conn->polled_fd, &event);
        if (r < 0)
                conn->lost = true;
        else
                conn->polled_events = event.events;
}
