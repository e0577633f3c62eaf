/* SPDX-License-Identifier: MIT */
/* The context, its threads, timers and endpoints, on every kind of loop. */
#include "core/context.h"
#include "core/timer.h"
#include "core/wsi.h"
#include "lib/suite.h"
#include "loop/loop.h"
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>
#include <unistd.h>

static const uint64_t loop_options[] = { 0, LWS_SERVER_OPTION_SDEVENT, LWS_SERVER_OPTION_LIBEV };

static struct lws_context *make(uint64_t options, unsigned threads)
{
        struct lws_context_creation_info info;

        lws_context_info_defaults(&info, NULL);
        info.options = options;
        info.count_threads = threads;
        info.user = &info;
        return lws_create_context(&info);
}

static bool has_loop(uint64_t options)
{
        return options != LWS_SERVER_OPTION_LIBEV || loop_libev;
}

typedef struct Ticks Ticks;
struct Ticks {
        Timer a, b, c;
        int order[8], n;
};

static Ticks ticks;

static void tick_a(Timer *t, usec_t now)
{
        ticks.order[ticks.n++] = 'a';
        if (ticks.n < 3)
                timer_set(t, 0); /* not in this turn: b comes between */
        else
                timer_set(&ticks.c, now + 5000);
}

static void tick_b(Timer *t, usec_t now)
{
        ticks.order[ticks.n++] = 'b';
}

static void tick_c(Timer *t, usec_t now)
{
        ticks.order[ticks.n++] = 'c';
}

START_TEST(timers_run_in_order_and_never_twice_in_a_turn)
{
        struct lws_context *cx;
        usec_t start = clock_boottime_usec();
        Thread *th;

        if (!has_loop(loop_options[_i]))
                return;
        ticks = (Ticks){ 0 };
        cx = make(loop_options[_i], 1);
        ck_assert_ptr_nonnull(cx);
        th = context_thread(cx, 0);
        timer_init(&ticks.a, th, tick_a);
        timer_init(&ticks.b, th, tick_b);
        timer_init(&ticks.c, th, tick_c);
        timer_set(&ticks.a, 0);
        timer_set(&ticks.b, 1);
        while (ticks.n < 4)
                ck_assert_int_eq(lws_service(cx, 0), 0);
        ck_assert_uint_ge(clock_boottime_usec(), start + 5000);
        ck_assert_int_eq(ticks.order[0], 'a');
        ck_assert_int_eq(ticks.order[1], 'b');
        ck_assert_int_eq(ticks.order[2], 'a');
        ck_assert_int_eq(ticks.order[3], 'c');
        lws_context_destroy(cx);
}
END_TEST

START_TEST(climbs_by_itself_to_operational)
{
        struct lws_context *cx;

        if (!has_loop(loop_options[_i]))
                return;
        cx = make(loop_options[_i], 1);
        ck_assert_int_eq(ladder_state(context_ladder(cx)), LWS_SYSTATE_UNKNOWN);
        ck_assert_ptr_eq(lws_system_get_state_manager(cx)->context, cx);
        while (ladder_state(context_ladder(cx)) != LWS_SYSTATE_OPERATIONAL)
                ck_assert_int_eq(lws_service(cx, 0), 0);
        ck_assert_ptr_nonnull(lws_get_vhost_by_name(cx, "default"));
        ck_assert_ptr_eq(lws_get_vhost_by_name(cx, "system"), context_vhost_system(cx));
        ck_assert_str_eq(lws_get_vhost_name(context_vhost_own(cx)),
                context_vhost_system(cx) ? "system" : "default");
        ck_assert_ptr_null(lws_get_vhost_by_name(cx, "none"));
        lws_context_destroy(cx);
}
END_TEST

static int reads;

static void on_readable(struct lws *wsi, uint32_t revents)
{
        struct lws_context *cx = thread_context(wsi_thread(wsi));
        char byte;

        ck_assert(revents & EPOLLIN);
        ck_assert_int_eq(read(wsi_fd(wsi), &byte, 1), 1);
        wsi_free(wsi);
        if (++reads == 1)
                lws_context_destroy(cx);
}

