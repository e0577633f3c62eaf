/* SPDX-License-Identifier: MIT */
#include "lib/ladder-fixture.h"

/* -- Notifiers --------------------------------------------------------------------------------- */

typedef struct Notifier Notifier;
struct Notifier {
        lws_state_notify_link_t link;
        Fixture *fixture;
        int veto_at;     /* objects to entering this state */
        int act_on;      /* once told of this state: */
        int act_request; /* asks for this one */
        bool act_deregister;
        Notifier *act_other; /* deregisters, or registers, this one */
        unsigned n_asked, n_told;
};

static int on_notify(
        lws_state_manager_t *mgr, lws_state_notify_link_t *link, int current, int target)
{
        Notifier *n = container_of(link, Notifier, link);
        size_t used = strlen(n->fixture->told);

        ck_assert_ptr_eq(mgr, ladder_manager(n->fixture->ladder));
        ck_assert_int_eq(mgr->state, current);
        if (current != target) {
                n->n_asked++;
                return target == n->veto_at;
        }
        n->n_told++;
        snprintf(n->fixture->told + used, sizeof(n->fixture->told) - used, "%s%d ", link->name,
                target);
        if (target != n->act_on)
                return 1; /* the result does not matter here */
        n->act_on = -1;
        if (n->act_request)
                ck_assert_int_eq(lws_state_transition_steps(mgr, n->act_request), 0);
        if (n->act_other && n->act_other->link.list.owner)
                lws_state_reg_deregister(&n->act_other->link);
        else if (n->act_other)
                lws_state_reg_notifier(mgr, &n->act_other->link);
        if (n->act_deregister)
                lws_state_reg_deregister(link);
        return 0;
}

static void notifier_init(Notifier *n, Fixture *f, const char *name)
{
        *n = (Notifier){ .link = { .notify_cb = on_notify, .name = name },
                .fixture = f,
                .veto_at = -1,
                .act_on = -1 };
        lws_state_reg_notifier(ladder_manager(f->ladder), &n->link);
}

START_TEST(a_veto_is_a_hold_with_the_notifiers_name)
{
        Fixture *f = fixture_new();
        lws_state_manager_t *mgr = ladder_manager(f->ladder);
        Notifier a, b;
        Waiting w;

        notifier_init(&a, f, "a");
        notifier_init(&b, f, "b");
        a.veto_at = LWS_SYSTATE_DHCP;
        settle(f);
        ck_assert_state(f, "iface-coldplug");
        ck_assert_uint_eq(a.n_asked, 5);
        ck_assert_uint_eq(b.n_asked, 4); /* nobody is asked behind a veto */
        ck_assert_uint_eq(b.n_told, 4);
        w = waiting(f);
        ck_assert_uint_eq(w.n, 1);
        ck_assert_str_eq(w.who, "a");
        ck_assert_str_eq(w.last.code, "notifier");
        ck_assert_int_eq(w.last.state, LWS_SYSTATE_DHCP);
        /* it is not asked again by itself: the retry is its duty */
        advance(f, 100 * FLAP);
        ck_assert_uint_eq(a.n_asked, 5);
        ck_assert_int_eq(lws_state_transition_steps(mgr, LWS_SYSTATE_OPERATIONAL), 1);
        ck_assert_uint_eq(a.n_asked, 6);
        a.veto_at = -1;
        ck_assert_int_eq(lws_state_transition_steps(mgr, LWS_SYSTATE_TIME_VALID), 0);
        ck_assert_state(f, "time-valid");
        ck_assert_uint_eq(waiting(f).n, 0);
        settle(f);
        ck_assert_state(f, "operational");
        fixture_free(f);
}
END_TEST

START_TEST(a_vetoer_that_leaves_takes_its_veto_along)
{
        Fixture *f = fixture_new();
        Notifier a;

        notifier_init(&a, f, "a");
        a.veto_at = LWS_SYSTATE_AUTH1;
        settle(f);
        ck_assert_state(f, "registered");
        lws_state_reg_deregister(&a.link);
        lws_state_reg_deregister(&a.link); /* twice does no harm */
        settle(f);
        ck_assert_state(f, "operational");
        fixture_free(f);
}
END_TEST

