/* SPDX-License-Identifier: MIT */
/* A context on the caller's libev loop. */
#include "core/context.h"
#include "lib/suite.h"
#include <ev.h>

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

TEST_MAIN("foreign-ev", a_foreign_libev_loop_is_left_as_it_was)
