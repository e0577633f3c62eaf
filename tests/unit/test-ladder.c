/* SPDX-License-Identifier: MIT */
#include "lib/ladder-fixture.h"
#include "util/rng.h"
#include <pthread.h>
#include <stdatomic.h>

START_TEST(it_climbs_to_the_top_in_one_call)
{
        Fixture *f = fixture_new();

        ck_assert_state(f, "unknown");
        ck_assert(ladder_reached(f->ladder, LWS_SYSTATE_UNKNOWN));
        ck_assert(!ladder_reached(f->ladder, LWS_SYSTATE_CONTEXT_CREATED));
        ladder_set_serial(f->ladder, 41);
        process(f);
        ck_assert_state(f, "operational");
        ck_assert_uint_eq(f->n_changes, STATE_RANK_TOP);
        for (unsigned i = 0; i < f->n_changes; i++) {
                ck_assert_int_eq(f->changes[i].old_state, (int) i);
                ck_assert_int_eq(f->changes[i].new_state, (int) i + 1);
                ck_assert_uint_eq(f->changes[i].serial, 42 + i);
                ck_assert_uint_eq(f->changes[i].boottime_usec, virtual_now);
                ck_assert_uint_eq(f->changes[i].monotonic_usec, virtual_now + 1000);
                ck_assert_uint_eq(f->changes[i].realtime_usec, virtual_now + 2000);
        }
        ck_assert_uint_eq(ladder_serial(f->ladder), 41 + STATE_RANK_TOP);
        ck_assert_int_eq(ladder_manager(f->ladder)->state, LWS_SYSTATE_OPERATIONAL);
        ck_assert(ladder_reached(f->ladder, LWS_SYSTATE_OPERATIONAL));
        ck_assert(!ladder_reached(f->ladder, LWS_SYSTATE_POLICY_INVALID));
        ck_assert(!ladder_reached(f->ladder, -1));
        ck_assert_uint_eq(f->wake, USEC_INFINITY);
        fixture_free(f);
}
END_TEST

START_TEST(a_target_is_where_it_stops)
{
        Fixture *f = fixture_new();
        Hold *above = new_hold(f, LWS_SYSTATE_CPD_POST_TIME, HOLD_REQUIRED, "portal"), *lost;
        unsigned n;

        ck_assert_int_eq(ladder_set_target(f->ladder, LWS_SYSTATE_POLICY_INVALID), -EINVAL);
        ck_assert_int_eq(ladder_target(f->ladder), LWS_SYSTATE_OPERATIONAL);
        ck_assert_int_eq(ladder_set_target(f->ladder, LWS_SYSTATE_TIME_VALID), 0);
        lost = new_hold(f, LWS_SYSTATE_DHCP, HOLD_REQUIRED, "dhcp");
        hold_assert(above, "no-internet", 0, "eth0: no way out");
        settle(f);
        ck_assert_state(f, "time-valid");
        /* it waits for nothing above, but for what it has lost */
        ck_assert_uint_eq(waiting(f).n, 0);
        hold_assert(lost, "no-lease", 0, "eth0: no lease");
        ck_assert_uint_eq(waiting(f).n, 1);
        hold_drop(lost);
        n = f->n_waiting;
        ck_assert_int_eq(ladder_set_target(f->ladder, LWS_SYSTATE_AUTH1), 0);
        ck_assert_uint_eq(f->wake, 0);
        settle(f);
        ck_assert_state(f, "time-valid");
        ck_assert_str_eq(waiting(f).who, "portal");
        ck_assert_uint_gt(f->n_waiting, n);
        hold_drop(above);
        settle(f);
        ck_assert_state(f, "auth1");
        /* asking for more by name goes beyond it */
        ck_assert_int_eq(
                lws_state_transition_steps(ladder_manager(f->ladder), LWS_SYSTATE_OPERATIONAL), 0);
        ck_assert_state(f, "operational");
        hold_free(above);
        hold_free(lost);
        fixture_free(f);
}
END_TEST

