/* SPDX-License-Identifier: MIT */
/* REQ_NTP 40, RFC 9769. */
#include "lib/ntp-fixture.h"

/* Asks two seconds later; what goes out is read back. */
static NtpMessage ask_again(Peer *p)
{
        NtpMessage q;
        Reader r;

        p->now += 2 * USEC_PER_SEC;
        ask(p);
        r = READER_INIT(p->request, p->request_size);
        ck_assert_int_eq(ntp_message_read(&r, &q), 0);
        return q;
}

/* Answered often enough to ask for more. */
static Peer interleaving_peer(void)
{
        Peer p = { .rng = rng_seeded(test_seed()), .now = 1000 * USEC_PER_SEC };

        ntp_source_init(&p.source, 6, 10, p.now);
        p.source.interleave = true;
        for (int i = 0; i < 4; i++) {
                NtpMessage q = ask_again(&p);
                NtpReply r = answer_after(&p, 21 * MS);

                ck_assert(q.origin == 0 && q.receive == 0);
                ck_assert_int_eq(r.check, NTP_CHECK_OK);
                ck_assert(ntp_source_add(&p.source, &r.sample, 0));
        }
        return p;
}

/* The server answers in kind: the answer before this one left `late` nanoseconds after it said. */
static void interleave(Peer *p, int64_t late)
{
        p->reply.origin = p->source.interleaved_cookie;
        p->reply.transmit = p->source.previous.receive +
                            (uint64_t) ((MS + late) * 4294967296.0 / NTP_NSEC_PER_SEC);
}

START_TEST(nobody_is_known_again_who_did_not_ask_for_it)
{
        Peer p = peer();

        for (int i = 0; i < 10; i++) {
                NtpReply r = answer_after(&p, 21 * MS);
                NtpMessage q;

                (void) ntp_source_add(&p.source, &r.sample, 0);
                q = ask_again(&p);
                ck_assert(q.origin == 0 && q.receive == 0);
                p.reply.origin = 0;
                ck_assert_int_eq(answer(&p), NTP_CHECK_COOKIE);
                p.reply.origin = q.transmit;
        }
}
END_TEST

START_TEST(an_interleaved_answer_is_about_the_one_before)
{
        Peer p = interleaving_peer();
        NtpTime received = p.reply.receive;
        usec_t at = p.now + 21000;
        NtpMessage q = ask_again(&p);
        NtpReply r;

        ck_assert_uint_eq(q.origin, received);
        ck_assert(q.receive != 0 && q.transmit != 0 && q.receive != q.transmit);
        interleave(&p, 400000);
        r = answer_after(&p, 21 * MS);
        ck_assert_int_eq(r.check, NTP_CHECK_OK);
        ck_assert_uint_eq(r.sample.at, at);
        ck_assert_double_eq_tol(r.sample.delay, 0.020 - 400e-6, 1e-6);
        ck_assert_int_lt(llabs(r.sample.offset_nsec - 200000), 10);
        /* it takes the place of what the basic answer said of the same exchange */
        ck_assert(ntp_source_add(&p.source, &r.sample, 0));
        ck_assert_uint_eq(p.source.n_samples, 4);
        q = ask_again(&p);
        interleave(&p, 400000);
        r = answer_after(&p, 21 * MS);
        ck_assert(ntp_source_add(&p.source, &r.sample, 0));
        ck_assert_uint_eq(p.source.n_samples, 5);
        ck_assert(p.source.interleaved);
}
END_TEST

/* What the newest exchange says is not known before the next: until then the server is taken to be
 * as quick as it was. */
START_TEST(the_newest_exchange_is_guessed_and_then_known)
{
        Peer p = interleaving_peer();
        NtpReply r;

        for (int i = 0; i < 2; i++) {
                (void) ask_again(&p);
                interleave(&p, i == 0 ? 400000 : 100000);
                r = answer_after(&p, 21 * MS);
                ck_assert(r.has_latest);
                ck_assert_uint_eq(r.latest.at, p.now + 21000);
                ck_assert_double_eq_tol(r.latest.delay, 0.021, 1e-6);
                ck_assert_int_lt(llabs(r.latest.offset_nsec - (i == 0 ? 200000 : 50000)), 10);
                ck_assert(ntp_source_add(&p.source, &r.sample, 0));
                ck_assert(ntp_source_add(&p.source, &r.latest, 0));
                ck_assert_uint_eq(p.source.n_samples, (size_t) (5 + i));
        }
        ck_assert_double_eq_tol(p.source.samples[4].delay, 0.020 - 100e-6, 1e-6);
}
END_TEST

