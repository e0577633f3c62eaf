/* SPDX-License-Identifier: MIT */
/*
 * How a service thread joins, turns, is woken and leaves.
 *
 * An OS thread owns the service threads it turns. When it ends without having been told of the end
 * of the context, it gives them up (on_os_thread_exit()), so that a program whose workers just
 * return, are joined and whose main then destroys the context gets all of it freed.
 */
#include "core/context-private.h"
#include "util/fd.h"
#include "util/log.h"
#include <sys/eventfd.h>
#include <unistd.h>

/* Guards every Thread.owned_link. Taken before cx->lock where both are. */
static pthread_mutex_t owned_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t exit_once = PTHREAD_ONCE_INIT;
static pthread_key_t exit_key;
static __thread List owned; /* also serves as the address that tells OS threads apart */

const void *current_os_thread(void)
{
        return &owned;
}

/* -- Waking ------------------------------------------------------------------------------------ */

static void write_wake(Thread *th)
{
        static const uint64_t one = 1;
        int saved = errno;

        /* EAGAIN, after 2^64 - 1 wake-ups that nobody read, is the only failure there is */
        (void) !write(th->wake_fd, &one, sizeof(one));
        errno = saved;
}

void thread_wake(Thread *th)
{
        write_wake(th);
        /* The last touch: what was posted may have ended the context, and attach_close() waits for
         * this before anything is freed. */
        atomic_fetch_add_explicit(&th->wakes, 1, memory_order_release);
}

/* Either is a few instructions of a thread that may have lost its CPU. */
void thread_await_callers(Thread *th, unsigned wakes_owed)
{
        while (atomic_load_explicit(&th->wakes, memory_order_acquire) != wakes_owed ||
                atomic_load(&th->attach.waiters) > 0)
                (void) usleep(10);
}

void thread_notify(Thread *th, unsigned notice)
{
        /* The node is in the inbox exactly while there are notices. */
        if (atomic_fetch_or(&th->notices, notice) == 0 &&
                inbox_push(&th->inbox, &th->notice) == INBOX_PUSHED_WAKE)
                thread_wake(th);
}

/* -- Owners ------------------------------------------------------------------------------------ */

static void disown(Thread *th)
{
        pthread_mutex_lock(&owned_lock);
        list_unlink(&th->owned_link);
        atomic_store_explicit(&th->owner, NULL, memory_order_relaxed);
        pthread_mutex_unlock(&owned_lock);
}

static void on_os_thread_exit(void *unused)
{
        for (;;) {
                Thread *th = NULL;
                bool part = false;

                pthread_mutex_lock(&owned_lock);
                if (!list_is_empty(&owned)) {
                        th = list_entry(list_first(&owned), Thread, owned_link);
                        list_unlink(&th->owned_link);
                        pthread_mutex_lock(&th->cx->lock);
                        part = context_is_destroying(th->cx);
                        if (!part)
                                atomic_store(&th->owner, NULL);
                        pthread_mutex_unlock(&th->cx->lock);
                }
                pthread_mutex_unlock(&owned_lock);
                if (!th)
                        return;
                if (part)
                        thread_part(th);
        }
}

static void make_exit_key(void)
{
        (void) pthread_key_create(&exit_key, on_os_thread_exit);
}

static void own(Thread *th)
{
        (void) pthread_once(&exit_once, make_exit_key);
        if (!owned.next)
                list_init(&owned);
        (void) pthread_setspecific(exit_key, &owned);
        list_unlink(&th->owned_link);
        list_link_tail(&owned, &th->owned_link);
        atomic_store_explicit(&th->owner, current_os_thread(), memory_order_relaxed);
}

/* -- The loop ---------------------------------------------------------------------------------- */

static LoopNext on_prepare(void *userdata)
{
        Thread *th = userdata;
        LoopNext next =
                context_is_destroying(th->cx) || timers_prepare(th) ? LOOP_TURN : attach_next(th);

        th->now = 0;
        return next;
}

