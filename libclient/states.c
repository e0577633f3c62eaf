/* SPDX-License-Identifier: MIT */
#include "libclient/client-private.h"
#include <string.h>

/* Indexed by lws_system_states_t. src has a table of its own (no code is shared); tests/lint
 * compares them. */
static const char *const names[] = {
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

_public_ const char *lwsd_state_to_string(lws_system_states_t state)
{
        return (size_t) state < ELEMENTSOF(names) ? names[(size_t) state] : NULL;
}

_public_ int lwsd_state_from_string(const char *name)
{
        for (size_t i = 0; name && i < ELEMENTSOF(names); i++)
                if (strcmp(names[i], name) == 0)
                        return (int) i;
        return -EINVAL;
}

_public_ int lwsd_state_reached(lws_system_states_t current, lws_system_states_t state)
{
        if (state > LWS_SYSTATE_OPERATIONAL)
                return current == state;
        if (current == LWS_SYSTATE_POLICY_INVALID)
                return state < LWS_SYSTATE_POLICY_VALID;
        return current <= LWS_SYSTATE_OPERATIONAL && state <= current;
}

bool state_is_attachable(lws_system_states_t state)
{
        return state > LWS_SYSTATE_UNKNOWN && state <= LWS_SYSTATE_OPERATIONAL;
}
