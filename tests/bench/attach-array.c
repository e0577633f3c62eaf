/* SPDX-License-Identifier: MIT */
/* libuv with the fastest mutex queue there is: two arrays that are swapped and never shrink, so
 * that after a warm-up it allocates nothing. It keeps the memory of its largest burst for ever. */
#include "attach.h"
#include <pthread.h>
#include <stdlib.h>
#include <uv.h>

typedef struct Job Job;
struct Job {
        BenchFn *fn;
        void *arg;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static Job *jobs[2];
static size_t room[2], n;
static int side;

static uv_loop_t loop;
static uv_async_t async;

static void on_async(uv_async_t *handle)
{
        Job *mine;
        size_t count;

        pthread_mutex_lock(&lock);
        mine = jobs[side];
        count = n;
        side = !side;
        n = 0;
        pthread_mutex_unlock(&lock);
        for (size_t i = 0; i < count; i++)
                mine[i].fn(mine[i].arg);
}

static void array_post(BenchFn *fn, void *arg)
{
        bool was_empty;

        pthread_mutex_lock(&lock);
        if (n == room[side]) {
                room[side] = room[side] > 0 ? 2 * room[side] : 64;
                jobs[side] = realloc(jobs[side], room[side] * sizeof(Job));
                if (!jobs[side])
                        abort();
        }
        was_empty = n == 0;
        jobs[side][n++] = (Job){ fn, arg };
        pthread_mutex_unlock(&lock);
        if (was_empty)
                uv_async_send(&async);
}

static bool array_open(void)
{
        return uv_loop_init(&loop) == 0 && uv_async_init(&loop, &async, on_async) == 0;
}

static void array_run(volatile bool *stop)
{
        while (!*stop)
                uv_run(&loop, UV_RUN_ONCE);
}

const Peer peer = { .name = "array", .open = array_open, .run = array_run, .post = array_post };