START_TEST(an_endpoint_may_destroy_the_context)
{
        struct lws_context *cx;
        struct lws *wsi;
        int fds[2];

        if (!has_loop(loop_options[_i]))
                return;
        reads = 0;
        cx = make(loop_options[_i], 1);
        ck_assert_int_eq(pipe(fds), 0);
        ck_assert_int_eq(wsi_new(&wsi, lws_get_vhost_by_name(cx, "default"), context_thread(cx, 0),
                                 fds[0], EPOLLIN, on_readable, NULL),
                0);
        ck_assert_int_eq(write(fds[1], "x", 1), 1);
        while (lws_service(cx, 0) == 0)
                ;
        ck_assert_int_eq(reads, 1);
        close(fds[1]);
}
END_TEST

static int protocol_calls[128];

static int on_protocol(
        struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
        char byte;

        protocol_calls[reason]++;
        if (reason == LWS_CALLBACK_RAW_RX_FILE)
                return read(lws_get_socket_fd(wsi), &byte, 1) == 1 && byte == 'x' ? 0 : -1;
        if (reason == LWS_CALLBACK_RAW_ADOPT_FILE)
                ck_assert_mem_eq(user, "\0\0\0", 4);
        return 0;
}

static const struct lws_protocols protocols[] = {
        { "test", on_protocol, 4, 0, 0, NULL, 0 },
        LWS_PROTOCOL_LIST_TERM,
};

START_TEST(an_adopted_descriptor_speaks_libwebsockets)
{
        struct lws_context_creation_info info = { 0 };
        struct lws_context *cx;
        lws_sock_file_fd_type fd;
        struct lws *wsi;
        int fds[2];

        memset(protocol_calls, 0, sizeof(protocol_calls));
        info.protocols = protocols;
        info.fd_limit_per_thread = 1;
        info.options = loop_options[_i];
        if (!has_loop(info.options))
                return;
        cx = lws_create_context(&info);
        ck_assert_int_eq(protocol_calls[LWS_CALLBACK_PROTOCOL_INIT], 1);
        ck_assert_int_eq(pipe(fds), 0);
        fd.filefd = fds[0];
        wsi = lws_adopt_descriptor_vhost(
                lws_get_vhost_by_name(cx, "default"), LWS_ADOPT_RAW_FILE_DESC, fd, "test", NULL);
        ck_assert_ptr_nonnull(wsi);
        ck_assert_int_eq(lws_get_tsi(wsi), 0);
        ck_assert_ptr_eq(lws_get_context(wsi), cx);
        /* over the limit: closed and refused */
        fd.filefd = dup(fds[0]);
        ck_assert_ptr_null(lws_adopt_descriptor_vhost(
                lws_get_vhost_by_name(cx, "default"), LWS_ADOPT_RAW_FILE_DESC, fd, NULL, NULL));
        ck_assert_int_eq(write(fds[1], "xy", 2), 2);
        lws_cancel_service(cx);
        while (protocol_calls[LWS_CALLBACK_RAW_CLOSE_FILE] == 0 ||
                protocol_calls[LWS_CALLBACK_EVENT_WAIT_CANCELLED] == 0)
                ck_assert_int_eq(lws_service(cx, 0), 0);
        ck_assert_int_eq(protocol_calls[LWS_CALLBACK_RAW_ADOPT_FILE], 1);
        ck_assert_int_eq(protocol_calls[LWS_CALLBACK_RAW_RX_FILE], 2);
        lws_context_destroy(cx);
        ck_assert_int_eq(protocol_calls[LWS_CALLBACK_PROTOCOL_DESTROY], 1);
        close(fds[1]);
}
END_TEST

typedef struct Worker Worker;
struct Worker {
        struct lws_context *cx;
        int tsi;
        pthread_t id;
        bool quits; /* leaves without having been told */
};

static _Atomic int turned;

static void *work(void *arg)
{
        Worker *w = arg;
        bool first = true;

        while (lws_service(w->cx, w->tsi) == 0) {
                if (first)
                        turned++;
                first = false;
                if (w->quits)
                        break;
        }
        return NULL;
}

