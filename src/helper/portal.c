/* SPDX-License-Identifier: MIT */
#include "helper/portal.h"
#include "core/timer.h"
#include "proto/portal-api.h"
#include "proto/portal.h"
#include "util/hash.h"
#include "util/log.h"
#include "util/text.h"
#include <lwsd/lws-system.h>
#include <string.h>

enum { PROBES_MAX = PORTAL_URLS_MAX + 1, TIMEOUT_MSEC = 10 * 1000 };

typedef struct Probe Probe;
struct Probe {
        Fetch *fetch;
        unsigned id;
        PortalCheck *check;
        bool dates_ignored;
};

struct PortalCheck {
        Upper *upper;
        Portal *machine;
        Probe probes[PROBES_MAX];
        Timer timer;
        Hold *hold;
        NetworkWatch network_watch;
        LadderWatch ladder_watch;
        int uplink;   /* ifindex; 0: none */
        uint64_t dns; /* of its name servers */
        char *api_uri;
        char *ca;
};

/* The link that a connection to anywhere would leave by: the default route of the lowest metric. */
static Link *find_uplink(Network *network)
{
        uint32_t best_metric = UINT32_MAX;
        Link *best = NULL;

        list_foreach (it, network_links(network)) {
                Link *l = list_entry(it, Link, link);

                for (size_t i = 0; l->carrier && !l->loopback && i < l->n_gateways; i++) {
                        if (best && l->gateways[i].metric >= best_metric)
                                continue;
                        best = l;
                        best_metric = l->gateways[i].metric;
                }
        }
        return best;
}

/* IPv6's word counts before IPv4's where they differ (RFC 8910 section 2.3). `ret_other`: what they
 * differ by, or NULL. */
static const char *find_api(const Link *link, const char **ret_other)
{
        static const FactSource order[] = { FACT_SOURCE_DHCP6, FACT_SOURCE_RA, FACT_SOURCE_DHCP4 };
        const char *found = NULL;

        *ret_other = NULL;
        for (size_t i = 0; link && i < ELEMENTSOF(order); i++) {
                const char *uri = link->facts[order[i]].captive_portal;

                if (found && uri && strcmp(found, uri) != 0)
                        *ret_other = uri;
                else if (!found)
                        found = uri;
        }
        return found;
}

static void explain(PortalCheck *c)
{
        switch (portal_verdict(c->machine)) {
        case PORTAL_VERDICT_PORTAL:
                hold_assert(c->hold, "captive-portal", 0, "a captive portal is in the way%s%s",
                        portal_user_url(c->machine)[0] ? ": " : "", portal_user_url(c->machine));
                break;
        case PORTAL_VERDICT_UNKNOWN:
        case PORTAL_VERDICT_INTERNET:
        case PORTAL_VERDICT_NO_INTERNET:
                if (portal_is_asking_first(c->machine))
                        hold_assert(c->hold, "portal-check", 0, "captive portal is looked for");
                else
                        hold_drop(c->hold);
                break;
        }
}

static void tell(PortalCheck *c)
{
        static const lws_cpd_result_t results[] = {
                [PORTAL_VERDICT_UNKNOWN] = LWS_CPD_UNKNOWN,
                [PORTAL_VERDICT_INTERNET] = LWS_CPD_INTERNET_OK,
                [PORTAL_VERDICT_PORTAL] = LWS_CPD_CAPTIVE_PORTAL,
                [PORTAL_VERDICT_NO_INTERNET] = LWS_CPD_NO_INTERNET,
        };

        log_event(LOG_SEV_INFO, LOG_FIELDS({ "LWSD_HELPER", "portal" }), "captive portal: %s%s%s",
                portal_check_result(c), portal_user_url(c->machine)[0] ? ", " : "",
                portal_user_url(c->machine));
        lws_system_cpd_set(c->upper->cx, results[portal_verdict(c->machine)]);
        upper_tell(c->upper);
}

static bool time_is_true(const PortalCheck *c)
{
        return ladder_reached(context_ladder(c->upper->cx), LWS_SYSTATE_TIME_VALID);
}

static void drive(PortalCheck *c);

static void on_fetched(
        Fetch *fetch, const FetchAnswer *answer, const void *body, size_t body_size, void *userdata)
{
        Probe *probe = userdata;
        PortalCheck *c = probe->check;
        usec_t now = clock_realtime_usec();
        bool judged = time_is_true(c);
        bool good = !judged || (now >= answer->valid_from_usec && now < answer->valid_until_usec);
        PortalReply reply = { .answered = answer->error == FETCH_OK && good,
                .dates_ignored = probe->dates_ignored && !judged,
                .status = answer->status,
                .location = answer->location,
                .body = body,
                .body_size = body_size,
                .max_age_usec = answer->max_age_sec == FETCH_NO_AGE
                                        ? USEC_INFINITY
                                        : answer->max_age_sec * USEC_PER_SEC };

        /* More than a probe may say is a page, whatever its size. */
        if (answer->error == FETCH_TOO_BIG)
                reply = (PortalReply){
                        .answered = true, .status = 200, .body = "?", .body_size = 1
                };
        if (answer->error != FETCH_OK)
                log_debug("captive portal: %s", answer->message);
        probe->fetch = NULL;
        portal_done(c->machine, thread_now(c->timer.thread), probe->id, &reply);
        drive(c);
}

