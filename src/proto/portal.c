/* SPDX-License-Identifier: MIT */
#include "proto/portal.h"
#include "core/backoff.h"
#include "proto/portal-api.h"
#include "util/error.h"
#include <string.h>

#define UNRESTRICTED "urn:ietf:params:capport:unrestricted"

#define REST_OPEN_USEC (300 * USEC_PER_SEC) /* REQ_DHCP 48 */
#define REST_MIN_USEC  (10 * USEC_PER_SEC)  /* whatever an API asks for */
#define REST_LOW_USEC  (60 * USEC_PER_SEC)  /* while a session ends by what is sent over it */
#define RECHECK_USEC   (2 * USEC_PER_SEC)   /* whoever asks for it, and from however many sides */

/* Fetch 0 is the API, fetch 1 + i is probe i. */
enum { FETCH_API, FETCH_PROBE, FETCHES_MAX = FETCH_PROBE + PORTAL_URLS_MAX };

typedef enum PortalState { STATE_IDLE, STATE_ASKING, STATE_RESTING } PortalState;

typedef struct Fetch Fetch;
struct Fetch {
        unsigned id; /* 0: none in flight */
        bool announced;
};

struct Portal {
        Rng *rng;
        char urls[PORTAL_URLS_MAX][URL_MAX + 1];
        size_t n_urls;
        char api[URL_MAX + 1]; /* empty: the network names none */

        PortalState state;
        Fetch fetches[FETCHES_MAX];
        unsigned abandoned[FETCHES_MAX];
        size_t n_abandoned;
        unsigned last_id;
        usec_t asked; /* since when this round, or the last one */
        usec_t deadline;
        Backoff backoff;
        bool first, dates_ignored, changed;
        unsigned opens, portals; /* votes of this round */
        char seen_url[URL_MAX + 1];

        PortalVerdict verdict;
        char user_url[URL_MAX + 1];
};

static const char *const verdict_names[] = {
        [PORTAL_VERDICT_UNKNOWN] = "unknown",
        [PORTAL_VERDICT_INTERNET] = "internet",
        [PORTAL_VERDICT_PORTAL] = "portal",
        [PORTAL_VERDICT_NO_INTERNET] = "no-internet",
};

const char *portal_verdict_to_string(PortalVerdict v)
{
        return (size_t) v < ELEMENTSOF(verdict_names) ? verdict_names[v] : NULL;
}

int portal_new(Portal **ret, Rng *rng, char *const *urls, size_t n_urls)
{
        Portal *p = calloc(1, sizeof(*p));

        if (!p)
                return -ENOMEM;
        p->rng = rng;
        p->deadline = USEC_INFINITY;
        p->backoff = (Backoff){
                .first_usec = USEC_PER_SEC / 2, .max_usec = 30 * USEC_PER_SEC, .jitter_percent = 100
        };
        for (size_t i = 0; i < n_urls && p->n_urls < PORTAL_URLS_MAX; i++)
                if (strlen(urls[i]) <= URL_MAX)
                        strcpy(p->urls[p->n_urls++], urls[i]);
        *ret = p;
        return 0;
}

Portal *portal_free(Portal *p)
{
        free(p);
        return NULL;
}

/* The only place that changes what others see. */
static void set_verdict(Portal *p, PortalVerdict verdict, const char *user_url)
{
        if (p->verdict == verdict && strcmp(p->user_url, user_url) == 0)
                return;
        p->verdict = verdict;
        memmove(p->user_url, user_url, strlen(user_url) + 1);
        p->changed = true;
}

static void abandon_all(Portal *p)
{
        for (size_t i = 0; i < FETCHES_MAX; i++) {
                Fetch *f = &p->fetches[i];

                /* Room is there: what was abandoned earlier had to be popped to be announced. */
                if (f->id && f->announced && p->n_abandoned < FETCHES_MAX)
                        p->abandoned[p->n_abandoned++] = f->id;
                *f = (Fetch){ 0 };
        }
}

