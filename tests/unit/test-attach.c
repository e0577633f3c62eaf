/* SPDX-License-Identifier: MIT */
/* Attach: order, states, threads, the user's locking, and what breaks the contract. */
#include "core/context.h"
#include "core/timer.h"
#include "core/wsi.h"
#include "lib/suite.h"
#include "loop/loop.h"
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

static const uint64_t loop_options[] = { 0, LWS_SERVER_OPTION_SDEVENT, LWS_SERVER_OPTION_LIBEV };

static struct lws_context *make(uint64_t options, unsigned threads, const lws_system_ops_t *ops)
{
        struct lws_context_creation_info info;
        struct lws_context *cx;

        lws_context_info_defaults(&info, NULL);
        info.options = options == LWS_SERVER_OPTION_LIBEV && !loop_libev ? 0 : options;
        info.count_threads = threads;
        info.system_ops = ops;
        cx = lws_create_context(&info);
        ck_assert_ptr_nonnull(cx);
        return cx;
}

static int attach(struct lws_context *cx, int tsi, lws_attach_cb_t *cb, int state, void *opaque)
{
        return lws_system_get_ops(cx)->attach(
                cx, tsi, cb, (lws_system_states_t) state, opaque, NULL);
}

enum { SEEN_MAX = 4096 };
static uintptr_t seen[SEEN_MAX];
static unsigned n_seen;
static bool inside_attach;

static void note(struct lws_context *cx, int tsi, void *opaque)
{
        ck_assert(!inside_attach);
        if (n_seen < SEEN_MAX)
                seen[n_seen] = (uintptr_t) opaque;
        n_seen++;
}

static void note_and_again(struct lws_context *cx, int tsi, void *opaque)
{
        note(cx, tsi, opaque);
        inside_attach = true;
        ck_assert_int_eq(attach(cx, tsi, note, LWS_SYSTATE_UNKNOWN, (void *) 77), 0);
        inside_attach = false;
}

static void run_until(struct lws_context *cx, unsigned n)
{
        while (n_seen < n)
                ck_assert_int_eq(lws_service(cx, 0), 0);
        ck_assert_uint_eq(n_seen, n);
}

START_TEST(runs_first_in_first_out_once_the_state_holds)
{
        struct lws_context *cx = make(loop_options[_i], 1, NULL);
        enum { N = 2500 };

        n_seen = 0;
        for (uintptr_t i = 0; i < N; i++)
                ck_assert_int_eq(attach(cx, 0, note, LWS_SYSTATE_OPERATIONAL, (void *) i), 0);
        ck_assert_uint_eq(n_seen, 0);
        run_until(cx, N);
        for (uintptr_t i = 0; i < N; i++)
                ck_assert_uint_eq(seen[i], i);
        ck_assert_int_eq(ladder_state(context_ladder(cx)), LWS_SYSTATE_OPERATIONAL);
        /* the state holds: at the next turn, not inside */
        inside_attach = true;
        ck_assert_int_eq(attach(cx, 0, note_and_again, LWS_SYSTATE_DHCP, (void *) 5), 0);
        inside_attach = false;
        run_until(cx, N + 2);
        ck_assert_uint_eq(seen[N], 5);
        ck_assert_uint_eq(seen[N + 1], 77);
        lws_context_destroy(cx);
}
END_TEST

START_TEST(waits_again_when_the_ladder_has_fallen)
{
        struct lws_context *cx = make(loop_options[_i], 1, NULL);
        lws_state_manager_t *mgr = lws_system_get_state_manager(cx);
        Hold *hold;

        n_seen = 0;
        ck_assert_int_eq(
                hold_new(&hold, context_ladder(cx), LWS_SYSTATE_TIME_VALID, HOLD_ENTRY, "test"), 0);
        hold_assert(hold, "test", 0, "test");
        ck_assert_int_eq(attach(cx, 0, note, LWS_SYSTATE_DHCP, (void *) 1), 0);
        ck_assert_int_eq(attach(cx, 0, note, LWS_SYSTATE_TIME_VALID, (void *) 2), 0);
        run_until(cx, 1);
        ck_assert_uint_eq(seen[0], 1);
        ck_assert_int_eq(lws_state_transition_steps(mgr, LWS_SYSTATE_INITIALIZED), 0);
        ck_assert_int_eq(attach(cx, 0, note, LWS_SYSTATE_DHCP, (void *) 3), 0);
        hold_drop(hold);
        run_until(cx, 3);
        /* in which order two states' items run is promised to nobody */
        ck_assert_uint_eq(seen[1] + seen[2], 5);
        ck_assert(seen[1] == 2 || seen[1] == 3);
        hold_free(hold);
        lws_context_destroy(cx);
}
END_TEST

