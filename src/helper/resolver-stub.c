/* SPDX-License-Identifier: MIT */
/*
 * A server on loopback for programs that know nothing of us ([DNS] Stub=): the same cache and the
 * same transports. Only this host is served, each client within limits.
 */
#include "helper/resolver-private.h"
#include "net/udp.h"
#include "proto/dns-special.h"
#include "util/fd.h"
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define PORT_DNS       53
#define REQUESTS_MAX   1024
#define CLIENT_PENDING 128
#define TCP_CLIENTS    64
#define TCP_IDLE       (10 * USEC_PER_SEC)
#define BATCH          16
#define BATCHES        8 /* in a row, before others have their turn */
#define UDP_SIZE_MIN   512
#define UDP_SIZE_MAX   4096

typedef struct Socket Socket;
typedef struct Client Client;
typedef struct Request Request;
typedef struct Query Query;
typedef struct Batch Batch;

/* A listening socket. */
struct Socket {
        List link;
        ResolverStub *stub;
        struct lws *wsi;
};

/* A TCP connection. */
struct Client {
        List link;
        ResolverStub *stub;
        Stream *stream;
        Timer timer;
        bool ended; /* it asks nothing more, and waits for the answers it has not got */
        unsigned n_pending;
        uint8_t in[4096];
        size_t in_size;
};

/* What a question says of itself. */
struct Query {
        DnsHeader header;
        bool edns, bad_version, dnssec_ok;
        uint16_t udp_size;
        int error;
};

/* A question that takes packets. */
struct Request {
        List link;
        ResolverStub *stub;
        Lookup *lookup;
        Socket *socket; /* UDP */
        Client *client; /* TCP */
        SockAddr from;
        socklen_t from_len;
        Query query;
};

/* Datagrams are read and answered many at a time. */
struct Batch {
        uint8_t in[BATCH][1536], out[BATCH][UDP_SIZE_MAX];
        SockAddr from[BATCH];
        struct iovec iov_in[BATCH], iov_out[BATCH];
        struct mmsghdr msg[BATCH];
};

struct ResolverStub {
        Resolver *resolver;
        Batch *batch;
        List sockets, clients, requests;
        unsigned n_requests, n_clients;
};

/* -- answers ----------------------------------------------------------------------------------- */

static unsigned rcode_of(int error)
{
        switch (error) {
        case 0:
        case -ENODATA:
                return DNS_RCODE_NOERROR;
        case -ESRCH:
                return DNS_RCODE_NXDOMAIN;
        case -EOPNOTSUPP:
                return DNS_RCODE_NOTIMP;
        case -EINVAL:
                return DNS_RCODE_FORMERR;
        default:
                return DNS_RCODE_SERVFAIL;
        }
}

/* False when not all fits. */
static bool add_answer(DnsBuilder *b, const DnsResult *res)
{
        const DnsAnswer *a = res->answers[0];
        Reader rd = READER_INIT(a->data, a->size);
        DnsAnswerRecord rr;

        for (size_t n = 0; dns_answer_next(&rd, &rr); n++) {
                DnsSection s = n < (size_t) a->n_chain + a->n_records ? DNS_ANSWER : DNS_AUTHORITY;
                uint32_t ttl = dns_result_ttl(res, 0, rr.ttl);

                if (!dns_builder_record(
                            b, s, &rr.owner, rr.type, rr.class, ttl, rr.data, rr.data_size))
                        return s == DNS_AUTHORITY;
        }
        return true;
}

