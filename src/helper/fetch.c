/* SPDX-License-Identifier: MIT */
#include "helper/fetch.h"
#include "core/timer.h"
#include "core/wsi.h"
#include "helper/spawn.h"
#include "proto/url.h"
#include "util/fd.h"
#include "util/log.h"
#include "util/memfd.h"
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/un.h>
#include <unistd.h>

enum { FETCHES_MAX = 16, ANSWER_SLACK_MSEC = 2000 };

struct Fetcher {
        struct lws_context *cx;
        Resolver *resolver;
        char *socket_path, *program;
        List fetches;
        size_t n_fetches;
};

struct Fetch {
        List link;
        Fetcher *fetcher;
        FetchFn fn;
        void *userdata;
        Lookup *lookup;
        struct lws *wsi;
        Timer timer; /* first to start, then to give up */
        FetchRequest request;
        int ifindex;
        Url url;
        char interface[IFNAMSIZ];
        size_t message_size;
        uint8_t *message; /* the request as its owner gave it, so that its strings stay */
};

int fetcher_new(Fetcher **ret, struct lws_context *cx, Resolver *resolver, const char *socket_path,
        const char *program)
{
        _cleanup_(fetcher_freep) Fetcher *f = calloc(1, sizeof(*f));

        if (!f)
                return -ENOMEM;
        list_init(&f->fetches);
        f->cx = cx;
        f->resolver = resolver;
        f->socket_path = strdup(socket_path);
        f->program = strdup(program);
        if (!f->socket_path || !f->program)
                return -ENOMEM;
        *ret = TAKE_PTR(f);
        return 0;
}

Fetcher *fetcher_free(Fetcher *f)
{
        if (!f)
                return NULL;
        list_foreach_safe (it, &f->fetches)
                fetch_free(list_entry(it, Fetch, link));
        free(f->socket_path);
        free(f->program);
        free(f);
        return NULL;
}

Fetch *fetch_free(Fetch *f)
{
        if (!f)
                return NULL;
        if (list_is_linked(&f->link)) {
                list_unlink(&f->link);
                f->fetcher->n_fetches--;
        }
        lookup_cancel(f->lookup);
        wsi_free(f->wsi);
        timer_cancel(&f->timer);
        if (f->message) /* there may be a key in it, or a password */
                explicit_bzero(f->message, f->message_size);
        free(f->message);
        free(f);
        return NULL;
}

void fetch_hurry(Fetch *f, usec_t usec)
{
        usec_t end = usec_add(thread_now(f->timer.thread), usec);

        if ((f->lookup || f->wsi) && end < f->timer.deadline)
                timer_set(&f->timer, end);
}

static void finish(Fetch *f, const FetchAnswer *answer, const void *body, size_t size)
{
        f->wsi = wsi_free(f->wsi);
        timer_cancel(&f->timer);
        f->fn(f, answer, body, size, f->userdata);
        fetch_free(f);
}

static void fail(Fetch *f, FetchError error, const char *message)
{
        FetchAnswer answer = { .error = error,
                .max_age_sec = FETCH_NO_AGE,
                .retry_after_sec = FETCH_NO_AGE,
                .valid_until_usec = USEC_INFINITY,
                .message = message,
                .content_type = "",
                .etag = "",
                .location = "" };

        finish(f, &answer, NULL, 0);
}

/* A body is believed only as memory that nobody can change any more, of the size announced. */
static void take_answer(Fetch *f, const uint8_t *message, size_t size, int body_fd)
{
        Reader r = READER_INIT(message, size);
        const void *body = NULL;
        size_t body_size = 0;
        FetchAnswer answer;

        if (fetch_answer_parse(&r, &answer) < 0 || answer.body_size > f->request.body_max) {
                fail(f, FETCH_GONE, "the fetching process gave nonsense");
                return;
        }
        if (answer.body_size > 0 &&
                memfd_map_sealed(body_fd, answer.body_size, &body, &body_size) < 0)
                body_size = 0;
        if (body_size == answer.body_size)
                finish(f, &answer, body, body_size);
        else
                fail(f, FETCH_GONE, "the fetching process gave no body");
        memfd_unmap(body, body_size);
}

static int received_fd(struct msghdr *mh)
{
        int fd = -EBADF;

        for (struct cmsghdr *c = CMSG_FIRSTHDR(mh); c; c = CMSG_NXTHDR(mh, c))
                if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
                        c->cmsg_len == CMSG_LEN(sizeof(int)))
                        memcpy(&fd, CMSG_DATA(c), sizeof(fd));
        return fd;
}

