/* SPDX-License-Identifier: MIT */
/* Attachments with an end, and watches: each end comes once, whichever way it comes. */
#include "core/context-private.h"
#include "lib/suite.h"
#include "util/rng.h"
#include <sched.h>

static struct lws_context *make_with(unsigned threads, const lws_system_ops_t *ops)
{
        struct lws_context_creation_info info;
        struct lws_context *cx;

        lws_context_info_defaults(&info, NULL);
        info.count_threads = threads;
        info.system_ops = ops;
        cx = lws_create_context(&info);
        ck_assert_ptr_nonnull(cx);
        return cx;
}

static struct lws_context *make(unsigned threads)
{
        return make_with(threads, NULL);
}

/* What became of one attachment. */
typedef struct Fate Fate;
struct Fate {
        _Atomic int ran, destroyed;
        uint64_t handle, other;
        int cancelled; /* what lws_system_attach_cancel() said inside the callback */
};

static void on_run(struct lws_context *cx, int tsi, void *opaque)
{
        Fate *f = opaque;

        ck_assert_int_eq(f->destroyed, 0);
        f->ran++;
}

static void on_destroy(void *opaque)
{
        Fate *f = opaque;

        f->destroyed++;
}

static int ext(struct lws_context *cx, int tsi, int state, Fate *f, lws_usec_t deadline)
{
        *f = (Fate){ .cancelled = -1 };
        return lws_system_attach_ext(
                cx, tsi, on_run, (lws_system_states_t) state, f, on_destroy, deadline, &f->handle);
}

static void climb(struct lws_context *cx)
{
        while (ladder_state(context_ladder(cx)) != LWS_SYSTATE_OPERATIONAL)
                ck_assert_int_eq(lws_service(cx, 0), 0);
}

static Hold *hold_at(struct lws_context *cx, int state)
{
        Hold *hold;

        ck_assert_int_eq(hold_new(&hold, context_ladder(cx), state, HOLD_ENTRY, "test"), 0);
        hold_assert(hold, "test", 0, "test");
        return hold;
}

START_TEST(destroy_comes_once_whatever_happens)
{
        struct lws_context *cx = make(2);
        Fate run, cancelled, expired, gone, gone_untaken, never_serviced, refused;
        Hold *hold = hold_at(cx, LWS_SYSTATE_TIME_VALID);

        ck_assert_int_eq(ext(cx, 0, LWS_SYSTATE_DHCP, &run, 0), 0);
        ck_assert_int_eq(ext(cx, 0, LWS_SYSTATE_DHCP, &cancelled, 0), 0);
        ck_assert_int_eq(ext(cx, 0, LWS_SYSTATE_OPERATIONAL, &expired, lws_now_usecs() + 1000), 0);
        ck_assert_int_eq(ext(cx, 0, LWS_SYSTATE_OPERATIONAL, &gone, 0), 0);
        ck_assert_int_eq(ext(cx, 1, LWS_SYSTATE_UNKNOWN, &never_serviced, 0), 0);
        ck_assert_int_eq(ext(cx, 2, LWS_SYSTATE_UNKNOWN, &refused, 0), -EINVAL);
        ck_assert_int_eq(ext(cx, 0, LWS_SYSTATE_POLICY_INVALID, &refused, 0), -EINVAL);

        ck_assert_int_eq(lws_system_attach_cancel(cx, cancelled.handle), 1);
        ck_assert_int_eq(cancelled.destroyed, 1);
        ck_assert_int_eq(lws_system_attach_cancel(cx, cancelled.handle), 0);
        while (!run.ran || !expired.destroyed)
                ck_assert_int_eq(lws_service(cx, 0), 0);
        ck_assert_int_eq(run.destroyed, 1);
        ck_assert_int_eq(lws_system_attach_cancel(cx, run.handle), 0);
        ck_assert_int_eq(lws_system_attach_cancel(cx, expired.handle), 0);
        ck_assert_int_eq(lws_system_attach_cancel(cx, 0), 0);
        ck_assert_int_eq(lws_system_attach_cancel(cx, UINT64_MAX), 0);
        ck_assert_int_eq(ext(cx, 0, LWS_SYSTATE_DHCP, &gone_untaken, 0), 0);
        hold_free(hold);
        lws_context_destroy(cx);

        ck_assert_int_eq(run.ran, 1);
        ck_assert_int_eq(cancelled.ran + expired.ran + gone.ran + gone_untaken.ran, 0);
        ck_assert_int_eq(never_serviced.ran + refused.ran + refused.destroyed, 0);
        ck_assert_int_eq(run.destroyed, 1);
        ck_assert_int_eq(cancelled.destroyed, 1);
        ck_assert_int_eq(expired.destroyed, 1);
        ck_assert_int_eq(gone.destroyed, 1);
        ck_assert_int_eq(gone_untaken.destroyed, 1);
        ck_assert_int_eq(never_serviced.destroyed, 1);
}
END_TEST

