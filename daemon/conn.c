/* SPDX-License-Identifier: MIT */
#include "daemon/conn.h"
#include "core/context.h"
#include "core/timer.h"
#include "core/wsi.h"
#include "daemon/framing.h"
#include "dbus/names.h"
#include "util/fd.h"
#include "util/log.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <systemd/sd-id128.h>
#include <unistd.h>

#define PEER_QUEUE_MAX (1024 * 1024)
/* What one message of a peer may have: more than an AttachMany() that fills the quota of root. */
#define PEER_MESSAGE_MAX (4 * 1024 * 1024)
/* What the kernel keeps for one peer; sd-bus asks for 8 MiB, which would be beyond our own limit.
 */
#define PEER_SOCKET_BUFFER (192 * 1024)
/* A bus that reads nothing for this long a queue is stuck. */
#define BUS_QUEUE_MAX (64 * 1024 * 1024)
/* What one turn of a connection takes at most, so that it does not starve the others, of which
 * there may be hundreds. A portion of what a peer sends may be a thousand messages that sd-bus
 * passes over, so few are read. */
#define TURN_USEC    200
#define READ_BUDGET  64
#define READ_PORTION (16 * 1024)
#define PORTION_COST 16
/* Bytes wait for the end of a call, to travel with what else it says, while they are no more than
 * this. */
#define GATHER_BYTES (64 * 1024)
#define GATHER_PARTS 8
/* A client that says Hello gets its reply first; one that never does gets signals after this. */
#define QUIET_USEC (200 * USEC_PER_MSEC)

typedef struct Outgoing Outgoing;
struct Outgoing {
        sd_bus_message *message; /* or */
        uint8_t *data;           /* bytes, of which the first `sent` are gone */
        size_t size, sent;
        sd_bus_message_handler_t answer; /* of a call */
        void *userdata;
};

struct Conn {
        sd_bus *bus;
        Thread *thread;
        struct lws *wsi;
        int watched_fd; /* of a bus: sd-bus's, which the wsi has a copy of */
        int feed_fd;    /* of a peer: what we write there is what sd-bus reads */
        Framing framing;
        uint64_t seen; /* messages that sd-bus made of it */
        Quota *quota;
        uid_t uid;
        size_t charged; /* of the user's QUOTA_BYTES */
        uint32_t events;
        Timer timer;
        usec_t quiet_until; /* 0: it has spoken, or was quiet for long enough */
        const ConnOps *ops;
        void *userdata;
        Outgoing *queue; /* a ring */
        size_t queue_first, queue_n, queue_capacity, queue_bytes;
        size_t handed_over; /* size of the last message given to sd-bus */
        int error;          /* negative: over, `closed` follows in the next turn */
        bool peer, ready, in_turn, unfinished;
        bool stuck; /* the socket took no more of our own bytes */
        char name[24];
};

static uint64_t next_peer = 1;

static void conn_arm(Conn *conn);

sd_bus *conn_bus(const Conn *conn)
{
        return conn->bus;
}

bool conn_is_peer(const Conn *conn)
{
        return conn->peer;
}

bool conn_is_ready(const Conn *conn)
{
        return conn->ready && conn->error >= 0;
}

const char *conn_peer_name(const Conn *conn)
{
        return conn->name;
}

void *conn_userdata(const Conn *conn)
{
        return conn->userdata;
}

/* -- The queue --------------------------------------------------------------------------------- */

static Outgoing *queue_at(const Conn *conn, size_t i)
{
        return &conn->queue[(conn->queue_first + i) % conn->queue_capacity];
}

static int queue_push(Conn *conn, Outgoing out)
{
        if (conn->queue_n == conn->queue_capacity) {
                size_t capacity = conn->queue_capacity ? 2 * conn->queue_capacity : 8;
                Outgoing *queue = calloc(capacity, sizeof(*queue));

                if (!queue)
                        return -ENOMEM;
                for (size_t i = 0; i < conn->queue_n; i++)
                        queue[i] = *queue_at(conn, i);
                free(conn->queue);
                conn->queue = queue;
                conn->queue_capacity = capacity;
                conn->queue_first = 0;
        }
        conn->queue_n++;
        conn->queue_bytes += out.size;
        *queue_at(conn, conn->queue_n - 1) = out;
        return 0;
}

