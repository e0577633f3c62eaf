/* SPDX-License-Identifier: MIT */
/*
 * The loop of a context that uses no loop library: one epoll set. It is also the one that is driven
 * through a descriptor, since an epoll set can itself be polled.
 */
#include "loop/loop.h"
#include "util/fd.h"
#include <sys/epoll.h>

enum {
        EVENTS_PER_POLL = 64,
        TURNS_PER_POLL = 8, /* of those that have little to do */
};

typedef struct EpollLoop EpollLoop;
struct EpollLoop {
        Loop loop;
        int epfd;
        /* What one poll brought; entries behind `next` are still to be dispatched. */
        struct epoll_event events[EVENTS_PER_POLL];
        int n_events, next;
        unsigned turns; /* since the last poll */
};

static EpollLoop *of(Loop *loop)
{
        return container_of(loop, EpollLoop, loop);
}

static Loop *epoll_loop_free(Loop *loop)
{
        EpollLoop *e = of(loop);

        fd_close(e->epfd);
        free(e);
        return NULL;
}

static int epoll_loop_new(Loop **ret, void *foreign, int wake_fd, const LoopHooks *hooks)
{
        struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
        EpollLoop *e;

        if (foreign)
                return -EINVAL;
        e = calloc(1, sizeof(*e));
        if (!e)
                return -ENOMEM;
        e->loop = (Loop){ .ops = &loop_epoll, .hooks = *hooks };
        e->epfd = epoll_create1(EPOLL_CLOEXEC);
        /* Edge triggered: each write is an event of its own, so the eventfd is never read. */
        if (e->epfd < 0 || epoll_ctl(e->epfd, EPOLL_CTL_ADD, wake_fd, &ev) < 0) {
                int r = -errno;

                epoll_loop_free(&e->loop);
                return r;
        }
        *ret = &e->loop;
        return 0;
}

static int control(Loop *loop, int op, LoopIo *io)
{
        struct epoll_event ev = { .events = io->events, .data.ptr = io };

        return epoll_ctl(of(loop)->epfd, op, io->fd, &ev) < 0 ? -errno : 0;
}

static int epoll_loop_io_add(Loop *loop, LoopIo *io)
{
        return control(loop, EPOLL_CTL_ADD, io);
}

static int epoll_loop_io_modify(Loop *loop, LoopIo *io)
{
        return control(loop, EPOLL_CTL_MOD, io);
}

static void epoll_loop_io_remove(Loop *loop, LoopIo *io)
{
        EpollLoop *e = of(loop);

        (void) control(loop, EPOLL_CTL_DEL, io);
        for (int i = e->next; i < e->n_events; i++)
                if (e->events[i].data.ptr == io)
                        e->events[i].data.ptr = NULL;
}

static int epoll_loop_run(Loop *loop, bool wait)
{
        EpollLoop *e = of(loop);
        LoopHooks hooks = loop->hooks;
        LoopNext next = hooks.prepare(hooks.userdata);
        bool pending = next != LOOP_SLEEP;
        int n = 0;

        if (next != LOOP_GO_ON || ++e->turns >= TURNS_PER_POLL) {
                n = epoll_wait(e->epfd, e->events, EVENTS_PER_POLL, pending || !wait ? 0 : -1);
                e->turns = 0;
        }
        if (n < 0)
                return errno == EINTR ? 0 : -errno;
        e->n_events = n;
        for (e->next = 0; e->next < e->n_events;) {
                struct epoll_event *ev = &e->events[e->next++];
                LoopIo *io = ev->data.ptr;

                if (io)
                        io->fn(io, ev->events);
                else
                        pending = true; /* the wake descriptor, or one that was removed */
        }
        e->n_events = e->next = 0;
        if (pending)
                hooks.turn(hooks.userdata);
        return 0;
}

static int epoll_loop_fd(Loop *loop)
{
        return of(loop)->epfd;
}

const LoopOps loop_epoll = {
        .make = epoll_loop_new,
        .free = epoll_loop_free,
        .io_add = epoll_loop_io_add,
        .io_modify = epoll_loop_io_modify,
        .io_remove = epoll_loop_io_remove,
        .run = epoll_loop_run,
        .fd = epoll_loop_fd,
};
