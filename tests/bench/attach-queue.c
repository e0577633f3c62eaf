/* SPDX-License-Identifier: MIT */
#include "attach.h"
#include <pthread.h>
#include <stdlib.h>

typedef struct Job Job;
struct Job {
        BenchFn *fn;
        void *arg;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static Job *jobs[2];
static size_t room[2], n;
static int side;

bool mutex_queue_push(BenchFn *fn, void *arg)
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
        return was_empty;
}

void mutex_queue_run(void)
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
