/* SPDX-License-Identifier: MIT */
#include "lib/suite.h"
#include "proto/nts-ke.h"
#include <string.h>

typedef struct Answer Answer;
struct Answer {
        uint8_t data[70000];
        Writer w;
};

static Answer answer;
static const uint8_t filler[30000];

static void record(uint16_t type, const void *body, size_t size)
{
        writer_u16(&answer.w, type);
        writer_u16(&answer.w, (uint16_t) size);
        writer_bytes(&answer.w, body, size);
}

#define PROTOCOL() record(0x8001, "\0\0", 2)
#define AEAD()     record(0x8004, "\0\x0f", 2)
#define COOKIE()   record(5, "cookiecookiecookie01", 20)
#define END()      record(0x8000, "", 0)

static void begin(void)
{
        answer.w = WRITER_INIT(answer.data, sizeof(answer.data));
}

/* Whole, and octet by octet. */
static NtsKeStatus judge(NtsKe *ke)
{
        NtsKe slow;

        nts_ke_init(ke);
        nts_ke_init(&slow);
        (void) nts_ke_feed(ke, answer.data, answer.w.pos);
        (void) nts_ke_end(ke);
        for (size_t i = 0; i < answer.w.pos; i++)
                (void) nts_ke_feed(&slow, answer.data + i, 1);
        ck_assert_int_eq(nts_ke_end(&slow), ke->status);
        return ke->status;
}

START_TEST(the_request)
{
        static const uint8_t expected[] = { 0x80, 1, 0, 2, 0, 0, 0x80, 4, 0, 2, 0, 15, 0x80, 0, 0,
                0 };
        uint8_t data[64], context[5];
        Writer w = WRITER_INIT(data, sizeof(data));

        nts_ke_write_request(&w);
        ck_assert_uint_eq(w.pos, sizeof(expected));
        ck_assert_mem_eq(data, expected, sizeof(expected));
        nts_ke_context(false, context);
        ck_assert_mem_eq(context, "\0\0\0\x0f\0", 5);
        nts_ke_context(true, context);
        ck_assert_mem_eq(context, "\0\0\0\x0f\1", 5);
}
END_TEST

START_TEST(a_good_answer)
{
        NtsKe ke;

        begin();
        PROTOCOL();
        record(0x4000, "unknown, not critical", 21);
        AEAD();
        for (int i = 0; i < 10; i++)
                COOKIE();
        record(0x8006, "ntp.example", 11);
        record(0x8007, "\x10\x92", 2);
        END();
        ck_assert_int_eq(judge(&ke), NTS_KE_DONE);
        ck_assert_uint_eq(ke.n_cookies, NTS_COOKIES);
        ck_assert_uint_eq(ke.cookies[7].size, 20);
        ck_assert_str_eq(ke.server, "ntp.example");
        ck_assert_uint_eq(ke.port, 4242);
}
END_TEST

#define REFUSED(name, change)                                                                      \
        START_TEST(name)                                                                           \
        {                                                                                          \
                NtsKe ke;                                                                          \
                                                                                                   \
                begin();                                                                           \
                change;                                                                            \
                ck_assert_int_eq(judge(&ke), NTS_KE_FAILED);                                       \
                ck_assert_ptr_nonnull(ke.why);                                                     \
        }                                                                                          \
        END_TEST

REFUSED(nothing, (void) 0)
REFUSED(no_end, (PROTOCOL(), AEAD(), COOKIE()))
REFUSED(an_end_that_is_not_critical, (PROTOCOL(), AEAD(), COOKIE(), record(0, "", 0)))
REFUSED(an_end_with_a_body, (PROTOCOL(), AEAD(), COOKIE(), record(0x8000, "x", 1)))
REFUSED(more_behind_the_end, (PROTOCOL(), AEAD(), COOKIE(), END(), COOKIE()))
REFUSED(no_cookie, (PROTOCOL(), AEAD(), END()))
REFUSED(no_protocol, (AEAD(), COOKIE(), END()))
REFUSED(no_aead, (PROTOCOL(), COOKIE(), END()))
REFUSED(another_aead, (PROTOCOL(), record(0x8004, "\0\x1e", 2), COOKIE(), END()))
REFUSED(two_aeads, (PROTOCOL(), record(0x8004, "\0\x0f\0\x1e", 4), COOKIE(), END()))
REFUSED(another_protocol, (record(0x8001, "\0\1", 2), AEAD(), COOKIE(), END()))
REFUSED(no_protocol_at_all, (record(0x8001, "", 0), AEAD(), COOKIE(), END()))
REFUSED(an_error, (PROTOCOL(), AEAD(), COOKIE(), record(0x8002, "\0\1", 2), END()))
REFUSED(a_warning, (PROTOCOL(), AEAD(), COOKIE(), record(0x8003, "\0\1", 2), END()))
REFUSED(an_unknown_critical_record, (PROTOCOL(), AEAD(), COOKIE(), record(0xc000, "", 0), END()))
REFUSED(a_name_with_a_zero, (PROTOCOL(), AEAD(), COOKIE(), record(6, "a\0b", 3), END()))
REFUSED(an_empty_name, (PROTOCOL(), AEAD(), COOKIE(), record(6, "", 0), END()))
REFUSED(port_zero, (PROTOCOL(), AEAD(), COOKIE(), record(7, "\0\0", 2), END()))
REFUSED(a_short_port, (PROTOCOL(), AEAD(), COOKIE(), record(7, "\1", 1), END()))
REFUSED(a_long_cookie, (PROTOCOL(), AEAD(), record(5, filler, NTS_COOKIE_MAX + 1), END()))
REFUSED(an_endless_answer,
        (PROTOCOL(), AEAD(), COOKIE(), record(0x4000, filler, sizeof(filler)), END()))

START_TEST(garbage_ends)
{
        Rng rng = rng_seeded(test_seed());

        for (int i = 0; i < 20000; i++) {
                NtsKe ke;

                begin();
                answer.w.pos = (size_t) rng_range(&rng, 0, 400);
                rng.fill(&rng, answer.data, answer.w.pos);
                (void) judge(&ke);
        }
}
END_TEST

TEST_MAIN("nts-ke", the_request, a_good_answer, nothing, no_end, an_end_that_is_not_critical,
        an_end_with_a_body, more_behind_the_end, no_cookie, no_protocol, no_aead, another_aead,
        two_aeads, another_protocol, no_protocol_at_all, an_error, a_warning,
        an_unknown_critical_record, a_name_with_a_zero, an_empty_name, port_zero, a_short_port,
        a_long_cookie, an_endless_answer, garbage_ends)
