/* SPDX-License-Identifier: MIT */
#include "lib/suite.h"
#include "proto/ntp-message.h"
#include "util/rng.h"
#include <string.h>

START_TEST(a_request_tells_nothing)
{
        static const uint8_t zero[39];
        uint8_t p[64];
        Writer w = WRITER_INIT(p, sizeof(p));

        ntp_message_write_request(&w, 0, 0, 0x0123456789abcdef);
        ck_assert_uint_eq(w.pos, 48);
        ck_assert_uint_eq(p[0], 0x23); /* LI 0, VN 4, mode 3 */
        ck_assert_mem_eq(p + 1, zero, 39);
        ck_assert_mem_eq(p + 40, "\x01\x23\x45\x67\x89\xab\xcd\xef", 8);
}
END_TEST

START_TEST(what_is_written_is_read)
{
        Rng rng = rng_seeded(test_seed());

        for (int i = 0; i < 1000; i++) {
                uint8_t in[48], out[48];
                NtpMessage m;
                Reader r = READER_INIT(in, sizeof(in));
                Writer w = WRITER_INIT(out, sizeof(out));

                rng.fill(&rng, in, sizeof(in));
                ck_assert_int_eq(ntp_message_read(&r, &m), 0);
                ntp_message_write(&w, &m);
                ck_assert_mem_eq(in, out, sizeof(in));
        }
}
END_TEST

START_TEST(anything_short_is_refused)
{
        uint8_t p[48] = { 0x24 };
        NtpMessage m;

        for (size_t size = 0; size < sizeof(p); size++) {
                Reader r = READER_INIT(p, size);

                ck_assert_int_eq(ntp_message_read(&r, &m), -EBADMSG);
        }
}
END_TEST

static bool fields(const char *sizes, size_t tail)
{
        uint8_t p[512] = { 0x24 };
        size_t pos = NTP_HEADER_SIZE, end;

        for (; *sizes; sizes++) {
                size_t size = (size_t) (*sizes - 'a') * 4;

                p[pos] = 0x42;
                p[pos + 3] = (uint8_t) size;
                pos += size ? size : 4;
        }
        return ntp_fields_valid(p, pos + tail, &end);
}

START_TEST(fields_follow_rfc_7822)
{
        ck_assert(fields("", 0));
        ck_assert(fields("", 20));
        ck_assert(fields("", 24));
        ck_assert(fields("h", 0));  /* 28 octets, the least for a last one */
        ck_assert(!fields("g", 4)); /* crypto-NAK behind a field is nothing we asked for */
        ck_assert(fields("e", 20)); /* 16 octets with a MAC behind */
        ck_assert(fields("eh", 0));
        ck_assert(!fields("e", 0));  /* too short for a last one */
        ck_assert(!fields("d", 24)); /* under 16 */
        ck_assert(!fields("a", 0));  /* of length zero: must not loop */
        ck_assert(!fields("", 1));
        ck_assert(!fields("", 4));
        ck_assert(!fields("h", 3));
        ck_assert(!fields("", 23));
}
END_TEST

START_TEST(a_length_beyond_the_end_is_refused)
{
        uint8_t p[80] = { 0x24 };
        size_t end;

        p[50] = 0xff;
        p[51] = 0xfc;
        ck_assert(!ntp_fields_valid(p, sizeof(p), &end));
        p[50] = 0;
        p[51] = 33; /* not a multiple of 4 */
        ck_assert(!ntp_fields_valid(p, sizeof(p), &end));
        p[51] = 32;
        ck_assert(ntp_fields_valid(p, sizeof(p), &end));
        ck_assert_uint_eq(end, 80);
}
END_TEST

START_TEST(the_header_is_judged)
{
        NtpMessage good = { .stratum = 2, .reference = 5, .transmit = UINT64_C(9) << 32 }, m;

        ck_assert_int_eq(ntp_message_check_header(&good, good.transmit, 3), NTP_CHECK_OK);
        m = good;
        m.stratum = 16;
        ck_assert_int_eq(ntp_message_check_header(&m, m.transmit, 3), NTP_CHECK_STRATUM);
        m = good;
        m.leap = 3;
        ck_assert_int_eq(ntp_message_check_header(&m, m.transmit, 3), NTP_CHECK_LEAP);
        m = good;
        m.root_delay = 6 << 16;
        ck_assert_int_eq(ntp_message_check_header(&m, m.transmit, 3), NTP_CHECK_DISTANCE);
        m = good;
        m.root_dispersion = UINT32_MAX;
        ck_assert_int_eq(ntp_message_check_header(&m, m.transmit, 1e9), NTP_CHECK_DISTANCE);
        m = good;
        m.reference = m.transmit + 1;
        ck_assert_int_eq(ntp_message_check_header(&m, m.transmit, 3), NTP_CHECK_REFERENCE);
        m.reference = 0;
        ck_assert_int_eq(ntp_message_check_header(&m, m.transmit, 3), NTP_CHECK_OK);
}
END_TEST

START_TEST(eras_do_not_matter)
{
        /* 2036-02-07 06:28:16, where the 32 bits of seconds start over */
        const int64_t rollover = INT64_C(2085978496) * NTP_NSEC_PER_SEC;
        const int64_t build = INT64_C(1790000000) * NTP_NSEC_PER_SEC;
        const int64_t y2038 = INT64_C(2147483648) * NTP_NSEC_PER_SEC;

        ck_assert_uint_eq(ntp_time_from_nsec(rollover), 0);
        ck_assert_int_eq(ntp_time_diff_nsec(ntp_time_from_nsec(rollover + 5),
                                 ntp_time_from_nsec(rollover - 5)),
                10);
        ck_assert_int_eq(ntp_time_to_nsec(ntp_time_from_nsec(y2038 + 7), rollover - 1), y2038 + 7);
        /* a clock at 1970 takes the era from the build, one at 2069 from itself */
        ck_assert_int_eq(ntp_time_base_nsec(0, build), build);
        ck_assert_int_eq(
                ntp_time_to_nsec(ntp_time_from_nsec(y2038), ntp_time_base_nsec(0, build)), y2038);
        ck_assert_int_eq(ntp_time_base_nsec(INT64_C(3140000000) * NTP_NSEC_PER_SEC, build),
                INT64_C(3140000000) * NTP_NSEC_PER_SEC);
        ck_assert_int_eq(ntp_time_base_nsec(INT64_MAX, build), build);
}
END_TEST

START_TEST(nanoseconds_survive_the_trip)
{
        Rng rng = rng_seeded(test_seed());

        for (int i = 0; i < 100000; i++) {
                int64_t base = (int64_t) rng_range(&rng, 0, UINT64_C(7000000000000000000));
                int64_t t = base + (int64_t) rng_range(&rng, 0, UINT64_C(2000000000000000000)) -
                            INT64_C(1000000000000000000);

                ck_assert_int_eq(ntp_time_to_nsec(ntp_time_from_nsec(t), base), t);
        }
}
END_TEST

START_TEST(every_check_has_a_name)
{
        for (int i = 0; i < _NTP_CHECK_MAX; i++) {
                ck_assert_ptr_nonnull(ntp_check_to_string((NtpCheck) i));
                ck_assert_int_eq(ntp_check_from_string(ntp_check_to_string((NtpCheck) i)), i);
        }
}
END_TEST

TEST_MAIN("ntp-message", a_request_tells_nothing, what_is_written_is_read,
        anything_short_is_refused, fields_follow_rfc_7822, a_length_beyond_the_end_is_refused,
        the_header_is_judged, eras_do_not_matter, nanoseconds_survive_the_trip,
        every_check_has_a_name)
