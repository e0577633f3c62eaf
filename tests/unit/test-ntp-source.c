/* SPDX-License-Identifier: MIT */
#include "lib/ntp-fixture.h"
#include "proto/ntp-client.h"
#include <string.h>

START_TEST(an_honest_answer_counts)
{
        Peer p = peer();
        NtpReply r = answer_after(&p, 21 * MS);

        ck_assert_int_eq(r.check, NTP_CHECK_OK);
        ck_assert_int_lt(llabs(r.sample.offset_nsec), 2);
        ck_assert_double_eq_tol(r.sample.delay, 0.020, 1e-6);
        ck_assert_uint_eq(p.source.reach, 1);
}
END_TEST

/* Checks 1 to 7: dropped, and the request goes on waiting. */
#define REFUSED_QUIETLY(name, change, expected)                                                    \
        START_TEST(name)                                                                           \
        {                                                                                          \
                Peer p = peer();                                                                   \
                NtpMessage good = p.reply;                                                         \
                                                                                                   \
                change;                                                                            \
                ck_assert_int_eq(answer(&p), expected);                                            \
                ck_assert(p.source.pending);                                                       \
                ck_assert_uint_eq(p.source.reach, 0);                                              \
                ck_assert(!p.source.dead);                                                         \
                p.reply = good;                                                                    \
                p.extra_size = p.cut = 0;                                                          \
                ck_assert_int_eq(answer(&p), NTP_CHECK_OK);                                        \
        }                                                                                          \
        END_TEST

REFUSED_QUIETLY(check_1_length, p.cut = 1, NTP_CHECK_LENGTH)
REFUSED_QUIETLY(check_2_fields, p.extra_size = 8, NTP_CHECK_FIELDS)
REFUSED_QUIETLY(check_3_mode_client, p.reply.mode = 3, NTP_CHECK_MODE)
REFUSED_QUIETLY(check_3_mode_broadcast, p.reply.mode = 5, NTP_CHECK_MODE)
REFUSED_QUIETLY(check_4_version_2, p.reply.version = 2, NTP_CHECK_VERSION)
REFUSED_QUIETLY(check_4_version_5, p.reply.version = 5, NTP_CHECK_VERSION)
REFUSED_QUIETLY(check_5_cookie, p.reply.origin ^= 1, NTP_CHECK_COOKIE)
REFUSED_QUIETLY(check_5_cookie_high, p.reply.origin ^= UINT64_C(1) << 63, NTP_CHECK_COOKIE)
REFUSED_QUIETLY(check_5_cookie_zero, p.reply.origin = 0, NTP_CHECK_COOKIE)
REFUSED_QUIETLY(check_6_mac_md5, p.extra_size = 20, NTP_CHECK_AUTHENTICATION)
REFUSED_QUIETLY(check_6_mac_sha1, p.extra_size = 24, NTP_CHECK_AUTHENTICATION)
REFUSED_QUIETLY(check_7_no_receive, p.reply.receive = 0, NTP_CHECK_TIMESTAMPS)
REFUSED_QUIETLY(check_7_no_transmit, p.reply.transmit = 0, NTP_CHECK_TIMESTAMPS)
REFUSED_QUIETLY(a_spoofed_kiss,
        (p.reply.stratum = 0, p.reply.reference_id = 0x44454e59, p.reply.origin++),
        NTP_CHECK_COOKIE)
REFUSED_QUIETLY(a_kiss_of_the_wrong_mode,
        (p.reply.stratum = 0, p.reply.reference_id = 0x44454e59, p.reply.mode = 3), NTP_CHECK_MODE)

/* Checks 9 to 16: the answer to our request, but no use. */
#define REFUSED_AS(name, change, expected, as)                                                     \
        START_TEST(name)                                                                           \
        {                                                                                          \
                Peer p = peer();                                                                   \
                                                                                                   \
                change;                                                                            \
                ck_assert_int_eq(answer(&p), expected);                                            \
                ck_assert(!p.source.pending);                                                      \
                ck_assert_uint_eq(p.source.reach, 0);                                              \
                ck_assert_int_eq(p.source.verdict, as);                                            \
        }                                                                                          \
        END_TEST

#define REFUSED(name, change, expected) REFUSED_AS(name, change, expected, NTP_VERDICT_BAD_REPLY)

