/* SPDX-License-Identifier: MIT */
/*
 * Sockets for the machine's packets: one connected UDP socket for each, one TCP and one TLS
 * connection for each server with as many questions on it as there are.
 */
#include "helper/resolver-private.h"
#include "net/udp.h"
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#define PORT_DNS 53
#define PORT_DOT 853
/* REQ_DNS 32, 34, 38 */
#define CONNECT_LIMIT (5 * USEC_PER_SEC)
#define IDLE_TCP      (10 * USEC_PER_SEC)
#define IDLE_TLS      (30 * USEC_PER_SEC)
#define IDLE_MAX      (120 * USEC_PER_SEC)
#define SILENCE_LIMIT (10 * USEC_PER_SEC)

/* Most sockets are closed on what comes first. */
#define EVENTS_DATAGRAM (EPOLLIN | EPOLLONESHOT)

typedef struct Datagram Datagram;
struct Datagram {
        List link; /* Resolver.closing */
        Resolver *resolver;
        DnsAttempt *attempt;
        struct lws *wsi;
};

typedef struct Connection Connection;
typedef struct Binding Binding;

struct Connection {
        List link; /* Resolver.streams, once it has no binding */
        Resolver *resolver;
        Binding *binding;  /* NULL: nothing new goes on it */
        DnsServer *server; /* there as long as there is a binding or something pending */
        Stream *stream;    /* NULL: over */
        DnsTransport transport;
        unsigned networks, designations; /* of its server, when it was made */
        Timer timer;                     /* opening, idle or silent for too long */
        unsigned n_pending;
        bool useful; /* it has brought an answer */
        uint8_t *in;
        size_t in_size, in_capacity;
};

/* What we keep for a server. */
struct Binding {
        DnsServer *server;
        Connection *tcp, *tls;
        TlsTicket *ticket;
        unsigned designations; /* of the server, when the ticket was new */
        unsigned told;         /* up to which of them it was said who is designated */
};

/* -- UDP --------------------------------------------------------------------------------------- */

static void watch_again(Datagram *d)
{
        int error = wsi_set_events(d->wsi, EVENTS_DATAGRAM);

        if (error < 0)
                dns_client_attempt_failed(
                        d->resolver->client, d->attempt, error, clock_boottime_usec());
}

static void on_datagram(struct lws *wsi, uint32_t revents)
{
        Datagram *d = wsi_userdata(wsi);
        Resolver *r = d->resolver;
        uint8_t buf[4096];
        ssize_t n;

        n = recv(wsi_fd(wsi), buf, sizeof(buf), MSG_TRUNC);
        if (n > (ssize_t) sizeof(buf)) {
                /* more than was asked for, so as if cut by the server */
                n = sizeof(buf);
                buf[2] |= DNS_FLAG_TC >> 8;
        }
        if (n >= 0)
                (void) dns_client_datagram(
                        r->client, d->attempt, buf, (size_t) n, clock_boottime_usec());
        else if (errno == ECONNREFUSED)
                /* REQ_DNS 10; any other word of a router is ignored */
                dns_client_attempt_failed(
                        r->client, d->attempt, -ECONNREFUSED, clock_boottime_usec());
        else if (errno == EAGAIN && revents & EPOLLERR)
                /* not watched: what comes later would not be heard of */
                dns_client_attempt_failed(r->client, d->attempt, -EIO, clock_boottime_usec());
        if (d->attempt->pending) /* that was not what it waits for */
                watch_again(d);
        resolver_pump(r, true);
}

static int send_datagram(Resolver *r, DnsAttempt *a)
{
        _cleanup_(freep) Datagram *d = malloc(sizeof(*d));
        _cleanup_fd_ int fd = -EBADF;
        int error;

        if (!d)
                return -ENOMEM;
        fd = udp_connect(&a->server->endpoint, PORT_DNS);
        if (fd < 0)
                return fd;
        /* first of all, so that the server has something to do while we see to the rest */
        if (send(fd, a->packet, a->size, MSG_NOSIGNAL) < 0 && errno != EAGAIN)
                return -errno;
        *d = (Datagram){ .resolver = r, .attempt = a };
        error = wsi_new(&d->wsi, r->vhost, r->thread, fd, EVENTS_DATAGRAM, on_datagram, d);
        if (error < 0)
                return error;
        (void) fd_take(&fd);
        a->binding = TAKE_PTR(d);
        return 0;
}

