/* SPDX-License-Identifier: MIT */
#include "core/backoff.h"
#include "util/error.h"

usec_t backoff_next(Backoff *b, Rng *rng)
{
        unsigned shift = MIN(b->tries, 32u);
        usec_t wait = b->first_usec > (b->max_usec >> shift) ? b->max_usec : b->first_usec << shift;
        usec_t spread = wait / 100 * b->jitter_percent;

        b->tries++;
        return spread > 0 ? rng_range(rng, wait - spread, wait + spread) : wait;
}

void backoff_reset(Backoff *b)
{
        b->tries = 0;
}
