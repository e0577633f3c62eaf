/* SPDX-License-Identifier: MIT */
/* libwebsockets' timers and clock: a thin face over core/timer. */
#include "core/context-private.h"

/* The caller's object holds our timer. */
_Static_assert(sizeof(Timer) <= sizeof(((lws_sorted_usec_list_t *) NULL)->timer_), "room");

static Timer *timer_of(lws_sorted_usec_list_t *sul)
{
        return (Timer *) (void *) sul->timer_;
}

static void on_timer(Timer *t, usec_t now)
{
        lws_sorted_usec_list_t *sul = container_of((void *) t, lws_sorted_usec_list_t, timer_);

        sul->cb(sul);
}

_public_ void lws_sul_schedule(
        struct lws_context *cx, int tsi, lws_sorted_usec_list_t *sul, sul_cb_t cb, lws_usec_t us)
{
        Thread *th = tsi >= 0 && tsi < cx->n_threads ? &cx->threads[tsi] : NULL;

        lws_sul_cancel(sul);
        /* it would not fire any more, and be in the heap of a thread that is gone */
        if (us == LWS_SET_TIMER_USEC_CANCEL || !th || context_is_destroying(cx))
                return;
        sul->cb = cb;
        sul->us = lws_now_usecs() + us;
        timer_init(timer_of(sul), th, on_timer);
        timer_set(timer_of(sul), us > 0 ? usec_add(clock_boottime_usec(), (usec_t) us) : 0);
}

_public_ void lws_sul_cancel(lws_sorted_usec_list_t *sul)
{
        timer_cancel(timer_of(sul));
}

_public_ lws_usec_t lws_now_usecs(void)
{
        return (lws_usec_t) clock_monotonic_usec();
}