/* -- The last callback there is ---------------------------------------------------------------- */

static Fate last_fate;
static int told_last;

static int on_protocol(
        struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
        struct lws_context *cx = lws_get_context(wsi);
        Fate late;

        if (reason != LWS_CALLBACK_PROTOCOL_DESTROY)
                return 0;
        ck_assert_int_eq(last_fate.destroyed, 1);
        ck_assert_int_eq(lws_system_attach_cancel(cx, last_fate.handle), 0);
        ck_assert_int_eq(ext(cx, 0, LWS_SYSTATE_UNKNOWN, &late, 0), -ESHUTDOWN);
        ck_assert_int_eq(
                lws_system_watch(cx, 0, LWS_SYSTATE_DHCP, on_run, NULL, NULL, NULL), -ESHUTDOWN);
        ck_assert_int_lt(lws_service(cx, 0), 0);
        lws_cancel_service(cx);
        told_last++;
        return 0;
}

START_TEST(what_cleans_up_last_may_still_ask)
{
        static const struct lws_protocols protocols[] = { { .name = "p", .callback = on_protocol },
                LWS_PROTOCOL_LIST_TERM };
        struct lws_context_creation_info info;
        struct lws_context *cx;

        lws_context_info_defaults(&info, NULL);
        info.protocols = protocols;
        told_last = 0;
        for (int turns = 0; turns < 2; turns++) {
                cx = lws_create_context(&info);
                ck_assert_int_eq(ext(cx, 0, LWS_SYSTATE_OPERATIONAL, &last_fate, 0), 0);
                if (turns > 0)
                        ck_assert_int_eq(lws_service(cx, 0), 0);
                lws_context_destroy(cx);
        }
        ck_assert_int_eq(told_last, 2);
}
END_TEST

static int attach_and_end(struct lws_context *cx, int tsi, lws_attach_cb_t cb,
        lws_system_states_t state, void *opaque, struct lws_attach_item **get)
{
        int r = __lws_system_attach(cx, tsi, cb, state, opaque, get);

        if (get && *get)
                lws_context_destroy(cx);
        return r;
}

/* What was handed out and may not run any more. */
START_TEST(destroy_comes_where_the_context_ends_in_a_take)
{
        lws_system_ops_t ops = { .attach = attach_and_end };
        struct lws_context *cx = make_with(1, &ops);
        Fate first, second;

        ck_assert_int_eq(ext(cx, 0, LWS_SYSTATE_UNKNOWN, &first, 0), 0);
        ck_assert_int_eq(ext(cx, 0, LWS_SYSTATE_UNKNOWN, &second, 0), 0);
        while (lws_service(cx, 0) == 0)
                ;
        ck_assert_int_eq(first.ran + second.ran, 0);
        ck_assert_int_eq(first.destroyed, 1);
        ck_assert_int_eq(second.destroyed, 1);
}
END_TEST

static void on_run_cancelling(struct lws_context *cx, int tsi, void *opaque)
{
        Fate *f = opaque;

        on_run(cx, tsi, opaque);
        ck_assert_int_eq(lws_system_attach_cancel(cx, f->handle), 0); /* itself */
        f->cancelled = lws_system_attach_cancel(cx, f->other);
}