REFUSED_AS(check_9_stratum, p.reply.stratum = 16, NTP_CHECK_STRATUM, NTP_VERDICT_UNSYNCHRONIZED)
REFUSED_AS(check_10_leap, p.reply.leap = 3, NTP_CHECK_LEAP, NTP_VERDICT_UNSYNCHRONIZED)
REFUSED(check_11_distance, p.reply.root_dispersion = 3 << 16, NTP_CHECK_DISTANCE)
REFUSED(check_12_reference, p.reply.reference = p.reply.transmit + (1 << 30), NTP_CHECK_REFERENCE)
REFUSED(check_13_backwards, (p.reply.transmit -= 1 << 24, p.reply.reference = 0),
        NTP_CHECK_SERVER_TIME)
REFUSED(check_13_longer_than_the_trip, p.reply.transmit = p.reply.receive + (1 << 30),
        NTP_CHECK_SERVER_TIME)

START_TEST(check_14_delay)
{
        Peer p = peer();

        ck_assert_int_eq(answer_after(&p, 4100 * MS).check, NTP_CHECK_DELAY);
}
END_TEST

START_TEST(check_15_a_clock_that_jumped)
{
        Peer p = peer();

        p.source.out.sent_nsec -= 5000 * MS;
        ck_assert_int_eq(answer(&p), NTP_CHECK_LOCAL_CLOCK);
        p = peer();
        p.source.out.sent_nsec += 5000 * MS;
        ck_assert_int_eq(answer(&p), NTP_CHECK_LOCAL_CLOCK);
}
END_TEST

START_TEST(check_16_before_the_build)
{
        Peer p = peer();

        p.reply.receive -= UINT64_C(20000000) << 32;
        p.reply.transmit -= UINT64_C(20000000) << 32;
        p.reply.reference = 0;
        ck_assert_int_eq(answer(&p), NTP_CHECK_BEFORE_BUILD);
}
END_TEST

/* What a clock without a battery may show at first, however far that is from the truth. */
START_TEST(a_clock_that_is_centuries_off)
{
        static const int64_t years[] = { 1971, 2099, 2110, 2200, 2255 };

        for (size_t i = 0; i < ELEMENTSOF(years); i++) {
                int64_t local = (years[i] - 1970) * 31556952 * NTP_NSEC_PER_SEC;
                NtpExchange e = { .received_at = 21000,
                        .sent_nsec = local,
                        .received_nsec = local + 21 * MS,
                        .receive = ntp_time_from_nsec(T0 + 10 * MS) };
                NtpSample sample;

                ck_assert_int_eq(ntp_exchange_measure(
                                         &e, ntp_time_from_nsec(T0 + 11 * MS), -20, BUILD, &sample),
                        NTP_CHECK_OK);
                ck_assert_int_lt(llabs(sample.offset_nsec - (T0 - local)), 10);
                ck_assert_double_eq_tol(sample.delay, 0.020, 1e-6);
        }
}
END_TEST

START_TEST(check_17_the_dates_of_its_certificate)
{
        const int64_t day = 86400, now = T0 / NTP_NSEC_PER_SEC + 1000;
        const struct {
                int64_t from, until;
                NtpCheck expected;
        } cases[] = { { now - day, now + day, NTP_CHECK_OK },
                { now + day, now + 2 * day, NTP_CHECK_CERTIFICATE },
                { now - 2 * day, now - day, NTP_CHECK_CERTIFICATE }, { 0, 0, NTP_CHECK_OK } };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Peer p = peer();

                p.source.valid_from_sec = cases[i].from;
                p.source.valid_until_sec = cases[i].until;
                ck_assert_int_eq(answer(&p), cases[i].expected);
        }
}
END_TEST

START_TEST(an_answer_counts_once)
{
        Peer p = peer();

        ck_assert_int_eq(answer(&p), NTP_CHECK_OK);
        ck_assert_int_eq(answer(&p), NTP_CHECK_COOKIE);
}
END_TEST

START_TEST(a_new_request_makes_the_old_cookie_worthless)
{
        Peer p = peer();
        NtpMessage old = p.reply;

        p.now += 2 * USEC_PER_SEC;
        ask(&p);
        ck_assert_uint_ne(old.origin, p.reply.origin);
        p.reply = old;
        ck_assert_int_eq(answer(&p), NTP_CHECK_COOKIE);
}
END_TEST

