/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Time. Microseconds everywhere (`_usec`), in two clocks that are never mixed:
 * boottime (goes on in suspend; timers, leases, TTLs) and realtime (what a person calls the time).
 * Pure code gets `now` as an argument and never calls this.
 */
#include <stdint.h>

typedef uint64_t usec_t;

#define USEC_INFINITY ((usec_t) UINT64_MAX)
#define USEC_PER_SEC  ((usec_t) 1000000)
#define USEC_PER_MSEC ((usec_t) 1000)
#define NSEC_PER_USEC 1000
#define USEC_PER_MIN  (60 * USEC_PER_SEC)
#define USEC_PER_HOUR (60 * USEC_PER_MIN)
#define USEC_PER_DAY  (24 * USEC_PER_HOUR)

usec_t clock_boottime_usec(void);
usec_t clock_monotonic_usec(void);
usec_t clock_realtime_usec(void);

/* Addition that saturates at USEC_INFINITY and keeps it. */
static inline usec_t usec_add(usec_t a, usec_t b)
{
        return a > USEC_INFINITY - b ? USEC_INFINITY : a + b;
}

static inline usec_t usec_sub(usec_t a, usec_t b)
{
        if (a == USEC_INFINITY)
                return a;
        return a > b ? a - b : 0;
}
