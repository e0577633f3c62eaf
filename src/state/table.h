/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The system states: the one table of their names and order. "Entered or passed" is a matter of
 * rank on the ladder, never of the enum's value: POLICY_INVALID and CONTEXT_DESTROYING are numbered
 * above OPERATIONAL but stand on no rung.
 */
#include <errno.h>
#include <lwsd/lws-states.h>
#include <stdbool.h>

/* Rungs are numbered 0 (UNKNOWN) to STATE_RANK_TOP (OPERATIONAL). */
#define STATE_RANK_TOP ((int) LWS_SYSTATE_OPERATIONAL)

/* The rung of a state, or -EINVAL for one off the ladder. */
static inline int state_rank(int state)
{
        return state >= LWS_SYSTATE_UNKNOWN && state <= STATE_RANK_TOP ? state : -EINVAL;
}

/* The state that stands on a rung, or -EINVAL. */
int state_at_rank(int rank);
/* The highest rung that holds while the system is in `state`: its own, or the one below
 * POLICY_VALID while policy is changed; -1 for none. */
int state_reach(int state);
/* Whether one may wait for it or hold it back: on the ladder and not UNKNOWN. */
bool state_is_attachable(int state);
/* "time-valid"; NULL when out of range. */
const char *state_to_string(int state);
/* The state, or -EINVAL. */
int state_from_string(const char *name);
/* For lws_state_manager_t.state_names: the same names, indexed by enum value. */
extern const char *state_names[];
