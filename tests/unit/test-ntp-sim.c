/* SPDX-License-Identifier: MIT */
/*
 * The NTP machine in a simulated world (lib/ntp-world.h). Each scenario prints how far the clock
 * was off.
 */
#include "lib/ntp-sim.h"
#include "lib/suite.h"
#include <string.h>

START_TEST(a_right_clock_is_confirmed_by_the_first_answer)
{
        Sim sim = sim_init(test_seed(), 1);

        sim.world.clock_error = 0.02;
        sim_start(&sim);
        sim_run(&sim, 0.01);
        ck_assert_double_lt(sim.synced_at, 0.005);
        ck_assert_double_ge(sim.synced_at, 0);
        sim_end(&sim, "confirm");
}
END_TEST

START_TEST(ten_seconds_off_is_stepped)
{
        for (int n = 1; n <= 4; n++) {
                for (int sign = -1; sign <= 1; sign += 2) {
                        Sim sim = sim_init(test_seed() + (uint64_t) n, n);

                        sim.world.clock_error = 10 * sign;
                        sim_start(&sim);
                        sim_run(&sim, 40);
                        ck_assert_int_eq(sim.steps, 1);
                        ck_assert_double_lt(sim.world.within_50ms_at, n >= 2 ? 1.0 : 5.0);
                        ck_assert_double_lt(fabs(sim.world.clock_error), 1e-3);
                        sim_end(&sim, "ten seconds off");
                }
        }
}
END_TEST

START_TEST(sixty_milliseconds_and_40_ppm_are_slewed)
{
        for (int n = 1; n <= 3; n += 2) {
                Sim sim = sim_init(test_seed(), n);

                sim.world.clock_error = 0.06;
                sim.world.frequency = 40e-6;
                sim_start(&sim);
                sim_run(&sim, 75);
                ck_assert_int_eq(sim.steps, 0);
                ck_assert_double_lt(fabs(sim.world.clock_error), 2e-3);
                sim_end(&sim, "60 ms and 40 ppm");
        }
}
END_TEST

START_TEST(a_quiet_lan_settles_well_below_a_millisecond)
{
        Sim sim = sim_init(test_seed(), 1);

        sim.world.clock_error = 0.01;
        sim.world.frequency = -23e-6;
        sim.world.wander = 1e-9;
        sim.world.late_from = 600;
        sim_start(&sim);
        sim_run(&sim, 86400);
        ck_assert_double_lt(sim.world.worst_late, 500e-6);
        sim_end(&sim, "quiet LAN, a day");
}
END_TEST

START_TEST(a_steady_clock_is_asked_less)
{
        Sim sim = sim_init(test_seed(), 1);

        sim.world.frequency = 10e-6;
        sim.config.poll_min = 4;
        sim_start(&sim);
        sim_run(&sim, 1200); /* a run of bad luck with the jitter may take a while */
        ck_assert_uint_ge(sim.client->sources[0].poll, 5);
        sim_run(&sim, 86400);
        ck_assert_uint_ge(sim.client->sources[0].poll, 9);
        sim_end(&sim, "asked less, a day");
}
END_TEST

START_TEST(one_liar_among_four_moves_nothing)
{
        const double lies[] = { 0.05, 5, 3600, -1e8 };

        for (size_t i = 0; i < ELEMENTSOF(lies); i++) {
                Sim sim = sim_init(test_seed() + i, 4);

                sim.world.servers[2].error = lies[i];
                sim.world.servers[2].stratum = 1;
                sim.world.servers[2].root_delay = sim.world.servers[2].root_dispersion = 0;
                sim.world.servers[2].delay = 50e-6; /* and the quickest to answer */
                sim.world.late_from = 1;
                sim.world.clock_error = 0.001;
                sim_start(&sim);
                sim_run(&sim, 3600);
                ck_assert_int_eq(sim.steps, 0);
                ck_assert_double_lt(sim.world.worst_late, 3e-3);
                if (lies[i] > -1e6) /* that one is before the build: not even a candidate */
                        ck_assert_int_eq(sim.client->sources[2].verdict, NTP_VERDICT_FALSETICKER);
                sim_end(&sim, "one liar of four");
        }
}
END_TEST