static void on_readable(struct lws *wsi, uint32_t revents)
{
        Fetch *f = wsi_userdata(wsi);
        union {
                struct cmsghdr align;
                char space[CMSG_SPACE(sizeof(int))];
        } control;
        static uint8_t buf[FETCH_MESSAGE_MAX];
        struct iovec iov = { .iov_base = buf, .iov_len = sizeof(buf) };
        struct msghdr mh = { .msg_iov = &iov,
                .msg_iovlen = 1,
                .msg_control = &control,
                .msg_controllen = sizeof(control) };
        _cleanup_fd_ int fd = -EBADF;
        ssize_t n;

        n = recvmsg(wsi_fd(wsi), &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        if (n > 0)
                fd = received_fd(&mh);
        if (n <= 0 || (mh.msg_flags & MSG_TRUNC))
                fail(f, FETCH_GONE, "the fetching process ended");
        else
                take_answer(f, buf, (size_t) n, fd);
}

/* systemd's socket first; without it a child of our own. */
static int connect_fetcher(const Fetcher *fetcher)
{
        union {
                struct sockaddr sa;
                struct sockaddr_un un;
        } addr = { .un = { .sun_family = AF_UNIX } };
        _cleanup_fd_ int fd = -EBADF;

        fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        if (strlen(fetcher->socket_path) < sizeof(addr.un.sun_path)) {
                strcpy(addr.un.sun_path, fetcher->socket_path);
                if (connect(fd, &addr.sa, sizeof(addr.un)) == 0)
                        return fd_take(&fd);
                if (errno != ENOENT && errno != ECONNREFUSED)
                        return -errno;
        }
        return spawn_with_socket(fetcher->program, "--sandbox");
}

static int send_request(Fetch *f)
{
        static uint8_t buf[FETCH_MESSAGE_MAX];
        struct lws_context *cx = f->fetcher->cx;
        _cleanup_fd_ int fd = -EBADF;
        Writer w = WRITER_INIT(buf, sizeof(buf));
        int r;

        r = fetch_request_write(&f->request, &w);
        if (r < 0)
                return r;
        fd = connect_fetcher(f->fetcher);
        if (fd < 0)
                return fd;
        r = send(fd, buf, w.pos, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
        explicit_bzero(buf, w.pos);
        if (r < 0)
                return r;
        r = wsi_new(&f->wsi, context_vhost_system(cx), context_thread(cx, 0), fd, EPOLLIN,
                on_readable, f);
        if (r < 0)
                return r;
        (void) fd_take(&fd);
        return 0;
}

static void go(Fetch *f)
{
        int r = send_request(f);

        if (r < 0)
                fail(f, FETCH_GONE, strerror(-r));
}

static void on_addresses(Lookup *lookup, const LookupResult *result, void *userdata)
{
        Fetch *f = userdata;

        f->lookup = NULL;
        if (result->error < 0 || result->n_addresses == 0) {
                fail(f, FETCH_CONNECT, "the server's name cannot be resolved");
                return;
        }
        for (size_t i = 0; i < result->n_addresses && i < FETCH_ADDRESSES_MAX; i++)
                f->request.addresses[f->request.n_addresses++] = result->addresses[i].addr;
        go(f);
}

static void start(Fetch *f, usec_t now)
{
        IpAddr literal;
        int r;

        timer_set(&f->timer,
                usec_add(now, (f->request.timeout_msec + ANSWER_SLACK_MSEC) * USEC_PER_MSEC));
        if (f->request.method == FETCH_SIGN || ip_parse(f->url.host, &literal) >= 0) {
                go(f);
                return;
        }
        r = f->fetcher->resolver
                    ? resolver_lookup_host(f->fetcher->resolver, &f->lookup, f->ifindex,
                              f->url.host, AF_UNSPEC, f->request.plain_names ? LOOKUP_PLAIN : 0,
                              on_addresses, f)
                    : -EOPNOTSUPP;
        if (r < 0)
                fail(f, FETCH_CONNECT, "the server's name cannot be looked up");
}

static void on_timer(Timer *t, usec_t now)
{
        Fetch *f = container_of(t, Fetch, timer);

        if (!f->lookup && !f->wsi)
                start(f, now);
        else
                fail(f, FETCH_TIMEOUT, "no answer in time");
}

/* Keeps a copy of what `request` points at by writing and parsing it. */
static int keep_request(Fetch *f, const FetchRequest *request)
{
        static uint8_t buf[FETCH_MESSAGE_MAX];
        FetchRequest own = *request;
        Writer w = WRITER_INIT(buf, sizeof(buf));
        Reader r;
        int e;

        own.interface = f->interface;
        own.n_addresses = 0;
        e = fetch_request_write(&own, &w);
        if (e < 0)
                return e;
        f->message = malloc(w.pos);
        if (!f->message)
                return -ENOMEM;
        memcpy(f->message, buf, w.pos);
        f->message_size = w.pos;
        explicit_bzero(buf, w.pos);
        r = READER_INIT(f->message, w.pos);
        return fetch_request_parse(&r, &f->request) < 0 ? -EINVAL : 0;
}

DEFINE_CLEANUP(Fetch, fetch_free)

int fetch_new(Fetch **ret, Fetcher *fetcher, const FetchRequest *request, const Link *link,
        FetchFn fn, void *userdata)
{
        _cleanup_(fetch_freep) Fetch *f = NULL;
        int r;

        if (fetcher->n_fetches >= FETCHES_MAX)
                return -EBUSY;
        f = calloc(1, sizeof(*f));
        if (!f)
                return -ENOMEM;
        f->fetcher = fetcher;
        f->fn = fn;
        f->userdata = userdata;
        timer_init(&f->timer, context_thread(fetcher->cx, 0), on_timer);
        if (link) {
                f->ifindex = link->ifindex;
                strcpy(f->interface, link->name);
        }
        r = url_parse(request->url, &f->url);
        if (r < 0)
                return r;
        r = keep_request(f, request);
        if (r < 0)
                return r;
        f->request.plain_names = request->plain_names;
        list_link_tail(&fetcher->fetches, &f->link);
        fetcher->n_fetches++;
        timer_set(&f->timer, 0);
        *ret = TAKE_PTR(f);
        return 0;
}

int fetch_load_ca(const char *path, char **ret_pem)
{
        char *pem = NULL;
        int r = path ? file_read(AT_FDCWD, path, FETCH_STRING_MAX - 1, &pem, NULL) : 0;

        if (r < 0) {
                log_error("%s: %s", path, strerror(-r));
                return r;
        }
        *ret_pem = pem;
        return 0;
}
