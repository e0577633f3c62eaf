/* SPDX-License-Identifier: MIT */
#pragma once
/* Retry times: exponential from `first` to `max`, each with a uniform jitter of +-percent. Pure. */
#include "util/clock.h"
#include "util/rng.h"

typedef struct Backoff Backoff;
struct Backoff {
        usec_t first_usec, max_usec;
        unsigned jitter_percent;
        unsigned tries; /* so far; 0 = start over */
};

/* The wait before the next try; counts it. */
usec_t backoff_next(Backoff *b, Rng *rng);
void backoff_reset(Backoff *b);