static void queue_pop(Conn *conn)
{
        Outgoing out = *queue_at(conn, 0);

        conn->queue_first = (conn->queue_first + 1) % conn->queue_capacity;
        conn->queue_n--;
        conn->queue_bytes -= out.size;
        if (conn->queue_n == 0) { /* what waits rarely is not kept room for */
                free(conn->queue);
                conn->queue = NULL;
                conn->queue_capacity = conn->queue_first = 0;
        }
        sd_bus_message_unref(out.message);
        free(out.data);
}

static void conn_fail(Conn *conn, int error)
{
        if (conn->error < 0)
                return;
        conn->error = error < 0 ? error : -ECONNRESET;
        timer_set(&conn->timer, 0);
}

static bool sd_bus_is_writing(const Conn *conn)
{
        uint64_t n = 0;

        (void) sd_bus_get_n_queued_write(conn->bus, &n);
        return n > 0;
}

/* One of the two is in the middle of a message: the other must not write. */
static bool is_writing(const Conn *conn)
{
        return conn->stuck || sd_bus_is_writing(conn);
}

static bool is_quiet(const Conn *conn)
{
        return !conn->ready || conn->quiet_until > 0;
}

static bool is_paused(const Conn *conn)
{
        return conn->ready && (is_writing(conn) || (conn->queue_n > 0 && !is_quiet(conn)));
}

/* sd-bus writes at once what the socket takes and keeps the rest. */
static int pump_message(Conn *conn)
{
        Outgoing *out = queue_at(conn, 0);
        int r = out->answer ? sd_bus_call_async(
                                      conn->bus, NULL, out->message, out->answer, out->userdata, 0)
                            : sd_bus_send(conn->bus, out->message, NULL);

        conn->handed_over = out->size;
        queue_pop(conn);
        return r;
}