static void invalidate(struct lws_context *cx, int tsi, void *opaque)
{
        note(cx, tsi, opaque);
        ck_assert_int_eq(
                lws_state_transition(lws_system_get_state_manager(cx), LWS_SYSTATE_POLICY_INVALID),
                0);
}

START_TEST(what_needs_a_policy_waits_while_that_is_changed)
{
        struct lws_context *cx = make(loop_options[_i], 1, NULL);
        lws_state_manager_t *mgr = lws_system_get_state_manager(cx);

        n_seen = 0;
        ck_assert_int_eq(attach(cx, 0, invalidate, LWS_SYSTATE_OPERATIONAL, (void *) 1), 0);
        ck_assert_int_eq(attach(cx, 0, note, LWS_SYSTATE_OPERATIONAL, (void *) 2), 0);
        run_until(cx, 1);
        ck_assert_int_eq(attach(cx, 0, note, LWS_SYSTATE_POLICY_VALID, (void *) 3), 0);
        for (uintptr_t i = 0; i < 20; i++) {
                ck_assert_int_eq(attach(cx, 0, note, LWS_SYSTATE_CPD_POST_TIME, (void *) 4), 0);
                run_until(cx, 2 + (unsigned) i);
                ck_assert_uint_eq(seen[n_seen - 1], 4);
                ck_assert_int_eq(mgr->state, LWS_SYSTATE_POLICY_INVALID);
        }
        ck_assert_int_eq(lws_state_transition(mgr, LWS_SYSTATE_POLICY_VALID), 0);
        run_until(cx, 23);
        ck_assert_uint_eq(seen[21] + seen[22], 5);
        lws_context_destroy(cx);
}
END_TEST

START_TEST(bad_arguments_are_refused)
{
        struct lws_context *cx = make(0, 2, NULL);
        struct lws_attach_item *get = (void *) cx;

        n_seen = 0;
        ck_assert_int_ne(attach(cx, 2, note, LWS_SYSTATE_DHCP, NULL), 0);
        ck_assert_int_ne(attach(cx, -1, note, LWS_SYSTATE_DHCP, NULL), 0);
        ck_assert_int_ne(attach(cx, 0, NULL, LWS_SYSTATE_DHCP, NULL), 0);
        ck_assert_int_ne(attach(cx, 0, note, LWS_SYSTATE_POLICY_INVALID, NULL), 0);
        ck_assert_int_ne(attach(cx, 0, note, LWS_SYSTATE_CONTEXT_DESTROYING, NULL), 0);
        ck_assert_int_ne(attach(cx, 0, note, 1000, NULL), 0);
        ck_assert_int_ne(attach(cx, 0, note, -1, NULL), 0);
        /* taking is the library's */
        ck_assert_int_ne(__lws_system_attach(cx, 0, NULL, LWS_SYSTATE_DHCP, NULL, &get), 0);
        ck_assert_int_ne(__lws_system_attach(cx, 9, NULL, LWS_SYSTATE_DHCP, NULL, &get), 0);
        ck_assert_ptr_eq(get, (void *) cx);
        ck_assert_ptr_nonnull(lws_system_get_ops(NULL));
        ck_assert_ptr_nonnull(lws_system_get_ops(cx)->attach);
        /* no context at all */
        ck_assert_int_ne(__lws_system_attach(NULL, 0, note, LWS_SYSTATE_DHCP, NULL, NULL), 0);
        ck_assert_int_ne(__lws_system_attach(NULL, 0, NULL, LWS_SYSTATE_DHCP, NULL, &get), 0);
        ck_assert_int_eq(lws_system_attach_cancel(NULL, 1), 0);
        ck_assert_int_ne(lws_service(NULL, 0), 0);
        lws_cancel_service(NULL);
        lws_context_destroy(cx);
        ck_assert_uint_eq(n_seen, 0);
}
END_TEST