START_TEST(version_3_answers_and_unknown_fields_are_fine)
{
        Peer p = peer();

        p.reply.version = 3;
        ck_assert_int_eq(answer(&p), NTP_CHECK_OK);
        p = peer();
        p.extra[0] = 0x7f;
        p.extra[3] = p.extra_size = NTP_FIELD_LAST_MIN;
        ck_assert_int_eq(answer(&p), NTP_CHECK_OK);
}
END_TEST

START_TEST(noise_below_its_precision_is_no_lie)
{
        Peer p = peer();

        p.reply.reference = 0;
        p.reply.transmit = p.reply.receive - 3000; /* 0.7 us, of 2^-20 s */
        ck_assert_int_eq(answer(&p), NTP_CHECK_OK);
        p = peer();
        p.reply.reference = 0;
        p.reply.transmit = p.reply.receive - 6000;
        ck_assert_int_eq(answer(&p), NTP_CHECK_SERVER_TIME);
}
END_TEST

START_TEST(no_delay_is_finer_than_the_clock_of_the_server)
{
        Peer p = peer();

        p.reply.precision = -6;
        ck_assert_double_eq_tol(answer_after(&p, 2 * MS).sample.delay, 1 / 64.0, 1e-9);
}
END_TEST

/* Our clock is right, the server's too: 4 us there and back, and `way_out` between its stamp and
 * the wire; ours, stamped as it leaves, took `own`. How far off we are by the answers until then.
 */
static int64_t stamped_offset(Peer *p, int64_t own, int64_t way_out)
{
        int64_t sent = T0 + (int64_t) p->now * 1000;
        NtpSteering none = { .frequency_sd = 1e-9 };
        NtpEstimate e;
        NtpReply r;

        p->reply.precision = -26;
        p->reply.receive = ntp_time_from_nsec(sent + 4000);
        p->reply.transmit = ntp_time_from_nsec(sent + 5000);
        p->reply.reference = p->reply.receive - 1;
        ntp_source_transmitted(&p->source, sent - own, sent);
        r = answer_after(p, 4000 + 1000 + way_out + 4000);
        ck_assert_int_eq(r.check, NTP_CHECK_OK);
        ck_assert(ntp_source_add(&p->source, &r.sample, 0));
        ck_assert(ntp_source_estimate(&p->source, r.sample.at, &none, &e));
        /* what is not known does not make it look better known */
        ck_assert_double_ge(e.root_distance, fabs((double) e.offset_nsec * 1e-9));
        p->now += 2 * USEC_PER_SEC;
        ask(p);
        return e.offset_nsec;
}

START_TEST(what_an_answer_takes_to_leave_is_half_of_what_it_can_be)
{
        Peer p = peer();

        /* by a quarter of the 6 us that ours takes, be it nothing or as much as ours */
        ck_assert_int_lt(llabs(stamped_offset(&p, 6000, 0) - 1500), 3);
        p = peer();
        ck_assert_int_lt(llabs(stamped_offset(&p, 6000, 6000) + 1500), 3);
        /* it cannot be longer than what both ways took */
        p = peer();
        ck_assert_int_lt(llabs(stamped_offset(&p, 40000, 0) - 2000), 3);
        /* two clocks read before the packet went are alike as they are */
        p = peer();
        ck_assert_int_lt(llabs(stamped_offset(&p, 0, 6000) + 3000), 3);
}
END_TEST

START_TEST(a_processor_that_was_away_is_no_way_out)
{
        Peer p = peer();

        ck_assert_int_lt(llabs(stamped_offset(&p, 5 * MS, 1 * MS) + 500000 - 12500), 3);
        /* the shortest counts */
        p = peer();
        (void) stamped_offset(&p, 4000, 4000);
        ck_assert_int_lt(llabs(stamped_offset(&p, 9000, 4000) + 1000), 3);
}
END_TEST

/* Answers that were held up by 0 to 24 us, all of them on `side`, or on either by turns: how far
 * the clock then seems to be off. */
static int64_t held_up_offset(double side)
{
        static const double late[] = { 12, 0, 3, 9, 1, 0, 6, 2, 0, 4 };
        NtpSteering none = { .frequency_sd = 1e-4 };
        NtpEstimate e;
        NtpSource s;

        ntp_source_init(&s, 6, 10, 0);
        for (unsigned i = 0; i < ELEMENTSOF(late); i++) {
                double way = side != 0 ? side : (i % 3 ? 1 : -1);
                NtpSample sample = { .at = i * 2 * USEC_PER_SEC,
                        .offset_nsec = (int64_t) (way * late[i] * 1000),
                        .delay = 9e-6 + 2e-6 * late[i] };

                ck_assert(ntp_source_add(&s, &sample, 0));
        }
        ck_assert(ntp_source_estimate(&s, 80 * USEC_PER_SEC, &none, &e));
        return e.offset_nsec;
}

