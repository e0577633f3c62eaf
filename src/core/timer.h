/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Timers on CLOCK_BOOTTIME, intrusive, no allocation. One timerfd per thread serves all of them and
 * fires after a suspend as it should.
 *
 * timer_set(t, 0) is how work is put off to the next turn of the loop: it costs no system call, and
 * the function never runs inside the call. Due timers run in order of deadline, then of setting;
 * one that is set again while due timers run waits for the next turn.
 */
#include "core/thread.h"
#include "util/heap.h"

typedef struct Timer Timer;
struct Timer {
        HeapNode node;
        Thread *thread;
        usec_t deadline;
        uint64_t order;
        void (*fn)(Timer *t, usec_t now);
};

void timer_init(Timer *t, Thread *th, void (*fn)(Timer *t, usec_t now));
/* Absolute deadline; a timer that is set already moves. USEC_INFINITY cancels. */
void timer_set(Timer *t, usec_t deadline_usec);
void timer_cancel(Timer *t);
bool timer_is_set(const Timer *t);