/* Builds the whole reply; its size. `res` NULL: only the error. */
static size_t build_reply(
        const Query *q, const DnsResult *res, int error, uint8_t *buf, size_t size)
{
        uint16_t flags =
                (uint16_t) (DNS_FLAG_QR | DNS_FLAG_RA | rcode_of(error) |
                            (q->header.flags & (DNS_FLAG_RD | DNS_FLAG_CD | DNS_FLAG_OPCODE)));
        /* the OPT comes last and must fit */
        size_t reserve = q->edns ? 11 : 0;
        DnsBuilder b;
        int n;

        dns_builder_init(&b, buf, size - reserve, q->header.id, flags);
        if (q->header.has_question)
                dns_builder_question(&b, &q->header.qname, q->header.qtype, q->header.qclass);
        if (res && res->answers[0] && !add_answer(&b, res))
                buf[2] |= DNS_FLAG_TC >> 8;
        b.w.size += reserve;
        if (q->edns)
                (void) dns_builder_opt(
                        &b, DNS_UDP_SIZE, q->bad_version ? 1 : 0, q->dnssec_ok, NULL, 0);
        n = dns_builder_finish(&b);
        return n > 0 ? (size_t) n : 0;
}

/* -- questions --------------------------------------------------------------------------------- */

/* 0: a question to be answered; 1: reply at once with q->error; -EBADMSG: not worth a reply. */
static int read_query(Query *q, const uint8_t *data, size_t size)
{
        Reader start = READER_INIT(data, size);
        DnsMessage m;

        *q = (Query){ .udp_size = UDP_SIZE_MIN };
        q->header.id = reader_u16(&start);
        q->header.flags = reader_u16(&start);
        if (size < DNS_HEADER_SIZE || q->header.flags & DNS_FLAG_QR)
                return -EBADMSG;
        q->error = -EINVAL;
        if (dns_header_parse(&m.header, data, size) < 0)
                return 1;
        q->header = m.header;
        if (dns_message_parse_records(&m, data, size) < 0)
                return 1;
        q->edns = m.edns.present;
        q->bad_version = m.edns.present && m.edns.version > 0;
        q->dnssec_ok = m.edns.dnssec_ok; /* RFC 3225 3: copied, whatever it comes to */
        if (m.edns.present)
                q->udp_size = MAX(UDP_SIZE_MIN, MIN(m.edns.udp_size, UDP_SIZE_MAX));
        dns_message_deinit(&m);
        if (q->header.flags & DNS_FLAG_OPCODE ||
                (q->header.has_question && q->header.qclass != DNS_CLASS_IN))
                q->error = -EOPNOTSUPP;
        else if (q->bad_version)
                q->error = 0;
        else if (dns_name_equal(&q->header.qname, &DNS_NAME_DDR))
                q->error = -ENODATA; /* RFC 9462 6.1: our servers' designations are not ours */
        else if (q->header.has_question)
                return 0;
        return 1;
}

static void make_question(const Query *q, DnsQuestion *out)
{
        *out = (DnsQuestion){ .name = q->header.qname,
                .absolute = true,
                .types = { q->header.qtype, 0 },
                .class = q->header.qclass };
}

/* What needs no packet, at once. The size of the reply, or 0. */
static size_t answer_now(Resolver *r, Query *q, int state, uint8_t *buf, size_t size)
{
        DnsQuestion question;
        DnsResult res;
        size_t n;

        if (state == 1)
                return build_reply(q, NULL, q->error, buf, size);
        make_question(q, &question);
        if (resolver_peek_raw(r, &question, &res) == 0)
                return 0;
        n = build_reply(q, &res, res.error, buf, size);
        dns_result_clear(&res);
        return n;
}

static void request_free(Request *q)
{
        list_unlink(&q->link);
        q->stub->n_requests--;
        if (q->client)
                q->client->n_pending--;
        free(q);
}

static void client_reply(Client *c, const uint8_t *data, size_t size);

static void on_answer(void *userdata, const DnsResult *res)
{
        Request *q = userdata;
        size_t limit = q->client ? DNS_MESSAGE_MAX : q->query.udp_size;
        _cleanup_(freep) uint8_t *buf = malloc(limit);
        Client *client = q->client;
        size_t n;

        q->lookup = NULL;
        n = buf ? build_reply(&q->query, res, res->error, buf, limit) : 0;
        if (n > 0 && !client)
                (void) sendto(wsi_fd(q->socket->wsi), buf, n, MSG_NOSIGNAL | MSG_DONTWAIT,
                        &q->from.sa, q->from_len);
        request_free(q);
        if (client)
                client_reply(client, buf, n);
}

