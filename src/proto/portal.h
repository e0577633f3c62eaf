/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Captive portal detection for the uplink: the API that the network names (RFC 8910, RFC 8908), or
 * where there is none, plain http probes of configured URLs that must answer 204 with nothing in
 * it. Pure: fetches go out and come back through the functions below.
 *
 *   IDLE ----network----> ASKING ----last answer, or one that decides----> RESTING
 *     ^----network gone----'  ^----deadline, recheck, other network----------'
 */
#include "proto/url.h"
#include "util/clock.h"
#include "util/rng.h"
#include <stddef.h>

#define PORTAL_URLS_MAX 8

typedef enum PortalVerdict {
        PORTAL_VERDICT_UNKNOWN, /* nothing to ask, or nobody answered the one question there is */
        PORTAL_VERDICT_INTERNET,
        PORTAL_VERDICT_PORTAL,
        PORTAL_VERDICT_NO_INTERNET,
} PortalVerdict;

/* "unknown", "internet", "portal", "no-internet". */
const char *portal_verdict_to_string(PortalVerdict v);

typedef struct Portal Portal;

/* What came of a fetch. `answered`: an HTTP answer, otherwise only `dates_ignored` is looked at. */
typedef struct PortalReply PortalReply;
struct PortalReply {
        bool answered;
        bool dates_ignored; /* the certificate's dates were not checked */
        uint16_t status;
        const char *location; /* NULL or empty: none */
        const void *body;
        size_t body_size;
        usec_t max_age_usec; /* of the answer; USEC_INFINITY: not said */
};

typedef enum PortalEventType {
        PORTAL_EVENT_FETCH,   /* GET `url`; hand the outcome to portal_done() under `id` */
        PORTAL_EVENT_ABANDON, /* the answer under `id` is wanted no more */
        PORTAL_EVENT_VERDICT, /* verdict or user URL changed */
} PortalEventType;

typedef struct PortalEvent PortalEvent;
struct PortalEvent {
        PortalEventType type;
        unsigned id;
        bool api;        /* Accept: application/captive+json, https */
        const char *url; /* valid until the next call on this object */
};

/* `urls` are the probes, checked to be plain http by the caller; up to PORTAL_URLS_MAX are used. */
int portal_new(Portal **ret, Rng *rng, char *const *urls, size_t n_urls);
Portal *portal_free(Portal *p);

/* The uplink changed: `api_uri` NULL or "urn:ietf:params:capport:unrestricted" means no API, any
 * other text that is not an https URL too (RFC 8910 section 2). Asks at once. */
void portal_network_up(Portal *p, usec_t now, const char *api_uri);
void portal_network_down(Portal *p);
/* Somebody says the network works or does not, or the portal was seen to: ask again, now or two
 * seconds after the last time. */
void portal_recheck(Portal *p, usec_t now);
/* Certificates' dates can be believed from now on: ask again what was believed without. */
void portal_time_valid(Portal *p, usec_t now);
void portal_done(Portal *p, usec_t now, unsigned id, const PortalReply *reply);
void portal_timeout(Portal *p, usec_t now);
usec_t portal_deadline(const Portal *p);
bool portal_pop_event(Portal *p, PortalEvent *ret);

PortalVerdict portal_verdict(const Portal *p);
/* Where a person goes to satisfy the portal; empty when unknown. */
const char *portal_user_url(const Portal *p);
/* Whether the first round on this network is still under way. */
bool portal_is_asking_first(const Portal *p);
