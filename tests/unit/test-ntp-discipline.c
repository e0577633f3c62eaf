/* SPDX-License-Identifier: MIT */
#include "lib/suite.h"
#include "proto/ntp-discipline.h"

#define SEC USEC_PER_SEC

static NtpDiscipline discipline(void)
{
        NtpDiscipline d;

        ntp_discipline_init(&d, 1000 * SEC, 0, 0, 100e-6, true);
        return d;
}

static NtpEstimate off_by(double offset)
{
        return (NtpEstimate){ .offset_nsec = llrint(offset * 1e9),
                .offset_sd = 1e-6,
                .jitter = 1e-6,
                .frequency_sd = HUGE_VAL,
                .root_distance = 1e-3 };
}

static NtpAction update(NtpDiscipline *d, double offset, bool may_step)
{
        NtpEstimate e = off_by(offset);

        return ntp_discipline_update(d, 2000 * SEC, &e, 64 * SEC, may_step);
}

START_TEST(steps_are_for_the_beginning)
{
        NtpDiscipline d = discipline();

        ck_assert_int_eq(update(&d, 5, false), NTP_ACTION_NONE);
        ck_assert_int_eq(update(&d, 5, true), NTP_ACTION_STEP);
        ntp_discipline_stepped(&d, 2000 * SEC);
        ck_assert_int_eq(update(&d, 0.001, true), NTP_ACTION_STEER);
        ck_assert_int_eq(update(&d, 5, true), NTP_ACTION_STEP); /* the third */
        ntp_discipline_stepped(&d, 2000 * SEC);
        ck_assert_int_eq(update(&d, 5, true), NTP_ACTION_STEER);
}
END_TEST

START_TEST(the_first_may_be_years_and_later_ones_are_refused)
{
        NtpDiscipline d = discipline();

        ck_assert_int_eq(update(&d, 1.7e9, true), NTP_ACTION_STEP);
        ntp_discipline_stepped(&d, 2000 * SEC);
        ck_assert_int_eq(update(&d, 1001, true), NTP_ACTION_PANIC);
        ck_assert_int_eq(update(&d, -1001, true), NTP_ACTION_PANIC);
        ck_assert_double_eq(d.rate, 0);
        ntp_discipline_reset(&d, 3000 * SEC);
        ck_assert_int_eq(update(&d, 1001, true), NTP_ACTION_STEP);
}
END_TEST

START_TEST(what_a_slow_network_can_explain_is_no_reason_to_step)
{
        NtpDiscipline d = discipline();
        NtpEstimate e = off_by(0.9);

        e.root_distance = 0.95; /* an answer held back for 1.8 s */
        ck_assert_int_eq(
                ntp_discipline_update(&d, 2000 * SEC, &e, 2 * SEC, true), NTP_ACTION_STEER);
        ck_assert_double_le(d.rate, 500.0001e-6);
        e.root_distance = 0.85;
        ck_assert_int_eq(ntp_discipline_update(&d, 2002 * SEC, &e, 2 * SEC, true), NTP_ACTION_STEP);
}
END_TEST

START_TEST(who_may_not_touch_the_clock_only_measures)
{
        NtpDiscipline d = discipline();

        d.control = false;
        ck_assert_int_eq(update(&d, 1e6, true), NTP_ACTION_NONE);
        ck_assert_uint_eq(d.updates, 1);
        ck_assert_double_eq(d.rate, 0);
        ck_assert_uint_eq(ntp_discipline_deadline(&d), USEC_INFINITY);
}
END_TEST

START_TEST(a_slew_ends_by_itself)
{
        NtpDiscipline d = discipline();
        NtpSteering s;
        usec_t end;

        ck_assert_int_eq(update(&d, 0.064, true), NTP_ACTION_STEER);
        ck_assert_double_gt(d.rate, 1e-3);
        end = ntp_discipline_deadline(&d);
        ck_assert_uint_gt(end, 2000 * SEC);
        s = ntp_discipline_steering(&d, end);
        ck_assert_double_eq_tol(s.steered, 0.064, 1e-6);
        ck_assert(!ntp_discipline_timeout(&d, end - 1));
        ck_assert(ntp_discipline_timeout(&d, end));
        ck_assert_double_eq(d.rate, 0);
        ck_assert_uint_eq(ntp_discipline_deadline(&d), USEC_INFINITY);
}
END_TEST