/* How many questions of this sender are under way. */
static unsigned pending_of(const ResolverStub *stub, const SockAddr *from, socklen_t len)
{
        unsigned n = 0;

        list_foreach (it, &stub->requests) {
                const Request *q = list_entry(it, Request, link);

                n += !q->client && q->from_len == len && memcmp(&q->from, from, len) == 0;
        }
        return n;
}

/* 0: on its way; else the reply is to be this error. */
static int request_start(ResolverStub *stub, Request *template)
{
        DnsQuestion question;
        Request *q;
        int r;

        if (stub->n_requests >= REQUESTS_MAX)
                return -EBUSY;
        q = malloc(sizeof(*q));
        if (!q)
                return -ENOMEM;
        *q = *template;
        q->stub = stub;
        make_question(&q->query, &question);
        r = resolver_lookup_raw(stub->resolver, &q->lookup, &question, on_answer, q);
        if (r < 0) {
                free(q);
                return r;
        }
        list_link_tail(&stub->requests, &q->link);
        stub->n_requests++;
        if (q->client)
                q->client->n_pending++;
        return 0;
}

/* -- UDP --------------------------------------------------------------------------------------- */

/* One datagram; the size of what to send back now. */
static size_t on_query(Socket *s, const uint8_t *data, size_t size, const SockAddr *from,
        socklen_t from_len, uint8_t *buf, size_t room)
{
        ResolverStub *stub = s->stub;
        Request q = { .socket = s, .from = *from, .from_len = from_len };
        IpAddr sender = ip_from_sockaddr(from, from_len);
        int state;
        size_t n;

        if (!ip_is_loopback(&sender))
                return 0;
        state = read_query(&q.query, data, size);
        if (state < 0)
                return 0;
        n = answer_now(stub->resolver, &q.query, state, buf, MIN(room, q.query.udp_size));
        if (n > 0 || state == 1)
                return n;
        if (pending_of(stub, from, from_len) >= CLIENT_PENDING)
                return 0; /* it asks again, later */
        state = request_start(stub, &q);
        return state < 0 ? build_reply(&q.query, NULL, state, buf, room) : 0;
}

/* As many as have come, up to a batch; their number. */
static int serve_batch(Socket *s)
{
        Batch *b = s->stub->batch;
        struct mmsghdr out[BATCH];
        unsigned n_out = 0;
        int n;

        n = recvmmsg(wsi_fd(s->wsi), b->msg, BATCH, MSG_DONTWAIT, NULL);
        for (int i = 0; i < n; i++) {
                socklen_t len = b->msg[i].msg_hdr.msg_namelen;
                size_t size = on_query(s, b->in[i], b->msg[i].msg_len, &b->from[i], len,
                        b->out[n_out], sizeof(b->out[0]));

                b->msg[i].msg_hdr.msg_namelen = sizeof(b->from[i]);
                if (size == 0)
                        continue;
                b->iov_out[n_out] = (struct iovec){ b->out[n_out], size };
                out[n_out].msg_hdr = (struct msghdr){ .msg_name = &b->from[i],
                        .msg_namelen = len,
                        .msg_iov = &b->iov_out[n_out],
                        .msg_iovlen = 1 };
                n_out++;
        }
        /* one that cannot be sent costs those behind it nothing */
        for (unsigned sent = 0; sent < n_out;) {
                int r = sendmmsg(
                        wsi_fd(s->wsi), out + sent, n_out - sent, MSG_NOSIGNAL | MSG_DONTWAIT);

                sent += r > 0 ? (unsigned) r : 1;
        }
        return n;
}

/* Where several have come together, more come while they are answered: those need no turn of the
 * loop. */