START_TEST(two_that_differ_move_nothing)
{
        Sim sim = sim_init(test_seed(), 2);
        char why[128];

        sim.world.servers[1].error = 5;
        sim.world.clock_error = 20;
        sim_start(&sim);
        sim_run(&sim, 3600);
        ck_assert_int_eq(sim.steps, 0);
        ck_assert_double_eq(sim.world.rate, 0);
        ck_assert_double_lt(sim.synced_at, 0);
        ck_assert_str_eq(ntp_client_waiting(sim.client, why, sizeof(why)), "no-majority");
        sim_end(&sim, "two that differ");
}
END_TEST

START_TEST(one_that_confirms_is_contradicted)
{
        for (int liar = 0; liar < 2; liar++) {
                Sim sim = sim_init(test_seed(), 2);

                sim.world.servers[liar].error = 5;
                sim.world.servers[!liar].delay = 50e-6; /* the first to answer */
                sim_start(&sim);
                sim_run(&sim, 3600);
                ck_assert_int_eq(sim.client->state, NTP_STATE_STARTING);
                ck_assert(!ntp_client_adjustment(sim.client).synced);
                ck_assert_int_eq(sim.steps, 0);
                ck_assert_double_eq(sim.world.rate, 0);
                sim_end(&sim, "one of two confirms");
        }
}
END_TEST

START_TEST(a_server_that_jumps_is_refused_or_slewed)
{
        const double jumps[] = { 0.5, 20, 2000, -2000 };

        for (size_t i = 0; i < ELEMENTSOF(jumps); i++) {
                Sim sim = sim_init(test_seed(), 1);

                sim.world.servers[0].step_at = 1000;
                sim.world.servers[0].step = jumps[i];
                sim_start(&sim);
                sim_run(&sim, 4000);
                ck_assert_int_eq(sim.steps, 0);
                ck_assert_double_lt(fabs(sim.world.rate), 501e-6);
                if (fabs(jumps[i]) > NTP_PANIC_SEC) {
                        ck_assert(sim.client->panicked);
                        ck_assert_double_lt(fabs(sim.world.clock_error), 1e-3);
                }
                sim_end(&sim, "server jumps");
        }
}
END_TEST

START_TEST(the_network_may_be_bad)
{
        Sim sim = sim_init(test_seed(), 4);

        for (int i = 0; i < 4; i++) {
                sim.world.servers[i].delay = 40e-3 + 10e-3 * i;
                sim.world.servers[i].jitter = 2e-3;
                sim.world.servers[i].loss = 0.3;
        }
        sim.world.clock_error = -0.05;
        sim.world.frequency = 60e-6;
        sim.world.wander = 2e-9;
        sim.world.late_from = 7200;
        sim_start(&sim);
        sim_run(&sim, 2 * 86400);
        ck_assert_double_lt(sim.world.worst_late, 5e-3);
        ck_assert_double_ge(sim.world.servers[0].closest, 1);
        sim_end(&sim, "bad network, two days");
}
END_TEST

static void run_week(const Week *w)
{
        uint64_t seed = test_seed();
        Sim sim = sim_init(seed, w->servers);

        sim.world = week_begin(w, seed);
        sim_start(&sim);
        sim_run(&sim, week_sec(w));
        ck_assert_double_lt(sim.world.worst_late, w->bound);
        ck_assert_int_eq(sim.steps, 0);
        sim_end(&sim, w->name);
}

START_TEST(weeks_of_every_kind)
{
        for (size_t i = 0; i < WEEKS; i++)
                run_week(&weeks[i]);
}
END_TEST

/* How far off in the mean, with seeds that stay the same. */
static double mean_rms(const char *name)
{
        double sum = 0;

        for (size_t i = 0; i < WEEKS; i++)
                for (uint64_t seed = 1; seed <= 5 && strcmp(weeks[i].name, name) == 0; seed++) {
                        Sim sim = sim_init(seed, weeks[i].servers);

                        sim.world = week_begin(&weeks[i], seed);
                        sim_start(&sim);
                        sim_run(&sim, week_sec(&weeks[i]));
                        sum += world_rms_late(&sim.world) / 5;
                        sim.client = ntp_client_free(sim.client);
                }
        return sum;
}

/* chronyd: 62, 146, 10 and 5 us (tests/bench/time-weeks) */
START_TEST(it_is_not_led_astray_by_tails_nor_slow_at_first)
{
        double week = mean_rms("a busy machine"), busy = mean_rms("a busy machine, the beginning");
        double quiet = mean_rms("a quiet LAN, the beginning");
        double beside = mean_rms("beside the server, the beginning");

        printf("busy %.1f us, at first %.1f us, quiet at first %.1f us, beside the server %.1f "
               "us\n",
                week * 1e6, busy * 1e6, quiet * 1e6, beside * 1e6);
        ck_assert(week > 0 && week < 80e-6);
        ck_assert(busy > 0 && busy < 120e-6);
        ck_assert(quiet > 0 && quiet < 15e-6);
        ck_assert(beside > 0 && beside < 2.5e-6);
}
END_TEST

