/* SPDX-License-Identifier: MIT */
#include "lib/suite.h"
#include "proto/fetch-wire.h"
#include "util/rng.h"
#include <string.h>

static const FetchRequest request = {
        .method = FETCH_POST,
        .flags = FETCH_IGNORE_DATES,
        .timeout_msec = 10000,
        .body_max = 4096,
        .url = "https://h.test/x",
        .interface = "eth0",
        .accept = "application/json",
        .addresses = { { .family = AF_INET, .bytes = { 192, 0, 2, 1 } } },
        .n_addresses = 1,
        .body = (const uint8_t *) "abc",
        .body_size = 3,
};

START_TEST(a_request_round_trips)
{
        uint8_t buf[FETCH_MESSAGE_MAX];
        Writer w = WRITER_INIT(buf, sizeof(buf));
        FetchRequest q;
        Reader r;

        ck_assert_int_eq(fetch_request_write(&request, &w), 0);
        r = READER_INIT(buf, w.pos);
        ck_assert_int_eq(fetch_request_parse(&r, &q), 0);
        ck_assert_int_eq(q.method, FETCH_POST);
        ck_assert_uint_eq(q.flags, FETCH_IGNORE_DATES);
        ck_assert_str_eq(q.url, request.url);
        ck_assert_str_eq(q.interface, "eth0");
        ck_assert_str_eq(q.authorization, "");
        ck_assert_uint_eq(q.n_addresses, 1);
        ck_assert(ip_equal(&q.addresses[0], &request.addresses[0]));
        ck_assert_uint_eq(q.body_size, 3);
        ck_assert_mem_eq(q.body, "abc", 3);
}
END_TEST

START_TEST(an_answer_round_trips)
{
        FetchAnswer in = { .status = 302, .max_age_sec = FETCH_NO_AGE, .location = "http://l/" }, a;
        uint8_t buf[FETCH_MESSAGE_MAX];
        Writer w = WRITER_INIT(buf, sizeof(buf));
        Reader r;

        ck_assert_int_eq(fetch_answer_write(&in, &w), 0);
        r = READER_INIT(buf, w.pos);
        ck_assert_int_eq(fetch_answer_parse(&r, &a), 0);
        ck_assert_uint_eq(a.status, 302);
        ck_assert_uint_eq(a.max_age_sec, FETCH_NO_AGE);
        ck_assert_str_eq(a.location, "http://l/");
        ck_assert_str_eq(a.etag, "");
}
END_TEST

START_TEST(cut_and_mutated_messages_are_refused_or_whole)
{
        Rng rng = rng_seeded(test_seed());
        uint8_t buf[512], copy[512];
        Writer w = WRITER_INIT(buf, sizeof(buf));
        FetchRequest q;
        Reader r;

        ck_assert_int_eq(fetch_request_write(&request, &w), 0);
        for (size_t n = 0; n < w.pos; n++) {
                r = READER_INIT(buf, n);
                ck_assert_int_lt(fetch_request_parse(&r, &q), 0);
        }
        for (unsigned i = 0; i < 20000; i++) {
                memcpy(copy, buf, w.pos);
                for (unsigned k = 0; k < 3; k++)
                        copy[rng_range(&rng, 0, w.pos - 1)] = (uint8_t) rng_u16(&rng);
                r = READER_INIT(copy, w.pos);
                if (fetch_request_parse(&r, &q) < 0)
                        continue;
                ck_assert_uint_lt(strlen(q.url), w.pos);
                ck_assert_uint_le(q.n_addresses, FETCH_ADDRESSES_MAX);
                ck_assert_uint_lt(q.body_size, w.pos);
        }
}
END_TEST

TEST_MAIN("fetch-wire", a_request_round_trips, an_answer_round_trips,
        cut_and_mutated_messages_are_refused_or_whole)