START_TEST(an_entry_hold_keeps_it_out_and_acts_at_the_next_entry_only)
{
        Fixture *f = fixture_new();
        Hold *hold = new_hold(f, LWS_SYSTATE_REGISTERED, HOLD_ENTRY, "registrar");
        Waiting w;

        ck_assert_int_eq(hold_new(&hold, f->ladder, LWS_SYSTATE_UNKNOWN, HOLD_ENTRY, "x"), -EINVAL);
        ck_assert_int_eq(
                hold_new(&hold, f->ladder, LWS_SYSTATE_POLICY_INVALID, HOLD_ENTRY, "x"), -EINVAL);
        hold_assert(hold, "working", 77, "enrols %s", "device");
        ck_assert_uint_eq(f->wake, 0);
        ck_assert(hold_is_asserted(hold));
        settle(f);
        ck_assert_state(f, "policy-valid");
        w = waiting(f);
        ck_assert_uint_eq(w.n, 1);
        ck_assert_str_eq(w.who, "registrar");
        ck_assert_str_eq(w.last.code, "working");
        ck_assert_str_eq(w.why, "enrols device");
        ck_assert_uint_eq(w.last.since_usec, virtual_now + 1000);
        ck_assert_uint_eq(w.last.next_try_usec, 77);
        ck_assert_int_eq(w.last.state, LWS_SYSTATE_REGISTERED);
        hold_drop(hold);
        settle(f);
        ck_assert_state(f, "operational");
        ck_assert_uint_eq(waiting(f).n, 0);
        hold_assert(hold, "working", 0, "later");
        advance(f, 10 * FLAP);
        ck_assert_state(f, "operational");
        ck_assert_int_eq(
                lws_state_transition_steps(ladder_manager(f->ladder), LWS_SYSTATE_DHCP), 0);
        ck_assert_state(f, "dhcp");
        settle(f);
        ck_assert_state(f, "policy-valid");
        hold_free(hold);
        settle(f);
        ck_assert_state(f, "operational");
        fixture_free(f);
}
END_TEST

START_TEST(waiting_is_told_when_it_changes_and_only_then)
{
        Fixture *f = fixture_new();
        Hold *hold = new_hold(f, LWS_SYSTATE_DHCP, HOLD_REQUIRED, "dhcp");
        unsigned n;

        hold_assert(hold, "no-offer", 5, "eth0: no offer");
        settle(f);
        n = f->n_waiting;
        ck_assert_uint_ge(n, 1);
        hold_assert(hold, "no-offer", 5, "eth0: no offer");
        ck_assert_uint_eq(f->wake, USEC_INFINITY);
        settle(f);
        ck_assert_uint_eq(f->n_waiting, n);
        virtual_now += 10;
        hold_assert(hold, "no-offer", 9, "eth0: no offer after 2 tries");
        hold_set_who(hold, "link");
        ck_assert_uint_eq(f->wake, 0);
        settle(f);
        ck_assert_uint_eq(f->n_waiting, n + 1);
        ck_assert_str_eq(waiting(f).who, "link");
        /* what it waits for changed, since when it waits did not */
        ck_assert_uint_eq(hold_info(hold).since_usec, virtual_now + 1000 - 10);
        hold_set_owner(hold, 1000, 4711);
        ck_assert_int_eq((int) hold_info(hold).uid, 1000);
        ck_assert_int_eq((int) hold_info(hold).pid, 4711);
        hold_free(hold);
        fixture_free(f);
}
END_TEST

