/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Noticing that the machine slept. The kernel cancels a timer on CLOCK_REALTIME when it comes back
 * (and when somebody sets that clock); whether it slept is the difference between CLOCK_BOOTTIME,
 * which went on, and CLOCK_MONOTONIC, which did not. Costs nothing until then.
 */
#include "core/wsi.h"
#include "util/clock.h"
#include <stdbool.h>

typedef struct SuspendWatch SuspendWatch;
struct SuspendWatch {
        struct lws *wsi;
        usec_t slept_usec; /* in all, when last looked at */
        void (*resumed)(SuspendWatch *w);
};

int suspend_watch_init(
        SuspendWatch *w, struct lws_vhost *vhost, Thread *th, void (*resumed)(SuspendWatch *w));
void suspend_watch_deinit(SuspendWatch *w);
/* Did it sleep since it was last asked? Pure. */
bool suspend_watch_check(SuspendWatch *w, usec_t boottime, usec_t monotonic);
