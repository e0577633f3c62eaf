/* SPDX-License-Identifier: MIT */
/* The arithmetic of retries (REQ_DNS 21 to 25) in virtual time: what a dead, late, lossy or odd
 * server costs, to the microsecond where no chance is in it, and within its bounds where there is.
 */
#include "lib/dns-sim.h"
#include "lib/suite.h"

START_TEST(a_dead_first_server_costs_its_wait_once)
{
        Sim sim;

        sim_init(&sim, test_seed(), 2, sim_good);
        sim.servers[0] = sim_dead;
        ck_assert_int_eq(sim_lookup(&sim, "a.example"), 0);
        /* REQ_DNS 23: 2 s for a server never measured */
        ck_assert_uint_eq(sim_result(&sim)->took, 2 * USEC_PER_SEC + SIM_RTT);
        for (unsigned i = 0; i < 20; i++) {
                char name[32];

                sprintf(name, "n%u.example", i);
                ck_assert_int_eq(sim_lookup(&sim, name), 0);
                ck_assert_uint_eq(sim_result(&sim)->took, SIM_RTT);
        }
        ck_assert_uint_eq(sim.asked[0], 1);
        sim_deinit(&sim);
}
END_TEST

START_TEST(a_server_that_is_back_is_found_by_a_copy_of_a_question)
{
        Sim sim;

        sim_init(&sim, test_seed(), 2, sim_good);
        sim.servers[0] = sim_dead;
        ck_assert_int_eq(sim_lookup(&sim, "a.example"), 0);
        sim.servers[0] = sim_good;
        sim.now += 6 * USEC_PER_SEC;
        ck_assert_int_eq(sim_lookup(&sim, "b.example"), 0);
        ck_assert_uint_eq(sim_result(&sim)->took, SIM_RTT);
        ck_assert_uint_eq(sim.asked[0], 2);
        sim_settle(&sim);
        ck_assert_uint_eq(sim.open, 0);
        ck_assert_int_eq(sim_lookup(&sim, "c.example"), 0);
        ck_assert_uint_eq(sim.asked[0], 3);
        ck_assert_uint_eq(sim.asked[1], 2);
        sim_deinit(&sim);
}
END_TEST

START_TEST(silence_ends_within_the_budget)
{
        for (unsigned n = 1; n <= 8; n++) {
                usec_t start;
                Sim sim;

                sim_init(&sim, test_seed(), n, sim_dead);
                start = sim.now;
                ck_assert_int_eq(sim_lookup(&sim, "a.example"), -ETIMEDOUT);
                ck_assert_uint_le(sim.now - start, 10 * USEC_PER_SEC);
                ck_assert_uint_ge(sim.now - start, 9 * USEC_PER_SEC);
                ck_assert_uint_le(sim.packets, 12);
                sim_settle(&sim);
                ck_assert_uint_eq(sim.open, 0);
                sim_deinit(&sim);
        }
}
END_TEST

START_TEST(silence_of_a_quick_server_ends_sooner)
{
        for (unsigned n = 1; n <= 4; n++) {
                usec_t start;
                Sim sim;

                sim_init(&sim, test_seed(), n, sim_good);
                ck_assert_int_eq(sim_lookup(&sim, "warm.example"), 0);
                for (unsigned i = 0; i < n; i++)
                        sim.servers[i] = sim_dead;
                start = sim.now;
                ck_assert_int_eq(sim_lookup(&sim, "a.example"), -ETIMEDOUT);
                /* one alone is listened to for 5 s; the others were never measured */
                if (n == 1)
                        ck_assert_uint_eq(sim.now - start, 5 * USEC_PER_SEC);
                ck_assert_uint_le(sim.now - start, 10 * USEC_PER_SEC);
                sim_deinit(&sim);
        }
}
END_TEST

START_TEST(loss_costs_what_the_timeouts_say)
{
        uint64_t seed = test_seed();
        unsigned failed = 0;
        Sim sim;

        sim_init(&sim, seed, 2, sim_good);
        ck_assert_int_eq(sim_lookup(&sim, "warm.example"), 0);
        sim.loss_percent = 30;
        for (unsigned i = 0; i < 500; i++) {
                char name[32];
                int r;

                sprintf(name, "n%u.example", i);
                r = sim_lookup(&sim, name);
                failed += r < 0;
                /* three rounds over two servers, at most 5 s a try and 9.5 s in all */
                ck_assert_uint_le(sim_result(&sim)->took, 10 * USEC_PER_SEC);
        }
        /* 0.51 of the tries fail; all six do in 1.8 percent, fewer where the budget cuts */
        ck_assert_msg(failed < 75, "%u of 500 failed", failed);
        sim_settle(&sim);
        ck_assert_uint_eq(sim.open, 0);
        sim_deinit(&sim);
}
END_TEST

