/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Deadlines of attachments: constant time to put one in and to take it out, however many there are,
 * and exact to the microsecond. Used by the service thread alone.
 *
 * The digits of a deadline, 6 bits each, say where it is: the level is the highest digit in which
 * it differs from `base`, a time that has passed, and the place within the level is that digit. So
 * whatever is on a level comes before all that is on the levels above. When the time a place begins
 * with has come, `base` goes there, and what is in the place goes down by a level or more: at most
 * as often as there are digits, and a bounded number in one turn of the loop.
 *
 * A place is a list through the slots themselves: nothing to allocate, so nothing that can fail.
 */
#include "core/slot.h"

enum {
        DEADLINE_DIGIT = 6,
        DEADLINE_LEVELS = (64 + DEADLINE_DIGIT - 1) / DEADLINE_DIGIT,
        DEADLINE_PLACES = DEADLINE_LEVELS << DEADLINE_DIGIT,
};
#define DEADLINE_NONE INT64_MAX

typedef struct Deadlines Deadlines;
struct Deadlines {
        SlotTable *slots;
        lws_usec_t base;
        uint32_t n;
        uint64_t taken[DEADLINE_LEVELS]; /* places that are not empty */
        /* the first slot of each place, and behind them of what was taken out of one to go down */
        uint32_t first[DEADLINE_PLACES + 1];
};

void deadlines_init(Deadlines *d, SlotTable *slots);
/* Of a slot in use, with a deadline. */
void deadline_link(Deadlines *d, uint32_t index);
/* Fine for one that is not linked. */
void deadline_unlink(Deadlines *d, uint32_t index);
/* When to call deadlines_pop(): at the first deadline, or before; DEADLINE_NONE. */
lws_usec_t deadlines_next(Deadlines *d);
/* Unlinks one whose deadline has passed. SLOT_NONE: none has, or `budget`, which counts down with
 * all that is looked at, is used up; deadlines_next() tells. */
uint32_t deadlines_pop(Deadlines *d, lws_usec_t now, unsigned *budget);
