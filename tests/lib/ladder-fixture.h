/* SPDX-License-Identifier: MIT */
#pragma once
/* A ladder under virtual time that writes down what it tells. */
#include "state/ladder.h"
#include "suite.h"
#include <string.h>

#define FLAP     (300 * USEC_PER_MSEC)
#define TOGETHER (100 * USEC_PER_MSEC)

typedef struct Fixture Fixture;
struct Fixture {
        Ladder *ladder;
        usec_t wake;
        LadderWatch watch;
        LadderChange changes[512];
        unsigned n_changes;
        unsigned n_waiting;
        char told[1024]; /* by notifiers */
};

static _unused_ usec_t virtual_now;

static _unused_ usec_t virtual_boottime(void)
{
        return virtual_now;
}

static _unused_ usec_t virtual_monotonic(void)
{
        return virtual_now + 1000;
}

static _unused_ usec_t virtual_realtime(void)
{
        return virtual_now + 2000;
}

static _unused_ void on_wake(void *userdata, usec_t deadline)
{
        ((Fixture *) userdata)->wake = deadline;
}

static _unused_ void on_changed(LadderWatch *watch, const LadderChange *change)
{
        Fixture *f = list_entry(watch, Fixture, watch);

        ck_assert_uint_lt(f->n_changes, ELEMENTSOF(f->changes));
        f->changes[f->n_changes++] = *change;
}

static _unused_ void on_waiting(LadderWatch *watch)
{
        list_entry(watch, Fixture, watch)->n_waiting++;
}

static _unused_ Fixture *fixture_new(void)
{
        static const LadderClocks clocks = { virtual_boottime, virtual_monotonic,
                virtual_realtime };
        Fixture *f = calloc(1, sizeof(*f));

        virtual_now = 1000000;
        ck_assert_int_eq(ladder_new(&f->ladder, &clocks, on_wake, f), 0);
        ladder_set_flap(f->ladder, FLAP);
        f->watch = (LadderWatch){ .changed = on_changed, .waiting = on_waiting };
        ladder_watch_link(f->ladder, &f->watch);
        return f;
}

static _unused_ void fixture_free(Fixture *f)
{
        ladder_free(f->ladder);
        free(f);
}

/* Turns the loop until there is nothing to do at once; each turn is a call to process. */
static _unused_ unsigned settle(Fixture *f)
{
        unsigned turns = 0;

        f->wake = 0;
        while (f->wake <= virtual_now) {
                f->wake = USEC_INFINITY;
                ladder_process(f->ladder, virtual_now);
                ck_assert_uint_lt(++turns, 1000);
        }
        return turns;
}

static _unused_ void advance(Fixture *f, usec_t usec)
{
        virtual_now += usec;
        settle(f);
}

static _unused_ void process(Fixture *f)
{
        ladder_process(f->ladder, virtual_now);
}

static _unused_ Hold *new_hold(Fixture *f, int state, HoldKind kind, const char *who)
{
        Hold *hold = NULL;

        ck_assert_int_eq(hold_new(&hold, f->ladder, state, kind, who), 0);
        return hold;
}

#define ck_assert_state(f, state)                                                                  \
        ck_assert_str_eq(state_to_string(ladder_state((f)->ladder)), state)

typedef struct Waiting Waiting;
struct Waiting {
        unsigned n;
        HoldInfo last;
        char who[300], why[300];
};

static _unused_ void count_waiting(void *userdata, Hold *hold, const HoldInfo *info)
{
        Waiting *w = userdata;

        w->n++;
        w->last = *info;
        snprintf(w->who, sizeof(w->who), "%s", info->who);
        snprintf(w->why, sizeof(w->why), "%s", info->why);
}

static _unused_ Waiting waiting(Fixture *f)
{
        Waiting w = { 0 };

        ladder_foreach_waiting(f->ladder, count_waiting, &w);
        return w;
}
