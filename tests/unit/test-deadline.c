/* SPDX-License-Identifier: MIT */
/* Deadlines: none early, none late, none lost, beside a plain list of them. */
#include "core/deadline.h"
#include "lib/suite.h"
#include "util/rng.h"
#include <string.h>

enum { MANY = 2000, BUDGET = 64 };

static SlotTable table;
static Deadlines deadlines;
static bool linked[MANY];
static uint32_t n_linked;

static void begin(void)
{
        uint32_t index;

        memset(&table, 0, sizeof(table));
        memset(linked, 0, sizeof(linked));
        n_linked = 0;
        slots_init(&table);
        deadlines_init(&deadlines, &table);
        for (uint32_t i = 0; i < MANY; i++) {
                ck_assert_int_eq(slot_new(&table, &index), 0);
                ck_assert_uint_eq(index, i);
        }
}

static void add(uint32_t i, lws_usec_t deadline)
{
        (void) slot_begin(&table, i, NULL, NULL, deadline, 0);
        deadline_link(&deadlines, i);
        linked[i] = true;
        n_linked++;
}

static void take_out(uint32_t i)
{
        deadline_unlink(&deadlines, i);
        n_linked -= linked[i];
        linked[i] = false;
}

static lws_usec_t deadline_of(uint32_t i)
{
        return slot_get(&table, i)->deadline;
}

static lws_usec_t earliest(void)
{
        lws_usec_t first = DEADLINE_NONE;

        for (uint32_t i = 0; i < MANY; i++)
                if (linked[i] && deadline_of(i) < first)
                        first = deadline_of(i);
        return first;
}

/* All that is due at `now`, in as many turns as it takes. How many turns. */
static unsigned serve(lws_usec_t now)
{
        unsigned turns = 0;

        do {
                unsigned budget = BUDGET;
                uint32_t i;

                while ((i = deadlines_pop(&deadlines, now, &budget)) != SLOT_NONE) {
                        ck_assert(linked[i]);
                        ck_assert_int_le(deadline_of(i), now);
                        linked[i] = false;
                        n_linked--;
                }
                turns++;
                ck_assert_uint_lt(turns, MANY * DEADLINE_LEVELS / BUDGET);
        } while (deadlines_next(&deadlines) <= now);
        return turns;
}

static lws_usec_t some_time(Rng *rng)
{
        return (lws_usec_t) rng_range(rng, 0, UINT64_C(1) << rng_range(rng, 0, 40));
}

START_TEST(whoever_is_due_comes_and_nobody_else)
{
        Rng rng = rng_seeded(test_seed());
        lws_usec_t now = some_time(&rng);

        begin();
        ck_assert_int_eq(deadlines_next(&deadlines), DEADLINE_NONE);
        for (unsigned round = 0; round < 3000; round++) {
                unsigned most = (unsigned) rng_range(&rng, 0, 40);

                for (unsigned n = 0; n < most; n++) {
                        uint32_t i = (uint32_t) rng_range(&rng, 0, MANY - 1);

                        if (linked[i])
                                take_out(i);
                        else
                                add(i, now - 100 + some_time(&rng));
                }
                ck_assert_uint_eq(deadlines.n, n_linked);
                ck_assert_int_le(deadlines_next(&deadlines), earliest());
                now += some_time(&rng) / 8;
                if (rng_range(&rng, 0, 3) == 0)
                        now = MAX(now, deadlines_next(&deadlines) == DEADLINE_NONE
                                               ? now
                                               : deadlines_next(&deadlines));
                (void) serve(now);
                ck_assert_uint_eq(deadlines.n, n_linked);
                ck_assert_int_gt(earliest(), now);
        }
        slots_deinit(&table);
}
END_TEST

START_TEST(a_turn_does_not_look_at_more_than_its_budget)
{
        const lws_usec_t hour = 3600 * LWS_US_PER_SEC;
        unsigned budget = BUDGET;

        begin();
        for (uint32_t i = 0; i < MANY; i++)
                add(i, hour + i);
        ck_assert_uint_eq(deadlines_pop(&deadlines, hour - 1, &budget), SLOT_NONE);
        ck_assert_uint_eq(budget, 0); /* they all go down, by that many at a time */
        ck_assert_uint_eq(deadlines.n, MANY);
        /* what comes in the midst of it, and what goes */
        take_out(MANY - 1);
        take_out(0);
        add(0, 1);
        ck_assert_uint_gt(serve(hour - 1), MANY / BUDGET);
        ck_assert(!linked[0]);
        ck_assert_uint_eq(n_linked, MANY - 2);
        (void) serve(hour + MANY);
        ck_assert_uint_eq(n_linked, 0);
        ck_assert_int_eq(deadlines_next(&deadlines), DEADLINE_NONE);
        slots_deinit(&table);
}
END_TEST

/* An idle machine sleeps until the deadline itself. */
START_TEST(few_do_not_wake_the_loop_before_they_are_due)
{
        const lws_usec_t now = 123456789, far = INT64_MAX - 1;

        begin();
        add(0, now + 3600 * LWS_US_PER_SEC + 17);
        add(1, far);
        ck_assert_int_eq(deadlines_next(&deadlines), deadline_of(0));
        add(2, now + 5);
        ck_assert_int_eq(deadlines_next(&deadlines), now + 5);
        (void) serve(now + 5);
        ck_assert(!linked[2]);
        ck_assert_int_eq(deadlines_next(&deadlines), deadline_of(0));
        (void) serve(deadline_of(0));
        ck_assert(!linked[0] && linked[1]);
        ck_assert_int_eq(deadlines_next(&deadlines), far);
        (void) serve(far);
        ck_assert(!linked[1]);
        slots_deinit(&table);
}
END_TEST

START_TEST(what_is_not_linked_may_be_taken_out)
{
        begin();
        (void) slot_begin(&table, 0, NULL, NULL, 1000, 0);
        deadline_unlink(&deadlines, 0);
        ck_assert_uint_eq(deadlines.n, 0);
        add(0, -5); /* before there was a clock */
        ck_assert_int_le(deadlines_next(&deadlines), 0);
        (void) serve(0);
        ck_assert(!linked[0]);
        deadline_unlink(&deadlines, 0);
        ck_assert_uint_eq(deadlines.n, 0);
        slots_deinit(&table);
}
END_TEST

TEST_MAIN("deadline", whoever_is_due_comes_and_nobody_else,
        a_turn_does_not_look_at_more_than_its_budget, few_do_not_wake_the_loop_before_they_are_due,
        what_is_not_linked_may_be_taken_out)