START_TEST(a_requirement_missing_for_less_than_the_flap_time_sends_nothing)
{
        Fixture *f = fixture_new();
        Hold *hold = new_hold(f, LWS_SYSTATE_DHCP, HOLD_REQUIRED, "dhcp");
        unsigned n;

        settle(f);
        n = f->n_changes;
        hold_assert(hold, "no-carrier", 0, "eth0: no carrier");
        settle(f);
        ck_assert_uint_eq(f->wake, virtual_now + FLAP);
        ck_assert_uint_eq(waiting(f).n, 0 + 1);
        advance(f, FLAP - 1);
        hold_drop(hold);
        settle(f);
        ck_assert_uint_eq(f->wake, USEC_INFINITY);
        /* and the time starts anew, also when no turn of the loop saw it come back */
        hold_assert(hold, "no-carrier", 0, "eth0: no carrier");
        settle(f);
        advance(f, FLAP - 1);
        hold_drop(hold);
        hold_assert(hold, "no-carrier", 0, "eth0: no carrier");
        advance(f, 1);
        ck_assert_uint_eq(f->wake, virtual_now + FLAP);
        hold_drop(hold);
        advance(f, 10 * FLAP);
        ck_assert_uint_eq(f->n_changes, n);
        ck_assert_state(f, "operational");
        hold_free(hold);
        fixture_free(f);
}
END_TEST

/* A route is told to be gone some turns before its link is. */
START_TEST(with_no_flap_time_a_loss_is_still_one_fall)
{
        Fixture *f = fixture_new();
        Hold *dhcp = new_hold(f, LWS_SYSTATE_DHCP, HOLD_REQUIRED, "dhcp");
        Hold *link = new_hold(f, LWS_SYSTATE_IFACE_COLDPLUG, HOLD_REQUIRED, "link");
        unsigned n;

        ladder_set_flap(f->ladder, 0);
        ck_assert_uint_eq(ladder_flap(f->ladder), LADDER_FLAP_MIN_USEC);
        settle(f);
        n = f->n_changes;
        hold_assert(dhcp, "no-route", 0, "eth0");
        settle(f);
        advance(f, LADDER_FLAP_MIN_USEC / 2);
        hold_assert(link, "no-carrier", 0, "eth0");
        settle(f);
        advance(f, 2 * LADDER_FLAP_MIN_USEC);
        ck_assert_uint_eq(f->n_changes, n + 1);
        ck_assert_int_eq(f->changes[n].new_state, LWS_SYSTATE_INITIALIZED);
        hold_free(dhcp);
        hold_free(link);
        fixture_free(f);
}
END_TEST

START_TEST(a_fall_is_one_change)
{
        Fixture *f = fixture_new();
        Hold *dhcp = new_hold(f, LWS_SYSTATE_DHCP, HOLD_REQUIRED, "dhcp");
        Hold *link = new_hold(f, LWS_SYSTATE_IFACE_COLDPLUG, HOLD_REQUIRED, "link");
        unsigned n;

        settle(f);
        n = f->n_changes;
        hold_assert(dhcp, "no-carrier", 0, "eth0");
        hold_assert(link, "no-carrier", 0, "eth0");
        settle(f);
        advance(f, FLAP);
        ck_assert_uint_eq(f->n_changes, n + 1);
        ck_assert_int_eq(f->changes[n].old_state, LWS_SYSTATE_OPERATIONAL);
        ck_assert_int_eq(f->changes[n].new_state, LWS_SYSTATE_INITIALIZED);
        ck_assert(!ladder_reached(f->ladder, LWS_SYSTATE_IFACE_COLDPLUG));
        ck_assert_uint_eq(f->wake, USEC_INFINITY);
        hold_drop(link);
        settle(f);
        ck_assert_state(f, "iface-coldplug");
        hold_drop(dhcp);
        settle(f);
        ck_assert_state(f, "operational");
        ck_assert_uint_eq(f->n_changes, n + 1 + STATE_RANK_TOP - LWS_SYSTATE_INITIALIZED);
        hold_free(dhcp);
        hold_free(link);
        fixture_free(f);
}
END_TEST

