/* SPDX-License-Identifier: MIT */
#pragma once
/* What the files of src/core share, and nobody else sees: the context and its threads. */
#include "core/attach-private.h"
#include "core/context.h"
#include "core/inbox.h"
#include "core/timer.h"
#include "core/wsi.h"
#include "loop/loop.h"
#include "util/list.h"
#include <pthread.h>

/* Why a thread was woken, or'ed into Thread.notices. */
enum {
        NOTICE_STATE = 1 << 0,   /* the ladder moved */
        NOTICE_CANCEL = 1 << 1,  /* lws_cancel_service() */
        NOTICE_DESTROY = 1 << 2, /* leave */
};

/*
 * A thread is joined from its first turn (on a foreign loop: from creation) until it has left. The
 * context is freed when lws_context_destroy() was called and no joined thread is left.
 */
typedef enum ThreadPhase { THREAD_NEW, THREAD_JOINED, THREAD_LEFT } ThreadPhase;

struct Thread {
        struct lws_context *cx;
        int tsi;
        ThreadPhase phase; /* under cx->lock */
        void *foreign;     /* the caller's loop */
        /* The OS thread that services it, as current_os_thread(); NULL: none, or it has ended. */
        _Atomic(const void *) owner;
        List owned_link; /* among the threads of one OS thread; under the lock in thread.c */
        _Atomic bool serving;
        unsigned depth; /* of calls into callbacks; nothing is torn down above 0 */
        Loop *loop;     /* NULL before joining and after leaving */
        int wake_fd;

        usec_t now; /* of this turn; 0: not read yet */
        Heap timers, due;
        uint64_t timer_order;
        usec_t armed; /* what the timerfd is set to; USEC_INFINITY: nothing; 0: it has fired */
        LoopIo timer_io;

        List wsis;
        unsigned n_adopted;

        AttachQueue attach;
        InboxNode notice;
        _Atomic unsigned notices;
        _Atomic unsigned wakes;   /* calls of thread_wake() that are over */
        _Alignas(64) Inbox inbox; /* written by every producer: a cache line of its own */
};

struct lws_context {
        uint64_t options;
        void *user;
        struct lws_context **pcontext;
        unsigned fd_limit_per_thread;
        lws_system_ops_t ops;
        const LoopOps *loop_ops;

        pthread_mutex_t lock; /* phases and refs; nothing is called back under it */
        unsigned refs;        /* joined threads, and 1 until lws_context_destroy() */
        _Atomic bool destroying;

        Ladder *ladder;
        Timer ladder_timer;
        LadderWatch ladder_watch;
        StateLog states;
        bool told_destroying, told_protocols;

        List vhosts;
        struct lws_vhost *vhost_system; /* NULL when no helper is built in */
        void *resolver;
        struct lws_system_blob *blobs;
        _Atomic int cpd;

        int n_threads;
        Thread *threads;
};

/* -- thread.c ---------------------------------------------------------------------------------- */
int thread_init(Thread *th, struct lws_context *cx, int tsi, void *foreign);
/* Ends what thread_init() made, and what thread_part() would have for one that never joined. */
void thread_deinit(Thread *th);
/* Makes the calling OS thread the owner, and the loop if there is none. 0, -ESHUTDOWN when the
 * context goes (it is not the owner then), or why there is no loop. */
int thread_join(Thread *th);
/* Around everything that calls back. thread_end() is true when this was the thread's last call:
 * then the context may be gone. */
void thread_begin(Thread *th);
bool thread_end(Thread *th);
/* Leaves: ends all that hangs on the thread and gives up its claim on the context. */
void thread_part(Thread *th);
/* Any thread, and signal handlers. By the one whose push returned INBOX_PUSHED_WAKE, and nobody
 * else: they are counted. */
void thread_wake(Thread *th);
/* Before the end: waits until that many calls of thread_wake() are over, and nobody is inside
 * lws_system_attach_cancel() waiting for a callback of this thread. */
void thread_await_callers(Thread *th, unsigned wakes_owed);
void thread_notify(Thread *th, unsigned notice);
const void *current_os_thread(void);
/* Whether the calling OS thread services it. */
bool thread_is_mine(Thread *th);

/* -- timer.c ----------------------------------------------------------------------------------- */
void timers_init(Thread *th);
int timers_open(Thread *th);
void timers_close(Thread *th);
/* Before a poll: true when one is due already, else the timerfd is armed for the first. */
bool timers_prepare(Thread *th);
void timers_run(Thread *th);

/* -- wsi.c, vhost.c ---------------------------------------------------------------------------- */
void wsis_close(Thread *th);
int vhost_new(struct lws_vhost **ret, struct lws_context *cx, const char *name,
        const struct lws_protocols *protocols);
void vhosts_free(struct lws_context *cx);
/* Makes vhost "system" where a helper is built in, else *ret stays NULL. */
int vhost_system_new(struct lws_vhost **ret, struct lws_context *cx);
/* Tells every protocol of every vhost, on behalf of thread `th`. */
void vhosts_tell(Thread *th, enum lws_callback_reasons reason);

/* -- blob.c ------------------------------------------------------------------------------------ */
int blobs_new(struct lws_system_blob **ret);
struct lws_system_blob *blobs_free(struct lws_system_blob *blobs);

/* -- ops.c ------------------------------------------------------------------------------------- */
/* The user's, with what is built in where there is none; `user` may be NULL. */
void ops_init(lws_system_ops_t *ops, const lws_system_ops_t *user);

/* -- context.c --------------------------------------------------------------------------------- */
void context_tell_destroying(struct lws_context *cx);
void context_unref(struct lws_context *cx);

static inline bool context_is_destroying(struct lws_context *cx)
{
        return atomic_load_explicit(&cx->destroying, memory_order_acquire);
}