/* All the bytes at the head of the queue in one write. */
static int pump_bytes(Conn *conn)
{
        struct iovec parts[GATHER_PARTS];
        struct msghdr h = { .msg_iov = parts };
        ssize_t n;

        while (h.msg_iovlen < MIN(conn->queue_n, (size_t) GATHER_PARTS)) {
                const Outgoing *out = queue_at(conn, h.msg_iovlen);

                if (!out->data)
                        break;
                parts[h.msg_iovlen++] =
                        (struct iovec){ out->data + out->sent, out->size - out->sent };
        }
        n = sendmsg(wsi_fd(conn->wsi), &h, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
                return -errno;
        for (size_t left = n < 0 ? 0 : (size_t) n, i = 0; i < h.msg_iovlen; i++) {
                Outgoing *out = queue_at(conn, 0);

                if (left < parts[i].iov_len) {
                        out->sent += left;
                        conn->stuck = true;
                        break;
                }
                left -= parts[i].iov_len;
                queue_pop(conn);
        }
        return 0;
}

static void conn_pump(Conn *conn)
{
        while (conn->queue_n > 0 && !is_quiet(conn) && conn->error >= 0 && !is_writing(conn)) {
                int r = queue_at(conn, 0)->message ? pump_message(conn) : pump_bytes(conn);

                if (r < 0)
                        conn_fail(conn, r);
        }
}

/* What is on its way to and from a peer counts against its user, whose connections are many. */
static void conn_charge(Conn *conn)
{
        size_t bytes = framing_held(&conn->framing) + conn->queue_bytes +
                       (sd_bus_is_writing(conn) ? conn->handed_over : 0);

        if (!conn->quota || conn->error < 0 || bytes == conn->charged)
                return;
        quota_give(conn->quota, conn->uid, QUOTA_BYTES, conn->charged);
        conn->charged = 0;
        if (quota_take(conn->quota, conn->uid, QUOTA_BYTES, bytes) >= 0) {
                conn->charged = bytes;
                return;
        }
        log_info("User %u has too much on its way to and from lwsd, closing connection %s",
                (unsigned) conn->uid, conn->name);
        conn_fail(conn, -EDQUOT);
}

static void conn_queue(Conn *conn, Outgoing out)
{
        int r = conn->error < 0 ? conn->error : queue_push(conn, out);

        if (r < 0) {
                sd_bus_message_unref(out.message);
                free(out.data);
                conn_fail(conn, r);
                return;
        }
        /* on the bus, one turn may run many calls, whose replies sd-bus writes itself: those must
         * not come upon bytes that are half written */
        if (!conn->in_turn || (conn->peer && (out.message || conn->queue_bytes > GATHER_BYTES)))
                conn_pump(conn);
        conn_charge(conn);
        if (conn->queue_bytes > (size_t) (conn->peer ? PEER_QUEUE_MAX : BUS_QUEUE_MAX)) {
                log_info("Connection %s does not read what it is sent, closing it",
                        conn->peer ? conn->name : "to the bus");
                conn_fail(conn, -ENOBUFS);
        }
        if (!conn->in_turn)
                conn_arm(conn);
}

void conn_send(Conn *conn, sd_bus_message *m, size_t size)
{
        conn_queue(conn, (Outgoing){ .message = sd_bus_message_ref(m), .size = size });
}

void conn_call(
        Conn *conn, sd_bus_message *m, size_t size, sd_bus_message_handler_t answer, void *userdata)
{
        conn_queue(conn, (Outgoing){ .message = sd_bus_message_ref(m),
                                 .size = size,
                                 .answer = answer,
                                 .userdata = userdata });
}

void conn_send_bytes(Conn *conn, uint8_t *data, size_t size)
{
        conn_queue(conn, (Outgoing){ .data = data, .size = size });
}

void conn_flush(Conn *conn)
{
        if (conn->ready)
                conn->quiet_until = 0;
        conn->stuck = false; /* it may take more by now */
        for (unsigned i = 0; i < READ_BUDGET; i++) {
                conn_pump(conn);
                if (conn->error < 0 || !sd_bus_is_writing(conn) ||
                        sd_bus_process(conn->bus, NULL) <= 0)
                        break;
        }
}

/* -- The turn ---------------------------------------------------------------------------------- */

static void conn_check_ready(Conn *conn)
{
        if (conn->ready || sd_bus_is_ready(conn->bus) <= 0)
                return;
        conn->ready = true;
        if (conn->peer)
                conn->quiet_until = thread_now(conn->thread) + QUIET_USEC;
        conn->ops->ready(conn, conn->userdata);
}

/* Gives sd-bus more of what a peer sent; descriptors that come with it end here. 1: it did; 0:
 * there is none. */
static int conn_feed(Conn *conn, bool *more)
{
        int fd = wsi_fd(conn->wsi), r = 0;
        uint8_t data[READ_PORTION];
        ssize_t n;

        n = recv(fd, data, sizeof(data), conn->ready ? 0 : MSG_PEEK);
        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        if (n > 0 && conn->ready) {
                r = framing_take(&conn->framing, data, (size_t) n, PEER_MESSAGE_MAX);
        } else if (n > 0) { /* only sd-bus knows which line ends the authentication */
                const uint8_t *end = memchr(data, '\n', (size_t) n);

                n = recv(fd, data, end ? (size_t) (end + 1 - data) : (size_t) n, 0);
        }
        if (n <= 0)
                return -ECONNRESET;
        if (r == -EMSGSIZE)
                log_info("A message of connection %s has more than %d bytes, closing it",
                        conn->name, PEER_MESSAGE_MAX);
        if (r < 0)
                return r;
        /* sd-bus has emptied it: a portion always fits */
        if (send(conn->feed_fd, data, (size_t) n, MSG_DONTWAIT | MSG_NOSIGNAL) != n)
                return -EIO;
        *more = n == sizeof(data) || !conn->ready;
        return 1;
}

static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        ((Conn *) userdata)->seen++;
        return 0;
}

/* Whether sd-bus would find nothing where it reads; it costs a system call to let it find out. */
static bool sd_bus_has_read_all(Conn *conn)
{
        return conn->peer && conn->ready && conn->seen == conn->framing.complete &&
               framing_held(&conn->framing) == 0;
}

/* Lets sd-bus work on what it has. As sd_bus_process(). */
static int conn_process(Conn *conn)
{
        bool was_ready = conn->ready;
        int r;

        r = sd_bus_process(conn->bus, NULL);
        if (r < 0)
                return r;
        if (r == 0) /* it may have passed over some */
                conn->seen = conn->framing.complete;
        conn_check_ready(conn);
        if (r > 0 && was_ready)
                conn->quiet_until = 0;
        conn_pump(conn);
        return r;
}

