/* SPDX-License-Identifier: MIT */
/*
 * The loop of a context that uses no loop library: one epoll set. It is also the one that is driven
 * through a descriptor, since an epoll set can itself be polled.
 */
#include "loop/io-set.h"

enum { TURNS_PER_POLL = 8 /* of those that have little to do */ };

typedef struct EpollLoop EpollLoop;
struct EpollLoop {
        Loop loop;
        IoSet set;
        LoopIo wake;
        bool woken;
        unsigned turns; /* since the last poll */
};

static EpollLoop *of(Loop *loop)
{
        return container_of(loop, EpollLoop, loop);
}

static void on_wake(LoopIo *io, uint32_t revents)
{
        container_of(io, EpollLoop, wake)->woken = true;
}

static Loop *epoll_loop_free(Loop *loop)
{
        EpollLoop *e = of(loop);

        io_set_deinit(&e->set);
        free(e);
        return NULL;
}

static int epoll_loop_new(Loop **ret, void *foreign, int wake_fd, const LoopHooks *hooks)
{
        EpollLoop *e;
        int r;

        if (foreign)
                return -EINVAL;
        e = calloc(1, sizeof(*e));
        if (!e)
                return -ENOMEM;
        e->loop = (Loop){ .ops = &loop_epoll, .hooks = *hooks };
        /* Edge triggered: each write is an event of its own, so the eventfd is never read. */
        e->wake = (LoopIo){ .fd = wake_fd, .events = EPOLLIN | EPOLLET, .fn = on_wake };
        r = io_set_init(&e->set);
        if (r >= 0)
                r = io_set_add(&e->set, &e->wake);
        if (r < 0) {
                epoll_loop_free(&e->loop);
                return r;
        }
        *ret = &e->loop;
        return 0;
}

static int epoll_loop_io_add(Loop *loop, LoopIo *io)
{
        return io_set_add(&of(loop)->set, io);
}

static int epoll_loop_io_modify(Loop *loop, LoopIo *io)
{
        return io_set_modify(&of(loop)->set, io);
}

static void epoll_loop_io_remove(Loop *loop, LoopIo *io, bool closing)
{
        io_set_remove(&of(loop)->set, io, closing);
}

static int epoll_loop_run(Loop *loop, bool wait)
{
        EpollLoop *e = of(loop);
        LoopNext next = loop->hooks.prepare(loop->hooks.userdata);
        bool pending = next != LOOP_SLEEP;

        if (next != LOOP_GO_ON || ++e->turns >= TURNS_PER_POLL) {
                int r = io_set_run(&e->set, !pending && wait);

                if (r < 0)
                        return r;
                e->turns = 0;
        }
        if (pending || e->woken) {
                e->woken = false;
                io_set_turn(&e->set, &loop->hooks);
        }
        return 0;
}

static int epoll_loop_fd(Loop *loop)
{
        return of(loop)->set.fd;
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
