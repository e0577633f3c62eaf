/* SPDX-License-Identifier: MIT */
#include "net/stream.h"
#include "net/udp.h"
#include "util/fd.h"
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#define UNSENT_MAX (1u << 20)
#define CHUNK      16384
/* Chunks read in one turn: other sockets want theirs too. */
#define CHUNKS_MAX 16

typedef enum StreamState {
        STATE_CONNECTING,
        STATE_HANDSHAKE,
        STATE_OPEN,
        STATE_ENDED, /* the other end has said all; we may not have */
        STATE_CLOSED
} StreamState;

struct Stream {
        struct lws *wsi;
        StreamState state;
        Tls *tls;
        bool tls_wants_write; /* a read or the handshake waits for room to write */
        StreamFn fn;
        void *userdata;
        uint8_t *out;
        size_t out_start, out_size, out_capacity;
        bool busy, dead; /* in a callback; freed inside it */
        char why[160];
};

static void on_events(struct lws *wsi, uint32_t revents);

static void want(Stream *s)
{
        uint32_t events = EPOLLIN;

        if (s->state == STATE_CONNECTING)
                events = EPOLLOUT;
        else if (s->state == STATE_ENDED)
                events = s->out_size > 0 ? EPOLLOUT : 0;
        else if (s->tls_wants_write || (s->state == STATE_OPEN && s->out_size > 0))
                events |= EPOLLOUT;
        (void) wsi_set_events(s->wsi, events);
}

/* The last event. */
static void finish(Stream *s, int error, const char *why)
{
        if (s->state == STATE_CLOSED)
                return;
        s->state = STATE_CLOSED;
        if (why)
                snprintf(s->why, sizeof(s->why), "%s", why);
        (void) wsi_set_events(s->wsi, 0);
        s->fn(s, STREAM_CLOSED, NULL, 0, error);
}

/* The other end writes no more, and may still read. */
static void end(Stream *s)
{
        s->state = STATE_ENDED;
        s->fn(s, STREAM_CLOSED, NULL, 0, 0);
        if (s->state == STATE_ENDED)
                want(s);
}