static void on_udp(struct lws *wsi, uint32_t revents)
{
        unsigned rounds = 0;

        (void) revents;
        while (serve_batch(wsi_userdata(wsi)) > 1 && ++rounds < BATCHES)
                ;
}

/* -- TCP --------------------------------------------------------------------------------------- */

static void client_free(Client *c)
{
        list_foreach_safe (it, &c->stub->requests) {
                Request *q = list_entry(it, Request, link);

                if (q->client != c)
                        continue;
                lookup_cancel(q->lookup);
                request_free(q);
        }
        timer_cancel(&c->timer);
        stream_free(c->stream);
        list_unlink(&c->link);
        c->stub->n_clients--;
        free(c);
}

static void on_client_timer(Timer *t, usec_t now)
{
        (void) now;
        client_free(container_of(t, Client, timer));
}

static bool client_is_over(const Client *c)
{
        return c->ended && c->n_pending == 0 && !stream_has_unsent(c->stream);
}

static void client_write(Client *c, const uint8_t *data, size_t size)
{
        uint8_t length[2] = { (uint8_t) (size >> 8), (uint8_t) size };

        /* one that does not read has its connection ended, at the next turn */
        if (size == 0 || stream_write(c->stream, length, 2) < 0 ||
                stream_write(c->stream, data, size) < 0 || client_is_over(c))
                timer_set(&c->timer, 0);
        else
                timer_set(&c->timer, clock_boottime_usec() + TCP_IDLE);
}

static void client_reply(Client *c, const uint8_t *data, size_t size)
{
        client_write(c, data, size);
}

static void client_query(Client *c, const uint8_t *data, size_t size)
{
        Resolver *r = c->stub->resolver;
        Request q = { .client = c };
        _cleanup_(freep) uint8_t *buf = malloc(DNS_MESSAGE_MAX);
        int state = read_query(&q.query, data, size);
        size_t n;

        if (!buf || state < 0) {
                client_write(c, NULL, 0);
                return;
        }
        n = answer_now(r, &q.query, state, buf, DNS_MESSAGE_MAX);
        if (n == 0) {
                state = c->n_pending >= CLIENT_PENDING ? -EBUSY : request_start(c->stub, &q);
                if (state < 0)
                        n = build_reply(&q.query, NULL, state, buf, DNS_MESSAGE_MAX);
        }
        if (n > 0)
                client_write(c, buf, n);
        else
                timer_set(&c->timer, USEC_INFINITY);
}

/* Whole messages out of what has come in pieces. */
static void client_data(Client *c, const uint8_t *data, size_t size)
{
        while (size > 0) {
                size_t room = sizeof(c->in) - c->in_size, n = MIN(size, room);
                Reader rd;
                size_t length;

                memcpy(c->in + c->in_size, data, n);
                c->in_size += n;
                data += n;
                size -= n;
                rd = READER_INIT(c->in, c->in_size);
                while (reader_left(&rd) >= 2) {
                        const uint8_t *message;
                        Reader before = rd;

                        length = reader_u16(&rd);
                        /* no question is that long */
                        if (length < DNS_HEADER_SIZE || length > sizeof(c->in) - 2) {
                                client_write(c, NULL, 0);
                                return;
                        }
                        if (reader_left(&rd) < length) {
                                rd = before;
                                break;
                        }
                        message = reader_bytes(&rd, length);
                        client_query(c, message, length);
                }
                memmove(c->in, c->in + rd.pos, c->in_size - rd.pos);
                c->in_size -= rd.pos;
        }
}

static void on_client(Stream *s, StreamEvent event, const uint8_t *data, size_t size, int error)
{
        Client *c = stream_userdata(s);

        switch (event) {
        case STREAM_OPEN:
                break;
        case STREAM_DATA:
                client_data(c, data, size);
                break;
        case STREAM_CLOSED:
                c->ended = true;
                if (error < 0 || client_is_over(c))
                        client_free(c);
                break;
        }
}