START_TEST(what_all_was_late_on_one_side_is_known)
{
        ck_assert_int_lt(llabs(held_up_offset(-1)), 100);
        ck_assert_int_lt(llabs(held_up_offset(1)), 100);
        ck_assert_int_lt(llabs(held_up_offset(0)), 20000);
}
END_TEST

/* -- With a key (REQ_NTP 40) ----------------------------------------------------------------------
 */

static const NtpKey our_key = {
        .id = 7, .type = MAC_AES128, .size = 16, .data = "0123456789abcde"
};

static Peer keyed_peer(void)
{
        Peer p = { .rng = rng_seeded(test_seed()), .now = 1000 * USEC_PER_SEC };

        ntp_source_init(&p.source, 6, 10, p.now);
        p.source.key = our_key;
        ask(&p);
        return p;
}

/* What `key` makes of the answer; NULL: nothing. */
static NtpReply keyed_answer(Peer *p, const NtpKey *key)
{
        uint8_t buf[256];
        Writer w = WRITER_INIT(buf, sizeof(buf));

        ntp_message_write(&w, &p->reply);
        writer_bytes(&w, p->extra, p->extra_size);
        if (key)
                ck_assert_int_eq(ntp_mac_write(&w, key), 0);
        return ntp_source_receive(&p->source, buf, w.pos - p->cut, p->now + 21000,
                T0 + (int64_t) p->now * 1000 + 21 * MS, BUILD, 0);
}

START_TEST(requests_with_a_key_are_sealed)
{
        Peer p = keyed_peer();
        size_t end;

        ck_assert_uint_eq(p.request_size, NTP_HEADER_SIZE + 20);
        ck_assert(ntp_fields_valid(p.request, p.request_size, &end));
        ck_assert_uint_eq(end, NTP_HEADER_SIZE);
        ck_assert(ntp_mac_valid(p.request, p.request_size, end, &our_key));
        ck_assert_int_eq(keyed_answer(&p, &our_key).check, NTP_CHECK_OK);
        ck_assert_int_eq(keyed_answer(&p, &our_key).check, NTP_CHECK_COOKIE);
}
END_TEST

START_TEST(fields_may_stand_before_the_mac)
{
        Peer p = keyed_peer();

        p.extra[0] = 0x7f;
        p.extra[3] = p.extra_size = NTP_FIELD_MIN;
        ck_assert_int_eq(keyed_answer(&p, &our_key).check, NTP_CHECK_OK);
}
END_TEST

START_TEST(answers_with_another_key_or_none_change_nothing)
{
        NtpKey others[] = { our_key, our_key, our_key };

        others[0].id = 8;
        others[1].data[3] ^= 1;
        others[2].type = MAC_MD5;
        for (size_t i = 0; i <= ELEMENTSOF(others); i++) {
                Peer p = keyed_peer();
                const NtpKey *key = i < ELEMENTSOF(others) ? &others[i] : NULL;

                ck_assert_int_eq(keyed_answer(&p, key).check, NTP_CHECK_AUTHENTICATION);
                p.reply.stratum = 0;
                p.reply.reference_id = 0x44454e59; /* DENY */
                ck_assert_int_eq(keyed_answer(&p, key).check, NTP_CHECK_AUTHENTICATION);
                ck_assert(p.source.pending && !p.source.dead && p.source.reach == 0);
                p.reply.stratum = 2;
                ck_assert_int_eq(keyed_answer(&p, &our_key).check, NTP_CHECK_OK);
        }
}
END_TEST

START_TEST(a_crypto_nak_and_cut_macs_change_nothing)
{
        Peer p = keyed_peer();

        p.extra_size = 4;
        ck_assert_int_eq(keyed_answer(&p, NULL).check, NTP_CHECK_FIELDS);
        p.extra_size = 0;
        for (p.cut = 1; p.cut < 20; p.cut++)
                ck_assert_int_ne(keyed_answer(&p, &our_key).check, NTP_CHECK_OK);
        p.cut = 0;
        ck_assert_int_eq(keyed_answer(&p, &our_key).check, NTP_CHECK_OK);
}
END_TEST