static void destroy_and_ask(struct lws_context *cx, int tsi, void *opaque)
{
        lws_context_destroy(cx);
        n_seen++;
        ck_assert_int_ne(attach(cx, 0, note, LWS_SYSTATE_UNKNOWN, NULL), 0);
        lws_context_destroy(cx); /* said in the log, and no more than that */
        ck_assert_int_ne(lws_service(cx, 0), 0);
}

START_TEST(what_goes_takes_nothing_more)
{
        struct lws_context *cx = make(loop_options[_i], 1, NULL);

        n_seen = 0;
        ck_assert_int_eq(attach(cx, 0, destroy_and_ask, LWS_SYSTATE_UNKNOWN, NULL), 0);
        ck_assert_int_eq(attach(cx, 0, note, LWS_SYSTATE_UNKNOWN, NULL), 0);
        /* as loops for libwebsockets are written: the end is negative, not just nonzero */
        while (lws_service(cx, 0) >= 0)
                ;
        ck_assert_uint_eq(n_seen, 1);
}
END_TEST

/* -- The user's lock --------------------------------------------------------------------------- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned takes;
static enum { WELL, NOT_CALLED, NONZERO, TWICE } behave;

static int locked_attach(struct lws_context *cx, int tsi, lws_attach_cb_t cb,
        lws_system_states_t state, void *opaque, struct lws_attach_item **get)
{
        int r = 0;

        if (get) {
                takes++;
                if (behave == NOT_CALLED)
                        return 0;
        }
        pthread_mutex_lock(&lock);
        r = __lws_system_attach(cx, tsi, cb, state, opaque, get);
        if (get && behave == TWICE)
                ck_assert_int_ne(__lws_system_attach(cx, tsi, cb, state, opaque, get), 0);
        pthread_mutex_unlock(&lock);
        return get && behave == NONZERO ? 1 : r;
}

static void note_unlocked(struct lws_context *cx, int tsi, void *opaque)
{
        ck_assert_int_eq(pthread_mutex_trylock(&lock), 0);
        pthread_mutex_unlock(&lock);
        note_and_again(cx, tsi, opaque);
}

START_TEST(the_users_lock_is_taken_and_free_in_callbacks)
{
        lws_system_ops_t ops = { .attach = locked_attach };
        struct lws_context *cx = make(loop_options[_i], 1, &ops);

        n_seen = takes = 0;
        behave = WELL;
        for (uintptr_t i = 0; i < 1000; i++)
                ck_assert_int_eq(
                        attach(cx, 0, note_unlocked, LWS_SYSTATE_OPERATIONAL, (void *) i), 0);
        run_until(cx, 2000);
        ck_assert_uint_gt(takes, 0);
        ck_assert_uint_lt(takes, 100);
        lws_context_destroy(cx);
}
END_TEST

static pthread_spinlock_t spin;

static int spinning_attach(struct lws_context *cx, int tsi, lws_attach_cb_t cb,
        lws_system_states_t state, void *opaque, struct lws_attach_item **get)
{
        int r;

        pthread_spin_lock(&spin);
        r = __lws_system_attach(cx, tsi, cb, state, opaque, get);
        pthread_spin_unlock(&spin);
        return r;
}

static void *ask_for_many(void *cx)
{
        for (int i = 0; i < 5000; i++)
                ck_assert_int_eq(attach(cx, 0, note, LWS_SYSTATE_DHCP, NULL), 0);
        return NULL;
}

/* Two threads post and one takes, under a lock that is held by whoever asks anyway (recursive), or
 * that never sleeps. */
