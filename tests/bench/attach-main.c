/* SPDX-License-Identifier: MIT */
/* What is measured, the same for every peer. Prints "name measure value" lines. */
#include "attach.h"
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static volatile bool stop;
static pthread_t loop_thread;

static double now_ns(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (double) ts.tv_sec * 1e9 + (double) ts.tv_nsec;
}

static void pin(pthread_t thread, int cpu)
{
        cpu_set_t set;

        CPU_ZERO(&set);
        if (cpu >= 0)
                CPU_SET(cpu, &set);
        else
                for (int i = 0; i < CPU_SETSIZE; i++)
                        CPU_SET(i, &set);
        (void) pthread_setaffinity_np(thread, sizeof(set), &set);
}

static void report(const char *what, double value)
{
        printf("%s %s %.4g\n", peer.name, what, value);
        fflush(stdout);
}

static int by_value(const void *a, const void *b)
{
        double x = *(const double *) a, y = *(const double *) b;

        return x < y ? -1 : x > y;
}

static double median(double *v, size_t n)
{
        qsort(v, n, sizeof(*v), by_value);
        return v[n / 2];
}

static void *run_loop(void *unused)
{
        peer.run(&stop);
        return NULL;
}

/* -- Latency ----------------------------------------------------------------------------------- */

static _Atomic double called_at;

static void note_time(void *arg)
{
        atomic_store(&called_at, now_ns());
}

/* From the call to the callback, the loop asleep, the poster on another CPU. */
static double latency_across(unsigned rounds)
{
        double *v = calloc(rounds, sizeof(*v)), m;

        pin(pthread_self(), 0);
        pin(loop_thread, 1);
        for (unsigned i = 0; i < rounds; i++) {
                double start = now_ns(), seen;

                while (now_ns() < start + 30000)
                        ; /* until the loop sleeps */
                atomic_store(&called_at, 0);
                start = now_ns();
                peer.post(note_time, NULL);
                while ((seen = atomic_load(&called_at)) == 0)
                        ;
                v[i] = seen - start;
        }
        m = median(v, rounds);
        free(v);
        return m;
}

static sem_t answered;

static void answer(void *arg)
{
        sem_post(&answered);
}

/* From the call until the poster has its answer, both on one CPU. */
static double latency_shared(unsigned rounds)
{
        enum { GROUP = 100 };
        double *v = calloc(rounds, sizeof(*v)), m;

        pin(pthread_self(), 0);
        pin(loop_thread, 0);
        for (unsigned i = 0; i < rounds; i++) {
                double start = now_ns();

                for (int n = 0; n < GROUP; n++) {
                        peer.post(answer, NULL);
                        sem_wait(&answered);
                }
                v[i] = (now_ns() - start) / GROUP;
        }
        m = median(v, rounds);
        free(v);
        pin(pthread_self(), -1);
        pin(loop_thread, -1);
        return m;
}

/* -- Throughput -------------------------------------------------------------------------------- */

static unsigned long done, wanted; /* of the loop's thread */
static _Atomic int go;

static void count(void *arg)
{
        if (++done == wanted)
                sem_post(&answered);
}

static void *produce(void *arg)
{
        unsigned long n = (unsigned long) (uintptr_t) arg;

        while (!atomic_load(&go))
                ;
        while (n-- > 0)
                peer.post(count, NULL);
        return NULL;
}

static double throughput_once(int producers, unsigned long total)
{
        pthread_t id[8];
        double start;

        done = 0;
        wanted = total / (unsigned long) producers * (unsigned long) producers;
        atomic_store(&go, 0);
        for (int i = 0; i < producers; i++)
                pthread_create(&id[i], NULL, produce, (void *) (total / (unsigned long) producers));
        start = now_ns();
        atomic_store(&go, 1);
        sem_wait(&answered);
        start = now_ns() - start;
        for (int i = 0; i < producers; i++)
                pthread_join(id[i], NULL);
        return (double) wanted / start * 1e3; /* millions a second */
}