START_TEST(a_fall_cannot_be_vetoed_but_a_requested_one_can)
{
        Fixture *f = fixture_new();
        Hold *dhcp = new_hold(f, LWS_SYSTATE_DHCP, HOLD_REQUIRED, "dhcp");
        lws_state_manager_t *mgr = ladder_manager(f->ladder);
        Notifier a;

        notifier_init(&a, f, "a");
        settle(f);
        a.veto_at = LWS_SYSTATE_IFACE_COLDPLUG;
        ck_assert_int_eq(lws_state_transition_steps(mgr, LWS_SYSTATE_IFACE_COLDPLUG), 1);
        ck_assert_state(f, "operational");
        ck_assert_int_eq(lws_state_transition_steps(mgr, LWS_SYSTATE_CONTEXT_DESTROYING), -EINVAL);
        ck_assert_int_eq(
                lws_state_transition_steps(mgr, LWS_SYSTATE_CONTEXT_DESTROYING + 1), -EINVAL);
        ck_assert_int_eq(lws_state_transition_steps(mgr, -1), -EINVAL);
        ck_assert_int_eq(lws_state_transition_steps(mgr, LWS_SYSTATE_OPERATIONAL), 0);
        hold_assert(dhcp, "no-route", 0, "gone");
        settle(f);
        advance(f, FLAP);
        ck_assert_state(f, "iface-coldplug");
        hold_free(dhcp);
        fixture_free(f);
}
END_TEST

START_TEST(the_policy_is_invalid_until_a_state_is_asked_for)
{
        Fixture *f = fixture_new();
        Hold *dhcp = new_hold(f, LWS_SYSTATE_DHCP, HOLD_REQUIRED, "dhcp");
        lws_state_manager_t *mgr = ladder_manager(f->ladder);
        Notifier a;

        notifier_init(&a, f, "a");
        ck_assert_int_eq(lws_state_transition(mgr, LWS_SYSTATE_POLICY_INVALID), 1);
        ck_assert_state(f, "unknown");
        settle(f);
        /* it can be vetoed like any request */
        a.veto_at = LWS_SYSTATE_POLICY_INVALID;
        ck_assert_int_eq(lws_state_transition(mgr, LWS_SYSTATE_POLICY_INVALID), 1);
        ck_assert_state(f, "operational");
        a.veto_at = -1;
        for (int way = 0; way < 4; way++) {
                f->told[0] = '\0';
                ck_assert_int_eq(lws_state_transition(mgr, LWS_SYSTATE_POLICY_INVALID), 0);
                ck_assert_str_eq(f->told, "a15 ");
                ck_assert_int_eq(lws_state_transition_steps(mgr, LWS_SYSTATE_POLICY_INVALID), 0);
                ladder_request_policy_invalid(f->ladder);
                settle(f);
                advance(f, 100 * FLAP);
                ck_assert_uint_eq(f->wake, USEC_INFINITY);
                ck_assert_state(f, "policy-invalid");
                ck_assert(!ladder_reached(f->ladder, LWS_SYSTATE_POLICY_VALID));
                ck_assert(ladder_reached(f->ladder, LWS_SYSTATE_CPD_POST_TIME));
                switch (way) {
                case 0: /* straight to the next one */
                        ck_assert_int_eq(lws_state_transition(mgr, LWS_SYSTATE_POLICY_VALID), 0);
                        ck_assert_state(f, "policy-valid");
                        break;
                case 1: /* all the way */
                        ck_assert_int_eq(
                                lws_state_transition_steps(mgr, LWS_SYSTATE_OPERATIONAL), 0);
                        ck_assert_state(f, "operational");
                        break;
                case 2: /* further down */
                        ck_assert_int_eq(lws_state_transition_steps(mgr, LWS_SYSTATE_DHCP), 0);
                        ck_assert_state(f, "dhcp");
                        break;
                default: /* what is lost meanwhile takes it down, and its return up again */
                        hold_assert(dhcp, "no-route", 0, "gone");
                        settle(f);
                        advance(f, FLAP);
                        ck_assert_state(f, "iface-coldplug");
                        hold_drop(dhcp);
                }
                settle(f);
                ck_assert_state(f, "operational");
        }
        hold_free(dhcp);
        fixture_free(f);
}
END_TEST

