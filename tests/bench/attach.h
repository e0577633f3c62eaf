/* SPDX-License-Identifier: MIT */
#pragma once
/* One way to get a function called on a loop's thread. Each is a program of its own (the names of
 * libwebsockets would meet ours otherwise); tests/bench/attach runs them all. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef void BenchFn(void *arg);

typedef struct Peer Peer;
struct Peer {
        const char *name;
        /* In the main thread, before the loop's; false: not on this machine. */
        bool (*open)(void);
        /* In the loop's thread, until `*stop`; post() wakes it. */
        void (*run)(volatile bool *stop);
        /* Any thread. */
        void (*post)(BenchFn *fn, void *arg);
        /* For what knows states: one that is not reached, another, and reaching them. */
        void (*wait)(BenchFn *fn, void *arg);
        void (*wait_ended)(BenchFn *fn, void *arg); /* with a destroy function and a deadline */
        void (*wait_first)(BenchFn *fn, void *arg);
        void (*release_first)(void *);
        void (*release)(void *);
};

extern const Peer peer;

/* A queue as most programs have it: a list under a mutex, taken whole by the loop's thread. */
/* True when it was empty: wake the loop. */
bool mutex_queue_push(BenchFn *fn, void *arg);
void mutex_queue_run(void);