START_TEST(a_crystal_beyond_500_ppm_does_not_wind_up)
{
        Sim sim = sim_init(test_seed(), 1);

        sim.world.frequency = 700e-6;
        sim.world.change_at = 4000;
        sim.world.change = -690e-6;
        sim_start(&sim);
        sim_run(&sim, 4000);
        ck_assert_double_le(fabs(sim.client->discipline.frequency), 500.0001e-6);
        sim_run(&sim, 16000);
        ck_assert_double_lt(fabs(sim.world.clock_error), 5e-3);
        sim_end(&sim, "700 ppm, then 10");
}
END_TEST

START_TEST(denied_by_the_kernel_it_measures)
{
        Sim sim = sim_init(test_seed(), 3);

        sim.denied = true;
        sim.world.clock_error = 10;
        sim.world.frequency = 5e-6;
        sim_start(&sim);
        sim_run(&sim, 600);
        ck_assert_int_eq(sim.client->state, NTP_STATE_SYNCED);
        ck_assert_int_eq(sim.steps, 0);
        ck_assert_double_eq_tol(
                ntp_client_offset(sim.client, sim_boottime(&sim)), -sim.world.clock_error, 1e-3);
        sim_end(&sim, "measured only");
}
END_TEST

/* What people are told, at any moment and not only when an answer has come. */
START_TEST(the_offset_that_is_told_is_the_true_one)
{
        Sim sim = sim_init(test_seed(), 1);

        sim.world.servers[0] = (WorldServer){ .delay = 100e-6, .jitter = 2e-6 };
        sim.world.frequency = 20e-6;
        sim_start(&sim);
        for (int t = 20; t < 400; t++) {
                sim_run(&sim, t);
                ck_assert_double_eq_tol(ntp_client_offset(sim.client, sim_boottime(&sim)),
                        -sim.world.clock_error, 50e-6);
        }
        sim_end(&sim, "told");
}
END_TEST

START_TEST(kisses_are_obeyed)
{
        Sim sim = sim_init(test_seed(), 2);

        sim.world.servers[0].kiss = "DENY";
        sim.world.servers[1].kiss = "RATE";
        sim_start(&sim);
        sim_run(&sim, 3600);
        ck_assert_uint_eq(sim.world.servers[0].requests, 1);
        ck_assert_uint_le(sim.world.servers[1].requests, 6);
        ck_assert_double_ge(sim.world.servers[1].closest, 100);
        sim_end(&sim, "kisses");
}
END_TEST

START_TEST(a_server_that_loses_its_time_does_not_count_until_it_has_it_again)
{
        for (int n = 1; n <= 4; n += 3) {
                Sim sim = sim_init(test_seed(), n);
                NtpSource *s;
                uint64_t replies;
                size_t samples;

                sim.world.clock_error = 0.05;
                sim_start(&sim);
                sim_run(&sim, 600);
                s = &sim.client->sources[0];
                ck_assert_int_ge(s->verdict, NTP_VERDICT_OUTLIER);
                replies = s->replies;
                samples = s->n_samples;
                sim.world.servers[0].leap = NTP_LEAP_UNSYNC;
                sim.world.servers[0].error = 3;
                for (double at = 610; s->replies == replies; at += 10)
                        sim_run(&sim, at);
                for (double at = sim.world.now; at < 900; at += 2) {
                        sim_run(&sim, at); /* nor do the answers of others bring it back */
                        ck_assert_int_eq(s->verdict, NTP_VERDICT_UNSYNCHRONIZED);
                }
                ck_assert_uint_gt(s->replies, replies + 1);
                ck_assert_uint_eq(s->n_samples, samples);
                ck_assert_int_eq(sim.client->best == 0, n == 1);
                sim.world.servers[0].leap = 0;
                sim.world.servers[0].error = 0;
                sim_run(&sim, 1100);
                ck_assert_int_ge(s->verdict, NTP_VERDICT_OUTLIER);
                ck_assert_double_lt(fabs(sim.world.clock_error), 2e-3);
                ck_assert_int_eq(sim.steps, 0);
                sim_end(&sim, "loses its time");
        }
}
END_TEST

