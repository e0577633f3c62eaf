/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The kernel's clock: reading, stepping and steering it through libc, and noticing when somebody
 * else moves it. A kernel that refuses is said once; after that nothing is tried any more.
 */
#include "core/wsi.h"
#include "proto/ntp-client.h"

typedef struct TimeKernel TimeKernel;
struct TimeKernel {
        double rate; /* what it adds to the oscillator */
        bool synced; /* STA_UNSYNC is clear */
        double max_error;
};

/* Three clocks at one moment, nanoseconds; `slept` is how long the machine was asleep so far. */
typedef struct TimeReading TimeReading;
struct TimeReading {
        int64_t real, boot, slept;
};

typedef struct TimeClock TimeClock;
struct TimeClock {
        struct lws_context *cx;
        struct lws *wsi; /* a timerfd that ends when the clock is set */
        bool denied;
        long tick;
        TimeReading seen;
        /* Somebody moved the clock by about so much, or the machine slept. */
        void (*moved)(TimeClock *clock, int64_t by_nsec, bool slept);
};

int time_clock_init(TimeClock *clock, struct lws_context *cx,
        void (*moved)(TimeClock *clock, int64_t by_nsec, bool slept));
void time_clock_deinit(TimeClock *clock);

int64_t time_clock_now_nsec(void);
TimeKernel time_clock_kernel(void);
/* Ends what another time client left the kernel doing. */
void time_clock_take_over(TimeClock *clock);
/* 0, or a negative errno; -EPERM sets `denied`. */
int time_clock_step(TimeClock *clock, int64_t offset_nsec);
int time_clock_adjust(TimeClock *clock, const NtpAdjustment *a);
/* Compares the clock with the one that cannot be set; calls moved(). */
void time_clock_check(TimeClock *clock);
/* Whether that would call moved(). */
bool time_clock_is_disturbed(const TimeClock *clock);

/* What happened to the clock between two readings: nothing, or it was moved by *ret_moved, or (0)
 * the machine slept. `told`: the kernel says that there is something. */
bool time_reading_differs(
        const TimeReading *before, const TimeReading *now, bool told, int64_t *ret_moved);
