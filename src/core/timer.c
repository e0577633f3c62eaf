/* SPDX-License-Identifier: MIT */
#include "core/context-private.h"
#include "util/fd.h"
#include <sys/epoll.h>
#include <sys/timerfd.h>

/* Thread.armed of a timerfd that has to be set, or turned off, before it can be slept on. */
#define TIMER_FIRED 0

static bool timer_before(const HeapNode *a, const HeapNode *b)
{
        const Timer *x = container_of(a, Timer, node), *y = container_of(b, Timer, node);

        return x->deadline != y->deadline ? x->deadline < y->deadline : x->order < y->order;
}

void timer_init(Timer *t, Thread *th, void (*fn)(Timer *t, usec_t now))
{
        *t = (Timer){ .thread = th, .fn = fn };
}

bool timer_is_set(const Timer *t)
{
        return heap_is_linked(&t->node);
}

void timer_cancel(Timer *t)
{
        /* It may be in the heap of those that are due instead; a node leaves either the same way.
         */
        if (timer_is_set(t))
                heap_unlink(&t->thread->timers, &t->node);
}

void timer_set(Timer *t, usec_t deadline)
{
        timer_cancel(t);
        if (deadline == USEC_INFINITY)
                return;
        t->deadline = deadline;
        t->order = t->thread->timer_order++;
        heap_link(&t->thread->timers, &t->node);
}

static void on_timerfd(LoopIo *io, uint32_t revents)
{
        Thread *th = container_of(io, Thread, timer_io);

        /* Never read: what it says is taken back when it is set anew, which is before the next
         * poll that sleeps. */
        th->armed = TIMER_FIRED;
        thread_begin(th);
        timers_run(th);
        thread_end(th);
}

void timers_init(Thread *th)
{
        th->timers.before = th->due.before = timer_before;
        th->armed = USEC_INFINITY;
        th->timer_io.fd = -1;
}

int timers_open(Thread *th)
{
        int r;

        th->timer_io = (LoopIo){ .events = EPOLLIN, .fn = on_timerfd };
        th->timer_io.fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
        if (th->timer_io.fd < 0)
                return -errno;
        r = loop_io_add(th->loop, &th->timer_io);
        if (r < 0)
                th->timer_io.fd = fd_close(th->timer_io.fd);
        return r;
}

static void unset_all(Heap *heap)
{
        while (heap_first(heap))
                heap_unlink(heap, heap_first(heap));
}

void timers_close(Thread *th)
{
        unset_all(&th->timers);
        unset_all(&th->due);
        loop_io_remove(&th->timer_io, true);
        th->timer_io.fd = fd_close(th->timer_io.fd);
}

static void arm(Thread *th, usec_t deadline)
{
        struct itimerspec spec = { 0 };

        if (deadline == th->armed)
                return;
        if (deadline != USEC_INFINITY) {
                spec.it_value.tv_sec = (time_t) (deadline / USEC_PER_SEC);
                spec.it_value.tv_nsec = (long) (deadline % USEC_PER_SEC) * NSEC_PER_USEC;
        }
        if (timerfd_settime(th->timer_io.fd, TFD_TIMER_ABSTIME, &spec, NULL) >= 0)
                th->armed = deadline;
}

static Timer *first_of(const Heap *heap)
{
        HeapNode *node = heap_first(heap);

        return node ? container_of(node, Timer, node) : NULL;
}

bool timers_prepare(Thread *th)
{
        Timer *first = first_of(&th->timers);

        /* by the last time that was read: a later one is the timerfd's business */
        if (first && first->deadline <= th->now)
                return true;
        arm(th, first ? first->deadline : USEC_INFINITY);
        return false;
}

void timers_run(Thread *th)
{
        Timer *t;

        if (!first_of(&th->timers))
                return;
        /* What is set while these run is not among them, however early its deadline. */
        while ((t = first_of(&th->timers)) && t->deadline <= thread_now(th)) {
                heap_unlink(&th->timers, &t->node);
                heap_link(&th->due, &t->node);
        }
        while ((t = first_of(&th->due))) {
                heap_unlink(&th->due, &t->node);
                t->fn(t, thread_now(th));
        }
}
