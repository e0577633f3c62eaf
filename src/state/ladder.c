/* SPDX-License-Identifier: MIT */
/*
 * One call of ladder_process() (or of lws_state_transition*()) runs steps until there is nothing
 * left to do: end of the context, policy reload, queued requests, a fall that is due, one rung up.
 * Every change goes through commit(), the only place that sets the state.
 */
#include "state/ladder-private.h"
#include <assert.h>
#include <string.h>

#define FLAP_DEFAULT_USEC  (300 * USEC_PER_MSEC)
#define FALL_TOGETHER_USEC (100 * USEC_PER_MSEC)
#define RANK_BEFORE_POLICY ((int) LWS_SYSTATE_POLICY_VALID - 1)

int ladder_new(Ladder **ret, const LadderClocks *clocks, LadderWakeFn wake, void *userdata)
{
        _cleanup_(ladder_freep) Ladder *ladder = calloc(1, sizeof(*ladder));
        int r;

        if (!ladder)
                return -ENOMEM;
        list_init(&ladder->watches);
        for (int kind = 0; kind <= HOLD_REQUIRED; kind++)
                for (int rank = 0; rank < LADDER_RUNGS; rank++)
                        list_init(&ladder->holds[kind][rank]);
        r = hold_new(&ladder->veto, ladder, STATE_RANK_TOP, HOLD_ENTRY, "notifier");
        if (r < 0)
                return r;
        ladder->clocks = *clocks;
        ladder->wake = wake;
        ladder->userdata = userdata;
        ladder->target_rank = STATE_RANK_TOP;
        ladder->flap_usec = FLAP_DEFAULT_USEC;
        ladder->manager.name = "system";
        ladder->manager.state_names = state_names;
        *ret = TAKE_PTR(ladder);
        return 0;
}

static void unlink_all(List *head)
{
        while (!list_is_empty(head))
                list_unlink(head->next);
}

Ladder *ladder_free(Ladder *ladder)
{
        if (!ladder)
                return NULL;
        assert(!ladder->busy);
        for (int kind = 0; kind <= HOLD_REQUIRED; kind++)
                for (int rank = 0; rank < LADDER_RUNGS; rank++)
                        unlink_all(&ladder->holds[kind][rank]);
        unlink_all(&ladder->watches);
        while (ladder->manager.notify_list.head)
                lws_state_reg_deregister(container_of(
                        ladder->manager.notify_list.head, lws_state_notify_link_t, list));
        hold_free(ladder->veto);
        free(ladder);
        return NULL;
}

void ladder_wake(Ladder *ladder, usec_t deadline)
{
        ladder->wake(ladder->userdata, deadline);
}

lws_state_manager_t *ladder_manager(Ladder *ladder)
{
        return &ladder->manager;
}

bool ladder_is_busy(const Ladder *ladder)
{
        return ladder->busy;
}

int ladder_state(const Ladder *ladder)
{
        return atomic_load_explicit(&ladder->state, memory_order_acquire);
}

bool ladder_reached(const Ladder *ladder, int state)
{
        int rank = state_rank(state);

        return rank >= 0 && rank <= atomic_load_explicit(&ladder->reached, memory_order_acquire);
}

uint64_t ladder_serial(const Ladder *ladder)
{
        return ladder->serial;
}

void ladder_set_serial(Ladder *ladder, uint64_t serial)
{
        ladder->serial = serial;
}

int ladder_set_target(Ladder *ladder, int state)
{
        int rank = state_rank(state);

        if (rank < 0)
                return -EINVAL;
        if (rank != ladder->target_rank)
                ladder->waiting_changed = true;
        ladder->target_rank = rank;
        ladder_wake(ladder, 0);
        return 0;
}

int ladder_target(const Ladder *ladder)
{
        return state_at_rank(ladder->target_rank);
}

int ladder_goal(const Ladder *ladder)
{
        return MAX(ladder->requested_rank, ladder->target_rank);
}

void ladder_set_flap(Ladder *ladder, usec_t flap_usec)
{
        ladder->flap_usec = MAX(flap_usec, LADDER_FLAP_MIN_USEC);
        ladder_wake(ladder, 0);
}