static int start(Stream **ret, struct lws_vhost *vhost, Thread *th, const Endpoint *to,
        uint16_t port, StreamFn fn, void *userdata)
{
        _cleanup_fd_ int fd = -EBADF;
        SockAddr sa;
        socklen_t len = endpoint_to_sockaddr(to, port, &sa);
        int one = 1, r;

        fd = socket(sa.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        net_bind_link(fd, to);
        (void) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        if (connect(fd, &sa.sa, len) < 0 && errno != EINPROGRESS)
                return -errno;
        r = stream_adopt(ret, vhost, th, fd, fn, userdata);
        if (r < 0)
                return r;
        (void) fd_take(&fd);
        (*ret)->state = STATE_CONNECTING;
        want(*ret);
        return 0;
}

int stream_adopt(
        Stream **ret, struct lws_vhost *vhost, Thread *th, int fd, StreamFn fn, void *userdata)
{
        Stream *s = calloc(1, sizeof(*s));
        int r;

        if (!s)
                return -ENOMEM;
        s->fn = fn;
        s->userdata = userdata;
        s->state = STATE_OPEN;
        r = wsi_new(&s->wsi, vhost, th, fd, EPOLLIN, on_events, s);
        if (r < 0) {
                free(s);
                return r;
        }
        *ret = s;
        return 0;
}

int stream_new(Stream **ret, struct lws_vhost *vhost, Thread *th, const Endpoint *to, uint16_t port,
        StreamFn fn, void *userdata)
{
        return start(ret, vhost, th, to, port, fn, userdata);
}

int stream_new_tls(Stream **ret, struct lws_vhost *vhost, Thread *th, const Endpoint *to,
        uint16_t port, TlsConfig *config, const TlsPeer *peer, TlsTicket **ticket, StreamFn fn,
        void *userdata)
{
        Stream *s = NULL;
        int r = start(&s, vhost, th, to, port, fn, userdata);

        if (r < 0)
                return r;
        r = tls_new(&s->tls, config, peer, wsi_fd(s->wsi), ticket);
        if (r < 0) {
                stream_free(s);
                return r;
        }
        *ret = s;
        return 0;
}

Stream *stream_free(Stream *s)
{
        if (!s)
                return NULL;
        s->tls = tls_free(s->tls);
        s->wsi = wsi_free(s->wsi);
        s->state = STATE_CLOSED;
        s->dead = true;
        if (s->busy)
                return NULL; /* on_events() does the rest */
        free(s->out);
        free(s);
        return NULL;
}

/* Reads once: 1 with data, 0 nothing now, negative over (-ENOTCONN: orderly). */
static int read_some(Stream *s, uint8_t *buf, size_t size, size_t *ret_size)
{
        ssize_t n;

        if (s->tls) {
                switch (tls_read(s->tls, buf, size, ret_size)) {
                case TLS_DONE:
                        return 1;
                case TLS_WANT_WRITE:
                        s->tls_wants_write = true;
                        return 0;
                case TLS_WANT_READ:
                        return 0;
                case TLS_CLOSED:
                        return -ENOTCONN;
                case TLS_FAILED:
                        return -ECONNRESET;
                }
        }
        n = recv(wsi_fd(s->wsi), buf, size, 0);
        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        if (n == 0)
                return -ENOTCONN;
        *ret_size = (size_t) n;
        return 1;
}

/* The same for writing. */
static int write_some(Stream *s, size_t *ret_size)
{
        const uint8_t *p = s->out + s->out_start;
        ssize_t n;

        if (s->tls) {
                switch (tls_write(s->tls, p, s->out_size, ret_size)) {
                case TLS_DONE:
                        return 1;
                case TLS_WANT_READ:
                case TLS_WANT_WRITE:
                        return 0;
                case TLS_CLOSED:
                case TLS_FAILED:
                        return -ECONNRESET;
                }
        }
        n = send(wsi_fd(s->wsi), p, s->out_size, MSG_NOSIGNAL);
        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        *ret_size = (size_t) n;
        return 1;
}

static int flush(Stream *s)
{
        while (s->out_size > 0) {
                size_t n;
                int r = write_some(s, &n);

                if (r <= 0)
                        return r;
                s->out_start += n;
                s->out_size -= n;
        }
        s->out_start = 0;
        return 0;
}

int stream_write(Stream *s, const void *data, size_t size)
{
        if (s->state == STATE_CLOSED)
                return -ENOTCONN;
        if (s->out_size + size > UNSENT_MAX)
                return -ENOBUFS;
        if (s->out_start > 0) {
                memmove(s->out, s->out + s->out_start, s->out_size);
                s->out_start = 0;
        }
        if (s->out_size + size > s->out_capacity) {
                size_t capacity = MAX(2 * s->out_capacity, MAX(s->out_size + size, 1024u));
                uint8_t *p = realloc(s->out, capacity);

                if (!p)
                        return -ENOMEM;
                s->out = p;
                s->out_capacity = capacity;
        }
        memcpy(s->out + s->out_size, data, size);
        s->out_size += size;
        /* an error shows itself at the next event, never inside this call */
        if (s->state == STATE_OPEN || s->state == STATE_ENDED)
                (void) flush(s);
        want(s);
        return 0;
}

/* False when the stream is over or gone. */
static bool receive(Stream *s)
{
        uint8_t buf[CHUNK];

        for (unsigned i = 0; i < CHUNKS_MAX; i++) {
                size_t n;
                int r = read_some(s, buf, sizeof(buf), &n);

                if (r == 0)
                        break;
                if (r == -ENOTCONN && !s->tls) {
                        end(s);
                        break;
                }
                if (r < 0) {
                        finish(s, r == -ENOTCONN ? 0 : r, s->tls ? tls_why(s->tls) : strerror(-r));
                        break;
                }
                s->fn(s, STREAM_DATA, buf, n, 0);
                if (s->state != STATE_OPEN)
                        break;
        }
        return s->state == STATE_OPEN;
}

static bool opened(Stream *s)
{
        s->state = STATE_OPEN;
        s->fn(s, STREAM_OPEN, NULL, 0, 0);
        return s->state == STATE_OPEN;
}

/* True once it may carry data. */
static bool advance_connect(Stream *s)
{
        int error = 0;
        socklen_t len = sizeof(error);

        if (getsockopt(wsi_fd(s->wsi), SOL_SOCKET, SO_ERROR, &error, &len) < 0)
                error = errno;
        if (error != 0) {
                finish(s, -error, strerror(error));
                return false;
        }
        if (!s->tls)
                return opened(s);
        s->state = STATE_HANDSHAKE;
        return true;
}

static bool advance_handshake(Stream *s)
{
        s->tls_wants_write = false;
        switch (tls_handshake(s->tls)) {
        case TLS_DONE:
                return opened(s);
        case TLS_WANT_WRITE:
                s->tls_wants_write = true;
                break;
        case TLS_WANT_READ:
                break;
        case TLS_CLOSED:
        case TLS_FAILED:
                finish(s, -EPROTO, tls_why(s->tls));
                return false;
        }
        want(s);
        return false;
}

static void advance(Stream *s, uint32_t revents)
{
        int r;

        if (s->state == STATE_CONNECTING && !advance_connect(s))
                return;
        if (s->state == STATE_HANDSHAKE && !advance_handshake(s))
                return;
        if (s->state != STATE_OPEN && s->state != STATE_ENDED)
                return;
        s->tls_wants_write = false;
        r = flush(s);
        if (r == 0 && s->state == STATE_ENDED && revents & (EPOLLHUP | EPOLLERR))
                r = -ECONNRESET;
        /* what the other end said before it left still counts */
        if (r < 0 && s->state == STATE_OPEN)
                (void) receive(s);
        if (r < 0)
                finish(s, r, s->tls ? tls_why(s->tls) : strerror(-r));
        else if (s->state == STATE_ENDED)
                want(s);
        else if (!(revents & ~(uint32_t) EPOLLOUT) && !s->tls)
                want(s);
        else if (receive(s))
                want(s);
}

static void on_events(struct lws *wsi, uint32_t revents)
{
        Stream *s = wsi_userdata(wsi);

        s->busy = true;
        advance(s, revents);
        s->busy = false;
        if (s->dead)
                stream_free(s);
}

bool stream_has_unsent(const Stream *s)
{
        return s->out_size > 0;
}

void *stream_userdata(const Stream *s)
{
        return s->userdata;
}

bool stream_is_open(const Stream *s)
{
        return s->state == STATE_OPEN;
}

const char *stream_why(const Stream *s)
{
        return s->why;
}

Tls *stream_tls(const Stream *s)
{
        return s->tls;
}
