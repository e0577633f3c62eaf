/* SPDX-License-Identifier: MIT */
#include "helper/settings.h"
#include "lib/suite.h"

START_TEST(globs_know_star_and_question_mark)
{
        ck_assert(glob_matches("eth*", "eth0"));
        ck_assert(glob_matches("*", ""));
        ck_assert(glob_matches("e?h*0", "eth10"));
        ck_assert(glob_matches("*a*b*c", "xaxbxbc"));
        ck_assert(!glob_matches("eth?", "eth"));
        ck_assert(!glob_matches("*a*b*c", "xaxbxb"));
        ck_assert(!glob_matches("[e]th0", "eth0"));
}
END_TEST

START_TEST(the_first_section_that_matches_rules)
{
        Settings *s = NULL;
        LinkSettings *l;

        ck_assert_int_eq(settings_new(&s), 0);
        ck_assert_int_eq(settings_add_link(s, "eth0", &l), 0);
        ck_assert_int_eq(settings_add_link(s, "eth*", &l), 0);
        l->managed = false;
        ck_assert(settings_for_link(s, "eth0")->managed);
        ck_assert(!settings_for_link(s, "eth1")->managed);
        ck_assert_ptr_null(settings_for_link(s, "wlan0"));
        settings_free(s);
}
END_TEST

TEST_MAIN("settings", globs_know_star_and_question_mark, the_first_section_that_matches_rules)