START_TEST(silence_keeps_the_frequency_and_at_last_the_word)
{
        Sim sim = sim_init(test_seed(), 1);

        sim.world.frequency = 30e-6;
        sim.world.servers[0].dead_from = 3600;
        sim.world.servers[0].dead_to = 1e9;
        sim_start(&sim);
        sim_run(&sim, 7200);
        ck_assert_int_eq(sim.client->state, NTP_STATE_SYNCED);
        ck_assert_double_lt(fabs(sim.world.clock_error), 2e-3);
        sim_run(&sim, 43200);
        ck_assert_int_eq(sim.client->state, NTP_STATE_LOST);
        ck_assert_double_lt(fabs(sim.world.clock_error), 40e-3);
        sim_end(&sim, "silence");
}
END_TEST

START_TEST(somebody_else_sets_the_clock)
{
        Sim sim = sim_init(test_seed(), 1);

        sim_start(&sim);
        sim_run(&sim, 2000);
        sim.world.clock_error += 4000;
        ntp_client_disturbed(sim.client, sim_boottime(&sim));
        sim_handle_events(&sim);
        ck_assert_int_eq(sim.client->state, NTP_STATE_STARTING);
        sim_run(&sim, 2010);
        ck_assert_int_eq(sim.client->state, NTP_STATE_SYNCED);
        ck_assert_double_lt(fabs(sim.world.clock_error), 1e-3);
        sim_end(&sim, "foreign step");
}
END_TEST

/* Mean error of the offset that answers tell which leave later than they say. */
static double with_late_answers(bool asked, bool served, double loss, uint64_t *ret_requests)
{
        Sim sim = sim_init(test_seed(), 1);
        double rms;

        sim.world.servers[0] = (WorldServer){
                .delay = 100e-6, .jitter = 2e-6, .late = 200e-6, .loss = loss, .interleaved = served
        };
        sim.world.clock_error = 3;
        sim.world.frequency = 12e-6;
        sim.world.late_from = 7200;
        sim.config.interleaved = asked;
        sim.config.poll_max = 6;
        sim_start(&sim);
        sim_run(&sim, 86400);
        rms = world_rms_late(&sim.world);
        ck_assert_int_eq(sim.steps, 1);
        ck_assert_int_eq(sim.client->sources[0].interleaved, asked && served);
        *ret_requests = sim.world.servers[0].requests;
        sim_end(&sim, !asked ? "late answers" : served ? "interleaved" : "not to be had");
        return rms;
}

START_TEST(interleaved_answers_are_better_ones)
{
        uint64_t requests, as_many;
        double basic = with_late_answers(false, true, 0, &requests);
        double refused = with_late_answers(true, false, 0, &as_many);

        ck_assert_double_eq_tol(refused, basic, 10e-6);
        ck_assert_double_gt(basic, 8e-6);
        ck_assert_double_lt(with_late_answers(true, true, 0, &as_many), basic / 4);
        ck_assert_uint_le(as_many, requests + 10);
        ck_assert_double_lt(with_late_answers(true, true, 0.3, &as_many), basic / 3);
}
END_TEST

static const NtpKey strong = { .id = 1, .type = MAC_AES128, .size = 16, .data = "0123456789abcde" };
static const NtpKey weak = { .id = 2, .type = MAC_MD5, .size = 16, .data = "0123456789abcde" };

START_TEST(one_answer_with_a_good_key_is_enough)
{
        const NtpKey *keys[] = { &strong, &weak };

        for (size_t i = 0; i < ELEMENTSOF(keys); i++) {
                Sim sim = sim_init(test_seed(), 1);

                sim.key_of[0] = sim.world.servers[0].key = keys[i];
                sim.world.clock_error = 10;
                sim_start(&sim);
                sim_run(&sim, 1);
                ck_assert_int_eq(sim.steps, i == 0);
                sim_run(&sim, 5);
                ck_assert_int_eq(sim.steps, 1);
                ck_assert_int_eq(sim.client->confirmed_authenticated, i == 0);
                ck_assert(ntp_client_is_proven(sim.client) == (i == 0));
                ntp_client_disturbed(sim.client, sim_boottime(&sim));
                ck_assert(!ntp_client_is_proven(sim.client));
                sim_handle_events(&sim);
                sim_end(&sim, i == 0 ? "with a good key" : "with an MD5 key");
        }
}
END_TEST