START_TEST(one_step_asks_once_and_respects_holds)
{
        Fixture *f = fixture_new();
        lws_state_manager_t *mgr = ladder_manager(f->ladder);
        Hold *hold = new_hold(f, LWS_SYSTATE_INITIALIZED, HOLD_ENTRY, "x");
        Notifier a;

        notifier_init(&a, f, "a");
        hold_assert(hold, "x", 0, "x");
        ck_assert_int_eq(lws_state_transition(mgr, LWS_SYSTATE_DHCP), 1);
        ck_assert_uint_eq(a.n_asked, 0);
        hold_drop(hold);
        ck_assert_int_eq(lws_state_transition(mgr, LWS_SYSTATE_DHCP), 0);
        ck_assert_uint_eq(a.n_asked, 1);
        ck_assert_uint_eq(f->n_changes, 1);
        ck_assert_state(f, "dhcp");
        a.veto_at = LWS_SYSTATE_AUTH1;
        ck_assert_int_eq(lws_state_transition(mgr, LWS_SYSTATE_AUTH1), 1);
        ck_assert_state(f, "dhcp");
        settle(f);
        ck_assert_state(f, "registered");
        hold_free(hold);
        fixture_free(f);
}
END_TEST

START_TEST(requests_inside_a_notifier_are_queued)
{
        Fixture *f = fixture_new();
        Notifier a, b;

        notifier_init(&a, f, "a");
        notifier_init(&b, f, "b");
        a.act_on = LWS_SYSTATE_IFACE_COLDPLUG;
        a.act_request = LWS_SYSTATE_PRE_PRIV_DROP;
        ladder_set_target(f->ladder, LWS_SYSTATE_DHCP);
        settle(f);
        /* everybody heard of 4 before 2, and the way ended where it should */
        ck_assert_str_eq(f->told, "a1 b1 a2 b2 a3 b3 a4 b4 a2 b2 a3 b3 a4 b4 a5 b5 ");
        ck_assert_state(f, "dhcp");
        fixture_free(f);
}
END_TEST

START_TEST(notifiers_come_and_go_inside_a_call)
{
        Fixture *f = fixture_new();
        Notifier a, b, c, d;

        notifier_init(&a, f, "a");
        notifier_init(&b, f, "b");
        notifier_init(&c, f, "c");
        notifier_init(&d, f, "d");
        lws_state_reg_deregister(&d.link);
        ladder_set_target(f->ladder, LWS_SYSTATE_DHCP);
        a.act_on = 1;
        a.act_deregister = true; /* itself: the others are told all the same */
        b.act_on = 2;
        b.act_other = &c; /* the one behind */
        b.act_deregister = false;
        settle(f);
        ck_assert_str_eq(f->told, "a1 b1 c1 b2 b3 b4 b5 ");
        ck_assert_int_eq((int) ladder_manager(f->ladder)->notify_list.count, 1);
        f->told[0] = 0;
        b.act_on = 6;
        b.act_other = &d; /* comes during the call: told from the next change on */
        ladder_set_target(f->ladder, LWS_SYSTATE_TIME_VALID);
        settle(f);
        ck_assert_str_eq(f->told, "b6 b7 d7 ");
        lws_state_reg_notifier_list(
                ladder_manager(f->ladder), (lws_state_notify_link_t *[]){ &a.link, &c.link, NULL });
        lws_state_reg_notifier(ladder_manager(f->ladder), &a.link); /* twice is once */
        f->told[0] = 0;
        d.act_on = 8;
        d.act_other = &b; /* the one before */
        d.act_deregister = true;
        ladder_set_target(f->ladder, LWS_SYSTATE_POLICY_VALID);
        settle(f);
        ck_assert_str_eq(f->told, "b8 d8 a8 c8 a9 c9 ");
        fixture_free(f);
        /* and the ladder let go of what was still on it */
        ck_assert_ptr_null(a.link.list.owner);
        ck_assert_ptr_null(c.link.list.owner);
}
END_TEST

START_TEST(endless_requests_are_cut_into_turns)
{
        Fixture *f = fixture_new();
        Notifier a;

        notifier_init(&a, f, "a");
        for (unsigned i = 0; i < 3; i++) {
                /* asks to go back each time, so that one call alone would never end */
                a.act_on = LWS_SYSTATE_CONTEXT_CREATED;
                a.act_request = LWS_SYSTATE_UNKNOWN;
                process(f);
        }
        settle(f);
        ck_assert_state(f, "operational");
        fixture_free(f);
}
END_TEST

TEST_MAIN("notifier", a_veto_is_a_hold_with_the_notifiers_name,
        a_vetoer_that_leaves_takes_its_veto_along, a_fall_cannot_be_vetoed_but_a_requested_one_can,
        the_policy_is_invalid_until_a_state_is_asked_for, one_step_asks_once_and_respects_holds,
        requests_inside_a_notifier_are_queued, notifiers_come_and_go_inside_a_call,
        endless_requests_are_cut_into_turns)
