/* SPDX-License-Identifier: MIT */
#include "helper/token.h"
#include "core/backoff.h"
#include "core/timer.h"
#include "proto/oauth.h"
#include "util/log.h"
#include <lwsd/lws-system.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TIMEOUT_MSEC (30 * 1000)

struct TokenStage {
        struct lws_context *cx;
        Fetcher *fetcher;
        Registration *registration;
        const StageSettings *settings;
        unsigned index;
        char *ca;
        OauthToken token;
        usec_t expires; /* of the token, CLOCK_BOOTTIME */
        Hold *hold;
        Fetch *fetch;
        usec_t asked; /* CLOCK_BOOTTIME; a token's life counts from here */
        Timer renew_timer, expiry_timer;
        Backoff backoff;
        LadderWatch ladder_watch;
        RegistrationWatch registration_watch;
};

static usec_t now_of(const TokenStage *s)
{
        return thread_now(s->renew_timer.thread);
}

static bool may_ask(const TokenStage *s)
{
        return ladder_reached(context_ladder(s->cx), LWS_SYSTATE_TIME_VALID) &&
               (!s->registration || registration_certificate(s->registration));
}

static void put_blob(TokenStage *s)
{
        lws_system_blob_t *blob = lws_system_get_blob(s->cx, LWS_SYSBLOB_TYPE_AUTH, (int) s->index);

        lws_system_blob_heap_empty(blob);
        if (s->token.text)
                (void) lws_system_blob_heap_append(
                        blob, (const uint8_t *) s->token.text, strlen(s->token.text));
}

static void ask_if_possible(TokenStage *s)
{
        if (!s->fetch && !s->token.text && may_ask(s))
                timer_set(&s->renew_timer, 0);
}

static void retry(TokenStage *s, const char *why, uint32_t retry_after_sec)
{
        usec_t wait = backoff_next(&s->backoff, &RNG_KERNEL);

        if (retry_after_sec != FETCH_NO_AGE)
                wait = MAX(wait, MIN(retry_after_sec * USEC_PER_SEC, USEC_PER_DAY));
        log_notice("token from %s: %s", s->settings->url, why);
        timer_set(&s->renew_timer, usec_add(now_of(s), wait));
        if (hold_is_asserted(s->hold))
                hold_assert(s->hold, "no-token", usec_add(clock_monotonic_usec(), wait), "%s: %s",
                        s->settings->url, why);
}

/* Renewal is due at three quarters of the life, give or take a tenth. */
static void take_token(TokenStage *s, OauthToken *token)
{
        usec_t life = token->lifetime_usec, due = USEC_INFINITY;

        oauth_token_clear(&s->token);
        s->token = *token;
        s->expires = usec_add(s->asked, life);
        if (life != USEC_INFINITY)
                due = usec_add(s->asked, rng_range(&RNG_KERNEL, life * 65 / 100, life * 85 / 100));
        backoff_reset(&s->backoff);
        timer_set(&s->renew_timer, due);
        timer_set(&s->expiry_timer, s->expires);
        put_blob(s);
        hold_drop(s->hold);
        log_event(LOG_SEV_INFO, LOG_FIELDS({ "LWSD_HELPER", "auth" }), "token %u from %s",
                s->index + 1, s->settings->url);
}

static void on_fetched(
        Fetch *fetch, const FetchAnswer *answer, const void *body, size_t body_size, void *userdata)
{
        TokenStage *s = userdata;
        char code[64], why[128];
        OauthToken token;

        s->fetch = NULL;
        if (answer->error != FETCH_OK) {
                retry(s, answer->message, answer->retry_after_sec);
        } else if (answer->status != 200) {
                oauth_parse_error(body, body_size, code);
                snprintf(why, sizeof(why), "HTTP status %u%s%s", answer->status, *code ? ", " : "",
                        code);
                retry(s, why, answer->retry_after_sec);
        } else if (oauth_parse_token(body, body_size, &token) < 0) {
                retry(s, "answer is no bearer token", FETCH_NO_AGE);
        } else {
                take_token(s, &token);
        }
}