/* A server that took long before is taken to have taken no longer than the whole trip. */
START_TEST(no_guess_where_it_cannot_be)
{
        Peer p = interleaving_peer();
        NtpReply r;

        (void) ask_again(&p);
        interleave(&p, 15 * MS);
        r = answer_after(&p, 12 * MS);
        ck_assert_int_eq(r.check, NTP_CHECK_OK);
        ck_assert(!r.has_latest);
}
END_TEST

START_TEST(a_basic_answer_to_an_interleaved_request_is_fine)
{
        Peer p = interleaving_peer();
        NtpReply r;

        (void) ask_again(&p);
        r = answer_after(&p, 21 * MS);
        ck_assert_int_eq(r.check, NTP_CHECK_OK);
        ck_assert_uint_eq(r.sample.at, p.now + 21000);
        ck_assert(!p.source.interleaved);
        ck_assert_uint_ne(ask_again(&p).origin, 0); /* asked for all the same */
}
END_TEST

START_TEST(interleaved_answers_are_no_easier_to_forge)
{
        Peer p = interleaving_peer();
        NtpMessage q = ask_again(&p), good, old;
        const NtpTime guesses[] = { 0, q.origin, q.receive ^ 1, q.transmit ^ 1,
                q.receive ^ UINT64_C(1) << 63, p.reply.receive };

        interleave(&p, 0);
        good = p.reply;
        for (size_t i = 0; i < ELEMENTSOF(guesses); i++) {
                p.reply.origin = guesses[i];
                ck_assert_int_eq(answer(&p), NTP_CHECK_COOKIE);
                ck_assert(p.source.pending);
        }
        p.reply = good;
        ck_assert_int_eq(answer(&p), NTP_CHECK_OK);
        ck_assert_int_eq(answer(&p), NTP_CHECK_COOKIE);
        p.reply.origin = q.transmit; /* nor does the other cookie of the same request count */
        ck_assert_int_eq(answer(&p), NTP_CHECK_COOKIE);
        old = good;
        q = ask_again(&p);
        p.reply = old;
        ck_assert_int_eq(answer(&p), NTP_CHECK_COOKIE);
        ck_assert(p.source.pending);
}
END_TEST

/* An answer that left before it was made, behind our receiving it, or as late as the next. */
START_TEST(interleaved_times_that_cannot_be)
{
        const int64_t late[] = { -3 * MS, 21 * MS, 5000 * MS, 1500 * MS };

        for (size_t i = 0; i < ELEMENTSOF(late); i++) {
                Peer p = interleaving_peer();

                (void) ask_again(&p);
                interleave(&p, late[i]);
                ck_assert_int_eq(answer(&p), NTP_CHECK_SERVER_TIME);
                ck_assert_uint_eq(ask_again(&p).origin, 0); /* it is not asked for that again */
                ck_assert_int_eq(answer(&p), NTP_CHECK_OK);
        }
}
END_TEST

START_TEST(a_reference_younger_than_the_answer_that_left)
{
        Peer p = interleaving_peer();

        (void) ask_again(&p);
        interleave(&p, 0);
        ck_assert(p.reply.reference > p.reply.transmit);
        ck_assert_int_eq(answer(&p), NTP_CHECK_OK);
}
END_TEST

START_TEST(silence_and_steps_lead_back_to_basic_requests)
{
        Peer p = interleaving_peer();
        NtpTime received = p.reply.receive;
        NtpReply r;

        for (int i = 0; i < 4; i++)
                ck_assert_uint_eq(ask_again(&p).origin, received);
        ck_assert_uint_eq(ask_again(&p).origin, 0);
        r = answer_after(&p, 21 * MS);
        ck_assert_int_eq(r.check, NTP_CHECK_OK);
        ck_assert_uint_eq(r.sample.at, p.now + 21000);
        ck_assert_uint_ne(ask_again(&p).origin, 0);
        ck_assert_int_eq(answer(&p), NTP_CHECK_OK);
        ntp_source_stepped(&p.source, 5 * MS);
        ck_assert_uint_eq(ask_again(&p).origin, 0);
        ck_assert_int_eq(answer(&p), NTP_CHECK_OK);
        ntp_source_forget(&p.source);
        ck_assert_uint_eq(ask_again(&p).origin, 0);
}
END_TEST

TEST_MAIN("ntp-interleaved", the_newest_exchange_is_guessed_and_then_known,
        no_guess_where_it_cannot_be, nobody_is_known_again_who_did_not_ask_for_it,
        an_interleaved_answer_is_about_the_one_before,
        a_basic_answer_to_an_interleaved_request_is_fine,
        interleaved_answers_are_no_easier_to_forge, interleaved_times_that_cannot_be,
        a_reference_younger_than_the_answer_that_left,
        silence_and_steps_lead_back_to_basic_requests)