START_TEST(a_sealed_kiss_is_obeyed)
{
        Peer p = keyed_peer();

        p.reply.stratum = 0;
        p.reply.reference_id = 0x44454e59;
        ck_assert_int_eq(keyed_answer(&p, &our_key).kiss, NTP_KISS_DENY);
        ck_assert(p.source.dead);
}
END_TEST

static NtpReply kiss(Peer *p, const char *code)
{
        p->reply.stratum = 0;
        p->reply.leap = 3;
        p->reply.reference_id = 0;
        for (int i = 0; i < 4; i++)
                p->reply.reference_id = p->reply.reference_id << 8 | (uint8_t) code[i];
        return answer_after(p, 21 * MS);
}

START_TEST(deny_and_rstr_are_for_ever)
{
        const char *codes[] = { "DENY", "RSTR" };

        for (size_t i = 0; i < ELEMENTSOF(codes); i++) {
                Peer p = peer();

                ck_assert_int_eq(kiss(&p, codes[i]).kiss, NTP_KISS_DENY);
                ck_assert(p.source.dead);
                ntp_source_burst(&p.source, p.now);
                ck_assert_uint_eq(ntp_source_deadline(&p.source), USEC_INFINITY);
        }
}
END_TEST

START_TEST(rate_makes_us_slow)
{
        Peer p = peer();

        ck_assert_int_eq(kiss(&p, "RATE").kiss, NTP_KISS_RATE);
        ck_assert_uint_eq(p.source.burst_left, 0);
        ck_assert_uint_eq(p.source.poll, 7);
        ck_assert_uint_ge(ntp_source_deadline(&p.source), p.now + 128 * USEC_PER_SEC);
        p.now = ntp_source_deadline(&p.source);
        ask(&p);
        ck_assert_int_eq(kiss(&p, "RATE").kiss, NTP_KISS_RATE);
        ck_assert_uint_ge(ntp_source_deadline(&p.source), p.now + 4 * 121 * USEC_PER_SEC);
}
END_TEST

START_TEST(other_kisses_mean_nothing)
{
        const char *codes[] = { "XABC", "INIT", "NTSN", "\1\2\3\4" };

        for (size_t i = 0; i < ELEMENTSOF(codes); i++) {
                Peer p = peer();

                ck_assert_int_eq(kiss(&p, codes[i]).kiss, NTP_KISS_OTHER);
                ck_assert(!p.source.dead);
                ck_assert_uint_eq(p.source.poll, 6);
        }
}
END_TEST

/* Stratum 0 without a code is no kiss: the server is not synchronised. */
START_TEST(who_is_not_synchronised_stands_for_nothing)
{
        const struct {
                uint8_t leap, stratum;
                uint32_t reference_id;
                bool unsynchronized;
        } cases[] = { { 3, 2, 0x0a000001, true }, { 0, 16, 0, true }, { 3, 16, 0, true },
                { 0, 0, 0, true }, { 3, 0, 0x494e4954, true }, { 3, 0, 0x53544550, true },
                { 0, 0, 0x58414243, false }, { 3, 0, 0x41435354, false } };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Peer p = peer();
                NtpMessage good;

                ck_assert_int_eq(answer(&p), NTP_CHECK_OK);
                p.now += 2 * USEC_PER_SEC;
                ask(&p);
                good = p.reply;
                p.reply.leap = cases[i].leap;
                p.reply.stratum = cases[i].stratum;
                p.reply.reference_id = cases[i].reference_id;
                p.reply.origin ^= 1; /* as somebody who has not seen the request */
                ck_assert_int_eq(answer(&p), NTP_CHECK_COOKIE);
                ck_assert(!p.source.unsynchronized);
                p.reply.origin ^= 1;
                ck_assert_int_ne(answer(&p), NTP_CHECK_OK);
                ck_assert(p.source.unsynchronized == cases[i].unsynchronized);
                ck_assert((p.source.verdict == NTP_VERDICT_UNSYNCHRONIZED) ==
                          cases[i].unsynchronized);
                ck_assert(!p.source.pending && !p.source.dead && p.source.poll == 6);
                ask(&p);
                good.origin = p.source.cookie;
                p.reply = good;
                ck_assert_int_eq(answer(&p), NTP_CHECK_OK);
                ck_assert(!p.source.unsynchronized);
        }
}
END_TEST