static void start_fetch(Portal *p, size_t i)
{
        if (++p->last_id == 0)
                p->last_id = 1;
        p->fetches[i] = (Fetch){ .id = p->last_id };
}

static void start_probes(Portal *p)
{
        for (size_t i = 0; i < p->n_urls; i++)
                start_fetch(p, FETCH_PROBE + i);
}

static void enter_idle(Portal *p)
{
        abandon_all(p);
        p->state = STATE_IDLE;
        p->deadline = USEC_INFINITY;
        p->first = false;
}

static void enter_asking(Portal *p, usec_t now)
{
        abandon_all(p);
        p->asked = now;
        p->opens = p->portals = 0;
        p->dates_ignored = false;
        p->seen_url[0] = 0;
        p->deadline = USEC_INFINITY;
        if (p->api[0])
                start_fetch(p, FETCH_API);
        else if (p->n_urls > 0)
                start_probes(p);
        else {
                enter_idle(p);
                set_verdict(p, PORTAL_VERDICT_UNKNOWN, "");
                return;
        }
        p->state = STATE_ASKING;
}

static void enter_resting(
        Portal *p, usec_t now, PortalVerdict verdict, const char *user_url, usec_t rest_usec)
{
        abandon_all(p);
        p->state = STATE_RESTING;
        p->first = false;
        if (verdict == PORTAL_VERDICT_INTERNET) {
                backoff_reset(&p->backoff);
        } else {
                usec_t retry_usec = backoff_next(&p->backoff, p->rng);

                rest_usec = MIN(rest_usec, retry_usec);
        }
        p->deadline = usec_add(now, rest_usec);
        set_verdict(p, verdict, user_url);
}

void portal_network_up(Portal *p, usec_t now, const char *api_uri)
{
        Url url;

        p->api[0] = 0;
        if (api_uri && strcmp(api_uri, UNRESTRICTED) != 0 && url_parse(api_uri, &url) >= 0 &&
                url.https)
                strcpy(p->api, api_uri);
        backoff_reset(&p->backoff);
        p->first = true;
        enter_asking(p, now);
}

void portal_network_down(Portal *p)
{
        enter_idle(p);
        set_verdict(p, PORTAL_VERDICT_UNKNOWN, "");
}

void portal_recheck(Portal *p, usec_t now)
{
        switch (p->state) {
        case STATE_IDLE:
        case STATE_ASKING:
                break;
        case STATE_RESTING:
                p->deadline = MIN(p->deadline, MAX(now, usec_add(p->asked, RECHECK_USEC)));
                portal_timeout(p, now);
                break;
        }
}

void portal_time_valid(Portal *p, usec_t now)
{
        if (p->dates_ignored && p->state == STATE_RESTING)
                enter_asking(p, now);
}

/* When to ask the API again: before the session ends, and not before its answer is stale. */
static usec_t api_rest(const PortalApi *api, usec_t max_age_usec)
{
        usec_t rest = max_age_usec == USEC_INFINITY ? REST_OPEN_USEC : max_age_usec;

        if (api->low_on_bytes)
                rest = MIN(rest, REST_LOW_USEC);
        if (api->remaining_usec != USEC_INFINITY)
                rest = MIN(rest, api->remaining_usec - api->remaining_usec / 10);
        return MIN(MAX(rest, REST_MIN_USEC), USEC_PER_DAY);
}

static void api_done(Portal *p, usec_t now, const PortalReply *reply)
{
        PortalApi api;

        if (reply->answered && reply->status == 200 &&
                portal_api_parse(reply->body, reply->body_size, &api) >= 0) {
                p->dates_ignored = reply->dates_ignored;
                enter_resting(p, now, api.captive ? PORTAL_VERDICT_PORTAL : PORTAL_VERDICT_INTERNET,
                        api.captive ? api.user_portal_url : "",
                        api_rest(&api, reply->max_age_usec));
                return;
        }
        /* An API that does not do its work says nothing about the network. */
        if (p->n_urls > 0)
                start_probes(p);
        else
                enter_resting(p, now, PORTAL_VERDICT_UNKNOWN, "", USEC_INFINITY);
}

