/* SPDX-License-Identifier: MIT */
#pragma once
/* How long to wait before trying again: doubling, bounded, with jitter so that a thousand clients
 * of a restarted daemon do not come at the same moment. Pure: the randomness is passed in. */
#include <stdint.h>

#define BACKOFF_MIN_USEC 10000u
#define BACKOFF_MAX_USEC 5000000u

/* Between half and the whole of the delay of attempt 0, 1, 2, ... */
uint64_t backoff_delay(unsigned attempt, uint64_t random);
