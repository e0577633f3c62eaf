/* SPDX-License-Identifier: MIT */
#ifndef LWSD_LWS_CONTEXT_H
#define LWSD_LWS_CONTEXT_H
/*
 * The context: one ladder of system states, up to LWS_MAX_SMP service threads, vhosts.
 *
 * Service threads are the caller's: the first lws_service(cx, tsi) makes the loop of `tsi` in the
 * calling thread (that of thread 0 is made with the context, since the library's own sockets live
 * there). One thread at a time may service a tsi.
 */
#include <lwsd/lws-attach.h>
#include <lwsd/lws-state.h>
#include <lwsd/lws-wsi.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LWS_MAX_SMP 64

/* info.port: this library listens on nothing; 0 is accepted too. */
#define CONTEXT_PORT_NO_LISTEN        -1
#define CONTEXT_PORT_NO_LISTEN_SERVER -2

/* info.options, values as in libwebsockets. With none of the loop options a context has a loop of
 * its own on epoll, which can also be driven through a descriptor. */
#define LWS_SERVER_OPTION_LIBEV              (1ll << 4)
#define LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT (1ll << 12) /* TLS is set up at first use */
#define LWS_SERVER_OPTION_SDEVENT            (1ll << 37)

/* Zero it, or call lws_context_info_defaults(): what is not set is 0, and members that come take
 * the place of reserved ones. */
struct lws_context_creation_info {
        const struct lws_protocols *protocols; /* of vhost "default"; NULL for none */
        int port;
        uint64_t options;
        void *user;                       /* lws_context_user() */
        unsigned int count_threads;       /* service threads; 0 is 1 */
        unsigned int fd_limit_per_thread; /* adopted descriptors per thread; 0: no limit */
        const char *vhost_name;           /* instead of "default"; copied */
        /*
         * count_threads loops of the caller's, sd_event or struct ev_loop as the options say; a
         * NULL one is made by the library. They must not be running in another thread during
         * creation. The context is then serviced whenever the caller runs them.
         */
        void **foreign_loops;
        struct lws_context **pcontext;      /* where to store NULL when the context is gone */
        const lws_system_ops_t *system_ops; /* copied */
        /* NULL-terminated; registered before the first change of state */
        lws_state_notify_link_t *const *register_notifier_list;
        void *reserved_[8];
};

/* Zeroes `info`, with port CONTEXT_PORT_NO_LISTEN. */
void lws_context_info_defaults(struct lws_context_creation_info *info, const char *sspol);

/* Makes a context, or logs why not and returns NULL; NULL also where a protocol ended it when told
 * LWS_CALLBACK_PROTOCOL_INIT. It begins to climb the ladder with the first turn of thread 0's
 * loop. */
struct lws_context *lws_create_context(const struct lws_context_creation_info *info);

/*
 * Ends a context, from any thread or callback, once. Every lws_service() of it returns negative
 * from now on; the context is freed when each thread that has serviced it has seen that, has ended,
 * or is the one that calls this outside any callback. Until then thread 0 tells
 * LWS_SYSTATE_CONTEXT_DESTROYING, and what is attached and has not run is destroyed unrun. A
 * foreign loop is left as it was found: in this call where it belongs to the calling thread
 * (inside a callback of that loop, when the callback returns), else in its own thread's next turn.
 * NULL is fine.
 */
void lws_context_destroy(struct lws_context *cx);

/*
 * One turn of the loop of thread `tsi`, sleeping until something happens or a signal comes. 0, or
 * negative when the context is being destroyed: do not use it again from this thread. Also negative
 * for a bad tsi and where another thread is servicing it.
 */
int lws_service(struct lws_context *cx, int tsi);
/* The same under the name that libwebsockets has for it, whose lws_service() is for thread 0 alone.
 * Does not sleep where `timeout_ms` is negative; else it does not count. */
int lws_service_tsi(struct lws_context *cx, int timeout_ms, int tsi);

/* Wakes every service thread, each of which tells its protocols
 * LWS_CALLBACK_EVENT_WAIT_CANCELLED. Any thread; safe in a signal handler. */
void lws_cancel_service(struct lws_context *cx);
/* The same for the thread of a wsi only. */
void lws_cancel_service_pt(struct lws *wsi);

/* info.user. */
void *lws_context_user(struct lws_context *cx);
/* "default", or "system" where a helper is built in; NULL for a name there is not. */
struct lws_vhost *lws_get_vhost_by_name(struct lws_context *cx, const char *name);
const char *lws_get_vhost_name(struct lws_vhost *vhost);

/*
 * A context on no loop library: poll the descriptor for these events for at most that timeout
 * (milliseconds for poll(2); 0: do not sleep, -1: no limit), then dispatch, which does one turn
 * without sleeping. Ask for the timeout again before each poll. All from the thread of `tsi`. Only
 * for a context without a loop option: with one the fd is -1, own loop or foreign, since sd-event
 * and libev are embedded in other loops by means of their own (give the context your loop in
 * foreign_loops then). lws_service() and these do not mix. dispatch returns as lws_service() does.
 */
int lws_context_get_fd(struct lws_context *cx, int tsi);
int lws_context_get_events(struct lws_context *cx, int tsi);
int lws_context_get_timeout(struct lws_context *cx, int tsi);
int lws_context_dispatch(struct lws_context *cx, int tsi);

/* The argument behind option `val` ("-d15" or "-d 15"), an empty string where the option stands
 * last, NULL where it is not there. */
const char *lws_cmdline_option(int argc, const char **argv, const char *val);

#ifdef __cplusplus
}
#endif
#endif
