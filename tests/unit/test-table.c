/* SPDX-License-Identifier: MIT */
#include "lib/suite.h"
#include "state/table.h"
#include "util/text.h"
#include <errno.h>
#include <string.h>

START_TEST(every_state_has_a_name_that_leads_back)
{
        for (int state = 0; state <= LWS_SYSTATE_CONTEXT_DESTROYING; state++) {
                const char *name = state_to_string(state);

                ck_assert_ptr_nonnull(name);
                ck_assert_str_eq(name, state_names[state]);
                ck_assert_int_eq(state_from_string(name), state);
                ck_assert_uint_eq(strspn(name, "abcdefghijklmnopqrstuvwxyz12-"), strlen(name));
        }
        ck_assert_ptr_null(state_to_string(-1));
        ck_assert_ptr_null(state_to_string(LWS_SYSTATE_CONTEXT_DESTROYING + 1));
        ck_assert_int_eq(state_from_string("TIME_VALID"), -EINVAL);
        ck_assert_int_eq(state_from_string(""), -EINVAL);
        ck_assert_int_eq(state_from_string(NULL), -EINVAL);
        ck_assert_str_eq(state_to_string(LWS_SYSTATE_TIME_VALID), "time-valid");
}
END_TEST

START_TEST(two_states_stand_on_no_rung)
{
        ck_assert_int_eq(state_rank(LWS_SYSTATE_UNKNOWN), 0);
        ck_assert_int_eq(state_rank(LWS_SYSTATE_OPERATIONAL), STATE_RANK_TOP);
        ck_assert_int_eq(state_rank(LWS_SYSTATE_POLICY_INVALID), -EINVAL);
        ck_assert_int_eq(state_rank(LWS_SYSTATE_CONTEXT_DESTROYING), -EINVAL);
        ck_assert_int_eq(state_rank(-1), -EINVAL);
        for (int rank = 0; rank <= STATE_RANK_TOP; rank++)
                ck_assert_int_eq(state_rank(state_at_rank(rank)), rank);
        ck_assert_int_eq(state_at_rank(STATE_RANK_TOP + 1), -EINVAL);
        ck_assert_int_eq(state_at_rank(-1), -EINVAL);
        ck_assert(!state_is_attachable(LWS_SYSTATE_UNKNOWN));
        ck_assert(state_is_attachable(LWS_SYSTATE_CONTEXT_CREATED));
        ck_assert(state_is_attachable(LWS_SYSTATE_OPERATIONAL));
        ck_assert(!state_is_attachable(LWS_SYSTATE_POLICY_INVALID));
}
END_TEST

START_TEST(text_is_made_fit_to_be_shown)
{
        char out[8];

        text_copy(out, sizeof(out), "a\nb\x1b\x7f");
        ck_assert_str_eq(out, "a?b??");
        text_copy(out, sizeof(out), "12345678");
        ck_assert_str_eq(out, "1234567");
        text_copy(out, sizeof(out), "12345\xe2\x82\xac"); /* the euro sign would end at 8 */
        ck_assert_str_eq(out, "12345");
        text_copy(out, sizeof(out), "\xe2\x82\xac\xc3\xa9");
        ck_assert_str_eq(out, "\xe2\x82\xac\xc3\xa9");
        text_copy(out, sizeof(out), "\xc0\x80\xed\xa0\x80\xe2"); /* overlong, surrogate, cut */
        ck_assert_str_eq(out, "??????");
        text_copy(out, sizeof(out), "\xc2\x85x"); /* a C1 control */
        ck_assert_str_eq(out, "?x");
        text_copy(out, 1, "x");
        ck_assert_str_eq(out, "");
}
END_TEST

TEST_MAIN("table", every_state_has_a_name_that_leads_back, two_states_stand_on_no_rung,
        text_is_made_fit_to_be_shown)