usec_t ladder_flap(const Ladder *ladder)
{
        return ladder->flap_usec;
}

void ladder_request_policy_invalid(Ladder *ladder)
{
        ladder->policy_requested = true;
        ladder_wake(ladder, 0);
}

/* -- Watches ----------------------------------------------------------------------------------- */

void ladder_watch_link(Ladder *ladder, LadderWatch *watch)
{
        list_link_tail(&ladder->watches, &watch->link);
}

void ladder_watch_unlink(LadderWatch *watch)
{
        list_unlink(&watch->link);
}

static void tell_watches(Ladder *ladder, const LadderChange *change)
{
        List *it;

        list_walk_begin(&ladder->watch_walk, &ladder->watches);
        while ((it = list_walk_next(&ladder->watch_walk))) {
                LadderWatch *watch = list_entry(it, LadderWatch, link);

                if (change)
                        watch->changed(watch, change);
                else if (watch->waiting)
                        watch->waiting(watch);
        }
}

/* -- Changes ----------------------------------------------------------------------------------- */

static void forget_missing_above(Ladder *ladder)
{
        for (int rank = ladder->rank + 1; rank < LADDER_RUNGS; rank++)
                list_foreach (it, &ladder->holds[HOLD_REQUIRED][rank])
                        list_entry(it, Hold, link)->missing_usec = USEC_INFINITY;
}

static int reach_of(const Ladder *ladder, int state, int rank)
{
        return state == LWS_SYSTATE_CONTEXT_DESTROYING || ladder->destroying_requested ? -1 : rank;
}

static void commit(Ladder *ladder, int state, int rank)
{
        LadderChange change = {
                .old_state = ladder_state(ladder),
                .new_state = state,
                .serial = ++ladder->serial,
                .boottime_usec = ladder->now,
                .monotonic_usec = ladder->clocks.monotonic(),
                .realtime_usec = ladder->clocks.realtime(),
        };

        if (rank < ladder->rank) {
                ladder->requested_rank = ladder->run_rank = 0;
                ladder_clear_veto(ladder);
        }
        ladder->rank = rank;
        ladder->policy_stays = ladder->policy_stays && state == LWS_SYSTATE_POLICY_INVALID;
        ladder->manager.state = state;
        atomic_store_explicit(
                &ladder->reached, reach_of(ladder, state, rank), memory_order_release);
        atomic_store_explicit(&ladder->state, state, memory_order_release);
        forget_missing_above(ladder);
        ladder->waiting_changed = true;
        (void) ladder_ask_notifiers(ladder, state, state);
        tell_watches(ladder, &change);
}

static void fall(Ladder *ladder, int state, int rank)
{
        (void) ladder_ask_notifiers(ladder, ladder_state(ladder), state);
        commit(ladder, state, rank);
}

static bool requirements_missing(const Ladder *ladder)
{
        for (int rank = 1; rank <= ladder->rank; rank++)
                if (!list_is_empty(&ladder->holds[HOLD_REQUIRED][rank]))
                        return true;
        return false;
}

static bool held(const Ladder *ladder, int from, int to)
{
        for (int rank = from; rank <= to; rank++)
                if (!list_is_empty(&ladder->holds[HOLD_REQUIRED][rank]) ||
                        !list_is_empty(&ladder->holds[HOLD_ENTRY][rank]))
                        return true;
        return requirements_missing(ladder);
}

static void veto(Ladder *ladder, lws_state_notify_link_t *vetoer, int rank)
{
        const char *name = vetoer->name ? vetoer->name : "notifier";

        ladder->vetoer = vetoer;
        ladder->veto->rank = rank;
        hold_set_who(ladder->veto, name);
        hold_assert(ladder->veto, "notifier", 0, "%s does not let %s be entered yet", name,
                state_to_string(state_at_rank(rank)));
}

