/* SPDX-License-Identifier: MIT */
#include "lib/suite.h"
#include "proto/ntp-select.h"
#include <string.h>

typedef struct Pool Pool;
struct Pool {
        NtpCandidate all[NTP_MAX_SOURCES];
        size_t n;
};

static void add(Pool *p, double offset, double distance)
{
        p->all[p->n] = (NtpCandidate){ .id = (unsigned) p->n,
                .estimate = { .offset_nsec = llrint(offset * 1e9),
                        .offset_sd = 1e-6,
                        .jitter = 1e-6,
                        .frequency_sd = HUGE_VAL,
                        .root_distance = distance } };
        p->n++;
}

static NtpSelection choose(Pool *p)
{
        return ntp_select(p->all, p->n);
}

START_TEST(nobody_says_nothing)
{
        Pool p = { 0 };

        ck_assert_uint_eq(choose(&p).truechimers, 0);
}
END_TEST

START_TEST(one_is_a_majority_of_one)
{
        Pool p = { 0 };
        NtpSelection s;

        add(&p, 5, 0.01);
        s = choose(&p);
        ck_assert_uint_eq(s.survivors, 1);
        ck_assert_int_eq(s.combined.offset_nsec, 5 * NTP_NSEC_PER_SEC);
        ck_assert_int_eq(p.all[0].verdict, NTP_VERDICT_SELECTED);
}
END_TEST

START_TEST(half_is_no_majority)
{
        Pool p = { 0 };

        add(&p, 0, 0.01);
        add(&p, 1, 0.01);
        ck_assert_uint_eq(choose(&p).truechimers, 0);
        ck_assert_int_eq(p.all[0].verdict, NTP_VERDICT_NO_MAJORITY);
        add(&p, 0.001, 0.01);
        add(&p, 1.001, 0.01);
        ck_assert_uint_eq(choose(&p).truechimers, 0);
        add(&p, 0.002, 0.01); /* three of five */
        ck_assert_uint_eq(choose(&p).truechimers, 3);
        ck_assert_int_eq(p.all[1].verdict, NTP_VERDICT_FALSETICKER);
}
END_TEST

START_TEST(a_chain_is_no_agreement)
{
        Pool p = { 0 };

        /* each touches its neighbour, no point is in more than two of five */
        for (int i = 0; i < 5; i++)
                add(&p, 0.018 * i, 0.01);
        ck_assert_uint_eq(choose(&p).truechimers, 0);
}
END_TEST

START_TEST(a_sure_liar_does_not_win)
{
        Pool p = { 0 };
        NtpSelection s;

        add(&p, 0.5, 1e-6);
        for (int i = 0; i < 3; i++)
                add(&p, 1e-4 * i, 0.02);
        s = choose(&p);
        ck_assert_uint_eq(s.truechimers, 3);
        ck_assert_int_eq(p.all[0].verdict, NTP_VERDICT_FALSETICKER);
        ck_assert_int_lt(llabs(s.combined.offset_nsec), 1000000);
}
END_TEST

START_TEST(years_are_no_trouble)
{
        Pool p = { 0 };
        NtpSelection s;

        for (int i = 0; i < 3; i++) {
                add(&p, 0, 0.01);
                p.all[i].estimate.offset_nsec = INT64_C(2000000000) * NTP_NSEC_PER_SEC + i;
        }
        add(&p, -60 * 365.0 * 86400, 0.01);
        s = choose(&p);
        ck_assert_uint_eq(s.truechimers, 3);
        ck_assert_int_eq(s.combined.offset_nsec / 10, INT64_C(2000000000) * NTP_NSEC_PER_SEC / 10);
}
END_TEST

START_TEST(the_cluster_leaves_three)
{
        Pool p = { 0 };
        NtpSelection s;

        for (int i = 0; i < 5; i++)
                add(&p, i == 4 ? 8e-3 : i == 3 ? -7e-3 : 1e-5 * i, 0.02);
        s = choose(&p);
        ck_assert_uint_eq(s.truechimers, 5);
        ck_assert_uint_eq(s.survivors, 3);
        ck_assert_int_eq(p.all[4].verdict, NTP_VERDICT_OUTLIER);
        ck_assert_int_eq(p.all[3].verdict, NTP_VERDICT_OUTLIER);
        ck_assert_int_lt(llabs(s.combined.offset_nsec), 30000);
}
END_TEST

static void add_trusted(Pool *p, double offset, double distance, NtpTrust trust)
{
        add(p, offset, distance);
        p->all[p->n - 1].trust = trust;
}

START_TEST(one_that_proves_itself_bounds_any_number_that_do_not)
{
        Pool p = { 0 };
        NtpSelection s;

        for (int i = 0; i < 5; i++)
                add(&p, 7, 1e-3);
        add_trusted(&p, 0, 0.02, NTP_TRUST_FULL);
        add(&p, 0.015, 1e-3);
        s = choose(&p);
        ck_assert_uint_eq(s.truechimers, 2);
        ck_assert_int_eq(p.all[0].verdict, NTP_VERDICT_FALSETICKER);
        ck_assert_int_eq(p.all[5].verdict, NTP_VERDICT_SELECTED);
        ck_assert_int_eq(p.all[6].verdict, NTP_VERDICT_SELECTED);
        ck_assert_int_lt(llabs(s.combined.offset_nsec), 20000000);
}
END_TEST