START_TEST(what_goes_missing_a_moment_later_is_the_same_fall)
{
        Fixture *f = fixture_new();
        Hold *dhcp = new_hold(f, LWS_SYSTATE_DHCP, HOLD_REQUIRED, "dhcp");
        Hold *link = new_hold(f, LWS_SYSTATE_IFACE_COLDPLUG, HOLD_REQUIRED, "link");
        unsigned n;

        settle(f);
        n = f->n_changes;
        hold_assert(dhcp, "no-route", 0, "eth0");
        settle(f);
        advance(f, TOGETHER);
        hold_assert(link, "no-carrier", 0, "eth0");
        settle(f);
        ck_assert_uint_eq(f->wake, virtual_now + FLAP);
        advance(f, FLAP - 1);
        ck_assert_uint_eq(f->n_changes, n);
        advance(f, 1);
        ck_assert_uint_eq(f->n_changes, n + 1);
        ck_assert_state(f, "initialized");
        hold_drop(dhcp);
        hold_drop(link);
        settle(f);
        /* later than that is another one, and one that comes back is waited for no longer */
        n = f->n_changes;
        hold_assert(dhcp, "no-route", 0, "eth0");
        settle(f);
        advance(f, TOGETHER);
        hold_assert(link, "no-carrier", 0, "eth0");
        settle(f);
        advance(f, 1);
        hold_drop(link);
        hold_assert(link, "no-carrier", 0, "eth0");
        settle(f);
        advance(f, FLAP - TOGETHER - 1);
        ck_assert_uint_eq(f->n_changes, n + 1);
        ck_assert_state(f, "iface-coldplug");
        advance(f, TOGETHER + 1);
        ck_assert_uint_eq(f->n_changes, n + 2);
        ck_assert_state(f, "initialized");
        hold_free(dhcp);
        hold_free(link);
        fixture_free(f);
}
END_TEST

START_TEST(no_rung_is_climbed_while_a_lower_requirement_is_missing)
{
        Fixture *f = fixture_new();
        Hold *dhcp = new_hold(f, LWS_SYSTATE_DHCP, HOLD_REQUIRED, "dhcp");
        Hold *time_hold = new_hold(f, LWS_SYSTATE_TIME_VALID, HOLD_REQUIRED, "ntp");

        hold_assert(time_hold, "no-sample", 0, "no answer");
        settle(f);
        ck_assert_state(f, "cpd-pre-time");
        hold_assert(dhcp, "no-route", 0, "eth0");
        settle(f);
        hold_drop(time_hold);
        advance(f, FLAP - 1);
        ck_assert_state(f, "cpd-pre-time");
        hold_drop(dhcp);
        settle(f);
        ck_assert_state(f, "operational");
        hold_free(dhcp);
        hold_free(time_hold);
        fixture_free(f);
}
END_TEST

/* -- Watches ----------------------------------------------------------------------------------- */

typedef struct Chain Chain;
struct Chain {
        LadderWatch watch;
        Ladder *ladder;
        LadderWatch *unlink, *link;
        unsigned n;
};

static void on_chain(LadderWatch *watch, const LadderChange *change)
{
        Chain *c = list_entry(watch, Chain, watch);

        c->n++;
        if (c->unlink)
                ladder_watch_unlink(c->unlink);
        if (c->link && !list_is_linked(&c->link->link))
                ladder_watch_link(c->ladder, c->link);
}

START_TEST(watches_come_and_go_inside_a_call)
{
        Fixture *f = fixture_new();
        Chain c[4];

        for (unsigned i = 0; i < ELEMENTSOF(c); i++) {
                c[i] = (Chain){ .watch.changed = on_chain, .ladder = f->ladder };
                if (i < 3)
                        ladder_watch_link(f->ladder, &c[i].watch);
        }
        c[0].unlink = &c[1].watch;
        c[0].link = &c[3].watch;
        c[2].unlink = &c[2].watch;
        ladder_set_target(f->ladder, LWS_SYSTATE_PRE_PRIV_DROP);
        settle(f);
        ck_assert_uint_eq(c[0].n, 2);
        ck_assert_uint_eq(c[1].n, 0);
        ck_assert_uint_eq(c[2].n, 1);
        ck_assert_uint_eq(c[3].n, 1); /* not of the change during which it came */
        ck_assert_uint_eq(f->n_changes, 2);
        fixture_free(f);
}
END_TEST