START_TEST(the_last_thread_to_leave_frees)
{
        enum { N = 4 };
        Worker w[N];
        struct lws_context *cx, *gone;
        struct lws_context_creation_info info;

        lws_context_info_defaults(&info, NULL);
        info.options = loop_options[_i];
        info.count_threads = N;
        info.pcontext = &gone;
        if (!has_loop(info.options))
                return;
        turned = 0;
        gone = cx = lws_create_context(&info);
        for (int i = 0; i < N; i++) {
                w[i] = (Worker){ .cx = cx, .tsi = i, .quits = i == 2 };
                ck_assert_int_eq(pthread_create(&w[i].id, NULL, work, &w[i]), 0);
        }
        while (turned < N)
                lws_cancel_service(cx);
        lws_context_destroy(cx);
        for (int i = 0; i < N; i++)
                pthread_join(w[i].id, NULL);
        ck_assert_ptr_null(gone);
}
END_TEST

typedef struct Watched Watched;
struct Watched {
        struct lws *wsi;
        int peer; /* the other end */
        unsigned calls;
        uint32_t revents;
};

static void on_watched(struct lws *wsi, uint32_t revents)
{
        Watched *w = wsi_userdata(wsi);

        w->calls++;
        w->revents |= revents;
}

/* One that is told of once, with something to read. */
static void watch_once(Watched *w, struct lws_context *cx)
{
        int fds[2];

        *w = (Watched){ 0 };
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, fds), 0);
        w->peer = fds[1];
        ck_assert_int_eq(wsi_new(&w->wsi, context_vhost_own(cx), context_thread(cx, 0), fds[0],
                                 EPOLLIN | EPOLLONESHOT, on_watched, w),
                0);
        ck_assert_int_eq(write(w->peer, "x", 1), 1);
}

static void watched_free(Watched *w)
{
        w->wsi = wsi_free(w->wsi);
        close(w->peer);
}

/* Turns that do not sleep: whatever is ready is told by then. */
static void turn(struct lws_context *cx)
{
        for (unsigned i = 0; i < 20; i++)
                ck_assert_int_eq(lws_service_tsi(cx, -1, 0), 0);
}

START_TEST(what_is_told_once_is_told_again_when_asked)
{
        struct lws_context *cx = has_loop(loop_options[_i]) ? make(loop_options[_i], 1) : NULL;
        Watched w;

        if (!cx)
                return;
        watch_once(&w, cx);
        turn(cx);
        ck_assert_uint_eq(w.calls, 1);
        ck_assert_uint_eq(w.revents, EPOLLIN);
        /* what is there already counts, and what comes later does */
        ck_assert_int_eq(wsi_set_events(w.wsi, EPOLLIN | EPOLLONESHOT), 0);
        turn(cx);
        ck_assert_uint_eq(w.calls, 2);
        ck_assert_int_eq(write(w.peer, "y", 1), 1);
        turn(cx);
        ck_assert_uint_eq(w.calls, 2);
        watched_free(&w);
        lws_context_destroy(cx);
}
END_TEST

/* As a child has it that has not yet called exec(). */
START_TEST(a_descriptor_that_somebody_else_has_is_gone_all_the_same)
{
        struct lws_context *cx = has_loop(loop_options[_i]) ? make(loop_options[_i], 1) : NULL;
        Watched old, w;
        int copy;

        if (!cx)
                return;
        watch_once(&old, cx);
        turn(cx);
        ck_assert_int_eq(wsi_set_events(old.wsi, EPOLLIN | EPOLLONESHOT), 0);
        copy = dup(wsi_fd(old.wsi));
        old.wsi = wsi_free(old.wsi);
        watch_once(&w, cx); /* the same number, in the same place */
        turn(cx);
        ck_assert_uint_eq(old.calls, 1);
        ck_assert_uint_eq(w.calls, 1);
        ck_assert_int_eq(write(old.peer, "y", 1), 1);
        turn(cx);
        ck_assert_uint_eq(old.calls, 1);
        ck_assert_uint_eq(w.calls, 1);
        close(copy);
        close(old.peer);
        watched_free(&w);
        lws_context_destroy(cx);
}
END_TEST

typedef struct Adder Adder;
struct Adder {
        Timer timer;
        struct lws_context *cx;
        Watched stays, goes, bad;
};