START_TEST(a_callback_may_cancel)
{
        struct lws_context *cx = make(1);
        Fate a = { 0 }, b, c;

        ck_assert_int_eq(lws_system_attach_ext(cx, 0, on_run_cancelling, LWS_SYSTATE_OPERATIONAL,
                                 &a, on_destroy, 0, &a.handle),
                0);
        ck_assert_int_eq(ext(cx, 0, LWS_SYSTATE_OPERATIONAL, &b, 0), 0);
        ck_assert_int_eq(ext(cx, 0, LWS_SYSTATE_OPERATIONAL, &c, 0), 0);
        a.other = b.handle;
        while (!c.ran)
                ck_assert_int_eq(lws_service(cx, 0), 0);
        ck_assert_int_eq(a.cancelled, 1);
        ck_assert_int_eq(a.destroyed, 1);
        ck_assert_int_eq(b.ran, 0);
        ck_assert_int_eq(b.destroyed, 1);
        lws_context_destroy(cx);
}
END_TEST

/* -- Cancelling what runs ---------------------------------------------------------------------- */

static _Atomic int stage;

static void on_run_slowly(struct lws_context *cx, int tsi, void *opaque)
{
        stage = 1;
        while (stage != 2)
                sched_yield();
        for (int i = 0; i < 1000; i++)
                sched_yield();
        on_run(cx, tsi, opaque);
        stage = 3;
}

static void *serve(void *arg)
{
        while (lws_service(arg, 0) == 0)
                ;
        return NULL;
}

START_TEST(cancelling_waits_for_a_callback_that_runs)
{
        struct lws_context *cx = make(1);
        Fate f = { 0 };
        pthread_t id;

        stage = 0;
        ck_assert_int_eq(lws_system_attach_ext(cx, 0, on_run_slowly, LWS_SYSTATE_DHCP, &f,
                                 on_destroy, 0, &f.handle),
                0);
        ck_assert_int_eq(pthread_create(&id, NULL, serve, cx), 0);
        while (stage != 1)
                sched_yield();
        stage = 2;
        ck_assert_int_eq(lws_system_attach_cancel(cx, f.handle), 0);
        ck_assert_int_eq(stage, 3);
        ck_assert_int_eq(f.ran, 1);
        ck_assert_int_eq(f.destroyed, 1);
        lws_context_destroy(cx);
        pthread_join(id, NULL);
}
END_TEST

/* -- Deadlines --------------------------------------------------------------------------------- */

enum { MANY = 500 };
static Fate many[MANY];

START_TEST(deadlines_are_served_in_any_order_of_coming)
{
        struct lws_context *cx = make(1);
        Rng rng = rng_seeded(test_seed());
        Hold *hold = hold_at(cx, LWS_SYSTATE_OPERATIONAL);
        lws_usec_t now = lws_now_usecs();
        int left = 0;

        for (int i = 0; i < MANY; i++) {
                lws_usec_t deadline = now + (lws_usec_t) rng_range(&rng, 0, 20000);

                ck_assert_int_eq(ext(cx, 0, LWS_SYSTATE_OPERATIONAL, &many[i],
                                         i % 5 == 0 ? now + 3600 * LWS_US_PER_SEC : deadline),
                        0);
                left += i % 5 != 0;
        }
        for (int i = 0; i < MANY; i += 7) {
                left -= i % 5 != 0;
                ck_assert_int_eq(lws_system_attach_cancel(cx, many[i].handle), 1);
        }
        for (int expired = 0; expired < left;) {
                ck_assert_int_eq(lws_service(cx, 0), 0);
                expired = 0;
                for (int i = 0; i < MANY; i++)
                        expired += many[i].destroyed && i % 7 != 0;
        }
        hold_free(hold);
        climb(cx);
        for (int turns = 0; turns < 20; turns++) {
                lws_cancel_service(cx);
                ck_assert_int_eq(lws_service(cx, 0), 0);
        }
        for (int i = 0; i < MANY; i++) {
                ck_assert_int_eq(many[i].destroyed, 1);
                ck_assert_int_eq(many[i].ran, i % 5 == 0 && i % 7 != 0);
        }
        lws_context_destroy(cx);
}
END_TEST

