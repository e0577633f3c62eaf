/* SPDX-License-Identifier: MIT */
/* <lwsd/lws-dns.h>: from any thread, to any thread, once, and never inside the call. */
#include "helper/resolver.h"
#include "lib/suite.h"
#include "loop/loop.h"
#include <lwsd/lws-dns.h>
#include <lwsd/lws-system.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { THREADS = 3, QUERIES = 500 };

typedef struct World World;
struct World {
        struct lws_context *cx;
        Settings *settings;
        Resolver *resolver;
        int mute; /* a server that never answers */
        atomic_uint called, good;
        int error, tsi;
        bool inside;
        uint64_t handle;
        struct addrinfo *kept;
};

static void world_init_on(World *w, unsigned n_threads, uint64_t loop)
{
        struct lws_context_creation_info info;
        struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
        socklen_t len = sizeof(sa);
        Endpoint server = { 0 };

        *w = (World){ 0 };
        w->mute = socket(AF_INET, SOCK_DGRAM, 0);
        ck_assert_int_eq(bind(w->mute, (struct sockaddr *) &sa, len), 0);
        ck_assert_int_eq(getsockname(w->mute, (struct sockaddr *) &sa, &len), 0);
        lws_context_info_defaults(&info, NULL);
        info.count_threads = n_threads;
        info.options = loop;
        w->cx = lws_create_context(&info);
        ck_assert_ptr_nonnull(w->cx);
        ck_assert_int_eq(settings_new(&w->settings), 0);
        ck_assert_int_eq(ip_parse("127.0.0.1", &server.addr), 0);
        server.port = ntohs(sa.sin_port);
        ck_assert_int_eq(endpoint_list_add(&w->settings->dns.servers, &server), 0);
        ck_assert_int_eq(resolver_new(&w->resolver, w->cx, NULL, w->settings), 0);
}

static void world_init(World *w, unsigned n_threads)
{
        world_init_on(w, n_threads, 0);
}

static void world_deinit(World *w)
{
        resolver_free(w->resolver);
        lws_context_destroy(w->cx);
        settings_free(w->settings);
        close(w->mute);
        free(w->kept);
}

static void on_result(struct lws_context *cx, int tsi, const lws_dns_result_t *result, void *opaque)
{
        World *w = opaque;

        ck_assert_ptr_eq(cx, w->cx);
        ck_assert(!w->inside);
        w->tsi = tsi;
        w->error = result->error;
        w->good += result->error == 0;
        if (!w->kept)
                w->kept = lws_dns_addresses_dup(result->addresses);
        w->called++;
}

static void until_called(World *w, unsigned n)
{
        while (w->called < n)
                ck_assert_int_eq(lws_service(w->cx, 0), 0);
}

static int ask(World *w, const char *name, unsigned flags, lws_usec_t deadline)
{
        int r;

        w->inside = true;
        r = lws_dns_query(w->cx, 0, name, AF_UNSPEC, flags, deadline, on_result, w, &w->handle);
        w->inside = false;
        return r;
}

START_TEST(answers_come_as_from_getaddrinfo)
{
        const struct sockaddr_in6 *v6;
        const struct sockaddr_in *v4;
        World w;

        world_init(&w, 1);
        ck_assert_int_eq(ask(&w, "x.localhost", 0, 0), 0);
        ck_assert_uint_eq(w.called, 0);
        until_called(&w, 1);
        ck_assert_int_eq(w.error, 0);
        v6 = (const void *) w.kept->ai_addr;
        v4 = (const void *) w.kept->ai_next->ai_addr;
        ck_assert_int_eq(w.kept->ai_family, AF_INET6);
        ck_assert(IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr));
        ck_assert_int_eq(v4->sin_family, AF_INET);
        ck_assert_uint_eq(v4->sin_addr.s_addr, htonl(INADDR_LOOPBACK));
        ck_assert_uint_eq(w.kept->ai_next->ai_addrlen, sizeof(*v4));
        ck_assert_ptr_null(w.kept->ai_next->ai_next);
        ck_assert_str_eq(w.kept->ai_canonname, "x.localhost");
        world_deinit(&w);
}
END_TEST

