/* SPDX-License-Identifier: MIT */
#include "helper/stage-holds.h"
#include "lib/ladder-fixture.h"
#include "lib/suite.h"
#include <string.h>

static Fixture *f;
static Settings *settings;
static StageHolds *stages;

static void run(void)
{
        for (int i = 0; i < 10; i++)
                ladder_process(f->ladder, virtual_now += USEC_PER_SEC);
}

static void start(void)
{
        f = fixture_new();
        ck_assert_int_eq(settings_new(&settings), 0);
}

static void end(void)
{
        stages = stage_holds_free(stages);
        settings = settings_free(settings);
        ladder_watch_unlink(&f->watch);
        ladder_free(f->ladder);
        free(f);
}

static Hold *take(int state, const char *who)
{
        Hold *hold;

        ck_assert_int_eq(hold_new(&hold, f->ladder, state, HOLD_ENTRY, who), 0);
        hold_assert(hold, "held", 0, "a test");
        stage_holds_taken(stages, state, who);
        return hold;
}

START_TEST(a_named_one_must_come_and_go)
{
        Hold *hold;

        start();
        ck_assert_int_eq(
                expected_hold_list_add(&settings->expected_holds, LWS_SYSTATE_AUTH1, "enroll"), 0);
        ck_assert_int_eq(stage_holds_new(&stages, f->ladder, settings), 0);
        run();
        ck_assert_int_eq(ladder_state(f->ladder), LWS_SYSTATE_REGISTERED);
        hold = take(LWS_SYSTATE_AUTH1, "other"); /* not the one */
        run();
        hold_free(hold);
        run();
        ck_assert_int_eq(ladder_state(f->ladder), LWS_SYSTATE_REGISTERED);
        hold = take(LWS_SYSTATE_AUTH1, "enroll");
        run();
        ck_assert_int_eq(ladder_state(f->ladder), LWS_SYSTATE_REGISTERED);
        hold_free(hold);
        run();
        ck_assert_int_eq(ladder_state(f->ladder), LWS_SYSTATE_OPERATIONAL);
        end();
}
END_TEST

static void note_waiting(void *userdata, Hold *hold, const HoldInfo *info)
{
        strncat(userdata, info->code, 16);
        strncat(userdata, ";", 2);
}

START_TEST(one_that_has_come_is_what_is_waited_for_and_may_be_quick)
{
        char waiting[128] = "";
        Hold *hold;

        start();
        settings->registration.provider = STAGE_PROVIDER_HOLD;
        settings->auth1.provider = STAGE_PROVIDER_HOLD;
        ck_assert_int_eq(stage_holds_new(&stages, f->ladder, settings), 0);
        run();
        hold = take(LWS_SYSTATE_REGISTERED, "anyone");
        ladder_foreach_waiting(f->ladder, note_waiting, waiting);
        ck_assert_str_eq(waiting, "held;");
        hold_free(hold); /* before the ladder had a turn */
        run();
        ck_assert_int_eq(ladder_state(f->ladder), LWS_SYSTATE_REGISTERED);
        end();
}
END_TEST

START_TEST(having_done_so_early_counts)
{
        Hold *block, *hold;

        start();
        settings->registration.provider = STAGE_PROVIDER_HOLD;
        ck_assert_int_eq(stage_holds_new(&stages, f->ladder, settings), 0);
        block = take(LWS_SYSTATE_DHCP, "block");
        run();
        hold = take(LWS_SYSTATE_REGISTERED, "anyone");
        run();
        hold_free(hold);
        run();
        ck_assert_int_eq(ladder_state(f->ladder), LWS_SYSTATE_IFACE_COLDPLUG);
        hold_free(block);
        run();
        ck_assert_int_eq(ladder_state(f->ladder), LWS_SYSTATE_OPERATIONAL);
        end();
}
END_TEST

START_TEST(a_hold_of_ours_is_none_of_theirs)
{
        Hold *hold;

        start();
        settings->auth2.provider = STAGE_PROVIDER_HOLD;
        ck_assert_int_eq(stage_holds_new(&stages, f->ladder, settings), 0);
        ck_assert_int_eq(hold_new(&hold, f->ladder, LWS_SYSTATE_AUTH2, HOLD_ENTRY, "auth"), 0);
        hold_assert(hold, "no-token", 0, "not yet");
        run();
        hold_free(hold);
        run();
        ck_assert_int_eq(ladder_state(f->ladder), LWS_SYSTATE_AUTH1);
        end();
}
END_TEST

START_TEST(a_reload_asks_for_what_is_new_only)
{
        Hold *hold;

        start();
        settings->auth1.provider = STAGE_PROVIDER_HOLD;
        ck_assert_int_eq(stage_holds_new(&stages, f->ladder, settings), 0);
        hold = take(LWS_SYSTATE_AUTH1, "a");
        run();
        hold_free(hold);
        run();
        ck_assert_int_eq(ladder_state(f->ladder), LWS_SYSTATE_OPERATIONAL);
        ck_assert_int_eq(stage_holds_reload(stages, settings), 0);
        hold = take(LWS_SYSTATE_DHCP, "block"); /* acts at the next entry only */
        run();
        ck_assert_int_eq(ladder_state(f->ladder), LWS_SYSTATE_OPERATIONAL);
        hold_free(hold);
        settings->auth1.provider = STAGE_PROVIDER_NONE;
        ck_assert_int_eq(stage_holds_reload(stages, settings), 0);
        end();
}
END_TEST

START_TEST(after_a_restart_what_was_done_is_done)
{
        start();
        settings->auth1.provider = STAGE_PROVIDER_HOLD;
        settings->auth2.provider = STAGE_PROVIDER_HOLD;
        ck_assert_int_eq(stage_holds_new(&stages, f->ladder, settings), 0);
        stage_holds_resume(stages, LWS_SYSTATE_AUTH1);
        run();
        ck_assert_int_eq(ladder_state(f->ladder), LWS_SYSTATE_AUTH1);
        end();
}
END_TEST

TEST_MAIN("stage-holds", a_named_one_must_come_and_go,
        one_that_has_come_is_what_is_waited_for_and_may_be_quick, having_done_so_early_counts,
        a_hold_of_ours_is_none_of_theirs, a_reload_asks_for_what_is_new_only,
        after_a_restart_what_was_done_is_done)
