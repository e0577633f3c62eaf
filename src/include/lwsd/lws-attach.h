/* SPDX-License-Identifier: MIT */
#ifndef LWSD_LWS_ATTACH_H
#define LWSD_LWS_ATTACH_H
/*
 * Attach: any thread asks for a callback on a service thread once a state holds.
 *
 *      lws_system_get_ops(cx)->attach(cx, 0, cb, LWS_SYSTATE_OPERATIONAL, opaque, NULL);
 *
 * The callback runs once, on thread `tsi`, outside any lock, when the state is entered or, where it
 * already holds, at the next turn of that thread's loop; never inside the call. Attachments of one
 * thread and state run in the order in which they were attached. When the ladder falls, what has
 * not run waits again. A callback may attach, cancel, change the state and destroy the context.
 */
#include <lwsd/lws-states.h>
#include <lwsd/lws-timer.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct lws_context;
struct lws_attach_item;

/* A function type, so that both `lws_attach_cb_t *cb` and `lws_attach_cb_t cb` work as parameters.
 */
typedef void lws_attach_cb_t(struct lws_context *cx, int tsi, void *opaque);

/* Captive portal detection: what was found last. */
typedef enum {
        LWS_CPD_UNKNOWN = 0,
        LWS_CPD_INTERNET_OK,
        LWS_CPD_CAPTIVE_PORTAL,
        LWS_CPD_NO_INTERNET,
} lws_cpd_result_t;

/*
 * What the system or the user's code does for the library, given at context creation and copied
 * there; what is not given is NULL, or built in.
 */
typedef struct lws_system_ops {
        /* Restarts the machine. 0, or nonzero. */
        int (*reboot)(void);
        /* Sets the wall clock, microseconds since 1970. 0, or nonzero. */
        int (*set_clock)(lws_usec_t us);
        /*
         * Never NULL in what lws_system_get_ops() returns; the built-in one takes no lock and may
         * be called from any thread. A replacement wraps __lws_system_attach() in any lock it
         * likes, and is called from any thread to queue (`get` NULL) and from service threads to
         * take (`get` set). Returns what __lws_system_attach() returned.
         */
        int (*attach)(struct lws_context *cx, int tsi, lws_attach_cb_t *cb,
                lws_system_states_t state, void *opaque, struct lws_attach_item **get);
        /* Starts a captive portal check, asked for by lws_system_cpd_start(); its result comes with
         * lws_system_cpd_set(). 0, or nonzero. */
        int (*captive_portal_detect_request)(struct lws_context *cx);
        void *reserved_[8]; /* NULL: room for members to come, so that the size stays */
} lws_system_ops_t;

/* The ops of a context, with the built-in attach where the user gave none. Never NULL, for a NULL
 * context neither. Any thread. */
const lws_system_ops_t *lws_system_get_ops(struct lws_context *cx);

/*
 * The helper a replacement .attach calls, under its lock.
 *
 * `get` NULL queues: 0, or nonzero and nothing is queued (tsi out of range, no cb, a state off the
 * ladder, no memory, the context goes away). `get` set takes: cb, state and opaque are ignored,
 * *get is the first item that is ready or NULL, and 0 is returned; nonzero from anyone but the
 * library's own call. The item belongs to the library.
 */
int __lws_system_attach(struct lws_context *cx, int tsi, lws_attach_cb_t *cb,
        lws_system_states_t state, void *opaque, struct lws_attach_item **get);

/*
 * Attach with an end: `destroy` (NULL for none) is called exactly once for `opaque`, whatever
 * happens: after the callback ran, in lws_system_attach_cancel() that won, when the deadline passed
 * before the state was reached, when the context is gone; but not when this call fails. It is
 * called with no lock held, on thread `tsi` except for cancel (the canceller) and for a thread that
 * was never serviced (whoever frees the context).
 *
 * `deadline` is absolute, as lws_now_usecs() (CLOCK_MONOTONIC, microseconds); 0 for none. One that
 * has passed already drops the item at the next turn. `handle` may be NULL. Any thread; takes no
 * lock, the user's neither. 0, or a negative errno: -EINVAL (tsi, cb, state), -ENOMEM, -ESHUTDOWN.
 */
int lws_system_attach_ext(struct lws_context *cx, int tsi, lws_attach_cb_t *cb,
        lws_system_states_t state, void *opaque, void (*destroy)(void *opaque), lws_usec_t deadline,
        uint64_t *handle);

/*
 * Ends an attachment or a watch. From any thread but not once the context may be gone; takes no
 * lock that the user's .attach takes.
 *
 * 1: it will never run (again); `destroy` was called before this returned. 0: it has run, was
 * dropped, or the handle names nothing any more. Where the callback is running on another thread,
 * this waits until it has returned, so do not hold what it needs; inside that callback it returns
 * at once (0 for an attachment, 1 for a watch, whose callbacks end with this one).
 */
int lws_system_attach_cancel(struct lws_context *cx, uint64_t handle);

/*
 * Tells of a state for as long as the context lives: `entered` each time it begins to hold, and at
 * the next turn where it holds now; `left` each time it ends. Either may be NULL. Both run on
 * thread `tsi`, in order, alternating, beginning with `entered`. Ended by
 * lws_system_attach_cancel(); does not call `left` then. 0, or a negative errno as above.
 */
int lws_system_watch(struct lws_context *cx, int tsi, lws_system_states_t state,
        lws_attach_cb_t *entered, lws_attach_cb_t *left, void *opaque, uint64_t *handle);

/* Asks for a check: forgets what is known and calls captive_portal_detect_request(). What that
 * returned, or nonzero where the user gave none. Thread 0. */
int lws_system_cpd_start(struct lws_context *cx);
/* What is known about captive portals; set by whoever checked. Thread 0 sets, any thread gets. */
void lws_system_cpd_set(struct lws_context *cx, lws_cpd_result_t result);
lws_cpd_result_t lws_system_cpd_state_get(struct lws_context *cx);

/* The state manager, for notifiers and transitions; it lives as long as the context. */
struct lws_state_manager *lws_system_get_state_manager(struct lws_context *cx);
/* And back. */
struct lws_context *lws_system_context_from_system_mgr(struct lws_state_manager *mgr);

#ifdef __cplusplus
}
#endif
#endif