static void on_record(struct lws_context *cx, int tsi, const lws_dns_result_t *result, void *opaque)
{
        static const uint8_t localhost[] = "\x09localhost";

        (void) cx;
        (void) tsi;
        ck_assert_int_eq(result->error, 0);
        ck_assert_uint_eq(result->n_records, 1);
        ck_assert_uint_eq(result->records[0].type, 12);
        ck_assert_uint_eq(result->records[0].data_size, sizeof(localhost));
        ck_assert_mem_eq(result->records[0].data, localhost, sizeof(localhost));
        ck_assert_str_eq(result->protocol, "local");
        ck_assert_ptr_null(result->server);
        ((World *) opaque)->called++;
}

START_TEST(records_come_whole)
{
        World w;

        world_init(&w, 1);
        ck_assert_int_eq(
                lws_dns_query_record(w.cx, 0, "127.9.9.9", 12, 0, 0, on_record, &w, NULL), 0);
        until_called(&w, 1);
        world_deinit(&w);
}
END_TEST

START_TEST(what_cannot_be_asked_is_refused_at_once)
{
        World w;

        world_init(&w, 1);
        ck_assert_int_eq(ask(&w, "a..b", 0, 0), -EINVAL);
        ck_assert_int_eq(ask(&w, "", 0, 0), -EINVAL);
        ck_assert_int_eq(ask(&w, "a", 1 << 20, 0), -EINVAL);
        ck_assert_int_eq(ask(&w, "a", LWS_DNS_VALIDATE, 0), -EOPNOTSUPP);
        ck_assert_int_eq(
                lws_dns_query(w.cx, 1, "a", AF_UNSPEC, 0, 0, on_result, &w, NULL), -EINVAL);
        ck_assert_int_eq(lws_dns_query(w.cx, 0, "a", AF_UNIX, 0, 0, on_result, &w, NULL), -EINVAL);
        ck_assert_int_eq(lws_dns_query(w.cx, 0, "a", AF_UNSPEC, 0, 0, NULL, &w, NULL), -EINVAL);
        ck_assert_int_eq(lws_dns_query_record(w.cx, 0, "a", 0, 0, 0, on_result, &w, NULL), -EINVAL);
        /* only known when it is looked at */
        ck_assert_int_eq(ask(&w, "a.test", LWS_DNS_NO_NETWORK, 0), 0);
        until_called(&w, 1);
        ck_assert_int_eq(w.error, -ENETUNREACH);
        world_deinit(&w);
}
END_TEST

START_TEST(a_deadline_ends_it)
{
        World w;

        world_init(&w, 1);
        ck_assert_int_eq(ask(&w, "a.test", 0, lws_now_usecs() + 20000), 0);
        until_called(&w, 1);
        ck_assert_int_eq(w.error, -ETIMEDOUT);
        ck_assert_int_eq(lws_dns_cancel(w.handle), 0);
        world_deinit(&w);
}
END_TEST

static void on_end(struct lws_context *cx, int tsi, const lws_dns_result_t *result, void *opaque)
{
        World *w = opaque;

        (void) tsi;
        (void) result;
        /* inside, and what is over */
        ck_assert_int_eq(lws_dns_cancel(w->handle), 0);
        w->called++;
        ck_assert_ptr_eq(cx, w->cx);
}

START_TEST(a_cancelled_query_is_never_answered)
{
        World w;

        world_init(&w, 1);
        ck_assert_int_eq(ask(&w, "a.test", 0, 0), 0);
        ck_assert_int_eq(lws_dns_cancel(w.handle), 1);
        ck_assert_int_eq(lws_dns_cancel(w.handle), 0);
        ck_assert_int_eq(ask(&w, "b.test", 0, 0), 0);
        for (unsigned i = 0; i < 3; i++) {
                lws_cancel_service(w.cx);
                ck_assert_int_eq(lws_service(w.cx, 0), 0);
        }
        ck_assert_int_eq(lws_dns_cancel(w.handle), 1);
        ck_assert_int_eq(
                lws_dns_query(w.cx, 0, "localhost", AF_INET, 0, 0, on_end, &w, &w.handle), 0);
        until_called(&w, 1);
        ck_assert_int_eq(lws_dns_cancel(w.handle), 0);
        ck_assert_int_eq(lws_dns_cancel(0), 0);
        world_deinit(&w);
}
END_TEST

START_TEST(the_end_of_the_context_answers_the_rest)
{
        World w;

        world_init(&w, 1);
        ck_assert_int_eq(ask(&w, "a.test", 0, 0), 0);
        lws_cancel_service(w.cx);
        ck_assert_int_eq(lws_service(w.cx, 0), 0);
        ck_assert_int_eq(ask(&w, "b.test", 0, 0), 0);
        ck_assert_uint_eq(w.called, 0);
        world_deinit(&w);
        ck_assert_uint_eq(w.called, 2);
        ck_assert_int_eq(w.error, -ECANCELED);
}
END_TEST