static int ask(TokenStage *s)
{
        char form[2048], host[65] = "lwsd";
        Writer w = WRITER_INIT(form, sizeof(form));
        FetchRequest request = {
                .method = FETCH_POST,
                .timeout_msec = TIMEOUT_MSEC,
                .body_max = 2 * OAUTH_TOKEN_MAX,
                .url = s->settings->url,
                .accept = "application/json",
                .content_type = "application/x-www-form-urlencoded",
                .ca_pem = s->ca,
                .body = (const uint8_t *) form,
        };
        int r;

        if (s->registration) {
                request.cert_pem = registration_certificate(s->registration);
                request.key_pem = registration_key(s->registration);
        }
        (void) gethostname(host, sizeof(host) - 1);
        r = oauth_write_request(s->settings->name ? s->settings->name : host,
                s->settings->scope ? s->settings->scope : "", &w);
        if (r < 0)
                return r;
        request.body_size = w.pos;
        s->asked = now_of(s);
        return fetch_new(&s->fetch, s->fetcher, &request, NULL, on_fetched, s);
}

static void on_renew_timer(Timer *t, usec_t now)
{
        TokenStage *s = container_of(t, TokenStage, renew_timer);
        int r;

        if (s->fetch || !may_ask(s))
                return;
        r = ask(s);
        if (r < 0)
                retry(s, strerror(-r), FETCH_NO_AGE);
}

static void on_expiry_timer(Timer *t, usec_t now)
{
        TokenStage *s = container_of(t, TokenStage, expiry_timer);

        oauth_token_clear(&s->token);
        put_blob(s);
        hold_assert(s->hold, "token-expired", 0, "token of %s was not renewed in time",
                s->settings->url);
        ask_if_possible(s);
}

static void on_state(LadderWatch *w, const LadderChange *change)
{
        if (change->new_state == LWS_SYSTATE_TIME_VALID)
                ask_if_possible(container_of(w, TokenStage, ladder_watch));
}

static void on_registration(RegistrationWatch *w)
{
        ask_if_possible(container_of(w, TokenStage, registration_watch));
}

int token_stage_new(TokenStage **ret, struct lws_context *cx, Fetcher *fetcher,
        Registration *registration, const Settings *settings, unsigned index)
{
        _cleanup_(token_stage_freep) TokenStage *s = calloc(1, sizeof(*s));
        int r;

        if (!s)
                return -ENOMEM;
        s->cx = cx;
        s->fetcher = fetcher;
        s->registration = registration;
        s->settings = index == 0 ? &settings->auth1 : &settings->auth2;
        s->index = index;
        s->backoff = (Backoff){
                .first_usec = USEC_PER_SEC, .max_usec = 5 * USEC_PER_MIN, .jitter_percent = 50
        };
        timer_init(&s->renew_timer, context_thread(cx, 0), on_renew_timer);
        timer_init(&s->expiry_timer, context_thread(cx, 0), on_expiry_timer);
        r = fetch_load_ca(s->settings->certificate_authority, &s->ca);
        if (r < 0)
                return r;
        r = hold_new(&s->hold, context_ladder(cx),
                index == 0 ? LWS_SYSTATE_AUTH1 : LWS_SYSTATE_AUTH2, HOLD_REQUIRED, "auth");
        if (r < 0)
                return r;
        hold_assert(s->hold, "no-token", 0, "no token yet from %s", s->settings->url);
        s->ladder_watch.changed = on_state;
        ladder_watch_link(context_ladder(cx), &s->ladder_watch);
        s->registration_watch.changed = on_registration;
        if (registration)
                registration_watch_link(registration, &s->registration_watch);
        ask_if_possible(s);
        *ret = TAKE_PTR(s);
        return 0;
}

TokenStage *token_stage_free(TokenStage *s)
{
        if (!s)
                return NULL;
        fetch_free(s->fetch);
        timer_cancel(&s->renew_timer);
        timer_cancel(&s->expiry_timer);
        ladder_watch_unlink(&s->ladder_watch);
        registration_watch_unlink(&s->registration_watch);
        hold_free(s->hold);
        oauth_token_clear(&s->token);
        free(s->ca);
        free(s);
        return NULL;
}

const char *token_stage_current(const TokenStage *s, usec_t *ret_expires)
{
        usec_t left;

        if (!s->token.text)
                return NULL;
        left = usec_sub(s->expires, now_of(s));
        *ret_expires = usec_add(clock_realtime_usec(), left);
        return s->token.text;
}
