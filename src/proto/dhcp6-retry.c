/* SPDX-License-Identifier: MIT */
#include "proto/dhcp6-retry.h"
#include "util/error.h"

/* `base` +-10 % */
static usec_t jitter(usec_t base, bool never_short, Rng *rng)
{
        return rng_range(rng, never_short ? base + 1 : base - base / 10, base + base / 10);
}

usec_t dhcp6_retry_sent(Dhcp6Retry *retry, usec_t now, Rng *rng)
{
        if (retry->sent++ == 0) {
                retry->first = now;
                retry->rt = jitter(retry->irt, retry->never_short, rng);
        } else {
                /* 2 * RTprev + RAND * RTprev */
                retry->rt = retry->rt + jitter(retry->rt, false, rng);
        }
        if (retry->mrt > 0 && retry->rt > retry->mrt)
                retry->rt = jitter(retry->mrt, false, rng);
        retry->last = now;
        if (retry->mrd > 0)
                return MIN(now + retry->rt, retry->first + retry->mrd);
        return now + retry->rt;
}

bool dhcp6_retry_is_over(const Dhcp6Retry *retry, usec_t now)
{
        return (retry->mrc > 0 && retry->sent >= retry->mrc) ||
               (retry->mrd > 0 && now >= retry->first + retry->mrd);
}