static void on_turn(void *userdata)
{
        Thread *th = userdata;

        thread_begin(th);
        timers_run(th);
        if (!context_is_destroying(th->cx))
                attach_turn(th);
        thread_end(th);
}

static int open_loop(Thread *th)
{
        LoopHooks hooks = { .prepare = on_prepare, .turn = on_turn, .userdata = th };
        int r;

        if (th->loop)
                return 0;
        r = th->cx->loop_ops->make(&th->loop, th->foreign, th->wake_fd, &hooks);
        if (r < 0)
                return r;
        r = timers_open(th);
        if (r < 0)
                th->loop = loop_free(th->loop);
        else
                write_wake(th); /* what came before this loop could see it */
        return r;
}

int thread_init(Thread *th, struct lws_context *cx, int tsi, void *foreign)
{
        th->cx = cx;
        th->tsi = tsi;
        th->foreign = foreign;
        list_init(&th->wsis);
        timers_init(th);
        attach_init(th);
        th->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        if (th->wake_fd < 0)
                return -errno;
        /* Helpers put their sockets on thread 0 before it turns; a foreign loop turns without
         * asking. */
        if (tsi > 0 && !foreign)
                return 0;
        if (foreign) {
                th->phase = THREAD_JOINED;
                cx->refs++;
        }
        return open_loop(th);
}

static void close_loop(Thread *th)
{
        if (th->tsi == 0)
                context_tell_destroying(th->cx);
        attach_close(th);
        wsis_close(th);
        timers_close(th);
        th->loop = loop_free(th->loop);
        /* by this thread, which libev may have in its kernel's set until the descriptor is gone */
        th->wake_fd = fd_close(th->wake_fd);
}

void thread_deinit(Thread *th)
{
        if (!th->cx)
                return;
        if (th->phase != THREAD_LEFT)
                close_loop(th);
        slots_deinit(&th->attach.slots);
}

void thread_part(Thread *th)
{
        struct lws_context *cx = th->cx;
        bool first;

        pthread_mutex_lock(&cx->lock);
        first = th->phase == THREAD_JOINED;
        th->phase = THREAD_LEFT;
        pthread_mutex_unlock(&cx->lock);
        if (!first)
                return;
        disown(th);
        th->depth++; /* callbacks of the end do not end it again */
        close_loop(th);
        th->depth--;
        context_unref(cx);
}

/* Makes the calling OS thread the owner. */
static int claim(Thread *th)
{
        struct lws_context *cx = th->cx;
        int r = 0;

        pthread_mutex_lock(&owned_lock);
        pthread_mutex_lock(&cx->lock);
        if (context_is_destroying(cx) || th->phase == THREAD_LEFT)
                r = -ESHUTDOWN;
        else {
                if (th->phase == THREAD_NEW)
                        cx->refs++;
                th->phase = THREAD_JOINED;
                own(th);
        }
        pthread_mutex_unlock(&cx->lock);
        pthread_mutex_unlock(&owned_lock);
        return r;
}

bool thread_is_mine(Thread *th)
{
        return atomic_load_explicit(&th->owner, memory_order_relaxed) == current_os_thread();
}

int thread_join(Thread *th)
{
        int r = thread_is_mine(th) ? 0 : claim(th);

        return r < 0 ? r : open_loop(th);
}

void thread_begin(Thread *th)
{
        /* a foreign loop may be turned by any thread of the caller's */
        if (!thread_is_mine(th))
                (void) claim(th);
        th->depth++;
}

bool thread_end(Thread *th)
{
        if (--th->depth > 0 || !context_is_destroying(th->cx))
                return false;
        thread_part(th);
        return true;
}

Thread *context_thread(struct lws_context *cx, int tsi)
{
        Thread *th = tsi >= 0 && tsi < cx->n_threads ? &cx->threads[tsi] : NULL;

        return th && th->loop ? th : NULL;
}

struct lws_context *thread_context(const Thread *th)
{
        return th->cx;
}

usec_t thread_now(Thread *th)
{
        if (th->now == 0)
                th->now = clock_boottime_usec();
        return th->now;
}