/* -- Off the ladder ---------------------------------------------------------------------------- */

START_TEST(a_policy_reload_drops_what_the_old_policy_gave)
{
        Fixture *f = fixture_new();
        unsigned n;

        ladder_set_target(f->ladder, LWS_SYSTATE_TIME_VALID);
        settle(f);
        n = f->n_changes;
        ladder_request_policy_invalid(f->ladder); /* nothing to invalidate */
        settle(f);
        ck_assert_uint_eq(f->n_changes, n);
        ladder_set_target(f->ladder, LWS_SYSTATE_OPERATIONAL);
        settle(f);
        n = f->n_changes;
        ladder_request_policy_invalid(f->ladder);
        ck_assert_state(f, "operational");
        process(f);
        ck_assert_state(f, "policy-invalid");
        ck_assert_uint_eq(f->n_changes, n + 1);
        ck_assert(ladder_reached(f->ladder, LWS_SYSTATE_CPD_POST_TIME));
        ck_assert(!ladder_reached(f->ladder, LWS_SYSTATE_POLICY_VALID));
        ck_assert(!ladder_reached(f->ladder, LWS_SYSTATE_OPERATIONAL));
        ck_assert_uint_eq(f->wake, 0); /* a turn for those who must drain */
        process(f);
        ck_assert_state(f, "operational");
        ck_assert_int_eq(f->changes[n + 1].old_state, LWS_SYSTATE_POLICY_INVALID);
        ck_assert_int_eq(f->changes[n + 1].new_state, LWS_SYSTATE_CPD_POST_TIME);
        ck_assert_int_eq(f->changes[n + 2].new_state, LWS_SYSTATE_POLICY_VALID);
        fixture_free(f);
}
END_TEST

START_TEST(a_requirement_lost_in_a_policy_reload_lowers_from_there)
{
        Fixture *f = fixture_new();
        Hold *dhcp = new_hold(f, LWS_SYSTATE_DHCP, HOLD_REQUIRED, "dhcp");

        settle(f);
        hold_assert(dhcp, "no-route", 0, "gone");
        settle(f);
        advance(f, FLAP - 1);
        ladder_request_policy_invalid(f->ladder);
        process(f);
        ck_assert_state(f, "policy-invalid");
        advance(f, 1);
        ck_assert_state(f, "iface-coldplug");
        ck_assert_int_eq(f->changes[f->n_changes - 1].old_state, LWS_SYSTATE_POLICY_INVALID);
        hold_free(dhcp);
        settle(f);
        ck_assert_state(f, "operational");
        fixture_free(f);
}
END_TEST

START_TEST(nothing_holds_and_nothing_follows_when_the_context_goes)
{
        Fixture *f = fixture_new();
        unsigned n;

        settle(f);
        n = f->n_changes;
        ladder_destroying(f->ladder, virtual_now);
        ladder_destroying(f->ladder, virtual_now);
        ck_assert_state(f, "context-destroying");
        ck_assert_uint_eq(f->n_changes, n + 1);
        ck_assert(!ladder_reached(f->ladder, LWS_SYSTATE_UNKNOWN));
        ck_assert(!ladder_reached(f->ladder, LWS_SYSTATE_CONTEXT_CREATED));
        ck_assert_int_eq(
                lws_state_transition_steps(ladder_manager(f->ladder), LWS_SYSTATE_OPERATIONAL), 1);
        ladder_request_policy_invalid(f->ladder);
        settle(f);
        ck_assert_uint_eq(f->n_changes, n + 1);
        fixture_free(f);
}
END_TEST

static void destroy_inside(LadderWatch *watch, const LadderChange *change)
{
        Chain *c = list_entry(watch, Chain, watch);

        if (change->new_state != LWS_SYSTATE_DHCP)
                return;
        ladder_destroying(c->ladder, virtual_now);
        ck_assert(!ladder_reached(c->ladder, LWS_SYSTATE_CONTEXT_CREATED));
        ck_assert_int_eq(ladder_state(c->ladder), LWS_SYSTATE_DHCP);
}