START_TEST(the_numbers_of_a_kiss_are_nobody_s)
{
        Peer p = peer();
        NtpMessage good = p.reply;

        ck_assert_int_eq(answer(&p), NTP_CHECK_OK);
        p.now += 2 * USEC_PER_SEC;
        ask(&p);
        p.reply.root_delay = p.reply.root_dispersion = UINT32_MAX;
        ck_assert_int_eq(kiss(&p, "RATE").kiss, NTP_KISS_RATE);
        ck_assert_uint_eq(p.source.last.root_dispersion, good.root_dispersion);
        ck_assert_uint_eq(p.source.last.stratum, good.stratum);
        ck_assert_uint_eq(p.source.last.leap, good.leap);
}
END_TEST

/* REQ_NTP 16: whoever asks for it, as the network does that comes up while we start */
START_TEST(a_burst_that_has_begun_is_no_longer_for_another)
{
        Peer p = peer();
        usec_t began = p.now;
        int n = 1;

        ntp_source_burst(&p.source, p.now + 1000);
        while (ntp_source_deadline(&p.source) < began + 30 * USEC_PER_SEC) {
                ck_assert_uint_ge(ntp_source_deadline(&p.source), p.now + USEC_PER_SEC);
                p.now = ntp_source_deadline(&p.source);
                ask(&p);
                ck_assert_int_eq(answer(&p), NTP_CHECK_OK);
                n++;
        }
        ck_assert_int_eq(n, NTP_BURST);
        ntp_source_burst(&p.source, p.now + 9 * USEC_PER_SEC);
        ck_assert_uint_eq(ntp_source_deadline(&p.source), p.now + 9 * USEC_PER_SEC);
        ck_assert_uint_eq(p.source.burst_left, NTP_BURST);
}
END_TEST

START_TEST(silence_is_asked_less_and_less)
{
        Peer p = peer();
        usec_t last = p.now;

        for (int i = 1; i < 40; i++) {
                usec_t wait = ntp_source_deadline(&p.source) - p.now;

                ck_assert_uint_ge(wait, USEC_PER_SEC);
                ck_assert_uint_le(wait, 1100 * USEC_PER_SEC);
                if (i > 20)
                        ck_assert_uint_ge(wait, 970 * USEC_PER_SEC);
                last = p.now = ntp_source_deadline(&p.source);
                ask(&p);
                if (i >= 8)
                        ck_assert_int_eq(p.source.verdict, NTP_VERDICT_UNREACHABLE);
        }
        ck_assert_uint_gt(last, 0);
        ck_assert_int_eq(answer(&p), NTP_CHECK_OK);
        ck_assert_uint_eq(p.source.misses, 0);
}
END_TEST

START_TEST(who_says_this_and_that_agrees_with_nobody)
{
        NtpSource s;

        ntp_source_init(&s, 6, 10, 0);
        for (unsigned i = 0; i < 12; i++) {
                NtpSample sample = { .at = i * 2 * USEC_PER_SEC,
                        .offset_nsec = (i % 2 ? 7000 : 5000) * MS,
                        .delay = 1e-3 };

                (void) ntp_source_add(&s, &sample, 0);
                ck_assert_uint_le(ntp_source_agreeing(&s), 1);
        }
}
END_TEST

START_TEST(one_wild_sample_does_not_move_the_line)
{
        Peer p = peer();
        NtpSteering none = { 0 };
        NtpEstimate e;

        for (unsigned i = 0; i < 10; i++) {
                NtpSample s = { .at = p.now + i * 16 * USEC_PER_SEC,
                        .offset_nsec = 1000 + 300 * (i % 3),
                        .delay = 1e-3 };

                ck_assert(ntp_source_add(&p.source, &s, 0));
        }
        p.now += 160 * USEC_PER_SEC;
        ck_assert(!ntp_source_add(
                &p.source, &(NtpSample){ .at = p.now, .offset_nsec = 5 * MS, .delay = 1e-3 }, 0));
        ck_assert(ntp_source_estimate(&p.source, p.now, &none, &e));
        ck_assert_int_lt(llabs(e.offset_nsec), 5000);
        p.now += 16 * USEC_PER_SEC;
        ck_assert(ntp_source_add(
                &p.source, &(NtpSample){ .at = p.now, .offset_nsec = 5 * MS, .delay = 1e-3 }, 0));
        ck_assert(ntp_source_estimate(&p.source, p.now, &none, &e));
        ck_assert_int_lt(llabs(e.offset_nsec - 5 * MS), 20000);
}
END_TEST

