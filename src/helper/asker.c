/* SPDX-License-Identifier: MIT */
#include "helper/asker.h"
#include "util/log.h"
#include "util/text.h"
#include <stdio.h>
#include <string.h>

#define TIMEOUT_MSEC (30 * 1000)
#define HURRY_USEC   (3 * USEC_PER_SEC)
/* With full jitter the wait is anything up to twice these. */
#define RETRY_FIRST_USEC (USEC_PER_SEC / 2)
#define RETRY_MAX_USEC   (150 * USEC_PER_SEC)

usec_t asker_now(const Asker *a)
{
        return thread_now(a->timer.thread);
}

bool asker_time_is_true(const Asker *a)
{
        return ladder_reached(context_ladder(a->upper->cx), LWS_SYSTATE_TIME_VALID);
}

/* Some link has an address that reaches beyond it. */
static bool is_online(const Asker *a)
{
        list_foreach (it, network_links(a->upper->network)) {
                const Link *l = list_entry(it, Link, link);

                for (size_t i = 0; l->carrier && !l->loopback && i < l->n_addresses; i++)
                        if (!l->addresses[i].tentative &&
                                !ip_is_link_local(&l->addresses[i].prefix.addr))
                                return true;
        }
        return false;
}

/* The window is drawn once, by whoever has the first question that could be put. */
static usec_t opening(const Asker *a)
{
        Upper *u = a->upper;

        if (u->open_usec == 0)
                u->open_usec =
                        usec_add(asker_now(a), rng_range(&RNG_KERNEL, 0, u->settings->spread_usec));
        return u->open_usec;
}

/* When the next question will be put; USEC_INFINITY while none is due or may be. */
static usec_t next_question(const Asker *a)
{
        if (a->fetch || a->due == USEC_INFINITY || !is_online(a) ||
                (a->ops->may_ask && !a->ops->may_ask(a)))
                return USEC_INFINITY;
        return MAX(a->due, opening(a));
}

static void arm(Asker *a)
{
        timer_set(&a->timer, next_question(a));
}

void asker_ask_in(Asker *a, usec_t wait)
{
        a->due = a->url ? usec_add(asker_now(a), wait) : USEC_INFINITY;
        arm(a);
}

void asker_evaluate_at(Asker *a, usec_t deadline)
{
        timer_set(&a->evaluate_timer, deadline);
}

/* At least as long as the server asks, up to a day, and never all devices at once. */
void asker_fail(Asker *a, const char *why, uint32_t retry_after_sec)
{
        usec_t wait = backoff_next(&a->backoff, &RNG_KERNEL);

        if (retry_after_sec != FETCH_NO_AGE) {
                usec_t asked = MIN(retry_after_sec * USEC_PER_SEC, USEC_PER_DAY);

                wait = MAX(wait, rng_range(&RNG_KERNEL, asked, asked + asked / 10));
        }
        if (strcmp(a->failed, why) != 0)
                log_event(LOG_SEV_NOTICE, LOG_FIELDS({ "LWSD_HELPER", a->ops->who }), "%s: %s: %s",
                        a->ops->who, a->url, why);
        text_copy(a->failed, sizeof(a->failed), why);
        asker_ask_in(a, wait);
}

void asker_explain(Asker *a, const char *code, const char *what)
{
        usec_t when = next_question(a), now = asker_now(a), next = 0;

        if (when != USEC_INFINITY && when > now)
                next = usec_add(clock_monotonic_usec(), when - now);
        hold_assert(a->hold, code, next, "%s%s%s%s%s%s", what, a->url ? " (" : "",
                a->url ? a->url : "", a->url ? ")" : "", a->failed[0] ? ": " : "", a->failed);
}

int asker_refuse_status(const FetchAnswer *answer, char why[static ASKER_TEXT_MAX])
{
        snprintf(why, ASKER_TEXT_MAX, "HTTP status %u", answer->status);
        return -EPROTO;
}