/* -- connections ------------------------------------------------------------------------------- */

static void connection_free(Connection *c)
{
        if (!c)
                return;
        timer_cancel(&c->timer);
        stream_free(c->stream);
        list_unlink(&c->link);
        free(c->in);
        free(c);
}

/* Takes it from its server: no new question goes on it. */
static void connection_detach(Connection *c)
{
        Binding *b = c->binding;

        if (!b)
                return;
        if (b->tcp == c)
                b->tcp = NULL;
        if (b->tls == c)
                b->tls = NULL;
        c->binding = NULL;
        list_link_tail(&c->resolver->streams, &c->link);
}

static void explain(Connection *c, const char *why)
{
        char server[ENDPOINT_STRLEN];
        Resolver *r = c->resolver;
        char text[sizeof(r->why)];

        snprintf(text, sizeof(text), "%.90s (%s): %.90s",
                endpoint_format(&c->server->endpoint, server),
                dns_transport_to_string(c->transport), why);
        if (strcmp(text, r->why) != 0) {
                strcpy(r->why, text);
                if (c->transport == DNS_TLS && c->server->privacy == DNS_PRIVACY_STRICT)
                        log_event(LOG_SEV_WARNING,
                                LOG_FIELDS({ "LWSD_HELPER", "dns" }, { "LWSD_SERVER", server }),
                                "DNS server %s", text);
        }
}

/* No server can be believed; said once, not for each question. */
static void explain_no_certificates(Resolver *r)
{
        const char *authority = r->settings->dns.certificate_authority;
        char text[sizeof(r->why)];

        snprintf(text, sizeof(text), "cannot read certificates from %.150s",
                authority ? authority : "the system's store");
        if (strcmp(text, r->why) == 0)
                return;
        strcpy(r->why, text);
        log_error("DNS over TLS: %s", text);
}

/* What the end of a connection means to those who still wait on it: see dns-client.h. */
static int broken(const Connection *c, int error)
{
        if (error != 0 && error != -EPIPE && error != -ECONNRESET)
                return error;
        return c->useful ? -EPIPE : -ECONNRESET;
}

/* It is over; whoever waits on it is told, and it goes when the last has let go. */
static void connection_over(Connection *c, int error, const char *why)
{
        Resolver *r = c->resolver;

        if (!c->stream)
                return;
        if (error != 0)
                explain(c, why);
        connection_detach(c);
        timer_cancel(&c->timer);
        c->stream = stream_free(c->stream);
        if (c->n_pending == 0)
                connection_free(c);
        else
                dns_client_stream_failed(r->client, c, broken(c, error), clock_boottime_usec());
}

static void on_connection_timer(Timer *t, usec_t now)
{
        Connection *c = container_of(t, Connection, timer);
        Resolver *r = c->resolver;

        (void) now;
        if (!stream_is_open(c->stream))
                connection_over(c, -ETIMEDOUT, "no connection within 5 s");
        else if (c->n_pending > 0)
                connection_over(c, -ETIMEDOUT, "no answer for 10 s");
        else
                connection_over(c, 0, NULL);
        resolver_pump(r, true);
}

static void arm(Connection *c)
{
        usec_t now = clock_boottime_usec(), idle = c->transport == DNS_TLS ? IDLE_TLS : IDLE_TCP;

        if (!stream_is_open(c->stream))
                return;
        if (c->server->keepalive > 0)
                idle = MIN(c->server->keepalive, IDLE_MAX);
        timer_set(&c->timer, now + (c->n_pending > 0 ? SILENCE_LIMIT : idle));
}

static int keep_bytes(Connection *c, const uint8_t *data, size_t size)
{
        if (c->in_size + size > c->in_capacity) {
                size_t capacity = MAX(2 * c->in_capacity, c->in_size + size);
                uint8_t *p = realloc(c->in, capacity);

                if (!p)
                        return -ENOMEM;
                c->in = p;
                c->in_capacity = capacity;
        }
        memcpy(c->in + c->in_size, data, size);
        c->in_size += size;
        return 0;
}

