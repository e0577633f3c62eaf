/* SPDX-License-Identifier: MIT */
/* The table of slots: generations, threads that take and free at once. */
#include "core/slot.h"
#include "lib/suite.h"
#include "util/rng.h"
#include <pthread.h>
#include <string.h>

static SlotTable table;

/* Tests run in one process where a sanitizer looks on. */
static void begin(void)
{
        memset(&table, 0, sizeof(table));
        slots_init(&table);
}

START_TEST(a_slot_that_was_freed_is_another)
{
        uint32_t a, b;
        uint64_t first, second;

        begin();
        ck_assert_ptr_null(slot_at(&table, 0));
        ck_assert_int_eq(slot_new(&table, &a), 0);
        first = slot_begin(&table, a, &a, NULL, 0, 0);
        ck_assert_uint_ne(slot_generation(first), 0);
        ck_assert_int_eq(slot_status(first), SLOT_PENDING);
        ck_assert_ptr_eq(slot_at(&table, a)->opaque, &a);
        ck_assert(slot_change(slot_at(&table, a), first, SLOT_RUNNING));
        ck_assert(!slot_change(slot_at(&table, a), first, SLOT_DEAD));
        slot_free(&table, a);
        ck_assert(!slot_change(slot_at(&table, a), slot_word(first, SLOT_RUNNING), SLOT_DEAD));
        ck_assert_int_eq(slot_new(&table, &b), 0);
        ck_assert_uint_eq(b, a);
        second = slot_begin(&table, b, NULL, NULL, 0, SLOT_IS_WATCH);
        ck_assert_uint_ne(slot_generation(second), slot_generation(first));
        ck_assert(second & SLOT_IS_WATCH);
        ck_assert_ptr_null(slot_at(&table, a + 1));
        ck_assert_ptr_null(slot_at(&table, SLOT_NONE));
        slots_deinit(&table);
}
END_TEST

START_TEST(generation_0_names_nothing)
{
        uint32_t a;

        begin();
        ck_assert_int_eq(slot_new(&table, &a), 0);
        slot_at(&table, a)->word = (uint64_t) UINT32_MAX << 32 | SLOT_PENDING;
        slot_free(&table, a);
        ck_assert_uint_eq(slot_generation(slot_at(&table, a)->word), 1);
        slots_deinit(&table);
}
END_TEST

/* -- Threads ----------------------------------------------------------------------------------- */

enum { THREADS = 4, HELD = 300, ROUNDS = 40000 };
static _Atomic int holders[2 * THREADS * HELD];

static void *take_and_free(void *arg)
{
        Rng rng = rng_seeded((uint64_t) (uintptr_t) arg);
        uint32_t held[HELD];
        unsigned n = 0;

        for (int left = ROUNDS; left > 0 || n > 0; left--) {
                if (n < HELD && left > 0 && rng_range(&rng, 0, 1)) {
                        ck_assert_int_eq(slot_new(&table, &held[n]), 0);
                        ck_assert_uint_lt(held[n], 2 * THREADS * HELD); /* it does not grow */
                        ck_assert_int_eq(holders[held[n]]++, 0);
                        n++;
                } else if (n > 0) {
                        n--;
                        ck_assert_int_eq(--holders[held[n]], 0);
                        slot_free(&table, held[n]);
                }
        }
        return NULL;
}

START_TEST(no_two_threads_have_the_same)
{
        uint64_t seed = test_seed();
        pthread_t id[THREADS];

        begin();
        for (uint64_t t = 0; t < THREADS; t++)
                ck_assert_int_eq(
                        pthread_create(&id[t], NULL, take_and_free, (void *) (seed + t)), 0);
        for (int t = 0; t < THREADS; t++)
                pthread_join(id[t], NULL);
        slots_deinit(&table);
}
END_TEST

TEST_MAIN("slot", a_slot_that_was_freed_is_another, generation_0_names_nothing,
        no_two_threads_have_the_same)
