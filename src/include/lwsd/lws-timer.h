/* SPDX-License-Identifier: MIT */
#ifndef LWSD_LWS_TIMER_H
#define LWSD_LWS_TIMER_H
/* Time and timers, with libwebsockets' names. Times are microseconds. */
#include <lwsd/lws-state.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef int64_t lws_usec_t;

#define LWS_US_PER_SEC ((lws_usec_t) 1000000)
#define LWS_MS_PER_SEC ((lws_usec_t) 1000)
#define LWS_US_PER_MS  ((lws_usec_t) 1000)
#define LWS_NS_PER_US  ((lws_usec_t) 1000)

#define LWS_USEC_PER_SEC          LWS_US_PER_SEC
#define LWS_SET_TIMER_USEC_CANCEL ((lws_usec_t) -1)

struct lws_context;
struct lws_sorted_usec_list;
typedef void (*sul_cb_t)(struct lws_sorted_usec_list *sul);

/* A timer inside the caller's object. Zero it before first use; the members are the library's. */
typedef struct lws_sorted_usec_list {
        struct lws_dll2 list;
        lws_usec_t us; /* when it fires, as lws_now_usecs() */
        sul_cb_t cb;
        uint32_t latency_us;
        uint64_t timer_[8];
} lws_sorted_usec_list_t;

/* Microseconds of CLOCK_MONOTONIC. */
lws_usec_t lws_now_usecs(void);

/*
 * Calls `cb` once, `us` microseconds from now, on thread `tsi`, never inside this call; a timer
 * that is set already moves. LWS_SET_TIMER_USEC_CANCEL cancels. The time goes on in suspend: a
 * timer that became due there fires at once. Only from thread `tsi`, or before that has been
 * serviced. The object must stay until the timer has fired or is cancelled; the callback may free
 * it.
 */
void lws_sul_schedule(
        struct lws_context *cx, int tsi, lws_sorted_usec_list_t *sul, sul_cb_t cb, lws_usec_t us);
/* After this the callback does not come. Harmless for a timer that is not set. Same thread. */
void lws_sul_cancel(lws_sorted_usec_list_t *sul);

#ifdef __cplusplus
}
#endif
#endif