/* REQ_DNS 31: messages come in any pieces. False for what is none: from there on it is not known
 * where the next one begins. */
static bool take_messages(Connection *c)
{
        Reader rd = READER_INIT(c->in, c->in_size);
        size_t used = 0;

        while (reader_left(&rd) >= 2) {
                size_t size = reader_u16(&rd);
                const uint8_t *message;
                int r;

                if (size < DNS_HEADER_SIZE)
                        return false;
                if (reader_left(&rd) < size)
                        break;
                message = reader_bytes(&rd, size);
                used = rd.pos;
                r = dns_client_stream_message(c->resolver->client, c->server, c->transport, message,
                        size, clock_boottime_usec());
                if (r < 0)
                        return false;
                c->useful = c->useful || r > 0;
        }
        memmove(c->in, c->in + used, c->in_size - used);
        c->in_size -= used;
        /* a large answer once does not mean a large buffer for ever */
        if (c->in_size == 0 && c->in_capacity > 65536) {
                free(c->in);
                c->in = NULL;
                c->in_capacity = 0;
        }
        return true;
}

/* Said once of each that speaks for a server. */
static void tell_designated(const Connection *c)
{
        const DnsDesignation *d = &c->server->designation;
        char server[ENDPOINT_STRLEN], designated[ENDPOINT_STRLEN];
        Binding *b = c->binding;

        if (c->transport != DNS_TLS || !b || !d->is_set || b->told == c->designations ||
                c->designations != c->server->designations)
                return;
        b->told = c->designations;
        endpoint_format(&c->server->endpoint, server);
        log_event(LOG_SEV_INFO, LOG_FIELDS({ "LWSD_HELPER", "dns" }, { "LWSD_SERVER", server }),
                "DNS server %s designates %s%s", server, endpoint_format(&d->endpoint, designated),
                d->verify ? ", whose certificate names it" : "");
}

static void on_stream(Stream *s, StreamEvent event, const uint8_t *data, size_t size, int error)
{
        Connection *c = stream_userdata(s);
        Resolver *r = c->resolver;

        switch (event) {
        case STREAM_OPEN:
                if (c->transport == DNS_TLS && r->why[0])
                        r->why[0] = 0;
                tell_designated(c);
                arm(c);
                break;
        case STREAM_DATA:
                if (keep_bytes(c, data, size) < 0 || !take_messages(c))
                        connection_over(c, -ECONNRESET, "what it sends is no DNS message");
                else
                        arm(c);
                break;
        case STREAM_CLOSED:
                r->why_dates =
                        error == -EPROTO && stream_tls(s) && tls_failed_for_time(stream_tls(s));
                connection_over(c, error, stream_why(s));
                break;
        }
        resolver_pump(r, true);
}

static int open_stream(Resolver *r, Connection *c, Binding *b)
{
        const DnsServer *s = b->server;
        const DnsDesignation *d = &s->designation;
        const Endpoint *e = &s->endpoint;
        /* who is designated shows the address of the server that did so (RFC 9462 4.2) */
        TlsPeer peer = { .verify = dns_server_is_verified(s),
                .name = d->is_set ? d->endpoint.name : e->name,
                .by_addr = d->is_set,
                .addr = e->addr,
                .pins = (const uint8_t(*)[32]) r->pins,
                .n_pins = d->is_set ? 0 : r->n_pins };
        int error;

        if (c->transport == DNS_TCP)
                return stream_new(&c->stream, r->vhost, r->thread, e, PORT_DNS, on_stream, c);
        if (!r->tls) {
                error = tls_config_new(&r->tls, r->settings->dns.certificate_authority, "dot");
                if (error < 0)
                        return error;
        }
        error = stream_new_tls(&c->stream, r->vhost, r->thread, d->is_set ? &d->endpoint : e,
                PORT_DOT, r->tls, &peer, &b->ticket, on_stream, c);
        if (error == -ENOENT)
                explain_no_certificates(r);
        return error;
}