START_TEST(any_lock_will_do)
{
        lws_system_ops_t ops = { .attach = _i % 2 ? spinning_attach : locked_attach };
        struct lws_context *cx = make(loop_options[_i / 2], 1, &ops);
        pthread_mutexattr_t recursive;
        pthread_t id[2];

        n_seen = 0;
        behave = WELL;
        pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE);
        pthread_mutexattr_init(&recursive);
        pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
        pthread_mutex_init(&lock, &recursive);
        for (int t = 0; t < 2; t++)
                ck_assert_int_eq(pthread_create(&id[t], NULL, ask_for_many, cx), 0);
        pthread_mutex_lock(&lock);
        ck_assert_int_eq(attach(cx, 0, note_and_again, LWS_SYSTATE_DHCP, NULL), 0);
        pthread_mutex_unlock(&lock);
        run_until(cx, 10002);
        for (int t = 0; t < 2; t++)
                pthread_join(id[t], NULL);
        lws_context_destroy(cx);
}
END_TEST

static unsigned n_lines;

static void count_lines(int level, const char *line)
{
        n_lines += level == LLL_ERR;
}

/* Neither from outside, nor inside a callback, nor twice in one take. */
static void take_in_callback(struct lws_context *cx, int tsi, void *opaque)
{
        struct lws_attach_item *get = opaque;

        ck_assert_int_ne(
                lws_system_get_ops(cx)->attach(cx, tsi, NULL, LWS_SYSTATE_DHCP, NULL, &get), 0);
        ck_assert_ptr_eq(get, opaque);
        ck_assert_int_ne(lws_service(cx, tsi), 0);
        note(cx, tsi, opaque);
}

START_TEST(each_breach_is_refused_and_said)
{
        lws_system_ops_t ops = { .attach = locked_attach };
        struct lws_context *cx = make(loop_options[_i], 1, &ops);

        lws_set_log_level(LLL_ERR, count_lines);
        n_lines = n_seen = 0;
        behave = TWICE;
        ck_assert_int_eq(attach(cx, 0, note, LWS_SYSTATE_UNKNOWN, NULL), 0);
        run_until(cx, 1);
        ck_assert_uint_ge(n_lines, 1);
        behave = WELL;
        n_lines = 0;
        ck_assert_int_eq(attach(cx, 0, take_in_callback, LWS_SYSTATE_UNKNOWN, cx), 0);
        run_until(cx, 2);
        ck_assert_uint_eq(n_lines, 2);
        ck_assert_int_ne(attach(cx, 1, note, LWS_SYSTATE_UNKNOWN, NULL), 0);
        ck_assert_int_ne(attach(cx, 0, NULL, LWS_SYSTATE_UNKNOWN, NULL), 0);
        ck_assert_int_ne(attach(cx, 0, note, LWS_SYSTATE_POLICY_INVALID, NULL), 0);
        ck_assert_uint_eq(n_lines, 5);
        lws_set_log_level(LLL_ERR, NULL);
        lws_context_destroy(cx);
}
END_TEST

START_TEST(a_broken_attach_loses_nothing)
{
        lws_system_ops_t ops = { .attach = locked_attach };
        struct lws_context *cx = make(loop_options[_i], 1, &ops);
        usec_t start = clock_boottime_usec();

        n_seen = takes = 0;
        behave = NOT_CALLED;
        ck_assert_int_eq(attach(cx, 0, note, LWS_SYSTATE_UNKNOWN, (void *) 1), 0);
        while (clock_boottime_usec() < start + 50000)
                ck_assert_int_eq(lws_service(cx, 0), 0);
        ck_assert_uint_eq(n_seen, 0);
        ck_assert_uint_lt(takes, 10);
        behave = NONZERO;
        run_until(cx, 1);
        behave = WELL;
        ck_assert_int_eq(attach(cx, 0, note, LWS_SYSTATE_UNKNOWN, (void *) 2), 0);
        run_until(cx, 2);
        lws_context_destroy(cx);
}
END_TEST

/* -- Bounded batches --------------------------------------------------------------------------- */

static unsigned at_tick;

static void on_tick(Timer *t, usec_t now)
{
        if (at_tick == 0)
                at_tick = n_seen;
}

static void note_and_tick(struct lws_context *cx, int tsi, void *opaque)
{
        if (n_seen == 0)
                timer_set(opaque, 0);
        n_seen++;
}