static void start_fetch(PortalCheck *c, const PortalEvent *e)
{
        FetchRequest request = { .timeout_msec = TIMEOUT_MSEC,
                .flags = e->api && !time_is_true(c) ? FETCH_IGNORE_DATES : 0,
                .body_max = e->api ? PORTAL_API_BODY_MAX : 4096,
                .url = e->url,
                .plain_names = true, /* a portal lets no TLS through to the name servers */
                .ca_pem = e->api ? c->ca : NULL,
                .accept = e->api ? "application/captive+json" : "" };
        PortalReply none = { 0 };
        Probe *p = NULL;
        int r = -ENOBUFS;

        for (size_t i = 0; i < PROBES_MAX && !p; i++)
                if (!c->probes[i].fetch)
                        p = &c->probes[i];
        if (p) {
                *p = (Probe){ .id = e->id, .check = c, .dates_ignored = request.flags != 0 };
                r = fetch_new(&p->fetch, c->upper->fetcher, &request,
                        network_link_by_index(c->upper->network, c->uplink), on_fetched, p);
        }
        if (r < 0)
                portal_done(c->machine, thread_now(c->timer.thread), e->id, &none);
}

static void abandon(PortalCheck *c, unsigned id)
{
        for (size_t i = 0; i < PROBES_MAX; i++)
                if (c->probes[i].fetch && c->probes[i].id == id)
                        c->probes[i].fetch = fetch_free(c->probes[i].fetch);
}

/* Carries out what the machine wants until it wants nothing more. */
static void drive(PortalCheck *c)
{
        PortalEvent e;

        while (portal_pop_event(c->machine, &e)) {
                switch (e.type) {
                case PORTAL_EVENT_FETCH:
                        start_fetch(c, &e);
                        break;
                case PORTAL_EVENT_ABANDON:
                        abandon(c, e.id);
                        break;
                case PORTAL_EVENT_VERDICT:
                        tell(c);
                        break;
                }
        }
        explain(c);
        timer_set(&c->timer, portal_deadline(c->machine));
}

static void on_timer(Timer *t, usec_t now)
{
        PortalCheck *c = container_of(t, PortalCheck, timer);

        portal_timeout(c->machine, now);
        drive(c);
}

/* Tells one set of name servers from another. */
static uint64_t hash_dns(const Link *link)
{
        uint64_t hash = HASH_INIT;

        for (size_t i = 0; link && i < _FACT_SOURCE_MAX; i++) {
                const EndpointList *dns = &link->facts[i].dns;

                for (size_t k = 0; k < dns->n; k++) {
                        const IpAddr *a = &dns->items[k].addr;

                        hash = hash_mix(hash, a->bytes, ip_size(a->family));
                }
        }
        return hash;
}

static void on_network(NetworkWatch *w, bool epoch_changed)
{
        PortalCheck *c = container_of(w, PortalCheck, network_watch);
        const Link *up = find_uplink(c->upper->network);
        const char *other, *api = find_api(up, &other);
        int ifindex = up ? up->ifindex : 0;
        uint64_t dns = hash_dns(up);
        bool other_dns = dns != c->dns;

        c->dns = dns;
        if (!epoch_changed && ifindex == c->uplink && text_equal(api, c->api_uri)) {
                if (other_dns)
                        portal_recheck(c->machine, thread_now(c->timer.thread));
                drive(c);
                return;
        }
        if (other && !text_equal(api, c->api_uri))
                log_notice("%s: two captive portal APIs, %s is used and %s is not", up->name, api,
                        other);
        c->uplink = ifindex;
        free(c->api_uri);
        c->api_uri = api ? strdup(api) : NULL;
        if (up)
                portal_network_up(c->machine, thread_now(c->timer.thread), c->api_uri);
        else
                portal_network_down(c->machine);
        drive(c);
}

static void on_state(LadderWatch *w, const LadderChange *change)
{
        PortalCheck *c = container_of(w, PortalCheck, ladder_watch);

        if (change->new_state != LWS_SYSTATE_TIME_VALID)
                return;
        portal_time_valid(c->machine, change->boottime_usec);
        drive(c);
}

int portal_check_new(PortalCheck **ret, Upper *upper)
{
        _cleanup_(portal_check_freep) PortalCheck *c = calloc(1, sizeof(*c));
        const PortalSettings *s = &upper->settings->portal;
        int r;

        if (!c)
                return -ENOMEM;
        c->upper = upper;
        timer_init(&c->timer, context_thread(upper->cx, 0), on_timer);
        r = fetch_load_ca(s->certificate_authority, &c->ca);
        if (r < 0)
                return r;
        r = portal_new(&c->machine, &RNG_KERNEL, s->urls.items, s->urls.n);
        if (r < 0)
                return r;
        r = hold_new(&c->hold, context_ladder(upper->cx), portal_rung(s), HOLD_REQUIRED, "portal");
        if (r < 0)
                return r;
        c->network_watch.changed = on_network;
        network_watch_link(upper->network, &c->network_watch);
        c->ladder_watch.changed = on_state;
        ladder_watch_link(context_ladder(upper->cx), &c->ladder_watch);
        on_network(&c->network_watch, true);
        *ret = TAKE_PTR(c);
        return 0;
}

PortalCheck *portal_check_free(PortalCheck *c)
{
        if (!c)
                return NULL;
        for (size_t i = 0; i < PROBES_MAX; i++)
                fetch_free(c->probes[i].fetch);
        timer_cancel(&c->timer);
        network_watch_unlink(&c->network_watch);
        ladder_watch_unlink(&c->ladder_watch);
        hold_free(c->hold);
        portal_free(c->machine);
        free(c->api_uri);
        free(c->ca);
        free(c);
        return NULL;
}

const char *portal_check_result(const PortalCheck *c)
{
        return portal_verdict_to_string(portal_verdict(c->machine));
}

const char *portal_check_url(const PortalCheck *c)
{
        return portal_user_url(c->machine);
}

void portal_check_recheck(PortalCheck *c, int ifindex)
{
        if (ifindex != 0 && ifindex != c->uplink)
                return;
        portal_recheck(c->machine, thread_now(c->timer.thread));
        drive(c);
}