static void conn_turn(Conn *conn, uint32_t revents)
{
        bool may_feed = conn->peer && revents != 0;
        usec_t end = clock_monotonic_usec() + TURN_USEC;
        int budget = READ_BUDGET, r = 1;

        conn->in_turn = true;
        /* a paused connection is only written to: sd-bus writes before it reads, and stops there
         * when it could write a message */
        if (is_paused(conn) && (revents & (EPOLLOUT | EPOLLHUP | EPOLLERR))) {
                conn->stuck = false;
                if (sd_bus_is_writing(conn))
                        r = sd_bus_process(conn->bus, NULL);
        }
        conn_pump(conn);
        while (r > 0 && conn->error >= 0 && !is_paused(conn) && budget-- > 0) {
                r = sd_bus_has_read_all(conn) ? 0 : conn_process(conn);
                if (r == 0 && may_feed) {
                        r = conn_feed(conn, &may_feed);
                        budget -= PORTION_COST;
                }
                if (clock_monotonic_usec() >= end)
                        budget = 0;
        }
        conn->in_turn = false;
        conn->unfinished = r > 0; /* sd-bus may have more that is not in the socket any more */
        if (r < 0)
                conn_fail(conn, r);
        else if (sd_bus_is_open(conn->bus) <= 0)
                conn_fail(conn, -ECONNRESET);
        conn_charge(conn);
        conn_arm(conn);
}

static void on_wsi(struct lws *wsi, uint32_t revents)
{
        conn_turn(wsi_userdata(wsi), revents);
}

static void on_timer(Timer *t, usec_t now)
{
        Conn *conn = container_of(t, Conn, timer);

        if (conn->error < 0) {
                conn->ops->closed(conn, conn->error, conn->userdata);
                return;
        }
        if (conn->ready && conn->quiet_until > 0 && now >= conn->quiet_until) {
                /* while we were busy, its Hello may have come to wait in the socket */
                conn_turn(conn, EPOLLIN);
                conn->quiet_until = 0;
        }
        conn_turn(conn, 0);
}

/* sd-bus changes its descriptor when it stops waiting for a socket and connects to it. */
static int conn_watch(Conn *conn, int fd, uint32_t events)
{
        int copy, r;

        if (conn->wsi && fd == conn->watched_fd) {
                if (events == conn->events)
                        return 0;
                conn->events = events;
                return wsi_set_events(conn->wsi, events);
        }
        conn->wsi = wsi_free(conn->wsi);
        copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (copy < 0)
                return -errno;
        r = wsi_new(&conn->wsi, context_vhost_own(thread_context(conn->thread)), conn->thread, copy,
                events, on_wsi, conn);
        if (r < 0) {
                fd_close(copy);
                return r;
        }
        conn->watched_fd = fd;
        conn->events = events;
        return 0;
}

static usec_t conn_deadline(Conn *conn)
{
        uint64_t timeout = UINT64_MAX;
        usec_t now = thread_now(conn->thread), deadline = USEC_INFINITY;

        if (sd_bus_get_timeout(conn->bus, &timeout) >= 0 && timeout != UINT64_MAX)
                deadline = timeout == 0 ? 0 : now + usec_sub(timeout, clock_monotonic_usec());
        if (conn->unfinished)
                deadline = 0;
        if (is_paused(conn) && deadline == 0) /* what sd-bus has must wait */
                deadline = USEC_INFINITY;
        if (conn->ready && conn->quiet_until > 0 && conn->queue_n > 0)
                deadline = MIN(deadline, conn->quiet_until);
        return deadline;
}

static void conn_arm(Conn *conn)
{
        int fd, events, r;

        if (conn->error < 0)
                return;
        fd = conn->peer ? conn->watched_fd : sd_bus_get_fd(conn->bus);
        events = sd_bus_get_events(conn->bus);
        if (fd < 0 || events < 0) {
                conn_fail(conn, fd < 0 ? fd : events);
                return;
        }
        r = conn_watch(conn, fd, is_paused(conn) ? EPOLLOUT : (uint32_t) events);
        if (r < 0) {
                conn_fail(conn, r);
                return;
        }
        timer_set(&conn->timer, conn_deadline(conn));
}

/* -- Making one -------------------------------------------------------------------------------- */