static int connection_new(Connection **ret, Resolver *r, Binding *b, DnsTransport transport)
{
        Connection *c = calloc(1, sizeof(*c));
        int error;

        if (!c)
                return -ENOMEM;
        c->resolver = r;
        c->server = b->server;
        c->transport = transport;
        c->networks = b->server->networks;
        c->designations = b->server->designations;
        list_init(&c->link);
        timer_init(&c->timer, r->thread, on_connection_timer);
        error = open_stream(r, c, b);
        if (error < 0) {
                connection_free(c);
                return error;
        }
        c->binding = b;
        timer_set(&c->timer, clock_boottime_usec() + CONNECT_LIMIT);
        *ret = c;
        return 0;
}

static int binding_get(DnsServer *s, Binding **ret)
{
        Binding *b = s->binding;

        if (!b) {
                b = calloc(1, sizeof(*b));
                if (!b)
                        return -ENOMEM;
                b->server = s;
                s->binding = b;
        }
        *ret = b;
        return 0;
}

/* One of another network, or to a TLS server that is no longer the designated one: what is on its
 * way there may still come, nothing new goes there. */
static void retire(Connection *c)
{
        if (!c || (c->networks == c->server->networks &&
                          (c->transport != DNS_TLS || c->designations == c->server->designations)))
                return;
        connection_detach(c);
        if (c->n_pending == 0)
                connection_free(c);
}

static void retire_old(Binding *b)
{
        retire(b->tcp);
        retire(b->tls);
        /* a ticket takes the place of a certificate, so it is good for whom it came from only */
        if (b->designations != b->server->designations)
                b->ticket = tls_ticket_free(b->ticket);
        b->designations = b->server->designations;
}

static int send_on_connection(Resolver *r, DnsAttempt *a)
{
        uint8_t framed[2 + DNS_QUERY_MAX];
        Writer w = WRITER_INIT(framed, sizeof(framed));
        Connection **slot;
        Binding *b;
        int error = binding_get(a->server, &b);

        if (error < 0)
                return error;
        retire_old(b);
        slot = a->transport == DNS_TLS ? &b->tls : &b->tcp;
        if (!*slot) {
                error = connection_new(slot, r, b, a->transport);
                if (error < 0)
                        return error;
        }
        writer_u16(&w, a->size);
        writer_bytes(&w, a->packet, a->size);
        error = stream_write((*slot)->stream, framed, w.pos);
        if (error < 0)
                return error;
        a->binding = *slot;
        (*slot)->n_pending++;
        arm(*slot);
        return 0;
}

/* -- what the machine asks for ------------------------------------------------------------------
 */

static int send_by(Resolver *r, DnsAttempt *a)
{
        return a->transport == DNS_UDP ? send_datagram(r, a) : send_on_connection(r, a);
}

void transport_send(Resolver *r, DnsAttempt *a)
{
        int error = send_by(r, a);

        if ((error == -EMFILE || error == -ENFILE) && !list_is_empty(&r->closing)) {
                transport_settle(r);
                error = send_by(r, a);
        }
        if (error < 0)
                dns_client_attempt_failed(r->client, a, error, clock_boottime_usec());
}

void transport_close(Resolver *r, void *binding, DnsTransport transport)
{
        if (!binding)
                return;
        if (transport == DNS_UDP) {
                list_link_tail(&r->closing, &((Datagram *) binding)->link);
        } else {
                Connection *c = binding;

                c->n_pending--;
                if (c->n_pending > 0)
                        return;
                /* half a message that nobody waits for: the length was a lie, or it comes too late
                 */
                if (c->stream && c->in_size > 0)
                        connection_over(c, 0, NULL);
                else if (!c->stream || !c->binding)
                        connection_free(c);
                else
                        arm(c);
        }
}

void transport_settle(Resolver *r)
{
        list_foreach_safe (it, &r->closing) {
                Datagram *d = list_entry(it, Datagram, link);

                list_unlink(it);
                wsi_free(d->wsi);
                free(d);
        }
}

void transport_server_gone(Resolver *r, void *binding)
{
        Binding *b = binding;
        Connection *both[2] = { b->tcp, b->tls };

        (void) r;
        /* the machine has closed all that was under way there */
        for (size_t i = 0; i < 2; i++)
                connection_free(both[i]);
        tls_ticket_free(b->ticket);
        free(b);
}

void transport_free_all(Resolver *r)
{
        transport_settle(r);
        list_foreach_safe (it, &r->streams)
                connection_free(list_entry(it, Connection, link));
}