START_TEST(churn_does_not_grow)
{
        struct lws_context *cx = make(1);
        Hold *hold = hold_at(cx, LWS_SYSTATE_OPERATIONAL);
        Thread *th = context_thread(cx, 0);
        Fate f;

        for (int i = 0; i < 200000; i++) {
                ck_assert_int_eq(
                        ext(cx, 0, LWS_SYSTATE_OPERATIONAL, &f, i % 2 ? lws_now_usecs() * 2 : 0),
                        0);
                ck_assert_int_eq(lws_system_attach_cancel(cx, f.handle), 1);
                ck_assert_int_eq(f.destroyed, 1);
                if (i % 100 == 99)
                        ck_assert_int_eq(lws_service(cx, 0), 0);
        }
        ck_assert_uint_lt(th->attach.slots.used, 10000);
        ck_assert_uint_lt(th->attach.fifos[LWS_SYSTATE_OPERATIONAL].n, 10000);
        hold_free(hold);
        lws_context_destroy(cx);
}
END_TEST

/* -- Watches ----------------------------------------------------------------------------------- */

typedef struct Story Story;
struct Story {
        int state;
        bool inside;
        _Atomic int entered, left;
        uint64_t handle;
        int end_after; /* cancels itself at that `left` */
};

static void on_entered(struct lws_context *cx, int tsi, void *opaque)
{
        Story *s = opaque;

        ck_assert(!s->inside);
        s->inside = true;
        s->entered++;
}

static void on_left(struct lws_context *cx, int tsi, void *opaque)
{
        Story *s = opaque;

        ck_assert(s->inside);
        s->inside = false;
        if (++s->left == s->end_after)
                ck_assert_int_eq(lws_system_attach_cancel(cx, s->handle), 1);
}

static void watch(struct lws_context *cx, int tsi, int state, Story *s)
{
        *s = (Story){ .state = state };
        ck_assert_int_eq(lws_system_watch(cx, tsi, (lws_system_states_t) state, on_entered, on_left,
                                 s, &s->handle),
                0);
}

static void settle(struct lws_context *cx)
{
        for (int i = 0; i < 5; i++) {
                lws_cancel_service(cx);
                ck_assert_int_eq(lws_service(cx, 0), 0);
        }
}

START_TEST(each_edge_is_told_once_in_order)
{
        struct lws_context *cx = make(1);
        lws_state_manager_t *mgr = lws_system_get_state_manager(cx);
        Story low, high, late, brief;

        watch(cx, 0, LWS_SYSTATE_DHCP, &low);
        watch(cx, 0, LWS_SYSTATE_OPERATIONAL, &high);
        watch(cx, 0, LWS_SYSTATE_OPERATIONAL, &brief);
        brief.end_after = 2;
        climb(cx);
        settle(cx);
        ck_assert_int_eq(low.entered, 1);
        ck_assert_int_eq(high.entered, 1);
        watch(cx, 0, LWS_SYSTATE_DHCP, &late);
        ck_assert_int_eq(late.entered, 0);
        settle(cx);
        ck_assert_int_eq(late.entered, 1);
        for (int i = 0; i < 3; i++) {
                /* down and up again before the loop turns: both are told */
                ck_assert_int_eq(lws_state_transition_steps(mgr, LWS_SYSTATE_AUTH1), 0);
                ck_assert_int_eq(lws_state_transition_steps(mgr, LWS_SYSTATE_OPERATIONAL), 0);
        }
        settle(cx);
        ck_assert_int_eq(low.entered, 1);
        ck_assert_int_eq(low.left, 0);
        ck_assert_int_eq(high.entered, 4);
        ck_assert_int_eq(high.left, 3);
        ck_assert_int_eq(brief.left, 2);
        ck_assert_int_eq(brief.entered, 2);
        ck_assert_int_eq(lws_system_attach_cancel(cx, brief.handle), 0);
        ck_assert_int_eq(lws_system_attach_cancel(cx, high.handle), 1);
        ck_assert_int_eq(lws_state_transition_steps(mgr, LWS_SYSTATE_INITIALIZED), 0);
        settle(cx);
        climb(cx);
        settle(cx);
        ck_assert_int_eq(high.left, 3);
        ck_assert_int_eq(low.left, 1);
        ck_assert_int_eq(low.entered, 2);
        ck_assert_int_eq(late.left, 1);
        ck_assert_int_eq(
                lws_system_watch(cx, 0, LWS_SYSTATE_DHCP, NULL, NULL, NULL, NULL), -EINVAL);
        lws_context_destroy(cx);
}
END_TEST