START_TEST(a_connection_gets_over_losses)
{
        Sim sim;

        /* by datagrams alone 13 percent would fail */
        sim_init(&sim, test_seed(), 1, sim_good);
        ck_assert_int_eq(sim_lookup(&sim, "warm.example"), 0);
        sim.loss_percent = 30;
        for (unsigned i = 0; i < 200; i++) {
                char name[32];

                sprintf(name, "n%u.example", i);
                ck_assert_int_eq(sim_lookup(&sim, name), 0);
        }
        ck_assert_uint_gt(sim.tcp, 0);
        sim_deinit(&sim);
}
END_TEST

/* Whatever it is asked takes four seconds and a half. */
static usec_t slow_at_last(Sim *sim, SimQuery *q)
{
        sim_good(sim, q);
        return 4500 * USEC_PER_MSEC;
}

START_TEST(what_is_quick_may_be_slow_for_once)
{
        Sim sim;

        /* asked again and again, it is the first that is answered first */
        sim_init(&sim, test_seed(), 1, sim_good);
        ck_assert_int_eq(sim_lookup(&sim, "warm.example"), 0);
        sim.servers[0] = slow_at_last;
        ck_assert_int_eq(sim_lookup(&sim, "a.example"), 0);
        ck_assert_uint_eq(sim_result(&sim)->took, 4500 * USEC_PER_MSEC);
        sim_deinit(&sim);
}
END_TEST

static usec_t without_tcp(Sim *sim, SimQuery *q)
{
        return q->attempt->transport == DNS_TCP ? SIM_REFUSED : sim_good(sim, q);
}

START_TEST(a_quick_server_is_asked_for_as_long_as_is_listened)
{
        unsigned failed = 0;
        Sim sim;

        /* three rounds are over after 1.8 s, and 0.51 to the fourth is 7 percent */
        sim_init(&sim, test_seed(), 1, without_tcp);
        ck_assert_int_eq(sim_lookup(&sim, "warm.example"), 0);
        sim.loss_percent = 30;
        for (unsigned i = 0; i < 500; i++) {
                char name[32];

                sprintf(name, "n%u.example", i);
                sim.packets = 0;
                failed += sim_lookup(&sim, name) < 0;
                ck_assert_uint_le(sim.packets, 12);
                ck_assert_uint_le(sim_result(&sim)->took, 5 * USEC_PER_SEC);
        }
        /* 1.8 percent */
        ck_assert_msg(failed < 25, "%u of 500 failed", failed);
        sim_deinit(&sim);
}
END_TEST

/* The fourth datagram arrives; a first connection breaks, a second is refused. */
static usec_t breaks_and_refuses(Sim *sim, SimQuery *q)
{
        if (q->attempt->transport == DNS_TCP)
                return sim->tcp == 1 ? SIM_RESET : SIM_REFUSED;
        return sim->packets - sim->tcp < 4 ? SIM_DROP : sim_good(sim, q);
}

START_TEST(a_connection_that_breaks_was_still_for_want_of_a_datagram)
{
        Sim sim;

        sim_init(&sim, test_seed(), 1, breaks_and_refuses);
        ck_assert_int_eq(sim_lookup(&sim, "a.example"), 0);
        ck_assert_uint_eq(sim.tcp, 2);
        ck_assert_int_eq(sim_result(&sim)->transport, DNS_UDP);
        sim_deinit(&sim);
}
END_TEST

START_TEST(a_late_answer_still_counts)
{
        Sim sim;

        sim_init(&sim, test_seed(), 2, sim_dead);
        sim.servers[0] = sim_late;
        ck_assert_int_eq(sim_lookup(&sim, "a.example"), 0);
        ck_assert_uint_eq(sim_result(&sim)->took, 2500 * USEC_PER_MSEC);
        ck_assert_uint_eq(sim.packets, 2);
        sim_deinit(&sim);
}
END_TEST

START_TEST(edns_falls_back_once_and_is_remembered)
{
        Sim sim;

        sim_init(&sim, test_seed(), 1, sim_hates_edns);
        ck_assert_int_eq(sim_lookup(&sim, "a.example"), 0);
        ck_assert_uint_eq(sim.packets, 2);
        ck_assert_int_eq(sim_lookup(&sim, "b.example"), 0);
        ck_assert_uint_eq(sim.packets, 3);
        sim.now += 6 * USEC_PER_MIN;
        ck_assert_int_eq(sim_lookup(&sim, "c.example"), 0);
        ck_assert_uint_eq(sim.packets, 5);
        sim_deinit(&sim);
}
END_TEST

static usec_t drops_edns(Sim *sim, SimQuery *q)
{
        (void) sim;
        sim_add_address(q, 60);
        return q->m->edns.present ? SIM_DROP : SIM_RTT;
}

static usec_t drops_udp(Sim *sim, SimQuery *q)
{
        (void) sim;
        sim_add_address(q, 60);
        return q->attempt->transport == DNS_UDP ? SIM_DROP : SIM_RTT;
}