/* Up to `rank` in one step, if nothing is in the way. True when it was made. */
static bool climb_to(Ladder *ladder, int rank)
{
        int state = state_at_rank(rank);
        lws_state_notify_link_t *vetoer;

        if (ladder_state(ladder) != ladder->rank || held(ladder, ladder->rank + 1, rank))
                return false;
        vetoer = ladder_ask_notifiers(ladder, ladder_state(ladder), state);
        /* a notifier may have taken a hold, or ended the context, without a veto */
        if (ladder->destroying_requested || held(ladder, ladder->rank + 1, rank))
                return false;
        if (vetoer) {
                veto(ladder, vetoer, rank);
                return false;
        }
        commit(ladder, state, rank);
        return true;
}

/* When the first fall is due, of what is missing below here. What went missing on a lower rung a
 * moment later is the same event, and one fall with it: that waits for its time. */
static usec_t next_fall(Ladder *ladder)
{
        usec_t due[STATE_RANK_TOP + 1], first = USEC_INFINITY;

        for (int rank = 1; rank <= ladder->rank; rank++) {
                due[rank] = USEC_INFINITY;
                list_foreach (it, &ladder->holds[HOLD_REQUIRED][rank]) {
                        Hold *hold = list_entry(it, Hold, link);

                        if (hold->missing_usec == USEC_INFINITY)
                                hold->missing_usec = ladder->now;
                        due[rank] = MIN(due[rank], usec_add(hold->missing_usec, ladder->flap_usec));
                }
                first = MIN(first, due[rank]);
        }
        for (int rank = 1; rank <= ladder->rank && first != USEC_INFINITY; rank++)
                if (due[rank] <= usec_add(first, FALL_TOGETHER_USEC))
                        return due[rank];
        return first;
}

/* Below the lowest rung whose requirement has been missing for the flap time. */
static bool fall_if_due(Ladder *ladder)
{
        if (next_fall(ladder) > ladder->now)
                return false;
        for (int rank = 1; rank <= ladder->rank; rank++)
                list_foreach (it, &ladder->holds[HOLD_REQUIRED][rank]) {
                        Hold *hold = list_entry(it, Hold, link);

                        if (usec_add(hold->missing_usec, ladder->flap_usec) > ladder->now)
                                continue;
                        fall(ladder, state_at_rank(rank - 1), rank - 1);
                        return true;
                }
        return false;
}

static void enter_destroying(Ladder *ladder)
{
        ladder->destroying_requested = false;
        ladder->policy_requested = false;
        ladder->n_requests = 0;
        fall(ladder, LWS_SYSTATE_CONTEXT_DESTROYING, 0);
}

static void enter_policy_invalid(Ladder *ladder)
{
        ladder->policy_requested = false;
        if (ladder_state(ladder) != LWS_SYSTATE_POLICY_INVALID &&
                ladder->rank >= LWS_SYSTATE_POLICY_VALID)
                fall(ladder, LWS_SYSTATE_POLICY_INVALID, RANK_BEFORE_POLICY);
}

/* On behalf of whoever changes the policy, and says when that is done by asking for a state. */
static void request_policy_invalid(Ladder *ladder)
{
        int state = ladder_state(ladder);

        if (state == LWS_SYSTATE_POLICY_INVALID)
                ladder->policy_stays = true;
        if (ladder->rank < LWS_SYSTATE_POLICY_VALID ||
                ladder_ask_notifiers(ladder, state, LWS_SYSTATE_POLICY_INVALID) ||
                ladder->destroying_requested)
                return;
        ladder->policy_stays = true;
        commit(ladder, LWS_SYSTATE_POLICY_INVALID, RANK_BEFORE_POLICY);
}

static void run_request(Ladder *ladder)
{
        LadderRequest request = ladder->requests[0];

        ladder->n_requests--;
        memmove(ladder->requests, ladder->requests + 1,
                ladder->n_requests * sizeof(ladder->requests[0]));
        if (request.policy_invalid) {
                request_policy_invalid(ladder);
                return;
        }
        if (request.rank < ladder->rank) {
                int state = state_at_rank(request.rank);

                if (!ladder_ask_notifiers(ladder, ladder_state(ladder), state) &&
                        !ladder->destroying_requested)
                        commit(ladder, state, request.rank);
                return;
        }
        if (ladder->policy_stays)
                fall(ladder, state_at_rank(RANK_BEFORE_POLICY), RANK_BEFORE_POLICY);
        if (hold_is_asserted(ladder->veto) && request.rank >= ladder->veto->rank)
                ladder_clear_veto(ladder);
        if (!request.one_step) {
                ladder->run_rank = MAX(ladder->run_rank, request.rank);
                ladder->requested_rank = MAX(ladder->requested_rank, request.rank);
        } else if (request.rank > ladder->rank)
                (void) climb_to(ladder, request.rank);
}

