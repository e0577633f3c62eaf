/* SPDX-License-Identifier: MIT */
#include "libclient/backoff.h"

uint64_t backoff_delay(unsigned attempt, uint64_t random)
{
        uint64_t delay = BACKOFF_MIN_USEC;

        while (attempt-- > 0 && delay < BACKOFF_MAX_USEC)
                delay *= 2;
        if (delay > BACKOFF_MAX_USEC)
                delay = BACKOFF_MAX_USEC;
        return delay / 2 + random % (delay / 2 + 1);
}
