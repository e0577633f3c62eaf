/* SPDX-License-Identifier: MIT */
#include "attach.h"
#include <pthread.h>
#include <stdlib.h>

typedef struct Job Job;
struct Job {
        Job *next;
        BenchFn *fn;
        void *arg;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static Job *first, **last = &first;

bool mutex_queue_push(BenchFn *fn, void *arg)
{
        Job *job = malloc(sizeof(*job));
        bool was_empty;

        if (!job)
                abort();
        *job = (Job){ NULL, fn, arg };
        pthread_mutex_lock(&lock);
        was_empty = !first;
        *last = job;
        last = &job->next;
        pthread_mutex_unlock(&lock);
        return was_empty;
}

void mutex_queue_run(void)
{
        Job *job;

        pthread_mutex_lock(&lock);
        job = first;
        first = NULL;
        last = &first;
        pthread_mutex_unlock(&lock);
        while (job) {
                Job *next = job->next;

                job->fn(job->arg);
                free(job);
                job = next;
        }
}