static void on_add(Timer *t, usec_t now)
{
        Adder *a = container_of(t, Adder, timer);
        int file = memfd_create("no-epoll", MFD_CLOEXEC);

        watch_once(&a->goes, a->cx);
        watch_once(&a->stays, a->cx);
        ck_assert_int_eq(wsi_set_events(a->stays.wsi, EPOLLIN | EPOLLONESHOT), 0);
        watched_free(&a->goes);
        /* the kernel's set takes no file; libev takes it for one that is always ready */
        ck_assert_int_eq(wsi_new(&a->bad.wsi, context_vhost_own(a->cx), context_thread(a->cx, 0),
                                 file, EPOLLIN | EPOLLONESHOT, on_watched, &a->bad),
                0);
}

START_TEST(what_a_callback_adds_is_told_of_when_it_is_over)
{
        struct lws_context *cx = has_loop(loop_options[_i]) ? make(loop_options[_i], 1) : NULL;
        Adder a = { .cx = cx };

        if (!cx)
                return;
        timer_init(&a.timer, context_thread(cx, 0), on_add);
        timer_set(&a.timer, 0);
        turn(cx);
        ck_assert_uint_eq(a.goes.calls, 0);
        ck_assert_uint_eq(a.stays.calls, 1);
        ck_assert_uint_eq(a.bad.calls, 1);
        ck_assert_uint_ne(a.bad.revents, 0);
        watched_free(&a.stays);
        wsi_free(a.bad.wsi);
        lws_context_destroy(cx);
}
END_TEST

START_TEST(a_bad_thread_number_is_refused)
{
        struct lws_context *cx = make(0, 2);

        ck_assert_int_ne(lws_service(cx, 2), 0);
        ck_assert_int_ne(lws_service(cx, -1), 0);
        ck_assert_int_ne(lws_service_tsi(cx, 0, 2), 0);
        ck_assert_ptr_null(make(0, 65));
        ck_assert_ptr_null(make(UINT64_C(1) << 63, 1));
        lws_context_destroy(cx);
        lws_context_destroy(NULL);
}
END_TEST

/* Not asleep, or else this does not end. */
START_TEST(a_negative_timeout_does_not_sleep)
{
        struct lws_context *cx;

        if (!has_loop(loop_options[_i]))
                return;
        cx = make(loop_options[_i], 2);
        for (int tsi = 0; tsi < 2; tsi++)
                for (int turns = 0; turns < 20; turns++)
                        ck_assert_int_eq(lws_service_tsi(cx, -1, tsi), 0);
        ck_assert_int_eq(ladder_state(context_ladder(cx)), LWS_SYSTATE_OPERATIONAL);
        lws_cancel_service(cx);
        ck_assert_int_eq(lws_service_tsi(cx, 1000, 1), 0);
        lws_context_destroy(cx);
}
END_TEST

static lws_sorted_usec_list_t early;
static struct lws_context *early_cx;

static void on_early(lws_sorted_usec_list_t *sul)
{
        lws_context_destroy(early_cx);
        /* too late for another one */
        lws_sul_schedule(early_cx, 1, sul, on_early, 0);
}

START_TEST(a_timer_may_be_set_before_the_first_turn)
{
        if (!has_loop(loop_options[_i]))
                return;
        early_cx = make(loop_options[_i], 2);
        early = (lws_sorted_usec_list_t){ 0 };
        lws_sul_schedule(early_cx, 2, &early, on_early, 0);
        lws_sul_schedule(early_cx, 1, &early, on_early, 1000);
        while (lws_service(early_cx, 1) == 0)
                ;
        lws_sul_cancel(&early);
}
END_TEST

static int destroy_when_told(
        lws_state_manager_t *mgr, lws_state_notify_link_t *link, int current, int target)
{
        if (current == target && target == LWS_SYSTATE_DHCP)
                lws_context_destroy(mgr->context);
        ck_assert(target <= LWS_SYSTATE_DHCP || target == LWS_SYSTATE_CONTEXT_DESTROYING);
        return 0;
}