static bool probe_is_intercepted(const PortalReply *reply)
{
        if (reply->status == 511 || reply->status / 100 == 3)
                return true;
        return reply->status / 100 == 2 && reply->body_size > 0;
}

static void count_vote(Portal *p, const char *probe, const PortalReply *reply)
{
        const char *where = probe;
        Url url;

        if (!reply->answered)
                return;
        if (reply->status == 204 && reply->body_size == 0) {
                p->opens++;
        } else if (probe_is_intercepted(reply)) {
                if (reply->location && url_parse(reply->location, &url) >= 0)
                        where = reply->location;
                if (p->portals++ == 0)
                        strcpy(p->seen_url, where);
        }
}

/* The majority of those that answered decides; one probe's own server being odd is no portal. */
static void probe_done(Portal *p, usec_t now, size_t i, const PortalReply *reply)
{
        size_t open_needed = p->n_urls / 2 + 1;

        count_vote(p, p->urls[i], reply);
        if (p->opens >= open_needed) {
                enter_resting(p, now, PORTAL_VERDICT_INTERNET, "", REST_OPEN_USEC);
                return;
        }
        for (size_t k = 0; k < p->n_urls; k++)
                if (p->fetches[FETCH_PROBE + k].id)
                        return;
        if (p->opens > p->portals)
                enter_resting(p, now, PORTAL_VERDICT_INTERNET, "", REST_OPEN_USEC);
        else if (p->portals > 0)
                enter_resting(p, now, PORTAL_VERDICT_PORTAL, p->seen_url, USEC_INFINITY);
        else
                enter_resting(p, now, PORTAL_VERDICT_NO_INTERNET, "", USEC_INFINITY);
}

void portal_done(Portal *p, usec_t now, unsigned id, const PortalReply *reply)
{
        for (size_t i = 0; id && i < FETCHES_MAX; i++) {
                if (p->fetches[i].id != id)
                        continue;
                p->fetches[i] = (Fetch){ 0 };
                if (i == FETCH_API)
                        api_done(p, now, reply);
                else
                        probe_done(p, now, i - FETCH_PROBE, reply);
                return;
        }
}

void portal_timeout(Portal *p, usec_t now)
{
        if (now >= p->deadline && p->state == STATE_RESTING)
                enter_asking(p, now);
}

usec_t portal_deadline(const Portal *p)
{
        return p->deadline;
}

static bool pop_fetch(Portal *p, PortalEvent *ret)
{
        for (size_t i = 0; i < FETCHES_MAX; i++) {
                Fetch *f = &p->fetches[i];

                if (!f->id || f->announced)
                        continue;
                f->announced = true;
                *ret = (PortalEvent){ .type = PORTAL_EVENT_FETCH,
                        .id = f->id,
                        .api = i == FETCH_API,
                        .url = i == FETCH_API ? p->api : p->urls[i - FETCH_PROBE] };
                return true;
        }
        return false;
}

bool portal_pop_event(Portal *p, PortalEvent *ret)
{
        if (p->n_abandoned > 0) {
                *ret = (PortalEvent){ .type = PORTAL_EVENT_ABANDON,
                        .id = p->abandoned[--p->n_abandoned] };
                return true;
        }
        if (p->changed) {
                p->changed = false;
                *ret = (PortalEvent){ .type = PORTAL_EVENT_VERDICT };
                return true;
        }
        return pop_fetch(p, ret);
}

PortalVerdict portal_verdict(const Portal *p)
{
        return p->verdict;
}

const char *portal_user_url(const Portal *p)
{
        return p->user_url;
}

bool portal_is_asking_first(const Portal *p)
{
        return p->first && p->state == STATE_ASKING;
}