START_TEST(the_context_may_go_inside_a_watch)
{
        Fixture *f = fixture_new();
        Chain c = { .watch.changed = destroy_inside, .ladder = f->ladder };
        Chain last = { .watch.changed = on_chain, .ladder = f->ladder };

        ladder_watch_link(f->ladder, &c.watch);
        ladder_watch_link(f->ladder, &last.watch);
        process(f);
        ck_assert_state(f, "context-destroying");
        ck_assert_uint_eq(last.n, LWS_SYSTATE_DHCP + 1);
        ck_assert(!ladder_reached(f->ladder, LWS_SYSTATE_UNKNOWN));
        fixture_free(f);
}
END_TEST

/* -- From another thread ----------------------------------------------------------------------- */

typedef struct Prober Prober;
struct Prober {
        Ladder *ladder;
        _Atomic bool stop;
        unsigned wrong;
};

static void *probe(void *userdata)
{
        Prober *p = userdata;

        /* the requirement of DHCP is never missing, so that DHCP always holds */
        while (!atomic_load(&p->stop))
                if (!ladder_reached(p->ladder, LWS_SYSTATE_DHCP))
                        p->wrong++;
        return NULL;
}

START_TEST(a_gate_can_be_asked_from_any_thread)
{
        Fixture *f = fixture_new();
        Prober p = { .ladder = f->ladder };
        pthread_t thread;

        settle(f);
        ck_assert_int_eq(pthread_create(&thread, NULL, probe, &p), 0);
        for (unsigned i = 0; i < 10000; i++) {
                f->n_changes = 0;
                ck_assert_int_eq(lws_state_transition_steps(
                                         ladder_manager(f->ladder), LWS_SYSTATE_TIME_VALID),
                        0);
                settle(f);
        }
        atomic_store(&p.stop, true);
        pthread_join(thread, NULL);
        ck_assert_uint_eq(p.wrong, 0);
        fixture_free(f);
}
END_TEST

/* -- Against a model --------------------------------------------------------------------------- */

#define MODEL_HOLDS 12

typedef struct Model Model;
struct Model {
        int rank, target;
        bool policy_invalid;
        struct {
                int rank;
                bool required, asserted;
                usec_t missing; /* USEC_INFINITY: not */
        } holds[MODEL_HOLDS];
};

static bool model_blocked(const Model *m)
{
        for (unsigned i = 0; i < MODEL_HOLDS; i++)
                if (m->holds[i].asserted &&
                        (m->holds[i].rank == m->rank + 1 ||
                                (m->holds[i].required && m->holds[i].rank <= m->rank)))
                        return true;
        return false;
}

static bool model_is_missing(const Model *m, unsigned i)
{
        return m->holds[i].asserted && m->holds[i].required && m->holds[i].rank <= m->rank;
}

/* What the header promises, written down as plainly as it can be. */
static void model_process(Model *m, usec_t now)
{
        int lowest = 99, below = 99;
        usec_t first = USEC_INFINITY, due = USEC_INFINITY;

        for (unsigned i = 0; i < MODEL_HOLDS; i++)
                if (model_is_missing(m, i)) {
                        if (m->holds[i].missing == USEC_INFINITY)
                                m->holds[i].missing = now;
                        first = MIN(first, m->holds[i].missing + FLAP);
                        if (now >= m->holds[i].missing + FLAP)
                                below = MIN(below, m->holds[i].rank);
                }
        for (unsigned i = 0; i < MODEL_HOLDS; i++)
                if (model_is_missing(m, i) && m->holds[i].missing + FLAP <= first + TOGETHER &&
                        m->holds[i].rank <= lowest) {
                        due = MIN(m->holds[i].rank < lowest ? USEC_INFINITY : due,
                                m->holds[i].missing + FLAP);
                        lowest = m->holds[i].rank;
                }
        if (now >= due) {
                m->rank = below - 1;
                m->policy_invalid = false;
        }
        for (unsigned i = 0; i < MODEL_HOLDS; i++)
                if (m->holds[i].rank > m->rank)
                        m->holds[i].missing = USEC_INFINITY;
        while (m->rank < m->target && !model_blocked(m))
                m->rank++;
}