/* Whoever asked for the change still stands in the middle of it. */
START_TEST(a_notifier_may_destroy)
{
        lws_state_notify_link_t link = { .notify_cb = destroy_when_told, .name = "end" };
        lws_state_notify_link_t *const links[] = { &link, NULL };
        struct lws_context_creation_info info;
        struct lws_context *cx, *gone;

        if (!has_loop(loop_options[_i]))
                return;
        lws_context_info_defaults(&info, NULL);
        info.options = loop_options[_i];
        info.pcontext = &gone;
        info.register_notifier_list = links;
        /* before the first turn, and in a turn */
        for (int turns = 0; turns < 2; turns++) {
                gone = cx = lws_create_context(&info);
                if (turns == 0)
                        ck_assert_int_eq(
                                lws_state_transition_steps(
                                        lws_system_get_state_manager(cx), LWS_SYSTATE_OPERATIONAL),
                                1);
                ck_assert_ptr_nonnull(gone);
                while (lws_service(cx, 0) == 0)
                        ;
                ck_assert_ptr_null(gone);
        }
}
END_TEST

static int destroy_when_adopted(
        struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
        if (reason != LWS_CALLBACK_RAW_ADOPT_FILE)
                return 0;
        lws_context_destroy(lws_get_context(wsi));
        return -1;
}

/* Called back from outside any turn: the call that does it still needs the context. */
START_TEST(an_adopted_descriptor_may_destroy)
{
        static const struct lws_protocols ending[] = {
                { .name = "end", .callback = destroy_when_adopted }, LWS_PROTOCOL_LIST_TERM
        };
        struct lws_context_creation_info info;
        struct lws_context *cx, *gone;

        if (!has_loop(loop_options[_i]))
                return;
        lws_context_info_defaults(&info, NULL);
        info.options = loop_options[_i];
        info.pcontext = &gone;
        info.protocols = ending;
        for (int turns = 0; turns < 2; turns++) {
                lws_sock_file_fd_type fd = { .filefd = eventfd(0, EFD_CLOEXEC) };

                gone = cx = lws_create_context(&info);
                if (turns > 0)
                        ck_assert_int_eq(lws_service(cx, 0), 0);
                ck_assert_ptr_null(lws_adopt_descriptor_vhost(lws_get_vhost_by_name(cx, "default"),
                        LWS_ADOPT_RAW_FILE_DESC, fd, "end", NULL));
                ck_assert_int_lt(fcntl(fd.filefd, F_GETFD), 0);
                ck_assert_ptr_nonnull(gone);
                ck_assert_int_lt(lws_service(cx, 0), 0);
                ck_assert_ptr_null(gone);
        }
}
END_TEST

static int destroy_at_once(
        struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
        protocol_calls[reason]++;
        if (reason == LWS_CALLBACK_PROTOCOL_INIT)
                lws_context_destroy(lws_get_context(wsi));
        return 0;
}

/* The next protocol is told of both ends, too, and nobody gets what is gone. */
START_TEST(a_protocol_may_destroy_at_once)
{
        static const struct lws_protocols ending[] = {
                { .name = "end", .callback = destroy_at_once },
                { .name = "next", .callback = on_protocol },
                LWS_PROTOCOL_LIST_TERM,
        };
        struct lws_context_creation_info info;
        struct lws_context *gone = (struct lws_context *) &info;
        sd_event *event;
        void *foreign;

        if (!has_loop(loop_options[_i]))
                return;
        memset(protocol_calls, 0, sizeof(protocol_calls));
        lws_context_info_defaults(&info, NULL);
        info.options = loop_options[_i];
        info.pcontext = &gone;
        info.protocols = ending;
        info.count_threads = 2;
        ck_assert_ptr_null(lws_create_context(&info));
        ck_assert_ptr_null(gone);
        ck_assert_int_eq(protocol_calls[LWS_CALLBACK_PROTOCOL_INIT], 2);
        ck_assert_int_eq(protocol_calls[LWS_CALLBACK_PROTOCOL_DESTROY], 2);
        /* on a loop of the caller's, which stays */
        info.options = LWS_SERVER_OPTION_SDEVENT;
        info.count_threads = 1;
        ck_assert_int_ge(sd_event_new(&event), 0);
        foreign = event;
        info.foreign_loops = &foreign;
        ck_assert_ptr_null(lws_create_context(&info));
        ck_assert_int_eq(protocol_calls[LWS_CALLBACK_PROTOCOL_DESTROY], 4);
        ck_assert_int_eq(sd_event_run(event, 0), 0);
        ck_assert_ptr_null(sd_event_unref(event));
}
END_TEST