START_TEST(timers_run_between_the_batches_of_a_burst)
{
        struct lws_context *cx = make(loop_options[_i], 1, NULL);
        Timer tick;

        timer_init(&tick, context_thread(cx, 0), on_tick);
        n_seen = at_tick = 0;
        for (unsigned i = 0; i < 100000; i++)
                ck_assert_int_eq(attach(cx, 0, note_and_tick, LWS_SYSTATE_OPERATIONAL, &tick), 0);
        run_until(cx, 100000);
        ck_assert_uint_gt(at_tick, 0);
        ck_assert_uint_le(at_tick, 1024);
        lws_context_destroy(cx);
}
END_TEST

enum { SLOW = 40 };

static void take_a_while(struct lws_context *cx, int tsi, void *opaque)
{
        usec_t start = clock_boottime_usec();

        while (clock_boottime_usec() < start + 600)
                ;
        n_seen++;
}

/* What waited, and what comes for a state that holds. */
START_TEST(a_turn_ends_soon_where_callbacks_are_slow)
{
        struct lws_context *cx = make(loop_options[_i], 1, NULL);

        n_seen = 0;
        for (unsigned i = 0; i < SLOW; i++)
                ck_assert_int_eq(attach(cx, 0, take_a_while, LWS_SYSTATE_OPERATIONAL, NULL), 0);
        for (unsigned i = 0; i < SLOW; i++)
                ck_assert_int_eq(attach(cx, 0, take_a_while, LWS_SYSTATE_UNKNOWN, NULL), 0);
        while (n_seen < 2 * SLOW) {
                unsigned before = n_seen;

                ck_assert_int_eq(lws_service(cx, 0), 0);
                ck_assert_uint_le(n_seen - before, 4);
        }
        lws_context_destroy(cx);
}
END_TEST

static bool was_read;

static void on_readable(struct lws *wsi, uint32_t revents)
{
        was_read = true;
        wsi_free(wsi);
}

static void ask_again_until_read(struct lws_context *cx, int tsi, void *opaque)
{
        n_seen++;
        if (!was_read)
                ck_assert_int_eq(
                        attach(cx, 0, ask_again_until_read, LWS_SYSTATE_UNKNOWN, opaque), 0);
}

/* One after the other, each asked for by the last: the loop is never done. */
START_TEST(a_socket_is_served_while_posts_never_end)
{
        struct lws_context *cx = make(loop_options[_i], 1, NULL);
        struct lws *wsi;
        int fds[2];

        n_seen = 0;
        was_read = false;
        ck_assert_int_eq(pipe(fds), 0);
        ck_assert_int_eq(wsi_new(&wsi, lws_get_vhost_by_name(cx, "default"), context_thread(cx, 0),
                                 fds[0], EPOLLIN, on_readable, NULL),
                0);
        ck_assert_int_eq(attach(cx, 0, ask_again_until_read, LWS_SYSTATE_UNKNOWN, NULL), 0);
        while (n_seen < 100)
                ck_assert_int_eq(lws_service(cx, 0), 0);
        ck_assert_int_eq(write(fds[1], "x", 1), 1);
        while (!was_read)
                ck_assert_int_eq(lws_service(cx, 0), 0);
        ck_assert_uint_lt(n_seen, 200);
        lws_context_destroy(cx);
        close(fds[1]);
}
END_TEST

/* -- Threads ----------------------------------------------------------------------------------- */

enum { THREADS = LWS_MAX_SMP, EACH = 100, ALONE = 500 };
static struct lws_context *shared;
static _Atomic unsigned ran[THREADS];
static __thread int my_tsi;

static void on_thread(struct lws_context *cx, int tsi, void *opaque)
{
        ck_assert_int_eq(tsi, my_tsi);
        ck_assert_int_eq(tsi, (int) (intptr_t) opaque);
        if (++ran[tsi] == EACH && tsi == 5)
                lws_context_destroy(cx);
}

static _Atomic unsigned turns[THREADS];

static void *serve(void *arg)
{
        my_tsi = (int) (intptr_t) arg;
        while (lws_service(shared, my_tsi) == 0)
                turns[my_tsi]++;
        return NULL;
}