START_TEST(a_context_without_a_resolver_gets_one)
{
        struct lws_context_creation_info info;
        World w = { 0 };

        lws_context_info_defaults(&info, NULL);
        w.cx = lws_create_context(&info);
        ck_assert_int_eq(ask(&w, "localhost", 0, 0), 0);
        until_called(&w, 1);
        ck_assert_int_eq(w.error, 0);
        lws_context_destroy(w.cx);
        free(w.kept);
}
END_TEST

static bool refuse_datagrams;
static unsigned refusals;

/* In place of the C library's, for the libraries that the loops are of as well. */
_public_ int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
        int type = 0;
        socklen_t len = sizeof(type);

        if (refuse_datagrams && op != EPOLL_CTL_DEL &&
                getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_DGRAM) {
                refusals++;
                errno = ENOSPC;
                return -1;
        }
        return (int) syscall(SYS_epoll_ctl, epfd, op, fd, event);
}

static void ask_without_watch(uint64_t loop)
{
        World w;

        world_init_on(&w, 1, loop);
        refusals = 0;
        refuse_datagrams = true;
        ck_assert_int_eq(ask(&w, "a.test", 0, 0), 0);
        until_called(&w, 1);
        refuse_datagrams = false;
        ck_assert_int_eq(w.error, -EIO);
        ck_assert_uint_gt(refusals, 0);
        ck_assert_uint_lt(refusals, 50);
        world_deinit(&w);
}

/* REQ_DNS 53: neither a wait for what nobody looks at nor a loop that spins. */
START_TEST(sockets_that_cannot_be_watched_are_an_error_at_once)
{
        ask_without_watch(0);
        ask_without_watch(LWS_SERVER_OPTION_SDEVENT);
        if (loop_libev)
                ask_without_watch(LWS_SERVER_OPTION_LIBEV);
}
END_TEST

static void *serve(void *opaque)
{
        World *w = ((void **) opaque)[0];
        int tsi = (int) (intptr_t) ((void **) opaque)[1];

        while (lws_service(w->cx, tsi) == 0)
                ;
        return NULL;
}

static void on_thread(struct lws_context *cx, int tsi, const lws_dns_result_t *result, void *opaque)
{
        World *w = opaque;

        w->good += result->error == 0 && result->addresses;
        if (++w->called == THREADS * QUERIES)
                lws_cancel_service(cx);
}

static void *ask_many(void *opaque)
{
        World *w = opaque;

        for (int i = 0; i < QUERIES; i++)
                while (lws_dns_query(w->cx, i % THREADS, i % 2 ? "localhost" : "192.0.2.1", AF_INET,
                               0, 0, on_thread, w, NULL) == -EAGAIN)
                        ;
        return NULL;
}

START_TEST(from_any_thread_to_any_thread)
{
        pthread_t servers[THREADS], askers[THREADS];
        void *arguments[THREADS][2];
        World w;

        world_init(&w, THREADS);
        for (int i = 1; i < THREADS; i++) {
                arguments[i][0] = &w;
                arguments[i][1] = (void *) (intptr_t) i;
                ck_assert_int_eq(pthread_create(&servers[i], NULL, serve, arguments[i]), 0);
        }
        for (int i = 0; i < THREADS; i++)
                ck_assert_int_eq(pthread_create(&askers[i], NULL, ask_many, &w), 0);
        until_called(&w, THREADS * QUERIES);
        ck_assert_uint_eq(w.good, THREADS * QUERIES);
        for (int i = 0; i < THREADS; i++)
                pthread_join(askers[i], NULL);
        resolver_free(w.resolver);
        w.resolver = NULL;
        lws_context_destroy(w.cx);
        for (int i = 1; i < THREADS; i++)
                pthread_join(servers[i], NULL);
        settings_free(w.settings);
        close(w.mute);
}
END_TEST

TEST_MAIN("dns-api", answers_come_as_from_getaddrinfo, records_come_whole,
        what_cannot_be_asked_is_refused_at_once, a_deadline_ends_it,
        a_cancelled_query_is_never_answered, the_end_of_the_context_answers_the_rest,
        sockets_that_cannot_be_watched_are_an_error_at_once, a_context_without_a_resolver_gets_one,
        from_any_thread_to_any_thread)