/* Two datagrams are lost, and there is nothing but datagrams. */
static usec_t lossy_without_tcp(Sim *sim, SimQuery *q)
{
        sim_add_address(q, 60);
        if (q->attempt->transport == DNS_TCP)
                return SIM_REFUSED;
        return sim->packets <= 2 ? SIM_DROP : SIM_RTT;
}

static unsigned only;

static usec_t one_of_many(Sim *sim, SimQuery *q)
{
        sim_add_address(q, 60);
        return q->server == only ? SIM_RTT : SIM_DROP;
}

/* The eleventh packet, which is the first of the third round over five servers, gets through. */
static usec_t lossy_to_the_last(Sim *sim, SimQuery *q)
{
        sim_add_address(q, 60);
        if (q->attempt->transport == DNS_TCP)
                return SIM_REFUSED;
        return sim->packets == 11 ? SIM_RTT : SIM_DROP;
}

static usec_t fails_edns(Sim *sim, SimQuery *q)
{
        (void) sim;
        if (q->m->edns.present)
                sim_rcode(q, DNS_RCODE_SERVFAIL);
        else
                sim_add_address(q, 60);
        return SIM_RTT;
}

START_TEST(what_is_dropped_in_silence_is_found_and_remembered)
{
        Sim sim;

        /* REQ_DNS 22: the second round is without EDNS */
        sim_init(&sim, test_seed(), 1, drops_edns);
        ck_assert_int_eq(sim_lookup(&sim, "a.example"), 0);
        ck_assert_uint_eq(sim_result(&sim)->took, 2 * USEC_PER_SEC + SIM_RTT);
        ck_assert_int_eq(sim_lookup(&sim, "b.example"), 0);
        ck_assert_uint_eq(sim_result(&sim)->took, SIM_RTT);
        sim_deinit(&sim);
        /* the third is by TCP as well: 2 s, then twice that less up to a tenth */
        sim_init(&sim, test_seed(), 1, drops_udp);
        ck_assert_int_eq(sim_lookup(&sim, "a.example"), 0);
        ck_assert_uint_ge(sim_result(&sim)->took, 5600 * USEC_PER_MSEC);
        ck_assert_uint_le(sim_result(&sim)->took, 6 * USEC_PER_SEC + SIM_RTT);
        ck_assert_int_eq(sim_lookup(&sim, "b.example"), 0);
        ck_assert_uint_eq(sim_result(&sim)->took, SIM_RTT);
        sim_deinit(&sim);
        /* where TCP is refused it was loss after all */
        sim_init(&sim, test_seed(), 1, lossy_without_tcp);
        ck_assert_int_eq(sim_lookup(&sim, "a.example"), 0);
        ck_assert_uint_le(sim_result(&sim)->took, 6 * USEC_PER_SEC + SIM_RTT);
        ck_assert_uint_eq(sim.packets, 5);
        sim_deinit(&sim);
}
END_TEST

START_TEST(the_last_datagram_is_listened_to)
{
        Sim sim;

        sim_init(&sim, test_seed(), 5, one_of_many);
        for (only = 0; only < 5; only++) {
                char name[32];

                sprintf(name, "n%u.example", only);
                ck_assert_int_eq(sim_lookup(&sim, name), 0);
        }
        for (unsigned i = 0; i < 5; i++)
                sim.servers[i] = lossy_to_the_last;
        sim.packets = 0;
        ck_assert_int_eq(sim_lookup(&sim, "a.example"), 0);
        ck_assert_uint_eq(sim.packets, 12);
        sim_deinit(&sim);
}
END_TEST

START_TEST(the_only_server_gets_a_second_chance)
{
        Sim sim;

        sim_init(&sim, test_seed(), 1, fails_edns);
        for (unsigned i = 1; i <= 3; i++) {
                char name[32];

                sprintf(name, "n%u.example", i);
                ck_assert_int_eq(sim_lookup(&sim, name), 0);
        }
        /* after the first time it is known */
        ck_assert_uint_eq(sim.packets, 4);
        sim.servers[0] = sim_servfail;
        sim.now += USEC_PER_HOUR;
        dns_client_flush(sim.c);
        sim.packets = 0;
        ck_assert_int_eq(sim_lookup(&sim, "z.example"), -EIO);
        ck_assert_uint_eq(sim.packets, 2);
        sim_deinit(&sim);
}
END_TEST

TEST_MAIN("dns-retry", a_dead_first_server_costs_its_wait_once,
        a_server_that_is_back_is_found_by_a_copy_of_a_question, silence_ends_within_the_budget,
        silence_of_a_quick_server_ends_sooner, loss_costs_what_the_timeouts_say,
        a_late_answer_still_counts, edns_falls_back_once_and_is_remembered,
        what_is_dropped_in_silence_is_found_and_remembered, the_only_server_gets_a_second_chance,
        the_last_datagram_is_listened_to, a_connection_gets_over_losses,
        what_is_quick_may_be_slow_for_once, a_quick_server_is_asked_for_as_long_as_is_listened,
        a_connection_that_breaks_was_still_for_want_of_a_datagram)
