/* SPDX-License-Identifier: MIT */
#include "helper/time-clock.h"
#include "lib/suite.h"

#define MS  INT64_C(1000000)
#define SEC (1000 * MS)

/* What is said of a clock that was moved by `moved` while `passed` went by, `slept` of it asleep.
 */
static int64_t said(int64_t moved, int64_t passed, int64_t slept, bool told)
{
        TimeReading before = { .real = 1800000000 * SEC, .boot = 1000 * SEC, .slept = 7 * SEC };
        TimeReading now = { .real = before.real + passed + moved,
                .boot = before.boot + passed,
                .slept = before.slept + slept };
        int64_t by = 0;

        return time_reading_differs(&before, &now, told, &by) ? by : -1;
}

START_TEST(nothing_happened)
{
        ck_assert_int_eq(said(0, 0, 0, true), -1);
        ck_assert_int_eq(said(0, 1024 * SEC, 0, true), -1);
        ck_assert_int_eq(said(MS / 2, 64 * SEC, 0, true), -1);
        ck_assert_int_eq(said(MS / 2, 64 * SEC, 0, false), -1);
        ck_assert_int_eq(said(0, 64 * SEC, SEC / 2, true), -1);
}
END_TEST

START_TEST(what_the_kernel_tells_of_is_found_however_long_ago_we_looked)
{
        ck_assert_int_eq(said(500 * MS, 1024 * SEC, 0, true), 500 * MS);
        ck_assert_int_eq(said(-500 * MS, 1024 * SEC, 0, true), -500 * MS);
        ck_assert_int_eq(said(2 * MS, 64 * SEC, 0, true), 2 * MS);
        ck_assert_int_eq(said(-3600 * SEC, 16 * SEC, 0, true), -3600 * SEC);
}
END_TEST

START_TEST(without_a_word_only_what_no_crystal_does)
{
        ck_assert_int_eq(said(500 * MS, 1024 * SEC, 0, false), -1);
        ck_assert_int_eq(said(200 * MS, SEC, 0, false), -1);
        ck_assert_int_eq(said(300 * MS, SEC, 0, false), 300 * MS);
        ck_assert_int_eq(said(-3600 * SEC, 1024 * SEC, 0, false), -3600 * SEC);
}
END_TEST

START_TEST(sleep_is_no_step)
{
        ck_assert_int_eq(said(0, 3600 * SEC, 3500 * SEC, true), 0);
        ck_assert_int_eq(said(0, 3600 * SEC, 3500 * SEC, false), 0);
        /* and both at once is a step */
        ck_assert_int_eq(said(60 * SEC, 3600 * SEC, 3500 * SEC, true), 60 * SEC);
}
END_TEST

TEST_MAIN("time-clock", nothing_happened,
        what_the_kernel_tells_of_is_found_however_long_ago_we_looked,
        without_a_word_only_what_no_crystal_does, sleep_is_no_step)
