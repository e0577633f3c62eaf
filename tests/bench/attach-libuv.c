/* SPDX-License-Identifier: MIT */
/* libuv's own uv_async with a mutex queue. */
#include "attach.h"
#include <uv.h>

static uv_loop_t loop;
static uv_async_t async;

static void on_async(uv_async_t *handle)
{
        mutex_queue_run();
}

static bool uv_open(void)
{
        return uv_loop_init(&loop) == 0 && uv_async_init(&loop, &async, on_async) == 0;
}

static void uv_go(volatile bool *stop)
{
        while (!*stop)
                uv_run(&loop, UV_RUN_ONCE);
}

static void uv_post(BenchFn *fn, void *arg)
{
        if (mutex_queue_push(fn, arg))
                uv_async_send(&async);
}

const Peer peer = { .name = "libuv", .open = uv_open, .run = uv_go, .post = uv_post };