START_TEST(no_rate_goes_beyond_500_ppm_later)
{
        NtpDiscipline d = discipline();
        NtpEstimate e = off_by(0.0001);

        e.frequency = 2e-3;
        e.frequency_sd = 1e-9;
        for (usec_t i = 0; i < 20; i++)
                (void) ntp_discipline_update(&d, (2000 + 64 * i) * SEC, &e, 64 * SEC, true);
        ck_assert(!d.acquiring);
        ck_assert_double_le(d.frequency, NTP_MAX_FREQUENCY);
        ck_assert_double_le(d.rate, NTP_MAX_FREQUENCY);
        e.offset_nsec = -90 * 1000000;
        (void) ntp_discipline_update(&d, 4000 * SEC, &e, 64 * SEC, true);
        ck_assert_double_ge(d.rate, -NTP_MAX_FREQUENCY);
}
END_TEST

START_TEST(what_was_known_counts_until_it_is_known_better)
{
        NtpDiscipline d;
        NtpEstimate e = off_by(0);

        ntp_discipline_init(&d, 0, 0, 30e-6, 1e-6, true);
        e.frequency = 80e-6;
        e.frequency_sd = 100e-6;
        (void) ntp_discipline_update(&d, SEC, &e, 64 * SEC, true);
        ck_assert_double_eq_tol(d.frequency, 30e-6, 0.1e-6);
        e.frequency = 31e-6;
        e.frequency_sd = 0.01e-6;
        (void) ntp_discipline_update(&d, 2 * SEC, &e, 64 * SEC, true);
        ck_assert_double_eq_tol(d.frequency, 31e-6, 0.01e-6);
}
END_TEST

START_TEST(the_error_grows_until_the_clock_is_lost)
{
        NtpDiscipline d = discipline();

        ck_assert_double_eq(ntp_discipline_max_error(&d, 2000 * SEC), HUGE_VAL);
        (void) update(&d, 0.001, true);
        ck_assert_double_eq_tol(ntp_discipline_max_error(&d, 2000 * SEC), 0.002, 1e-9);
        ck_assert_double_gt(
                ntp_discipline_max_error(&d, 2000 * SEC + 9 * USEC_PER_HOUR), NTP_LOST_ERROR_SEC);
}
END_TEST

START_TEST(what_is_no_noise_goes_soon)
{
        NtpDiscipline d = discipline();
        NtpEstimate e = off_by(100e-6);

        for (unsigned i = 0; i < 8; i++) /* no longer acquiring */
                (void) update(&d, 0, true);
        ck_assert(!d.acquiring);
        e.offset_sd = 110e-6;
        (void) ntp_discipline_update(&d, 2000 * SEC, &e, 64 * SEC, true);
        ck_assert_uint_ge(ntp_discipline_deadline(&d), (2000 + 64) * SEC);
        e.offset_sd = 90e-6;
        (void) ntp_discipline_update(&d, 2000 * SEC, &e, 64 * SEC, true);
        ck_assert_uint_le(ntp_discipline_deadline(&d), (2000 + 16) * SEC + 1);
        ck_assert_double_eq_tol(d.rate, 100e-6 / 16, 1e-9);
        /* and within a short interval no later than the next */
        (void) ntp_discipline_update(&d, 2000 * SEC, &e, 8 * SEC, true);
        ck_assert_uint_le(ntp_discipline_deadline(&d), (2000 + 9) * SEC);
}
END_TEST

TEST_MAIN("ntp-discipline", what_is_no_noise_goes_soon, steps_are_for_the_beginning,
        the_first_may_be_years_and_later_ones_are_refused,
        what_a_slow_network_can_explain_is_no_reason_to_step,
        who_may_not_touch_the_clock_only_measures, a_slew_ends_by_itself,
        no_rate_goes_beyond_500_ppm_later, what_was_known_counts_until_it_is_known_better,
        the_error_grows_until_the_clock_is_lost)