static void on_fetched(
        Fetch *fetch, const FetchAnswer *answer, const void *body, size_t body_size, void *userdata)
{
        Asker *a = userdata;
        char why[ASKER_TEXT_MAX] = "";
        int r = -EIO;

        a->fetch = NULL;
        a->due = USEC_INFINITY;
        if (answer->error == FETCH_OK)
                r = a->ops->take(a, answer, body, body_size, why);
        else
                text_copy(why, sizeof(why), answer->message);
        if (r >= 0) {
                a->failed[0] = 0;
                backoff_reset(&a->backoff);
        } else {
                asker_fail(a, why[0] ? why : strerror(-r), answer->retry_after_sec);
        }
        a->ops->evaluate(a);
        arm(a);
}

int asker_send(Asker *a, FetchRequest *request)
{
        if (!request->url)
                request->url = a->url;
        if (!request->ca_pem)
                request->ca_pem = a->ca;
        request->timeout_msec = TIMEOUT_MSEC;
        a->asked = asker_now(a);
        return fetch_new(&a->fetch, a->upper->fetcher, request, NULL, on_fetched, a);
}

static void on_timer(Timer *t, usec_t now)
{
        Asker *a = container_of(t, Asker, timer);
        int r;

        if (next_question(a) > now) { /* what it was set for may no longer be so */
                arm(a);
                return;
        }
        r = a->ops->ask(a);
        if (r < 0) {
                asker_fail(a, strerror(-r), FETCH_NO_AGE);
                a->ops->evaluate(a);
        }
}

static void on_evaluate_timer(Timer *t, usec_t now)
{
        Asker *a = container_of(t, Asker, evaluate_timer);

        a->ops->evaluate(a);
}

static void look_again(Asker *a)
{
        a->ops->evaluate(a);
        arm(a);
}

/* What failed over one network may work over another, and what was asked over the last one is not
 * waited for as long as usual. */
static void on_network(NetworkWatch *w, bool epoch_changed)
{
        Asker *a = container_of(w, Asker, network_watch);

        if (epoch_changed) {
                backoff_reset(&a->backoff);
                if (a->fetch)
                        fetch_hurry(a->fetch, HURRY_USEC);
                else if (a->failed[0] && a->due != USEC_INFINITY)
                        a->due = asker_now(a);
        }
        look_again(a);
}

static void on_state(LadderWatch *w, const LadderChange *change)
{
        if (change->new_state == LWS_SYSTATE_TIME_VALID ||
                change->new_state == LWS_SYSTATE_REGISTERED)
                look_again(container_of(w, Asker, ladder_watch));
}

static void on_upper(UpperWatch *w)
{
        look_again(container_of(w, Asker, upper_watch));
}

int asker_init(Asker *a, Upper *upper, const AskerOps *ops, int state, const char *url,
        const char *ca_file)
{
        Thread *thread = context_thread(upper->cx, 0);
        int r;

        a->upper = upper;
        a->ops = ops;
        a->url = url;
        a->due = USEC_INFINITY;
        a->backoff = (Backoff){
                .first_usec = RETRY_FIRST_USEC, .max_usec = RETRY_MAX_USEC, .jitter_percent = 100
        };
        timer_init(&a->timer, thread, on_timer);
        timer_init(&a->evaluate_timer, thread, on_evaluate_timer);
        r = fetch_load_ca(ca_file, &a->ca);
        if (r >= 0)
                r = hold_new(&a->hold, context_ladder(upper->cx), state, HOLD_REQUIRED, ops->who);
        if (r < 0)
                return r;
        a->network_watch.changed = on_network;
        network_watch_link(upper->network, &a->network_watch);
        a->ladder_watch.changed = on_state;
        ladder_watch_link(context_ladder(upper->cx), &a->ladder_watch);
        a->upper_watch.changed = on_upper;
        upper_watch_link(upper, &a->upper_watch);
        return 0;
}

void asker_deinit(Asker *a)
{
        fetch_free(a->fetch);
        timer_cancel(&a->timer);
        timer_cancel(&a->evaluate_timer);
        network_watch_unlink(&a->network_watch);
        ladder_watch_unlink(&a->ladder_watch);
        upper_watch_unlink(&a->upper_watch);
        hold_free(a->hold);
        free(a->ca);
}