START_TEST(those_that_prove_themselves_need_a_majority_of_their_own)
{
        Pool p = { 0 };

        add_trusted(&p, 0, 0.01, NTP_TRUST_FULL);
        add_trusted(&p, 5, 0.01, NTP_TRUST_FULL);
        for (int i = 0; i < 3; i++)
                add(&p, 0, 0.01);
        ck_assert_uint_eq(choose(&p).truechimers, 0);
        ck_assert_int_eq(p.all[2].verdict, NTP_VERDICT_NO_MAJORITY);
        add_trusted(&p, 5, 0.01, NTP_TRUST_FULL);
        ck_assert_uint_eq(choose(&p).truechimers, 2);
        ck_assert_int_eq(p.all[0].verdict, NTP_VERDICT_FALSETICKER);
        ck_assert_int_eq(p.all[2].verdict, NTP_VERDICT_FALSETICKER);
        ck_assert_int_eq(p.all[5].verdict, NTP_VERDICT_SELECTED);
}
END_TEST

START_TEST(in_doubt_both_must_agree)
{
        Pool p = { 0 };

        for (int i = 0; i < 3; i++)
                add(&p, 0, 0.01);
        add_trusted(&p, 5, 0.01, NTP_TRUST_DOUBT);
        ck_assert_uint_eq(choose(&p).truechimers, 0);
        add_trusted(&p, 0, 0.01, NTP_TRUST_DOUBT);
        ck_assert_uint_eq(choose(&p).truechimers, 0); /* one of two is not enough */
        add_trusted(&p, 0, 0.01, NTP_TRUST_DOUBT);
        ck_assert_uint_eq(choose(&p).truechimers, 5);
        ck_assert_int_eq(p.all[3].verdict, NTP_VERDICT_FALSETICKER);
        add_trusted(&p, 9, 0.01, NTP_TRUST_FULL); /* and once one is sure they are as the rest */
        ck_assert_uint_eq(choose(&p).truechimers, 1);
        ck_assert_int_eq(p.all[6].verdict, NTP_VERDICT_SELECTED);
}
END_TEST

START_TEST(the_cluster_keeps_those_that_bound_it)
{
        Pool p = { 0 };

        for (int i = 0; i < 5; i++)
                add(&p, 1e-5 * i, 0.02);
        add_trusted(&p, 8e-3, 0.02, NTP_TRUST_FULL);
        ck_assert_uint_eq(choose(&p).truechimers, 6);
        ck_assert_int_eq(p.all[5].verdict, NTP_VERDICT_SELECTED);
        p.all[5].trust = NTP_TRUST_NONE;
        (void) choose(&p);
        ck_assert_int_eq(p.all[5].verdict, NTP_VERDICT_OUTLIER);
}
END_TEST

START_TEST(a_leap_second_needs_a_majority)
{
        Pool p = { 0 };

        for (int i = 0; i < 3; i++)
                add(&p, 0, 0.01);
        p.all[0].leap = 1;
        ck_assert_uint_eq(choose(&p).leap, 0);
        p.all[2].leap = 1;
        ck_assert_uint_eq(choose(&p).leap, 1);
}
END_TEST

/* Whatever others say, and however many: a majority of the trusted ones holds it to be true. */
START_TEST(what_the_trusted_agree_on_bounds_all)
{
        Rng rng = rng_seeded(test_seed());
        size_t agreed = 0;

        for (int round = 0; round < 5000; round++) {
                Pool p = { 0 };
                size_t n = (size_t) rng_range(&rng, 1, NTP_MAX_SOURCES), trusted = 0, inside = 0;
                NtpSelection s;

                for (size_t i = 0; i < n; i++)
                        add_trusted(&p, (double) rng_range(&rng, 0, 60) * 1e-3,
                                (double) rng_range(&rng, 1, 30) * 1e-3 + 1e-4,
                                rng_range(&rng, 0, 2) ? NTP_TRUST_NONE : NTP_TRUST_FULL);
                s = choose(&p);
                for (size_t i = 0; i < n && s.truechimers > 0; i++) {
                        bool full = p.all[i].trust == NTP_TRUST_FULL;

                        trusted += full;
                        inside += full && p.all[i].verdict != NTP_VERDICT_FALSETICKER;
                }
                agreed += trusted > 0;
                if (trusted > 0)
                        ck_assert_uint_gt(2 * inside, trusted);
        }
        ck_assert_uint_gt(agreed, 500);
}
END_TEST

START_TEST(any_order_gives_the_same)
{
        Rng rng = rng_seeded(test_seed());

        for (int round = 0; round < 2000; round++) {
                Pool p = { 0 }, q = { 0 };
                size_t n = (size_t) rng_range(&rng, 1, NTP_MAX_SOURCES);

                for (size_t i = 0; i < n; i++)
                        add_trusted(&p, (double) rng_range(&rng, 0, 100) * 1e-3,
                                (double) rng_range(&rng, 1, 30) * 1e-3 + 1e-4,
                                round % 2 ? (NtpTrust) rng_range(&rng, 0, 2) : NTP_TRUST_NONE);
                for (size_t i = 0; i < n; i++)
                        q.all[i] = p.all[n - 1 - i];
                q.n = n;
                /* whether there is a majority does not hang on who is asked first */
                ck_assert_int_eq(choose(&p).truechimers > 0, choose(&q).truechimers > 0);
        }
}
END_TEST

TEST_MAIN("ntp-select", nobody_says_nothing, one_is_a_majority_of_one, half_is_no_majority,
        a_chain_is_no_agreement, a_sure_liar_does_not_win, years_are_no_trouble,
        the_cluster_leaves_three, one_that_proves_itself_bounds_any_number_that_do_not,
        those_that_prove_themselves_need_a_majority_of_their_own, in_doubt_both_must_agree,
        the_cluster_keeps_those_that_bound_it, what_the_trusted_agree_on_bounds_all,
        a_leap_second_needs_a_majority, any_order_gives_the_same)