static int conn_new(Conn **ret, Thread *th, const ConnOps *ops, void *userdata)
{
        Conn *conn = calloc(1, sizeof(*conn));
        int r;

        if (!conn)
                return -ENOMEM;
        conn->thread = th;
        conn->watched_fd = conn->feed_fd = -EBADF;
        conn->ops = ops;
        conn->userdata = userdata;
        timer_init(&conn->timer, th, on_timer);
        r = sd_bus_new(&conn->bus);
        if (r < 0) {
                free(conn);
                return r;
        }
        *ret = conn;
        return 0;
}

/* sd-bus reads from `in` and writes to `out`; it closes what it is given, on failure too. */
static int conn_start_server(Conn *conn, int in, int out)
{
        int size = PEER_SOCKET_BUFFER, r;
        sd_id128_t id;

        if ((r = sd_bus_set_fd(conn->bus, in, out)) < 0 || (r = sd_id128_randomize(&id)) < 0 ||
                (r = sd_bus_set_server(conn->bus, 1, id)) < 0 ||
                /* The kernel says who it is (SO_PEERCRED), whatever name it authenticates with: in
                 * a container its own idea of its uid is another. */
                (r = sd_bus_set_anonymous(conn->bus, 1)) < 0 ||
                (r = sd_bus_set_trusted(conn->bus, 1)) < 0 ||
                (r = sd_bus_negotiate_fds(conn->bus, 1)) < 0 ||
                (r = sd_bus_set_sender(conn->bus, LWSD_PEER_SENDER)) < 0 ||
                (r = sd_bus_add_filter(conn->bus, NULL, on_message, conn)) < 0 ||
                (r = sd_bus_start(conn->bus)) < 0)
                return r;
        (void) setsockopt(out, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
        return 0;
}

int conn_new_peer(
        Conn **ret, Thread *th, int fd, Quota *quota, uid_t uid, const ConnOps *ops, void *userdata)
{
        _cleanup_(conn_freep) Conn *conn = NULL;
        int out, pair[2], r;

        r = conn_new(&conn, th, ops, userdata);
        if (r < 0)
                return r;
        conn->peer = true;
        conn->quota = quota;
        conn->uid = uid;
        snprintf(conn->name, sizeof(conn->name), ":1.%llu", (unsigned long long) next_peer++);
        out = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (out < 0)
                return -errno;
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0) {
                r = -errno;
                fd_close(out);
                return r;
        }
        conn->feed_fd = pair[1];
        r = conn_start_server(conn, pair[0], out);
        if (r >= 0)
                r = wsi_new(&conn->wsi, context_vhost_own(thread_context(th)), th, fd, EPOLLIN,
                        on_wsi, conn);
        if (r < 0)
                return r;
        conn->watched_fd = fd;
        conn->events = EPOLLIN;
        conn_arm(conn);
        *ret = TAKE_PTR(conn);
        return 0;
}

int conn_new_bus(Conn **ret, Thread *th, const char *address, const ConnOps *ops, void *userdata)
{
        _cleanup_(conn_freep) Conn *conn = NULL;
        int r;

        r = conn_new(&conn, th, ops, userdata);
        if (r < 0)
                return r;
        if ((r = sd_bus_set_address(conn->bus, address)) < 0 ||
                (r = sd_bus_set_bus_client(conn->bus, 1)) < 0 ||
                (r = sd_bus_set_trusted(conn->bus, 1)) < 0 ||
                (r = sd_bus_set_watch_bind(conn->bus, 1)) < 0 ||
                (r = sd_bus_negotiate_fds(conn->bus, 1)) < 0 || (r = sd_bus_start(conn->bus)) < 0)
                return r;
        conn_arm(conn);
        if (conn->error < 0)
                return conn->error;
        *ret = TAKE_PTR(conn);
        return 0;
}

Conn *conn_free(Conn *conn)
{
        if (!conn)
                return NULL;
        timer_cancel(&conn->timer);
        wsi_free(conn->wsi);
        while (conn->queue_n > 0)
                queue_pop(conn);
        sd_bus_close_unref(conn->bus);
        fd_close(conn->feed_fd);
        if (conn->quota)
                quota_give(conn->quota, conn->uid, QUOTA_BYTES, conn->charged);
        free(conn);
        return NULL;
}
