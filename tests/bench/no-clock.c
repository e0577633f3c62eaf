/* SPDX-License-Identifier: MIT */
/*
 * Preloaded into a time daemon that may not touch the clock: every change of it seems to work. With
 * NO_CLOCK_UNSYNC set, into who waits for it: the kernel's clock is never synchronised, whatever
 * this machine's is.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <time.h>

#define EXPORT __attribute__((visibility("default")))

static int pretend(struct timex *tx)
{
        unsigned modes = tx->modes;

        memset(tx, 0, sizeof(*tx));
        tx->modes = modes;
        tx->tick = 10000;
        return getenv("NO_CLOCK_UNSYNC") ? TIME_ERROR : TIME_OK;
}

EXPORT int adjtimex(struct timex *tx)
{
        return pretend(tx);
}

EXPORT int ntp_adjtime(struct timex *tx)
{
        return pretend(tx);
}

EXPORT int clock_adjtime(clockid_t id, struct timex *tx)
{
        return pretend(tx);
}

EXPORT int clock_settime(clockid_t id, const struct timespec *ts)
{
        return 0;
}

EXPORT int settimeofday(const struct timeval *tv, const struct timezone *tz)
{
        return 0;
}