static void on_accept(struct lws *wsi, uint32_t revents)
{
        Socket *s = wsi_userdata(wsi);
        ResolverStub *stub = s->stub;
        SockAddr from;
        socklen_t len = sizeof(from);
        IpAddr sender;
        Client *c;
        int fd;

        (void) revents;
        fd = accept4(wsi_fd(wsi), &from.sa, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0)
                return;
        sender = ip_from_sockaddr(&from, len);
        c = ip_is_loopback(&sender) && stub->n_clients < TCP_CLIENTS ? calloc(1, sizeof(*c)) : NULL;
        if (!c || stream_adopt(&c->stream, stub->resolver->vhost, stub->resolver->thread, fd,
                          on_client, c) < 0) {
                fd_close(fd);
                free(c);
                return;
        }
        c->stub = stub;
        timer_init(&c->timer, stub->resolver->thread, on_client_timer);
        timer_set(&c->timer, clock_boottime_usec() + TCP_IDLE);
        list_link_tail(&stub->clients, &c->link);
        stub->n_clients++;
}

/* -- the stub ---------------------------------------------------------------------------------- */

static void batch_init(Batch *b)
{
        for (unsigned i = 0; i < BATCH; i++) {
                b->iov_in[i] = (struct iovec){ b->in[i], sizeof(b->in[i]) };
                b->msg[i].msg_hdr = (struct msghdr){ .msg_name = &b->from[i],
                        .msg_namelen = sizeof(b->from[i]),
                        .msg_iov = &b->iov_in[i],
                        .msg_iovlen = 1 };
        }
}

static int add_socket(ResolverStub *stub, const Endpoint *on, int type)
{
        Resolver *r = stub->resolver;
        Socket *s = calloc(1, sizeof(*s));
        int fd, error;

        if (!s)
                return -ENOMEM;
        s->stub = stub;
        fd = net_listen(on, PORT_DNS, type);
        error = fd < 0 ? fd
                       : wsi_new(&s->wsi, r->vhost, r->thread, fd, EPOLLIN,
                                 type == SOCK_DGRAM ? on_udp : on_accept, s);
        if (error < 0) {
                fd_close(fd);
                free(s);
                return error;
        }
        list_link_tail(&stub->sockets, &s->link);
        return 0;
}

static void listen_on(ResolverStub *stub, const Endpoint *on)
{
        char text[ENDPOINT_STRLEN];
        int error;

        endpoint_format(on, text);
        error = add_socket(stub, on, SOCK_DGRAM);
        if (error >= 0)
                error = add_socket(stub, on, SOCK_STREAM);
        if (error < 0)
                log_error("[DNS] Stub=%s: cannot listen: %s", text, strerror(-error));
}

int stub_new(Resolver *r)
{
        const EndpointList *on = &r->settings->dns.stub;
        ResolverStub *stub;

        if (on->n == 0)
                return 0;
        stub = calloc(1, sizeof(*stub));
        if (!stub)
                return -ENOMEM;
        stub->batch = malloc(sizeof(*stub->batch));
        if (!stub->batch) {
                free(stub);
                return -ENOMEM;
        }
        batch_init(stub->batch);
        stub->resolver = r;
        list_init(&stub->sockets);
        list_init(&stub->clients);
        list_init(&stub->requests);
        r->stub = stub;
        for (size_t i = 0; i < on->n; i++)
                listen_on(stub, &on->items[i]);
        return 0;
}

void stub_free(Resolver *r)
{
        ResolverStub *stub = r->stub;

        if (!stub)
                return;
        r->stub = NULL;
        while (!list_is_empty(&stub->clients))
                client_free(list_entry(list_first(&stub->clients), Client, link));
        while (!list_is_empty(&stub->requests)) {
                Request *q = list_entry(list_first(&stub->requests), Request, link);

                lookup_cancel(q->lookup);
                request_free(q);
        }
        list_foreach_safe (it, &stub->sockets) {
                Socket *s = list_entry(it, Socket, link);

                wsi_free(s->wsi);
                free(s);
        }
        free(stub->batch);
        free(stub);
}