START_TEST(the_tail_of_a_busy_machine_takes_nothing_from_clean_samples)
{
        Peer p = peer();
        NtpSteering none = { 0 };
        NtpEstimate e;

        for (unsigned i = 0; i < 20; i++) {
                bool clean = i % 5 < 2;
                NtpSample s = { .at = p.now + i * 16 * USEC_PER_SEC,
                        .offset_nsec = clean ? 1000 * (i % 3) : (i % 2 ? 5 : -4) * MS,
                        .delay = clean ? 100e-6 : 10.1e-3 };

                (void) ntp_source_add(&p.source, &s, 0);
        }
        ck_assert_uint_ge(p.source.n_samples, 15);
        p.now += 320 * USEC_PER_SEC;
        ck_assert(ntp_source_estimate(&p.source, p.now, &none, &e));
        ck_assert_int_lt(llabs(e.offset_nsec), 20000);
        ck_assert_double_lt(e.offset_sd, 100e-6);
}
END_TEST

START_TEST(leap_seconds_have_their_days)
{
        /* 2016-12-31 and 2015-06-30 were; 2027-01-15 is not one */
        int64_t at, december = INT64_C(1483142400) + 3600, june = INT64_C(1435622400) + 80000;

        ck_assert_uint_eq(ntp_leap_today(1, december * NTP_NSEC_PER_SEC, &at), 1);
        ck_assert_int_eq(at, INT64_C(1483228800) * NTP_NSEC_PER_SEC);
        ck_assert_uint_eq(ntp_leap_today(2, june * NTP_NSEC_PER_SEC, &at), 2);
        ck_assert_uint_eq(ntp_leap_today(0, june * NTP_NSEC_PER_SEC, &at), 0);
        ck_assert_uint_eq(ntp_leap_today(3, june * NTP_NSEC_PER_SEC, &at), 0);
        ck_assert_uint_eq(ntp_leap_today(1, T0, &at), 0);
        ck_assert_uint_eq(ntp_leap_today(1, (december - 86400) * NTP_NSEC_PER_SEC, &at), 0);
        ck_assert_uint_eq(ntp_leap_today(1, (december + 86400) * NTP_NSEC_PER_SEC, &at), 0);
}
END_TEST

TEST_MAIN("ntp-source", an_honest_answer_counts, check_1_length, check_2_fields,
        check_3_mode_client, check_3_mode_broadcast, check_4_version_2, check_4_version_5,
        check_5_cookie, check_5_cookie_high, check_5_cookie_zero, check_6_mac_md5, check_6_mac_sha1,
        check_7_no_receive, check_7_no_transmit, a_spoofed_kiss, a_kiss_of_the_wrong_mode,
        check_9_stratum, check_10_leap, check_11_distance, check_12_reference, check_13_backwards,
        check_13_longer_than_the_trip, check_14_delay, check_15_a_clock_that_jumped,
        check_16_before_the_build, a_clock_that_is_centuries_off,
        check_17_the_dates_of_its_certificate, an_answer_counts_once,
        a_new_request_makes_the_old_cookie_worthless, version_3_answers_and_unknown_fields_are_fine,
        noise_below_its_precision_is_no_lie, no_delay_is_finer_than_the_clock_of_the_server,
        what_an_answer_takes_to_leave_is_half_of_what_it_can_be,
        a_processor_that_was_away_is_no_way_out, what_all_was_late_on_one_side_is_known,
        deny_and_rstr_are_for_ever, rate_makes_us_slow, other_kisses_mean_nothing,
        who_is_not_synchronised_stands_for_nothing, the_numbers_of_a_kiss_are_nobody_s,
        a_burst_that_has_begun_is_no_longer_for_another, silence_is_asked_less_and_less,
        who_says_this_and_that_agrees_with_nobody, one_wild_sample_does_not_move_the_line,
        the_tail_of_a_busy_machine_takes_nothing_from_clean_samples, leap_seconds_have_their_days,
        requests_with_a_key_are_sealed, fields_may_stand_before_the_mac,
        answers_with_another_key_or_none_change_nothing, a_crypto_nak_and_cut_macs_change_nothing,
        a_sealed_kiss_is_obeyed)
