/* SPDX-License-Identifier: MIT */
/*
 * What no loop can have: one that never sleeps, but gives up its CPU when there is nothing to do. A
 * post is a store. Where both threads share a CPU it shows what two switches between them cost, and
 * the semaphore that the answer comes by, which is in every peer's figure there.
 */
#include "attach.h"
#include <sched.h>
#include <stdatomic.h>

typedef struct Post Post;
struct Post {
        BenchFn *fn;
        void *arg;
};

static Post post;
static _Atomic(Post *) posted; /* one at a time, which is all that is asked of it */

static bool spin_open(void)
{
        return true;
}

static void spin_run(volatile bool *stop)
{
        while (!*stop) {
                Post *p = atomic_load_explicit(&posted, memory_order_acquire);

                if (!p) {
                        sched_yield();
                        continue;
                }
                atomic_store_explicit(&posted, NULL, memory_order_relaxed);
                p->fn(p->arg);
        }
}

static void spin_post(BenchFn *fn, void *arg)
{
        post = (Post){ fn, arg };
        atomic_store_explicit(&posted, &post, memory_order_release);
}

const Peer peer = { .name = "spin", .open = spin_open, .run = spin_run, .post = spin_post };