START_TEST(only_good_keys_count_where_authentication_is_asked_for)
{
        Sim sim = sim_init(test_seed(), 4);
        char why[128];

        for (int i = 0; i < 4; i++)
                sim.world.servers[i].error = i == 3 ? 0 : 7;
        sim.key_of[1] = sim.world.servers[1].key = &weak;
        sim.key_of[2] = &strong; /* and the server has none */
        sim.key_of[3] = sim.world.servers[3].key = &strong;
        sim.world.servers[3].dead_to = 100;
        sim.world.clock_error = -3;
        sim.config.require_authenticated = true;
        sim_start(&sim);
        sim_run(&sim, 90);
        ck_assert_int_eq(sim.steps, 0);
        ck_assert_str_eq(ntp_client_waiting(sim.client, why, sizeof(why)), "not-authenticated");
        sim_run(&sim, 400);
        ck_assert_int_eq(sim.steps, 1);
        ck_assert(sim.client->confirmed_authenticated);
        ck_assert_double_lt(fabs(sim.world.clock_error), 1e-3);
        ck_assert_int_eq(sim.client->sources[0].verdict, NTP_VERDICT_UNAUTHENTICATED);
        ck_assert_int_eq(sim.client->sources[1].verdict, NTP_VERDICT_UNAUTHENTICATED);
        ck_assert_uint_eq(sim.client->sources[2].n_samples, 0);
        ck_assert_int_eq(sim.client->sources[2].last_check, NTP_CHECK_AUTHENTICATION);
        sim_end(&sim, "keys of every kind");
}
END_TEST

START_TEST(servers_without_a_key_do_not_outvote_one_with_a_good_one)
{
        Sim sim = sim_init(test_seed(), 5);

        for (int i = 0; i < 4; i++)
                sim.world.servers[i].error = 7000;
        sim.key_of[4] = sim.world.servers[4].key = &strong;
        sim.world.servers[4].dead_to = 60; /* so they are believed at first */
        sim.world.clock_error = -3;
        sim_start(&sim);
        sim_run(&sim, 59);
        ck_assert_double_gt(sim.world.clock_error, 6000);
        sim_run(&sim, 600);
        ck_assert_double_lt(fabs(sim.world.clock_error), 1e-3);
        ck_assert_int_eq(sim.client->sources[0].verdict, NTP_VERDICT_FALSETICKER);
        ck_assert_int_eq(sim.client->sources[4].verdict, NTP_VERDICT_SELECTED);
        ck_assert_int_eq(sim.steps, 2);
        sim.world.servers[4].error = 3; /* but that was the once: from here on it is slewed */
        sim_run(&sim, 4000);
        ck_assert_int_eq(sim.steps, 2);
        sim_end(&sim, "outvoted, were it not for a key");
}
END_TEST

START_TEST(who_cannot_prove_it_is_named)
{
        Sim sim = sim_init(test_seed(), 1);
        char why[128];

        sim.key_of[0] = &strong;
        sim_start(&sim);
        sim_run(&sim, 60);
        ck_assert_double_lt(sim.synced_at, 0);
        ck_assert_str_eq(ntp_client_waiting(sim.client, why, sizeof(why)), "not-authenticated");
        ck_assert_str_eq(why, "server-0: its answers do not prove to be its own");
        sim_end(&sim, "another key");
}
END_TEST

TEST_MAIN("ntp-sim", a_right_clock_is_confirmed_by_the_first_answer, ten_seconds_off_is_stepped,
        sixty_milliseconds_and_40_ppm_are_slewed, a_quiet_lan_settles_well_below_a_millisecond,
        one_liar_among_four_moves_nothing, two_that_differ_move_nothing,
        one_that_confirms_is_contradicted, a_steady_clock_is_asked_less,
        a_server_that_jumps_is_refused_or_slewed, the_network_may_be_bad, weeks_of_every_kind,
        a_crystal_beyond_500_ppm_does_not_wind_up, denied_by_the_kernel_it_measures,
        the_offset_that_is_told_is_the_true_one, kisses_are_obeyed,
        a_server_that_loses_its_time_does_not_count_until_it_has_it_again,
        silence_keeps_the_frequency_and_at_last_the_word, somebody_else_sets_the_clock,
        it_is_not_led_astray_by_tails_nor_slow_at_first, one_answer_with_a_good_key_is_enough,
        only_good_keys_count_where_authentication_is_asked_for, who_cannot_prove_it_is_named,
        servers_without_a_key_do_not_outvote_one_with_a_good_one,
        interleaved_answers_are_better_ones)
