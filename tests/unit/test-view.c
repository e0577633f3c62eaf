/* SPDX-License-Identifier: MIT */
#include "daemon/states-dir.h"
#include "daemon/view.h"
#include "lib/suite.h"
#include "util/error.h"
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static View view;
static ViewChange change;

static void climb_to(int state)
{
        for (int s = LWS_SYSTATE_CONTEXT_CREATED; s <= state; s++)
                (void) view_change(&view, s, 1000u + (unsigned) s, 100u + (unsigned) s, &change);
}

START_TEST(it_follows_the_ladder)
{
        view_init(&view);
        climb_to(LWS_SYSTATE_OPERATIONAL);
        ck_assert_int_eq(view.state, LWS_SYSTATE_OPERATIONAL);
        ck_assert_uint_eq(view.serial, 14);
        ck_assert(view_change(&view, LWS_SYSTATE_DHCP, 2000, 200, &change));
        ck_assert_int_eq(change.old_state, LWS_SYSTATE_OPERATIONAL);
        ck_assert_int_eq(change.new_state, LWS_SYSTATE_DHCP);
        ck_assert_uint_eq(view.n_timeline, 15);
        ck_assert_uint_eq(view.timeline[14].realtime_usec, 2000);
}
END_TEST

START_TEST(the_timeline_is_bounded)
{
        view_init(&view);
        for (unsigned i = 0; i < 200; i++)
                (void) view_change(
                        &view, i % 2 ? LWS_SYSTATE_DHCP : LWS_SYSTATE_TIME_VALID, i, i, &change);
        ck_assert_uint_eq(view.n_timeline, VIEW_TIMELINE_MAX);
        ck_assert_uint_eq(view.timeline[VIEW_TIMELINE_MAX - 1].realtime_usec, 199);
        ck_assert_uint_eq(view.serial, 200);
}
END_TEST

static void restart(void)
{
        char text[VIEW_TEXT_MAX];

        (void) view_format(&view, "b1", text);
        ck_assert_int_eq(view_parse(&view, "b1", text), 0);
}

START_TEST(a_restart_is_not_a_fall)
{
        view_init(&view);
        climb_to(LWS_SYSTATE_OPERATIONAL);
        view.network_epoch = UINT64_MAX;
        view.network_digest = UINT64_MAX - 1;
        restart();
        ck_assert(view.resuming);
        ck_assert_uint_eq(view.network_epoch, UINT64_MAX);
        ck_assert_uint_eq(view.network_digest, UINT64_MAX - 1);
        for (int s = 1; s < LWS_SYSTATE_OPERATIONAL; s++)
                ck_assert(!view_change(&view, s, 5000, 500, &change));
        ck_assert(!view_change(&view, LWS_SYSTATE_OPERATIONAL, 5000, 500, &change));
        ck_assert(!view.resuming);
        ck_assert_uint_eq(view.serial, 14);
        ck_assert_uint_eq(view.realtime_usec, 1014);
        ck_assert(view_change(&view, LWS_SYSTATE_DHCP, 6000, 600, &change));
        ck_assert_uint_eq(view.serial, 15);
}
END_TEST

START_TEST(what_is_not_true_any_more_is_one_fall)
{
        view_init(&view);
        climb_to(LWS_SYSTATE_OPERATIONAL);
        restart();
        (void) view_change(&view, LWS_SYSTATE_IFACE_COLDPLUG, 5000, 500, &change);
        ck_assert(view_end_resume(&view, LWS_SYSTATE_IFACE_COLDPLUG, 6000, 600, &change));
        ck_assert_int_eq(change.old_state, LWS_SYSTATE_OPERATIONAL);
        ck_assert_int_eq(change.new_state, LWS_SYSTATE_IFACE_COLDPLUG);
        ck_assert_uint_eq(view.serial, 15);
        ck_assert(!view_end_resume(&view, LWS_SYSTATE_DHCP, 7000, 700, &change));
}
END_TEST

START_TEST(a_policy_change_while_resuming_is_seen)
{
        view_init(&view);
        climb_to(LWS_SYSTATE_OPERATIONAL);
        restart();
        ck_assert(view_change(&view, LWS_SYSTATE_POLICY_INVALID, 5000, 500, &change));
        restart();
        ck_assert_int_eq(view.state, LWS_SYSTATE_CPD_POST_TIME);
}
END_TEST

START_TEST(another_boot_and_garbage_start_anew)
{
        static const char *const bad[] = { "", "boot", "serial 1\n",
                "boot b1\nentered heaven 1 1\n", "boot b1\nentered dhcp x 1\n",
                "boot b1\nnonsense\n", "boot b1\nentered context-destroying 1 1\n" };
        char text[VIEW_TEXT_MAX];

        view_init(&view);
        climb_to(LWS_SYSTATE_DHCP);
        (void) view_format(&view, "b1", text);
        ck_assert_int_eq(view_parse(&view, "b2", text), -ESTALE);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                strcpy(text, bad[i]);
                ck_assert_int_eq(view_parse(&view, "b1", text), -EINVAL);
        }
        ck_assert_int_eq(view.state, LWS_SYSTATE_DHCP);
}
END_TEST

static bool exists(int dirfd, const char *name)
{
        return faccessat(dirfd, name, F_OK, 0) == 0;
}

START_TEST(files_follow_the_view_and_survive)
{
        char dir[] = "/tmp/lwsd-states-XXXXXX", command[64];
        StatesDir *states = NULL;
        int fd;

        ck_assert_ptr_nonnull(mkdtemp(dir));
        fd = open(dir, O_RDONLY | O_DIRECTORY);
        ck_assert_int_eq(states_dir_new(&states, fd), 0);
        states_dir_load(states, &view);
        ck_assert_int_eq(view.state, LWS_SYSTATE_UNKNOWN);
        climb_to(LWS_SYSTATE_OPERATIONAL);
        states_dir_update(states, &view);
        ck_assert(exists(fd, "states/operational"));
        ck_assert(view_change(&view, LWS_SYSTATE_POLICY_INVALID, 1, 1, &change));
        states_dir_update(states, &view);
        ck_assert(exists(fd, "states/cpd-post-time"));
        ck_assert(!exists(fd, "states/policy-valid"));
        states_dir_free(states);

        ck_assert_int_eq(states_dir_new(&states, fd), 0);
        states_dir_load(states, &view);
        ck_assert(view.resuming);
        ck_assert(view_end_resume(&view, LWS_SYSTATE_DHCP, 2, 2, &change));
        states_dir_update(states, &view);
        ck_assert(exists(fd, "states/dhcp"));
        ck_assert(!exists(fd, "states/time-valid"));
        states_dir_free(states);
        close(fd);
        snprintf(command, sizeof(command), "rm -r %s", dir);
        ck_assert_int_eq(system(command), 0);
}
END_TEST

TEST_MAIN("view", it_follows_the_ladder, the_timeline_is_bounded, a_restart_is_not_a_fall,
        what_is_not_true_any_more_is_one_fall, a_policy_change_while_resuming_is_seen,
        another_boot_and_garbage_start_anew, files_follow_the_view_and_survive)
