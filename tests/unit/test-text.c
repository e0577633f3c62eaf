/* SPDX-License-Identifier: MIT */
#include "lib/suite.h"
#include "util/rng.h"
#include "util/text.h"
#include <string.h>

#define CHECK_COPY(src, expected)                                                                  \
        do {                                                                                       \
                char dst[64];                                                                      \
                                                                                                   \
                text_copy(dst, sizeof(dst), src);                                                  \
                ck_assert_str_eq(dst, expected);                                                   \
        } while (0)

START_TEST(what_cannot_be_shown_becomes_a_question_mark)
{
        CHECK_COPY("", "");
        CHECK_COPY("plain text, no change", "plain text, no change");
        CHECK_COPY("a\nb\tc\x1b[31m\x7f", "a?b?c?[31m?");
        CHECK_COPY("gr\xc3\xbc\xc3\x9f"
                   "e \xe2\x82\xac \xf0\x9f\x98\x80",
                "gr\xc3\xbc\xc3\x9f"
                "e \xe2\x82\xac \xf0\x9f\x98\x80");
        CHECK_COPY("\xc2\x9b", "?");            /* a control character of two bytes */
        CHECK_COPY("\xc0\xaf", "??");           /* overlong */
        CHECK_COPY("\xed\xa0\x80", "???");      /* surrogate */
        CHECK_COPY("\xf4\x90\x80\x80", "????"); /* over U+10FFFF */
        CHECK_COPY("\xe2\x82", "??");           /* cut short */
}
END_TEST

START_TEST(a_cut_is_between_characters)
{
        char dst[6];

        text_copy(dst, sizeof(dst), "abc\xe2\x82\xac"); /* 6 bytes and the NUL */
        ck_assert_str_eq(dst, "abc");
        ck_assert_mem_eq(dst + 3, "\0\0\0", 3);
        text_copy(dst, 1, "abc");
        ck_assert_str_eq(dst, "");
        dst[0] = 'x';
        text_copy(dst, 0, "abc");
        ck_assert_int_eq(dst[0], 'x');
}
END_TEST

/* Any bytes give a text that a second copy leaves as it is, in place too. */
START_TEST(a_copy_of_a_copy_is_the_same)
{
        Rng rng = rng_seeded(test_seed());

        for (unsigned round = 0; round < 20000; round++) {
                char src[40], once[40], twice[40];
                size_t size = rng_range(&rng, 1, sizeof(once));

                rng.fill(&rng, src, sizeof(src));
                src[rng_range(&rng, 0, sizeof(src) - 1)] = 0;
                src[sizeof(src) - 1] = 0;
                text_copy(once, size, src);
                ck_assert_uint_lt(strlen(once), size);
                for (const char *c = once; *c; c++)
                        ck_assert((unsigned char) *c >= 0x20 && *c != 0x7f);
                text_copy(twice, sizeof(twice), once);
                ck_assert_str_eq(once, twice);
                text_copy(src, sizeof(src), src);
                src[size - 1] = 0;
                ck_assert(strncmp(src, once, strlen(once)) == 0);
        }
}
END_TEST

START_TEST(no_text_equals_no_text)
{
        ck_assert(text_equal(NULL, NULL));
        ck_assert(text_equal("a", "a"));
        ck_assert(!text_equal("a", "b"));
        ck_assert(!text_equal("", NULL));
        ck_assert(!text_equal(NULL, "a"));
}
END_TEST

TEST_MAIN("text", what_cannot_be_shown_becomes_a_question_mark, a_cut_is_between_characters,
        a_copy_of_a_copy_is_the_same, no_text_equals_no_text)
