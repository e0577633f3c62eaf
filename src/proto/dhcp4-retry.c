/* SPDX-License-Identifier: MIT */
#include "proto/dhcp4-retry.h"
#include "util/error.h"

#define EAGER_FIRST  (500 * USEC_PER_MSEC)
#define EAGER_NEXT   (1 * USEC_PER_SEC)
#define EAGER_UNTIL  (8 * USEC_PER_SEC)
#define SLOW_FIRST   (4 * USEC_PER_SEC)
#define SLOW_DOUBLES 4 /* 4, 8, 16, 32, 64 */
#define SLOW_JITTER  (1 * USEC_PER_SEC)
#define HALF_MIN     (60 * USEC_PER_SEC)

void dhcp4_retry_start(Dhcp4Retry *retry, bool eager)
{
        *retry = (Dhcp4Retry){ .eager = eager };
}

static usec_t slow_wait(Dhcp4Retry *retry, Rng *rng)
{
        usec_t wait = SLOW_FIRST << MIN(retry->slow, SLOW_DOUBLES);

        retry->slow++;
        return rng_range(rng, wait - SLOW_JITTER, wait + SLOW_JITTER);
}

usec_t dhcp4_retry_sent(Dhcp4Retry *retry, usec_t now, Rng *rng)
{
        usec_t wait = retry->sent == 0 ? EAGER_FIRST : EAGER_NEXT;

        if (retry->sent++ == 0)
                retry->first = now;
        retry->last = now;
        /* The jitter only shortens: nobody who comes up with us waits longer than a second. */
        wait -= rng_range(rng, 0, wait / 10);
        if (!retry->eager || now + wait > retry->first + EAGER_UNTIL)
                wait = slow_wait(retry, rng);
        return now + wait;
}

usec_t dhcp4_retry_half(usec_t now, usec_t end)
{
        if (end == USEC_INFINITY)
                return now + HALF_MIN;
        return now + MAX(usec_sub(end, now) / 2, HALF_MIN);
}