static double throughput(int producers)
{
        enum { ROUNDS = 5, POSTS = 400000 };
        double v[ROUNDS];

        for (int i = 0; i < ROUNDS; i++)
                v[i] = throughput_once(producers, POSTS);
        return median(v, ROUNDS);
}

/* -- Waiting ----------------------------------------------------------------------------------- */

static uintptr_t next_in_order;
static bool out_of_order;
static double first_at, last_at;

static void in_order(void *arg)
{
        if (next_in_order == 0)
                first_at = now_ns();
        out_of_order |= (uintptr_t) arg != next_in_order;
        if (++next_in_order == wanted) {
                last_at = now_ns();
                sem_post(&answered);
        }
}

static void nothing(void *arg)
{
}

static void sync_loop(void)
{
        peer.post(answer, NULL);
        sem_wait(&answered);
}

static void waiting(size_t n)
{
        char name[64];
        size_t before;
        double start;

        sync_loop();
        before = mallinfo2().uordblks + mallinfo2().hblkhd;
        start = now_ns();
        for (size_t i = 0; i < n; i++)
                peer.wait(in_order, (void *) i);
        sync_loop();
        sync_loop(); /* the turn after the one that took the last */
        snprintf(name, sizeof(name), "attach-ns-each@%zu", n);
        report(name, (now_ns() - start) / (double) n);
        snprintf(name, sizeof(name), "bytes-each@%zu", n);
        report(name, (double) (mallinfo2().uordblks + mallinfo2().hblkhd - before) / (double) n);
        snprintf(name, sizeof(name), "wake-ns@%zu", n);
        report(name, latency_across(n > 100000 ? 300 : 2000));
        pin(pthread_self(), -1);
        pin(loop_thread, -1);
        next_in_order = 0;
        out_of_order = false;
        wanted = n;
        peer.post(peer.release, NULL);
        sem_wait(&answered);
        snprintf(name, sizeof(name), "release-ns-each@%zu", n);
        report(name, (last_at - first_at) / (double) n);
        snprintf(name, sizeof(name), "in-order@%zu", n);
        report(name, !out_of_order);
}

static void release_in_front(void)
{
        enum { FRONT = 1000, BEHIND = 100000 };

        for (size_t i = 0; i < BEHIND; i++)
                peer.wait(nothing, NULL);
        for (size_t i = 0; i < FRONT; i++)
                peer.wait_first(in_order, (void *) i);
        sync_loop();
        sync_loop();
        next_in_order = 0;
        wanted = FRONT;
        peer.post(peer.release_first, NULL);
        sem_wait(&answered);
        report("release-1000-of-101000-us", (last_at - first_at) / 1e3);
}

int main(int argc, char **argv)
{
        bool wait_only = argc > 1 && strcmp(argv[1], "waiting") == 0;
        size_t most = argc > 2 ? strtoul(argv[2], NULL, 0) : 1000000;

        sem_init(&answered, 0, 0);
        if (!peer.open())
                return 77;
        pthread_create(&loop_thread, NULL, run_loop, NULL);
        sync_loop();
        if (wait_only) {
                if (!peer.wait)
                        return 77;
                if (most == 0)
                        release_in_front();
                else
                        waiting(most);
        } else {
                if (argc < 2 || strcmp(argv[1], "across") == 0)
                        report("latency-across-ns", latency_across(4000));
                if (argc < 2 || strcmp(argv[1], "shared") == 0)
                        report("latency-shared-ns", latency_shared(200));
                if (argc < 2 || strcmp(argv[1], "posts-1") == 0)
                        report("posts-1-M", throughput(1));
                if (argc < 2 || strcmp(argv[1], "posts-4") == 0)
                        report("posts-4-M", throughput(4));
        }
        stop = true;
        peer.post(nothing, NULL);
        pthread_join(loop_thread, NULL);
        return 0;
}
