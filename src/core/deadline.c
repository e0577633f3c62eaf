/* SPDX-License-Identifier: MIT */
#include "core/deadline.h"
#include <string.h>

enum {
        DIGIT_MASK = (1 << DEADLINE_DIGIT) - 1,
        GOING_DOWN = DEADLINE_PLACES, /* the place of what is on its way */
        FEW = 16,                     /* as many of a place are looked at for the first of them */
};
/* In Slot.previous of the first one in a place: which place. */
#define IS_FIRST (UINT32_C(1) << 31)

static Slot *get(Deadlines *d, uint32_t index)
{
        return slot_get(d->slots, index);
}

static lws_usec_t deadline_of(const Slot *slot)
{
        return atomic_load_explicit(&slot->deadline, memory_order_relaxed);
}

static uint32_t next_of(const Slot *slot)
{
        return atomic_load_explicit(&slot->link, memory_order_relaxed);
}

void deadlines_init(Deadlines *d, SlotTable *slots)
{
        *d = (Deadlines){ .slots = slots };
        memset(d->first, 0xff, sizeof(d->first)); /* SLOT_NONE */
}

static uint32_t place_of(const Deadlines *d, lws_usec_t deadline)
{
        uint64_t differs = (uint64_t) (MAX(deadline, d->base) ^ d->base);
        unsigned level = differs ? (63u - (unsigned) __builtin_clzll(differs)) / DEADLINE_DIGIT : 0;
        unsigned digit = (unsigned) (MAX(deadline, d->base) >> level * DEADLINE_DIGIT) & DIGIT_MASK;

        return level << DEADLINE_DIGIT | digit;
}

static void note_taken(Deadlines *d, uint32_t place, bool taken)
{
        uint64_t bit = UINT64_C(1) << (place & DIGIT_MASK);
        uint64_t *level = &d->taken[place >> DEADLINE_DIGIT];

        *level = taken ? *level | bit : *level & ~bit;
}

void deadline_link(Deadlines *d, uint32_t index)
{
        Slot *slot = get(d, index);
        uint32_t place = place_of(d, deadline_of(slot)), next = d->first[place];

        atomic_store_explicit(&slot->link, next, memory_order_relaxed);
        slot->previous = IS_FIRST | place;
        if (next != SLOT_NONE)
                get(d, next)->previous = index;
        d->first[place] = index;
        note_taken(d, place, true);
        d->n++;
}

void deadline_unlink(Deadlines *d, uint32_t index)
{
        Slot *slot = get(d, index);
        uint32_t next = next_of(slot), previous = slot->previous, place = previous & ~IS_FIRST;

        if (previous == SLOT_NONE)
                return;
        slot->previous = SLOT_NONE;
        d->n--;
        if (next != SLOT_NONE)
                get(d, next)->previous = previous;
        if (!(previous & IS_FIRST)) {
                atomic_store_explicit(&get(d, previous)->link, next, memory_order_relaxed);
                return;
        }
        d->first[place] = next;
        if (next == SLOT_NONE && place != GOING_DOWN)
                note_taken(d, place, false);
}

/* The place with the earliest deadlines and the time it begins with. False when there are none but
 * those that go down. */
static bool first_place(const Deadlines *d, uint32_t *ret_place, lws_usec_t *ret_start)
{
        for (unsigned level = 0; level < DEADLINE_LEVELS; level++) {
                unsigned shift = level * DEADLINE_DIGIT, digit;
                uint64_t above;

                if (!d->taken[level])
                        continue;
                digit = (unsigned) __builtin_ctzll(d->taken[level]);
                above = (uint64_t) d->base >> shift & ~(uint64_t) DIGIT_MASK;
                *ret_place = level << DEADLINE_DIGIT | digit;
                *ret_start = (lws_usec_t) ((above | digit) << shift);
                return true;
        }
        return false;
}

/* Where there are few, the loop need not be woken to look for the first of them. */
lws_usec_t deadlines_next(Deadlines *d)
{
        lws_usec_t start, first = DEADLINE_NONE;
        uint32_t place, at;
        unsigned n = 0;

        if (d->first[GOING_DOWN] != SLOT_NONE)
                return d->base;
        if (!first_place(d, &place, &start))
                return DEADLINE_NONE;
        for (at = d->first[place]; at != SLOT_NONE; at = next_of(get(d, at))) {
                if (++n > FEW)
                        return start;
                first = MIN(first, deadline_of(get(d, at)));
        }
        return first;
}

/* Takes out all of the first place whose time has come. */
static bool open_place(Deadlines *d, lws_usec_t now)
{
        lws_usec_t start;
        uint32_t place;

        if (!first_place(d, &place, &start) || start > now)
                return false;
        d->base = start;
        d->first[GOING_DOWN] = d->first[place];
        get(d, d->first[place])->previous = IS_FIRST | GOING_DOWN;
        d->first[place] = SLOT_NONE;
        note_taken(d, place, false);
        return true;
}

uint32_t deadlines_pop(Deadlines *d, lws_usec_t now, unsigned *budget)
{
        while (*budget > 0) {
                uint32_t index = d->first[GOING_DOWN];

                if (index == SLOT_NONE) {
                        if (!open_place(d, now))
                                break;
                        continue;
                }
                (*budget)--;
                deadline_unlink(d, index);
                if (deadline_of(get(d, index)) <= now)
                        return index;
                deadline_link(d, index);
        }
        return SLOT_NONE;
}
