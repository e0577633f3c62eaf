/* SPDX-License-Identifier: MIT */
#include "state/table.h"
#include "util/strtab.h"

const char *state_names[] = {
        [LWS_SYSTATE_UNKNOWN] = "unknown",
        [LWS_SYSTATE_CONTEXT_CREATED] = "context-created",
        [LWS_SYSTATE_PRE_PRIV_DROP] = "pre-priv-drop",
        [LWS_SYSTATE_INITIALIZED] = "initialized",
        [LWS_SYSTATE_IFACE_COLDPLUG] = "iface-coldplug",
        [LWS_SYSTATE_DHCP] = "dhcp",
        [LWS_SYSTATE_CPD_PRE_TIME] = "cpd-pre-time",
        [LWS_SYSTATE_TIME_VALID] = "time-valid",
        [LWS_SYSTATE_CPD_POST_TIME] = "cpd-post-time",
        [LWS_SYSTATE_POLICY_VALID] = "policy-valid",
        [LWS_SYSTATE_REGISTERED] = "registered",
        [LWS_SYSTATE_AUTH1] = "auth1",
        [LWS_SYSTATE_AUTH2] = "auth2",
        [LWS_SYSTATE_ONE_TIME_UPDATES] = "one-time-updates",
        [LWS_SYSTATE_OPERATIONAL] = "operational",
        [LWS_SYSTATE_POLICY_INVALID] = "policy-invalid",
        [LWS_SYSTATE_CONTEXT_DESTROYING] = "context-destroying",
};

/* The rungs stand in the order of the enum; the two states behind OPERATIONAL stand on none. */
int state_at_rank(int rank)
{
        return rank >= 0 && rank <= STATE_RANK_TOP ? rank : -EINVAL;
}

int state_reach(int state)
{
        int rank = state_rank(state);

        if (state == LWS_SYSTATE_POLICY_INVALID)
                return state_rank(LWS_SYSTATE_POLICY_VALID) - 1;
        return rank < 0 ? -1 : rank;
}

bool state_is_attachable(int state)
{
        return state_rank(state) > 0;
}

const char *state_to_string(int state)
{
        return state >= 0 && (size_t) state < ELEMENTSOF(state_names) ? state_names[state] : NULL;
}

int state_from_string(const char *name)
{
        return strtab_find(state_names, ELEMENTSOF(state_names), name);
}
