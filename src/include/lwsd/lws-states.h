/* SPDX-License-Identifier: MIT */
#ifndef LWSD_LWS_STATES_H
#define LWSD_LWS_STATES_H
/*
 * The system states. Shared by lws-system (in process) and lwsd-client (remote); nothing else is.
 *
 * UNKNOWN to OPERATIONAL form a ladder that is climbed in this order and may be fallen down. The
 * two behind it are off the ladder: "entered or passed" never holds for anything in
 * CONTEXT_DESTROYING, and in POLICY_INVALID only up to the state below POLICY_VALID.
 */
#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
        LWS_SYSTATE_UNKNOWN,
        LWS_SYSTATE_CONTEXT_CREATED, /* the context exists */
        LWS_SYSTATE_PRE_PRIV_DROP,   /* last moment with the privileges of the start */
        LWS_SYSTATE_INITIALIZED,     /* vhosts and protocols are there, the loop turns */
        LWS_SYSTATE_IFACE_COLDPLUG,  /* the links that exist are known, one that matters has carrier
                                      */
        LWS_SYSTATE_DHCP,            /* an address and a default route */
        LWS_SYSTATE_CPD_PRE_TIME,  /* captive portal looked for, as far as possible without time */
        LWS_SYSTATE_TIME_VALID,    /* the clock can be believed; TLS works from here */
        LWS_SYSTATE_CPD_POST_TIME, /* captive portal looked for with TLS */
        LWS_SYSTATE_POLICY_VALID,  /* policy is there and believed */
        LWS_SYSTATE_REGISTERED,    /* the device has its identity */
        LWS_SYSTATE_AUTH1,         /* first access token */
        LWS_SYSTATE_AUTH2,         /* second access token */
        LWS_SYSTATE_ONE_TIME_UPDATES, /* what must happen once, after an upgrade for example */
        LWS_SYSTATE_OPERATIONAL,      /* user code can operate normally */

        LWS_SYSTATE_POLICY_INVALID,     /* policy is being changed: drop what the old one gave */
        LWS_SYSTATE_CONTEXT_DESTROYING, /* the context goes away */
} lws_system_states_t;

#ifdef __cplusplus
}
#endif
#endif