static int cpd_asked;

static int ask_cpd(struct lws_context *cx)
{
        ck_assert_int_eq(lws_system_cpd_state_get(cx), LWS_CPD_UNKNOWN);
        cpd_asked++;
        lws_system_cpd_set(cx, LWS_CPD_INTERNET_OK);
        return 0;
}

START_TEST(a_portal_check_is_the_users)
{
        static const lws_system_ops_t ops = { .captive_portal_detect_request = ask_cpd };
        struct lws_context *cx = make(0, 1);
        struct lws_context_creation_info info;

        lws_system_cpd_set(cx, LWS_CPD_CAPTIVE_PORTAL);
        ck_assert_int_ne(lws_system_cpd_start(cx), 0);
        ck_assert_int_eq(lws_system_cpd_state_get(cx), LWS_CPD_UNKNOWN);
        lws_context_destroy(cx);
        lws_context_info_defaults(&info, NULL);
        info.system_ops = &ops;
        cx = lws_create_context(&info);
        lws_system_cpd_set(cx, LWS_CPD_CAPTIVE_PORTAL);
        ck_assert_int_eq(lws_system_cpd_start(cx), 0);
        ck_assert_int_eq(cpd_asked, 1);
        ck_assert_int_eq(lws_system_cpd_state_get(cx), LWS_CPD_INTERNET_OK);
        lws_context_destroy(cx);
}
END_TEST

static char logged[512];

static void keep(int level, const char *line)
{
        ck_assert(level == LLL_USER || level == LLL_CLIENT);
        ck_assert_uint_lt(strlen(logged) + strlen(line), sizeof(logged));
        strcat(logged, line);
}

START_TEST(logs_under_libwebsockets_names)
{
        static const char bytes[] = "exactly sixteen!\n\xff";
        struct lws_context *cx = make(0, 1);

        lws_set_log_level(LLL_USER | LLL_CLIENT, keep);
        lwsl_user("one %d\n", 1);
        lwsl_client("two");
        lwsl_header("not seen");
        lwsl_hexdump_err(bytes, sizeof(bytes));
        lwsl_hexdump_level(LLL_USER, bytes, sizeof(bytes) - 1);
        lwsl_hexdump_level(LLL_USER, bytes, 0);
        ck_assert(lwsl_visible(LLL_CLIENT) && !lwsl_visible(LLL_ERR));
        ck_assert_str_eq(logged,
                "one 1\n"
                "two\n"
                "0000: 65 78 61 63 74 6C 79 20 73 69 78 74 65 65 6E 21  exactly sixteen!\n"
                "0010: 0A FF                                            ..\n");
        ck_assert_ptr_eq(lws_system_context_from_system_mgr(lws_system_get_state_manager(cx)), cx);
        lws_set_log_level(LLL_ERR, NULL);
        lws_context_destroy(cx);
}
END_TEST

int main(void)
{
        const TTest *const each_loop[] = {
                timers_run_in_order_and_never_twice_in_a_turn,
                climbs_by_itself_to_operational,
                an_endpoint_may_destroy_the_context,
                an_adopted_descriptor_speaks_libwebsockets,
                the_last_thread_to_leave_frees,
                a_negative_timeout_does_not_sleep,
                a_timer_may_be_set_before_the_first_turn,
                a_notifier_may_destroy,
                an_adopted_descriptor_may_destroy,
                a_protocol_may_destroy_at_once,
                what_is_told_once_is_told_again_when_asked,
                a_descriptor_that_somebody_else_has_is_gone_all_the_same,
                what_a_callback_adds_is_told_of_when_it_is_over,
        };
        Suite *suite = suite_create("context");
        TCase *tc = tcase_create("context");
        SRunner *runner = srunner_create(suite);
        int failed;

        for (size_t i = 0; i < sizeof(each_loop) / sizeof(each_loop[0]); i++)
                tcase_add_loop_test(tc, each_loop[i], 0, 3);
        tcase_add_test(tc, a_bad_thread_number_is_refused);
        tcase_add_test(tc, a_portal_check_is_the_users);
        tcase_add_test(tc, logs_under_libwebsockets_names);
        suite_add_tcase(suite, tc);
        srunner_run_all(runner, CK_ENV);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