/* One watch, cancelled by its own callback. */
static void on_entered_once(struct lws_context *cx, int tsi, void *opaque)
{
        uint64_t *handle = opaque;

        ck_assert_int_eq(lws_system_attach_cancel(cx, *handle), 1);
        *handle = 0;
}

/* As many as a turn tells, so that its end and the end of the list are one. */
START_TEST(the_end_of_all_watches_leaves_nothing_to_the_next)
{
        enum { A_TURN = 1024, N = 2 * A_TURN };
        struct lws_context *cx = make(1);
        lws_state_manager_t *mgr = lws_system_get_state_manager(cx);
        static uint64_t once[N];
        Hold *hold;
        Story later;

        climb(cx);
        for (int i = 0; i < N; i++)
                ck_assert_int_eq(lws_system_watch(cx, 0, LWS_SYSTATE_AUTH1, on_entered_once, NULL,
                                         &once[i], &once[i]),
                        0);
        settle(cx);
        for (int i = 0; i < N; i++)
                ck_assert_uint_eq(once[i], 0);
        hold = hold_at(cx, LWS_SYSTATE_AUTH1);
        ck_assert_int_eq(lws_state_transition_steps(mgr, LWS_SYSTATE_DHCP), 0);
        watch(cx, 0, LWS_SYSTATE_AUTH1, &later);
        settle(cx);
        ck_assert_int_eq(later.entered, 0);
        hold_drop(hold);
        climb(cx);
        settle(cx);
        ck_assert_int_eq(later.entered, 1);
        hold_free(hold);
        lws_context_destroy(cx);
}
END_TEST

typedef struct Worker Worker;
struct Worker {
        struct lws_context *cx;
        Story story[4];
};

static void *work(void *arg)
{
        Worker *w = arg;

        while (lws_service(w->cx, 1) == 0)
                ;
        return NULL;
}

START_TEST(a_thread_that_lags_ends_at_the_true_level)
{
        struct lws_context *cx = make(2);
        lws_state_manager_t *mgr = lws_system_get_state_manager(cx);
        Worker w = { .cx = cx };
        Rng rng = rng_seeded(test_seed());
        pthread_t id;
        int level = 0;

        for (int i = 0; i < 4; i++)
                watch(cx, 1, LWS_SYSTATE_DHCP + 3 * i, &w.story[i]);
        climb(cx);
        ck_assert_int_eq(pthread_create(&id, NULL, work, &w), 0);
        for (int i = 0; i < 5000; i++) {
                level = (int) rng_range(&rng, LWS_SYSTATE_INITIALIZED, LWS_SYSTATE_OPERATIONAL);
                ck_assert_int_eq(lws_state_transition_steps(mgr, level), 0);
        }
        for (int i = 0; i < 4; i++) {
                Story *s = &w.story[i];

                while (s->entered - s->left != (level >= s->state))
                        sched_yield();
        }
        lws_context_destroy(cx);
        pthread_join(id, NULL);
}
END_TEST

TEST_MAIN("attach-ext", destroy_comes_once_whatever_happens,
        destroy_comes_where_the_context_ends_in_a_take, what_cleans_up_last_may_still_ask,
        a_callback_may_cancel, cancelling_waits_for_a_callback_that_runs,
        deadlines_are_served_in_any_order_of_coming, churn_does_not_grow,
        each_edge_is_told_once_in_order, the_end_of_all_watches_leaves_nothing_to_the_next,
        a_thread_that_lags_ends_at_the_true_level)
