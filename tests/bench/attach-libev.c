/* SPDX-License-Identifier: MIT */
/* libev's own ev_async with a mutex queue. */
#include "attach.h"
#include <ev.h>

static struct ev_loop *loop;
static ev_async async;

static void on_async(struct ev_loop *ev, ev_async *w, int revents)
{
        mutex_queue_run();
}

static bool ev_open(void)
{
        loop = ev_loop_new(EVFLAG_AUTO);
        ev_async_init(&async, on_async);
        ev_async_start(loop, &async);
        return loop;
}

static void ev_go(volatile bool *stop)
{
        while (!*stop)
                ev_run(loop, EVRUN_ONCE);
}

static void ev_post(BenchFn *fn, void *arg)
{
        if (mutex_queue_push(fn, arg))
                ev_async_send(loop, &async);
}

const Peer peer = { .name = "libev", .open = ev_open, .run = ev_go, .post = ev_post };