START_TEST(random_rounds_against_the_model)
{
        Rng rng = rng_seeded(test_seed());
        Fixture *f = fixture_new();
        Hold *holds[MODEL_HOLDS];
        Model m = { .target = STATE_RANK_TOP };

        for (unsigned i = 0; i < MODEL_HOLDS; i++) {
                m.holds[i].rank = (int) rng_range(&rng, 1, STATE_RANK_TOP);
                m.holds[i].required = rng_range(&rng, 0, 1);
                m.holds[i].missing = USEC_INFINITY;
                holds[i] = new_hold(f, m.holds[i].rank,
                        m.holds[i].required ? HOLD_REQUIRED : HOLD_ENTRY, "model");
        }
        for (unsigned round = 0; round < 10000; round++) {
                unsigned i = (unsigned) rng_range(&rng, 0, MODEL_HOLDS - 1);
                usec_t serial = ladder_serial(f->ladder);
                int before = ladder_state(f->ladder);

                f->n_changes = 0;
                switch (rng_range(&rng, 0, 9)) {
                case 0 ... 3:
                        hold_assert(holds[i], "code", 0, "round %u", round);
                        if (!m.holds[i].asserted)
                                m.holds[i].missing = USEC_INFINITY;
                        m.holds[i].asserted = true;
                        break;
                case 4 ... 7:
                        hold_drop(holds[i]);
                        m.holds[i].asserted = false;
                        break;
                case 8:
                        m.target = (int) rng_range(&rng, 0, STATE_RANK_TOP);
                        ck_assert_int_eq(ladder_set_target(f->ladder, m.target), 0);
                        break;
                default:
                        virtual_now += rng_range(&rng, 0, 2 * FLAP);
                }
                settle(f);
                model_process(&m, virtual_now);
                ck_assert_int_eq(ladder_state(f->ladder), m.rank);
                ck_assert_uint_eq(ladder_serial(f->ladder), serial + f->n_changes);
                for (unsigned n = 0; n < f->n_changes; n++) {
                        /* the changes form a chain; up goes by one, down only first */
                        ck_assert_int_eq(f->changes[n].old_state, before);
                        before = f->changes[n].new_state;
                        ck_assert(before == f->changes[n].old_state + 1 ||
                                  (n == 0 && before < f->changes[n].old_state));
                }
                for (int state = 0; state <= STATE_RANK_TOP; state++)
                        ck_assert(ladder_reached(f->ladder, state) == (state <= m.rank));
        }
        for (unsigned i = 0; i < MODEL_HOLDS; i++)
                hold_free(holds[i]);
        fixture_free(f);
}
END_TEST

TEST_MAIN("ladder", it_climbs_to_the_top_in_one_call, a_target_is_where_it_stops,
        an_entry_hold_keeps_it_out_and_acts_at_the_next_entry_only,
        waiting_is_told_when_it_changes_and_only_then,
        a_requirement_missing_for_less_than_the_flap_time_sends_nothing,
        with_no_flap_time_a_loss_is_still_one_fall, a_fall_is_one_change,
        what_goes_missing_a_moment_later_is_the_same_fall,
        no_rung_is_climbed_while_a_lower_requirement_is_missing, watches_come_and_go_inside_a_call,
        a_policy_reload_drops_what_the_old_policy_gave,
        a_requirement_lost_in_a_policy_reload_lowers_from_there,
        nothing_holds_and_nothing_follows_when_the_context_goes, the_context_may_go_inside_a_watch,
        a_gate_can_be_asked_from_any_thread, random_rounds_against_the_model)
