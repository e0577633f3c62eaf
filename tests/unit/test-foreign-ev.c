/* SPDX-License-Identifier: MIT */
/* A context on the caller's libev loop. */
#include "core/context.h"
#include "lib/suite.h"
#include <ev.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

static int runs;

static void count(struct lws_context *cx, int tsi, void *opaque)
{
        runs++;
        if (opaque)
                lws_context_destroy(cx);
}

static void on_time(struct ev_loop *ev, ev_timer *w, int revents)
{
        (*(int *) w->data)++;
}

static void destroy_in_watcher(struct ev_loop *ev, ev_timer *w, int revents)
{
        lws_context_destroy(w->data);
}

START_TEST(a_foreign_libev_loop_is_left_as_it_was)
{
        struct lws_context_creation_info info;
        struct ev_loop *ev = ev_loop_new(EVFLAG_AUTO);
        struct lws_context *cx;
        void *loops[1] = { ev };
        ev_timer timer;
        int ticks = 0;

        lws_context_info_defaults(&info, NULL);
        info.options = LWS_SERVER_OPTION_LIBEV;
        info.foreign_loops = loops;
        info.pcontext = &cx;
        /* outside a callback, inside one, inside another watcher's */
        for (int where = 0; where < 3; where++) {
                runs = 0;
                cx = lws_create_context(&info);
                ck_assert_ptr_nonnull(cx);
                ck_assert_int_eq(lws_system_get_ops(cx)->attach(cx, 0, count,
                                         LWS_SYSTATE_OPERATIONAL, where == 1 ? &runs : NULL, NULL),
                        0);
                while (!runs)
                        ev_run(ev, EVRUN_ONCE);
                if (where == 2) {
                        ev_timer_init(&timer, destroy_in_watcher, 0, 0);
                        timer.data = cx;
                        ev_timer_start(ev, &timer);
                        ev_run(ev, 0);
                } else if (where == 0) {
                        lws_context_destroy(cx);
                }
                ck_assert_ptr_null(cx);
                /* no watcher is left: it returns at once */
                ck_assert_int_eq(ev_run(ev, 0), 0);
                ck_assert_uint_eq(ev_pending_count(ev), 0);
        }
        ev_timer_init(&timer, on_time, 0.001, 0);
        timer.data = &ticks;
        ev_timer_start(ev, &timer);
        ck_assert_int_eq(ev_run(ev, 0), 0);
        ck_assert_int_eq(ticks, 1);
        ev_loop_destroy(ev);
}
END_TEST

enum { THREADS = 3 };
static _Atomic bool ended;
static _Atomic int turning;

static int on_protocol(
        struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
        if (reason == LWS_CALLBACK_PROTOCOL_DESTROY)
                ended = true;
        return 0;
}

static void on_first(struct lws_context *cx, int tsi, void *opaque)
{
        turning++;
}

static void *turn(void *arg)
{
        while (!ended) {
                (void) ev_run(arg, EVRUN_NOWAIT);
                sched_yield();
        }
        ck_assert(!ev_run(arg, EVRUN_NOWAIT));
        ck_assert_uint_eq(ev_pending_count(arg), 0);
        return NULL;
}

/* Nothing of one thread's loop is touched from another: ThreadSanitizer looks on. */
START_TEST(each_thread_leaves_its_loop_by_itself)
{
        static const struct lws_protocols protocols[] = {
                { .name = "end", .callback = on_protocol }, LWS_PROTOCOL_LIST_TERM
        };
        struct lws_context_creation_info info;
        void *loops[THREADS];
        pthread_t id[THREADS];

        lws_context_info_defaults(&info, NULL);
        info.options = LWS_SERVER_OPTION_LIBEV;
        info.foreign_loops = loops;
        info.count_threads = THREADS;
        info.protocols = protocols;
        for (int round = 0; round < 200; round++) {
                struct lws_context *cx;

                ended = false;
                turning = 0;
                for (int t = 0; t < THREADS; t++)
                        loops[t] = ev_loop_new(EVFLAG_AUTO);
                cx = lws_create_context(&info);
                ck_assert_ptr_nonnull(cx);
                for (int t = 0; t < THREADS; t++) {
                        ck_assert_int_eq(lws_system_get_ops(cx)->attach(
                                                 cx, t, on_first, LWS_SYSTATE_UNKNOWN, NULL, NULL),
                                0);
                        ck_assert_int_eq(pthread_create(&id[t], NULL, turn, loops[t]), 0);
                }
                while (turning < THREADS)
                        sched_yield();
                lws_context_destroy(cx);
                for (int t = 0; t < THREADS; t++) {
                        pthread_join(id[t], NULL);
                        ev_loop_destroy(loops[t]);
                }
        }
}
END_TEST

TEST_MAIN(
        "foreign-ev", each_thread_leaves_its_loop_by_itself, a_foreign_libev_loop_is_left_as_it_was)
