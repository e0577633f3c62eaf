/* SPDX-License-Identifier: MIT */
/*
 * libev as the loop, own or the caller's. An ev_prepare asks for work before each poll; an ev_idle
 * of the highest priority keeps the loop from sleeping while there is some, and does it. Like any
 * watcher they keep ev_run() running, until the context is destroyed.
 */
#include "loop/loop.h"
#include <ev.h>
#include <sys/epoll.h>
#include <unistd.h>

typedef struct EvLoop EvLoop;
struct EvLoop {
        Loop loop;
        struct ev_loop *ev;
        bool own;
        ev_io wake;
        ev_prepare prepare;
        ev_idle work;
};

static EvLoop *of(Loop *loop)
{
        return container_of(loop, EvLoop, loop);
}

static void on_prepare(struct ev_loop *ev, ev_prepare *w, int revents)
{
        EvLoop *l = w->data;

        if (l->loop.hooks.prepare(l->loop.hooks.userdata) != LOOP_SLEEP)
                ev_idle_start(l->ev, &l->work);
}

static void on_work(struct ev_loop *ev, ev_idle *w, int revents)
{
        EvLoop *l = w->data;

        ev_idle_stop(l->ev, &l->work);
        l->loop.hooks.turn(l->loop.hooks.userdata);
}

static void on_wake(struct ev_loop *ev, ev_io *w, int revents)
{
        EvLoop *l = w->data;
        uint64_t count;

        /* libev knows no edge triggering */
        while (read(w->fd, &count, sizeof(count)) < 0 && errno == EINTR)
                ;
        l->loop.hooks.turn(l->loop.hooks.userdata);
}

static void on_io(struct ev_loop *ev, ev_io *w, int revents)
{
        LoopIo *io = w->data;

        if (io->events & EPOLLONESHOT)
                ev_io_stop(ev, w);
        /* EV_ERROR: the kernel did not take it, and it is watched no more */
        io->fn(io, (revents & EV_READ ? (uint32_t) EPOLLIN : 0) |
                           (revents & EV_WRITE ? (uint32_t) EPOLLOUT : 0) |
                           (revents & (int) EV_ERROR ? (uint32_t) EPOLLERR : 0));
}

static int ev_events(uint32_t events)
{
        return (events & EPOLLIN ? EV_READ : 0) | (events & EPOLLOUT ? EV_WRITE : 0);
}

static Loop *ev_loop_free(Loop *loop)
{
        EvLoop *l = of(loop);

        if (l->ev) {
                ev_idle_stop(l->ev, &l->work);
                ev_prepare_stop(l->ev, &l->prepare);
                ev_io_stop(l->ev, &l->wake);
                if (l->own)
                        ev_loop_destroy(l->ev);
        }
        free(l);
        return NULL;
}

static int ev_loop_make(Loop **ret, void *foreign, int wake_fd, const LoopHooks *hooks)
{
        EvLoop *l = calloc(1, sizeof(*l));

        if (!l)
                return -ENOMEM;
        l->loop = (Loop){ .ops = loop_libev, .hooks = *hooks };
        l->own = !foreign;
        l->ev = foreign ? foreign : ev_loop_new(EVFLAG_AUTO);
        if (!l->ev) {
                free(l);
                return -ENOMEM;
        }
        ev_io_init(&l->wake, on_wake, wake_fd, EV_READ);
        ev_prepare_init(&l->prepare, on_prepare);
        ev_idle_init(&l->work, on_work);
        ev_set_priority(&l->work, EV_MAXPRI);
        l->wake.data = l->prepare.data = l->work.data = l;
        ev_io_start(l->ev, &l->wake);
        ev_prepare_start(l->ev, &l->prepare);
        *ret = &l->loop;
        return 0;
}

static int ev_loop_io_add(Loop *loop, LoopIo *io)
{
        ev_io *w = calloc(1, sizeof(*w));

        if (!w)
                return -ENOMEM;
        ev_io_init(w, on_io, io->fd, ev_events(io->events));
        w->data = io;
        if (io->events)
                ev_io_start(of(loop)->ev, w);
        io->source = w;
        return 0;
}

static int ev_loop_io_modify(Loop *loop, LoopIo *io)
{
        ev_io *w = io->source;

        ev_io_stop(of(loop)->ev, w);
        ev_io_set(w, io->fd, ev_events(io->events));
        if (io->events)
                ev_io_start(of(loop)->ev, w);
        return 0;
}

static void ev_loop_io_remove(Loop *loop, LoopIo *io, bool closing)
{
        /* libev takes out of its kernel's set what is closed as late as it can, and sees to it that
         * what the kernel then reports of it finds nobody */
        ev_io_stop(of(loop)->ev, io->source);
        free(io->source);
        io->source = NULL;
}

static int ev_loop_run(Loop *loop, bool wait)
{
        ev_run(of(loop)->ev, wait ? EVRUN_ONCE : EVRUN_NOWAIT);
        return 0;
}

static int ev_loop_fd(Loop *loop)
{
        return -EOPNOTSUPP;
}

static const LoopOps ev_ops = {
        .make = ev_loop_make,
        .free = ev_loop_free,
        .io_add = ev_loop_io_add,
        .io_modify = ev_loop_io_modify,
        .io_remove = ev_loop_io_remove,
        .run = ev_loop_run,
        .fd = ev_loop_fd,
};

const LoopOps *const loop_libev = &ev_ops;
