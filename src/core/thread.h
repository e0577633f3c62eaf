/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * A service thread (a "tsi"): its loop, its timers, its attach queue. Everything that hangs on a
 * Thread is used from that thread alone, except what says otherwise.
 */
#include "util/clock.h"
#include <lwsd/lws-system.h>

typedef struct Thread Thread;

/* Thread 0 exists as soon as the context does; others once their caller entered lws_service(). */
Thread *context_thread(struct lws_context *cx, int tsi);
struct lws_context *thread_context(const Thread *th);
/* CLOCK_BOOTTIME as of this turn of the loop (read once per turn). */
usec_t thread_now(Thread *th);
