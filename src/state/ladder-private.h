/* SPDX-License-Identifier: MIT */
#pragma once
/* What ladder.c, hold.c and notifier.c share, and nobody else sees. */
#include "state/ladder.h"
#include <stdatomic.h>

#define LADDER_RUNGS        (STATE_RANK_TOP + 1)
#define LADDER_REQUESTS_MAX 16
/* Changes and vetoes in one call; what is left over waits for the next turn of the loop. A climb
 * from the ground to the top takes 14. */
#define LADDER_STEPS_MAX 64

#define HOLD_TEXT_MAX 256 /* with the terminating NUL */
#define HOLD_CODE_MAX 32

struct Hold {
        List link; /* Ladder.holds[kind][rank] while asserted */
        Ladder *ladder;
        int rank;
        HoldKind kind;
        usec_t since_usec, next_try_usec;
        /* CLOCK_BOOTTIME when a process call first saw it missing below the current rung;
         * USEC_INFINITY: not */
        usec_t missing_usec;
        uid_t uid;
        pid_t pid;
        char code[HOLD_CODE_MAX];
        char who[HOLD_TEXT_MAX];
        char why[HOLD_TEXT_MAX];
};

typedef struct LadderRequest LadderRequest;
struct LadderRequest {
        int rank;
        bool one_step, policy_invalid; /* the latter: no rank */
};

struct Ladder {
        lws_state_manager_t manager;
        LadderClocks clocks;
        LadderWakeFn wake;
        void *userdata;

        int rank; /* where we stand; in POLICY_INVALID the rung below POLICY_VALID */
        int target_rank;
        /* What lws_state_transition_steps() asked for since the last fall, and in this run. */
        int requested_rank, run_rank;
        _Atomic int state;
        _Atomic int reached; /* ladder_reached() up to here; -1: nothing holds */
        uint64_t serial;
        usec_t flap_usec;
        usec_t now;

        bool busy; /* notifiers or watches are being called */
        bool policy_requested, destroying_requested;
        bool policy_stays; /* in POLICY_INVALID until a state is asked for */
        bool waiting_changed;

        LadderRequest requests[LADDER_REQUESTS_MAX];
        unsigned n_requests;

        List watches;
        ListWalk watch_walk;
        List holds[HOLD_REQUIRED + 1][LADDER_RUNGS];

        /* The one veto there can be: asking stops at the first. */
        Hold *veto;
        lws_state_notify_link_t *vetoer;
        /* A walk over the notifiers: whom to call next, and the first that came during the walk. */
        lws_dll2_t *notify_next, *notify_end;
        lws_state_notify_link_t *notify_asked; /* the one being called; NULL when it is gone */
};

/* Asks every notifier about (current, target). The one that objects, or NULL. */
lws_state_notify_link_t *ladder_ask_notifiers(Ladder *ladder, int current, int target);
/* Forgets a veto, so that the notifier is asked again. */
void ladder_clear_veto(Ladder *ladder);
/* The rank to climb to: the target, or more where that was asked for by name. */
int ladder_goal(const Ladder *ladder);
/* Runs the machine on behalf of a caller outside it, up to what was requested only. */
void ladder_run_requests(Ladder *ladder);
void ladder_wake(Ladder *ladder, usec_t deadline);