START_TEST(an_attach_reaches_its_thread_and_any_may_destroy)
{
        pthread_t id[THREADS];

        shared = make(loop_options[_i], THREADS, NULL);
        for (int t = 0; t < THREADS; t++)
                ran[t] = 0;
        /* thread 5, which ends it, gets its own last */
        for (unsigned n = 0; n < EACH; n++)
                for (intptr_t t = 0; t < THREADS; t++)
                        ck_assert_int_eq(attach(shared, (int) t, on_thread,
                                                 t == 5 ? LWS_SYSTATE_UNKNOWN : LWS_SYSTATE_DHCP,
                                                 (void *) t),
                                0);
        for (intptr_t t = 0; t < THREADS; t++)
                if (t != 5)
                        ck_assert_int_eq(pthread_create(&id[t], NULL, serve, (void *) t), 0);
        for (int t = 0; t < THREADS; t++)
                while (t != 5 && ran[t] < EACH)
                        sched_yield();
        ck_assert_int_eq(pthread_create(&id[5], NULL, serve, (void *) 5), 0);
        for (int t = 0; t < THREADS; t++)
                pthread_join(id[t], NULL);
        for (int t = 0; t < THREADS; t++)
                ck_assert_uint_eq(ran[t], EACH);
}
END_TEST

static unsigned turns_but_of(int tsi)
{
        unsigned n = 0;

        for (int t = 0; t < THREADS; t++)
                n += t == tsi ? 0 : turns[t];
        return n;
}

static void count_on_thread(struct lws_context *cx, int tsi, void *opaque)
{
        ran[tsi]++;
}

START_TEST(a_wake_up_wakes_no_other_thread)
{
        pthread_t id[THREADS];
        unsigned before;

        shared = make(loop_options[_i], THREADS, NULL);
        for (intptr_t t = 0; t < THREADS; t++) {
                ran[t] = 0;
                ck_assert_int_eq(pthread_create(&id[t], NULL, serve, (void *) t), 0);
        }
        /* once the top is reached, and once more: then all but sleep */
        for (unsigned n = 1; n <= 2; n++)
                for (int t = 0; t < THREADS; t++) {
                        ck_assert_int_eq(
                                attach(shared, t, count_on_thread, LWS_SYSTATE_OPERATIONAL, NULL),
                                0);
                        while (ran[t] < n)
                                sched_yield();
                }
        before = turns_but_of(7);
        for (unsigned n = 1; n <= ALONE; n++) {
                ck_assert_int_eq(attach(shared, 7, count_on_thread, LWS_SYSTATE_DHCP, NULL), 0);
                while (ran[7] < 2 + n)
                        sched_yield();
        }
        ck_assert_uint_lt(turns_but_of(7) - before, ALONE);
        lws_context_destroy(shared);
        for (int t = 0; t < THREADS; t++)
                pthread_join(id[t], NULL);
}
END_TEST

int main(void)
{
        const TTest *const each_loop[] = {
                runs_first_in_first_out_once_the_state_holds,
                waits_again_when_the_ladder_has_fallen,
                what_needs_a_policy_waits_while_that_is_changed,
                the_users_lock_is_taken_and_free_in_callbacks,
                a_broken_attach_loses_nothing,
                each_breach_is_refused_and_said,
                what_goes_takes_nothing_more,
                a_socket_is_served_while_posts_never_end,
                timers_run_between_the_batches_of_a_burst,
                a_turn_ends_soon_where_callbacks_are_slow,
                an_attach_reaches_its_thread_and_any_may_destroy,
                a_wake_up_wakes_no_other_thread,
        };
        Suite *suite = suite_create("attach");
        TCase *tc = tcase_create("attach");
        SRunner *runner = srunner_create(suite);
        int failed;

        for (size_t i = 0; i < sizeof(each_loop) / sizeof(each_loop[0]); i++)
                tcase_add_loop_test(tc, each_loop[i], 0, 3);
        tcase_add_loop_test(tc, any_lock_will_do, 0, 6);
        tcase_add_test(tc, bad_arguments_are_refused);
        tcase_set_timeout(tc, 120);
        suite_add_tcase(suite, tc);
        srunner_run_all(runner, CK_ENV);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
