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
#include <sys/wait.h>
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
        enum { GROUP = 10 };
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
static _Atomic int ready, go;
static bool crowded; /* more threads than CPUs */

static void count(void *arg)
{
        if (++done == wanted)
                sem_post(&answered);
}

enum { BURST = 64 };

static void *produce(void *arg)
{
        unsigned long n = (unsigned long) (uintptr_t) arg;

        atomic_fetch_add(&ready, 1);
        while (!atomic_load(&go))
                if (crowded)
                        sched_yield();
        while (n-- > 0) {
                peer.post(count, NULL);
                if (crowded && n % BURST == 0)
                        sched_yield();
        }
        return NULL;
}

static double throughput_once(int producers, unsigned long total)
{
        unsigned long each = total / (unsigned long) producers;
        pthread_t id[8];
        double start;

        crowded = producers > 1;
        done = 0;
        wanted = each * (unsigned long) producers;
        atomic_store(&go, 0);
        atomic_store(&ready, 0);
        for (int i = 0; i < producers; i++) {
                pthread_create(&id[i], NULL, produce, (void *) each);
                pin(id[i], i % 2);
        }
        while (atomic_load(&ready) < producers)
                sched_yield();
        start = now_ns();
        atomic_store(&go, 1);
        sem_wait(&answered);
        start = now_ns() - start;
        for (int i = 0; i < producers; i++)
                pthread_join(id[i], NULL);
        return (double) wanted / start * 1e3; /* millions a second */
}

/* One producer and the loop have a CPU each. Several may have to share what CPUs there are, so they
 * yield after each burst: else it would be the scheduler's mood how often they meet. */
static double throughput(int producers)
{
        enum { ROUNDS = 3, WARM_UP = 100000, POSTS = 400000 };
        double v[ROUNDS];

        pin(loop_thread, 1);
        (void) throughput_once(producers, WARM_UP);
        for (int i = 0; i < ROUNDS; i++)
                v[i] = throughput_once(producers, POSTS);
        pin(loop_thread, -1);
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

static void report_at(const char *what, const char *suffix, size_t n, double value)
{
        char name[64];

        snprintf(name, sizeof(name), "%s%s@%zu", what, suffix, n);
        report(name, value);
}

static size_t heap_used(void)
{
        struct mallinfo2 m = mallinfo2();

        return m.uordblks + m.hblkhd;
}

/* How long n take, and what the last tenth of them costs to the first. */
static void attach_all(void (*wait)(BenchFn *fn, void *arg), size_t n, const char *suffix)
{
        size_t before = heap_used(), tenth = n / 10;
        double start = now_ns(), early = 0, late = 0;

        for (size_t i = 0; i < n; i++) {
                if (i == tenth)
                        early = now_ns() - start;
                if (i == n - tenth)
                        late = now_ns();
                wait(in_order, (void *) i);
        }
        late = now_ns() - late;
        sync_loop();
        sync_loop(); /* the turn after the one that took the last */
        report_at("attach-ns-each", suffix, n, (now_ns() - start) / (double) n);
        report_at("attach-late-to-early", suffix, n, late / early);
        report_at("bytes-each", suffix, n, (double) (heap_used() - before) / (double) n);
}

enum { WAKE_GROUPS = 20, WAKE_WARM_UP = 20, WAKES = 50 };

/* A processor that was idle for longer takes longer to wake, so that the first few do not count. */
static double wake_group(void)
{
        (void) latency_across(WAKE_WARM_UP);
        return latency_across(WAKES);
}

static void read_fully(int fd, double *ret)
{
        if (read(fd, ret, sizeof(*ret)) != (ssize_t) sizeof(*ret))
                exit(1);
}

static void write_fully(int fd, double value)
{
        if (write(fd, &value, sizeof(value)) != (ssize_t) sizeof(value))
                exit(1);
}

/* Wakes in groups, when asked to; nothing waits here. */
static void serve_wakes(int from, int to)
{
        double unused;

        for (int i = 0; i < WAKE_GROUPS; i++) {
                read_fully(from, &unused);
                write_fully(to, wake_group());
        }
}

/* In turns with a process where nothing waits, so that both have the same machine. */
static void wakes(size_t n, int from, int to)
{
        double here[WAKE_GROUPS], there[WAKE_GROUPS], ratio[WAKE_GROUPS];

        for (int i = 0; i < WAKE_GROUPS; i++) {
                here[i] = wake_group();
                write_fully(to, 0);
                read_fully(from, &there[i]);
                ratio[i] = here[i] / there[i];
        }
        report_at("wake-ns", "", n, median(here, WAKE_GROUPS));
        report_at("wake-to-none", "", n, median(ratio, WAKE_GROUPS));
        pin(pthread_self(), -1);
        pin(loop_thread, -1);
}

static void release_all(size_t n, const char *suffix)
{
        next_in_order = 0;
        out_of_order = false;
        wanted = n;
        peer.post(peer.release, NULL);
        sem_wait(&answered);
        report_at("release-ns-each", suffix, n, (last_at - first_at) / (double) n);
        report_at("in-order", suffix, n, !out_of_order);
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

/* -- Which ------------------------------------------------------------------------------------- */

static bool open_loop(void)
{
        sem_init(&answered, 0, 0);
        if (!peer.open())
                return false;
        pthread_create(&loop_thread, NULL, run_loop, NULL);
        sync_loop();
        return true;
}

static void close_loop(void)
{
        stop = true;
        peer.post(nothing, NULL);
        pthread_join(loop_thread, NULL);
}

/* Before there is a thread: the process where nothing waits. */
static int measure_waiting(size_t n)
{
        int there[2], back[2];
        pid_t child;

        if (!peer.wait || pipe(there) < 0 || pipe(back) < 0)
                return 77;
        child = fork();
        if (child < 0 || !open_loop())
                return 77;
        if (child == 0) {
                serve_wakes(there[0], back[1]);
                close_loop();
                _exit(0);
        }
        attach_all(peer.wait, n, "");
        wakes(n, back[0], there[1]);
        release_all(n, "");
        (void) waitpid(child, NULL, 0);
        close_loop();
        return 0;
}

static int measure_ended(size_t n)
{
        if (!peer.wait_ended || !open_loop())
                return 77;
        attach_all(peer.wait_ended, n, "-ended");
        release_all(n, "-ended");
        close_loop();
        return 0;
}

int main(int argc, char **argv)
{
        const char *what = argc > 1 ? argv[1] : "";
        size_t n = argc > 2 ? strtoul(argv[2], NULL, 0) : 1000000;

        if (strcmp(what, "waiting") == 0)
                return measure_waiting(n);
        if (strcmp(what, "ended") == 0)
                return measure_ended(n);
        if ((strcmp(what, "in-front") == 0 && !peer.wait_first) || !open_loop())
                return 77;
        if (strcmp(what, "in-front") == 0)
                release_in_front();
        else if (strcmp(what, "across") == 0)
                report("across-ns", latency_across(1000));
        else if (strcmp(what, "shared") == 0)
                report("shared-ns", latency_shared(500));
        else if (strcmp(what, "posts-1") == 0)
                report("posts-1-M", throughput(1));
        else if (strcmp(what, "posts-4") == 0)
                report("posts-4-M", throughput(4));
        else
                fprintf(stderr, "%s across|shared|posts-1|posts-4|in-front|waiting N|ended N\n",
                        argv[0]);
        close_loop();
        return 0;
}