/* -- The machine ------------------------------------------------------------------------------- */

typedef enum RunMode {
        RUN_REQUESTS, /* what was asked for, no more */
        RUN_LEAVE_POLICY,
        RUN_ALL,
} RunMode;

static bool step(Ladder *ladder, RunMode mode)
{
        int goal = ladder->run_rank;

        if (ladder_state(ladder) == LWS_SYSTATE_CONTEXT_DESTROYING)
                return false;
        if (ladder->destroying_requested) {
                enter_destroying(ladder);
                return false;
        }
        if (ladder->policy_requested) {
                enter_policy_invalid(ladder);
                return true;
        }
        if (ladder->n_requests > 0) {
                run_request(ladder);
                return true;
        }
        if (mode != RUN_REQUESTS) {
                if (fall_if_due(ladder))
                        return true;
                goal = ladder_goal(ladder);
        }
        if (ladder_state(ladder) == LWS_SYSTATE_POLICY_INVALID) {
                if (mode != RUN_LEAVE_POLICY)
                        return false;
                fall(ladder, state_at_rank(RANK_BEFORE_POLICY), RANK_BEFORE_POLICY);
                return true;
        }
        return ladder->rank < goal &&
               (climb_to(ladder, ladder->rank + 1) || ladder->n_requests > 0 ||
                       ladder->destroying_requested);
}

/* False when the bound was met: the rest is for the next turn of the loop. */
static bool run(Ladder *ladder, RunMode mode)
{
        unsigned steps = 0;

        for (; steps < LADDER_STEPS_MAX && step(ladder, mode); steps++)
                if (mode == RUN_LEAVE_POLICY && ladder_state(ladder) != LWS_SYSTATE_POLICY_INVALID)
                        mode = RUN_ALL;
        if (ladder->destroying_requested)
                enter_destroying(ladder);
        return steps < LADDER_STEPS_MAX;
}

static bool leaves_policy(const Ladder *ladder)
{
        return ladder_state(ladder) == LWS_SYSTATE_POLICY_INVALID && !ladder->policy_stays;
}

static usec_t next_deadline(Ladder *ladder)
{
        if (ladder_state(ladder) == LWS_SYSTATE_CONTEXT_DESTROYING)
                return USEC_INFINITY;
        if (ladder->waiting_changed || ladder->n_requests > 0 || ladder->policy_requested ||
                leaves_policy(ladder))
                return 0;
        return next_fall(ladder);
}

void ladder_process(Ladder *ladder, usec_t now)
{
        bool done;

        if (ladder->busy)
                return; /* the call that is under way sees to it */
        ladder->busy = true;
        ladder->now = now;
        done = run(ladder, leaves_policy(ladder) ? RUN_LEAVE_POLICY : RUN_ALL);
        if (ladder->waiting_changed) {
                ladder->waiting_changed = false;
                tell_watches(ladder, NULL);
        }
        if (ladder->destroying_requested)
                enter_destroying(ladder);
        ladder->busy = false;
        ladder_wake(ladder, done ? next_deadline(ladder) : 0);
}

void ladder_run_requests(Ladder *ladder)
{
        if (ladder->busy)
                return;
        ladder->busy = true;
        ladder->now = ladder->clocks.boottime();
        ladder->run_rank = 0;
        (void) run(ladder, RUN_REQUESTS);
        ladder->busy = false;
        ladder_wake(ladder, 0);
}

void ladder_destroying(Ladder *ladder, usec_t now)
{
        if (ladder_state(ladder) == LWS_SYSTATE_CONTEXT_DESTROYING)
                return;
        ladder->destroying_requested = true;
        atomic_store_explicit(&ladder->reached, -1, memory_order_release);
        if (ladder->busy)
                return;
        ladder->busy = true;
        ladder->now = now;
        enter_destroying(ladder);
        ladder->busy = false;
}
