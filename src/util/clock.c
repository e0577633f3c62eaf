/* SPDX-License-Identifier: MIT */
#include "util/clock.h"
#include <time.h>

static usec_t clock_usec(clockid_t id)
{
        struct timespec ts = { 0 };

        (void) clock_gettime(id, &ts);
        return (usec_t) ts.tv_sec * USEC_PER_SEC + (usec_t) ts.tv_nsec / NSEC_PER_USEC;
}

usec_t clock_boottime_usec(void)
{
        return clock_usec(CLOCK_BOOTTIME);
}

usec_t clock_monotonic_usec(void)
{
        return clock_usec(CLOCK_MONOTONIC);
}

usec_t clock_realtime_usec(void)
{
        return clock_usec(CLOCK_REALTIME);
}
