/* SPDX-License-Identifier: MIT */
#include "helper/token.h"
#include "helper/asker.h"
#include "proto/oauth.h"
#include "util/log.h"
#include <lwsd/lws-system.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct TokenStage {
        Asker asker;
        Registration *registration;
        const StageSettings *settings;
        unsigned index;
        unsigned serial; /* of the certificate that was shown last; a token is bound to it */
        OauthToken token;
        usec_t expires; /* of the token, CLOCK_BOOTTIME */
        bool expired;   /* there was one */
};

static TokenStage *stage_of(const Asker *a)
{
        return container_of(a, TokenStage, asker);
}

static void put_blob(TokenStage *s)
{
        lws_system_blob_t *blob =
                lws_system_get_blob(s->asker.upper->cx, LWS_SYSBLOB_TYPE_AUTH, (int) s->index);

        lws_system_blob_heap_empty(blob);
        if (s->token.text)
                (void) lws_system_blob_heap_append(
                        blob, (const uint8_t *) s->token.text, strlen(s->token.text));
}

static void evaluate(Asker *a)
{
        TokenStage *s = stage_of(a);

        if (s->token.text && asker_now(a) >= s->expires) {
                oauth_token_clear(&s->token);
                put_blob(s);
                s->expired = true;
        }
        asker_evaluate_at(a, s->token.text ? s->expires : USEC_INFINITY);
        if (s->token.text)
                hold_drop(a->hold);
        else if (s->expired)
                asker_explain(a, "token-expired", "token was not renewed in time");
        else if (s->settings->provider == STAGE_PROVIDER_BUILTIN)
                asker_explain(a, "no-token", "no token yet");
        else
                hold_drop(a->hold); /* it is the provider who is waited for */
        if (s->token.text && s->registration && registration_serial(s->registration) != s->serial)
                asker_ask_in(a, 0);
}

static void take_over(TokenStage *s, OauthToken *token, usec_t expires)
{
        oauth_token_clear(&s->token);
        s->token = *token;
        s->expires = expires;
        s->expired = false;
        put_blob(s);
}

/* Renewal is due at three quarters of the life, give or take a tenth. */
static int take(Asker *a, const FetchAnswer *answer, const char *body, size_t size,
        char why[static ASKER_TEXT_MAX])
{
        TokenStage *s = stage_of(a);
        char code[64];
        OauthToken token;
        usec_t life;

        if (answer->status != 200) {
                oauth_parse_error(body, size, code);
                snprintf(why, ASKER_TEXT_MAX, "HTTP status %u%s%s", answer->status,
                        *code ? ", " : "", code);
                return -EPROTO;
        }
        if (oauth_parse_token(body, size, &token) < 0) {
                snprintf(why, ASKER_TEXT_MAX, "answer is no bearer token");
                return -EBADMSG;
        }
        life = token.lifetime_usec;
        take_over(s, &token, usec_add(a->asked, life));
        if (life != USEC_INFINITY)
                asker_ask_in(a, usec_sub(usec_add(a->asked, rng_range(&RNG_KERNEL, life * 65 / 100,
                                                                    life * 85 / 100)),
                                        asker_now(a)));
        log_event(LOG_SEV_INFO, LOG_FIELDS({ "LWSD_HELPER", "auth" }), "token %u from %s",
                s->index + 1, a->url);
        return 0;
}

static int ask(Asker *a)
{
        TokenStage *s = stage_of(a);
        char form[2048], host[65] = "lwsd";
        Writer w = WRITER_INIT(form, sizeof(form));
        FetchRequest request = {
                .method = FETCH_POST,
                .body_max = 2 * OAUTH_TOKEN_MAX,
                .accept = "application/json",
                .content_type = "application/x-www-form-urlencoded",
                .body = (const uint8_t *) form,
        };
        int r;

        if (s->registration) {
                registration_show(s->registration, &request);
                s->serial = registration_serial(s->registration);
        }
        (void) gethostname(host, sizeof(host) - 1);
        r = oauth_write_request(s->settings->name ? s->settings->name : host,
                s->settings->scope ? s->settings->scope : "", &w);
        if (r < 0)
                return r;
        request.body_size = w.pos;
        return asker_send(a, &request);
}

static bool may_ask(const Asker *a)
{
        const TokenStage *s = stage_of(a);

        return asker_time_is_true(a) && (!s->registration || registration_is_done(s->registration));
}

static const AskerOps token_ops = {
        .who = "auth", .ask = ask, .take = take, .evaluate = evaluate, .may_ask = may_ask
};

int token_stage_new(TokenStage **ret, Upper *upper, Registration *registration, unsigned index)
{
        const StageSettings *settings =
                index == 0 ? &upper->settings->auth1 : &upper->settings->auth2;
        _cleanup_(token_stage_freep) TokenStage *s = calloc(1, sizeof(*s));
        int r;

        if (!s)
                return -ENOMEM;
        s->registration = registration;
        s->settings = settings;
        s->index = index;
        r = asker_init(&s->asker, upper, &token_ops,
                index == 0 ? LWS_SYSTATE_AUTH1 : LWS_SYSTATE_AUTH2,
                settings->provider == STAGE_PROVIDER_BUILTIN ? settings->url : NULL,
                settings->certificate_authority);
        if (r < 0)
                return r;
        asker_ask_in(&s->asker, 0);
        evaluate(&s->asker);
        *ret = TAKE_PTR(s);
        return 0;
}

TokenStage *token_stage_free(TokenStage *s)
{
        if (!s)
                return NULL;
        asker_deinit(&s->asker);
        oauth_token_clear(&s->token);
        free(s);
        return NULL;
}

const char *token_stage_current(const TokenStage *s, usec_t *ret_expires)
{
        if (!s->token.text)
                return NULL;
        *ret_expires = usec_add(clock_realtime_usec(), usec_sub(s->expires, asker_now(&s->asker)));
        return s->token.text;
}

int token_stage_put(TokenStage *s, const char *text, size_t size, usec_t expires)
{
        usec_t left = usec_sub(expires, clock_realtime_usec());
        OauthToken token = { 0 };
        int r;

        if (s->settings->provider != STAGE_PROVIDER_HOLD)
                return -EOPNOTSUPP;
        if (size > 0 && left == 0)
                return -ETIME;
        r = size > 0 ? oauth_token_new(text, size, &token) : 0;
        if (r < 0)
                return r;
        take_over(s, &token, usec_add(asker_now(&s->asker), left));
        evaluate(&s->asker);
        return 0;
}
