/* SPDX-License-Identifier: MIT */
#include "helper/registration.h"
#include "crypto/identity.h"
#include "helper/asker.h"
#include "util/base64.h"
#include "util/fd.h"
#include "util/log.h"
#include <fcntl.h>
#include <lwsd/lws-system.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define KEY_NAME         "identity.key"
#define CERTIFICATE_NAME "identity.pem"

struct Registration {
        Asker asker;
        const StageSettings *settings;
        const char *state_dir;
        char *key, *certificate;
        usec_t not_before, renew, expires; /* of the certificate, CLOCK_REALTIME */
        unsigned serial;                   /* counts certificates */
        char *authorization;
};

static Registration *registration_of(const Asker *a)
{
        return container_of(a, Registration, asker);
}

static int open_state_dir(const Registration *g)
{
        int fd = open(g->state_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

        return fd < 0 ? -errno : fd;
}

/* Renewal is due a third of its life before the end, so that a server may be away for weeks; a
 * tenth of that early or late, for what was enrolled together is not to come back together. */
static void set_certificate(Registration *g, char *certificate, usec_t not_before, usec_t expires)
{
        usec_t third = (expires - not_before) / 3;

        free(g->certificate);
        g->certificate = certificate;
        g->not_before = not_before;
        g->renew = expires - rng_range(&RNG_KERNEL, third - third / 10, third + third / 10);
        g->expires = expires;
        g->serial++;
}

/* What holds, and when to ask, by the certificate there is. Dates count once time is true. */
static void evaluate(Asker *a)
{
        Registration *g = registration_of(a);
        usec_t now = clock_realtime_usec(), edge = USEC_INFINITY;

        if (!g->certificate) {
                if (g->settings->provider == STAGE_PROVIDER_BUILTIN)
                        asker_explain(a, "not-registered", "no certificate yet");
                else
                        hold_drop(a->hold); /* it is the provider who is waited for */
        } else if (!asker_time_is_true(a)) {
                hold_drop(a->hold); /* looked at again then */
        } else if (now >= g->expires) {
                asker_explain(a, "certificate-expired", "our certificate has expired");
        } else if (now < g->not_before) {
                asker_explain(a, "certificate-not-yet-valid", "our certificate is not valid yet");
                edge = g->not_before;
        } else {
                hold_drop(a->hold);
                edge = g->expires;
        }
        asker_evaluate_at(a, edge == USEC_INFINITY ? edge : usec_add(asker_now(a), edge - now));
        if (a->failed[0] || a->fetch || !asker_time_is_true(a))
                return; /* the next attempt has its time already */
        asker_ask_in(a, g->certificate && now < g->expires ? usec_sub(g->renew, now) : 0);
}

static void put_blob(Registration *g)
{
        lws_system_blob_t *blob =
                lws_system_get_blob(g->asker.upper->cx, LWS_SYSBLOB_TYPE_CLIENT_CERT_DER, 0);
        _cleanup_(freep) uint8_t *der = NULL;
        size_t size;

        lws_system_blob_heap_empty(blob);
        if (g->certificate && identity_certificate_der(g->certificate, &der, &size) >= 0)
                (void) lws_system_blob_heap_append(blob, der, size);
}

static int load(Registration *g)
{
        _cleanup_fd_ int dir = open_state_dir(g);
        _cleanup_(freep) char *certificate = NULL;
        usec_t not_before, expires;
        int r;

        if (dir < 0)
                return dir;
        r = file_read(dir, KEY_NAME, IDENTITY_PEM_MAX, &g->key, NULL);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        r = file_read(dir, CERTIFICATE_NAME, IDENTITY_PEM_MAX, &certificate, NULL);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        if (identity_check(g->key, certificate, &not_before, &expires) >= 0)
                set_certificate(g, TAKE_PTR(certificate), not_before, expires);
        else
                log_warning(
                        "%s/" CERTIFICATE_NAME ": not for our key: enrolled again", g->state_dir);
        return 0;
}

/* The key is made once, and used only when it is sure to be there after a power cut. */
static int make_key(Registration *g)
{
        _cleanup_fd_ int dir = open_state_dir(g);
        _cleanup_(freep) char *key = NULL;
        int r;

        if (dir < 0)
                return dir;
        r = identity_make_key(&key);
        if (r >= 0)
                r = file_write_atomic(dir, KEY_NAME, key, strlen(key), 0600);
        if (r >= 0)
                g->key = TAKE_PTR(key);
        return r;
}

static int take_certificate(
        Registration *g, const char *body, size_t size, char why[static ASKER_TEXT_MAX])
{
        _cleanup_fd_ int dir = open_state_dir(g);
        _cleanup_(freep) char *certificate = NULL;
        usec_t now = clock_realtime_usec(), not_before, expires;
        int r;

        r = identity_read_answer(g->key, body, size, &certificate);
        if (r >= 0)
                r = identity_check(g->key, certificate, &not_before, &expires);
        if (r < 0) {
                snprintf(why, ASKER_TEXT_MAX, "answer is no certificate for our key");
                return r;
        }
        /* One that is to be valid soon is waited for. */
        if (now >= expires || usec_add(now, USEC_PER_DAY) < not_before) {
                snprintf(why, ASKER_TEXT_MAX, "answer is a certificate not valid at this time");
                return -EKEYEXPIRED;
        }
        if (dir < 0 || file_write_atomic(
                               dir, CERTIFICATE_NAME, certificate, strlen(certificate), 0644) < 0)
                log_warning("%s/" CERTIFICATE_NAME ": cannot be written; enrolled again after a "
                            "restart",
                        g->state_dir);
        set_certificate(g, TAKE_PTR(certificate), not_before, expires);
        return 0;
}

static int take(Asker *a, const FetchAnswer *answer, const char *body, size_t size,
        char why[static ASKER_TEXT_MAX])
{
        Registration *g = registration_of(a);
        int r;

        if (answer->status == 202) { /* RFC 7030 section 4.2.3: somebody has to agree first */
                snprintf(why, ASKER_TEXT_MAX, "accepted, not issued yet");
                return -EAGAIN;
        }
        if (answer->status != 200)
                return asker_refuse_status(answer, why);
        r = take_certificate(g, body, size, why);
        if (r < 0)
                return r;
        log_event(LOG_SEV_INFO, LOG_FIELDS({ "LWSD_HELPER", "registration" }), "registered at %s",
                a->url);
        put_blob(g);
        upper_tell(a->upper);
        return 0;
}

static int ask(Asker *a)
{
        Registration *g = registration_of(a);
        /* With a certificate it is a renewal, for which that certificate is the proof. One that has
         * expired proves nothing any more. */
        bool renewal = g->certificate && clock_realtime_usec() < g->expires;
        _cleanup_(freep) char *request_text = NULL;
        char url[2048], host[65] = "lwsd";
        FetchRequest request = {
                .method = FETCH_POST,
                .body_max = IDENTITY_PEM_MAX,
                .url = url,
                .content_type = "application/pkcs10",
                .authorization = renewal ? NULL : g->authorization,
                .cert_pem = renewal ? g->certificate : NULL,
                .key_pem = renewal ? g->key : NULL,
        };
        int r = g->key ? 0 : make_key(g);

        if (r < 0)
                return r;
        (void) gethostname(host, sizeof(host) - 1);
        r = identity_make_request(
                g->key, g->settings->name ? g->settings->name : host, &request_text);
        if (r < 0)
                return r;
        if ((size_t) snprintf(url, sizeof(url), "%s/.well-known/est/%s", a->url,
                    renewal ? "simplereenroll" : "simpleenroll") >= sizeof(url))
                return -E2BIG;
        request.body = (const uint8_t *) request_text;
        request.body_size = strlen(request_text);
        return asker_send(a, &request);
}

static const AskerOps registration_ops = {
        .who = "registration",
        .ask = ask,
        .take = take,
        .evaluate = evaluate,
        .may_ask = asker_time_is_true,
};

/* "user:password" becomes HTTP's Basic credential (RFC 7617); RFC 7030 section 3.2.3. */
static int load_credential(Registration *g)
{
        _cleanup_(freep) char *text = NULL;
        char encoded[BASE64_ENCODED_SIZE(512)];
        size_t size;
        int r;

        if (!g->settings->credential_file)
                return 0;
        r = file_read(AT_FDCWD, g->settings->credential_file, 512, &text, &size);
        if (r < 0)
                return r;
        size = strcspn(text, "\r\n");
        base64_encode(text, size, encoded);
        explicit_bzero(text, size);
        if (asprintf(&g->authorization, "Basic %s", encoded) < 0) {
                g->authorization = NULL;
                return -ENOMEM;
        }
        return 0;
}

static int load_files(Registration *g)
{
        int r = load_credential(g);

        if (r < 0)
                log_error("%s: %s", g->settings->credential_file, strerror(-r));
        if (r >= 0 && (r = load(g)) < 0)
                log_error("%s/identity: %s", g->state_dir, strerror(-r));
        return r;
}

int registration_new(Registration **ret, Upper *upper)
{
        _cleanup_(registration_freep) Registration *g = calloc(1, sizeof(*g));
        const StageSettings *settings = &upper->settings->registration;
        bool builtin = settings->provider == STAGE_PROVIDER_BUILTIN;
        int r;

        if (!g)
                return -ENOMEM;
        g->settings = settings;
        g->state_dir = upper->settings->state_dir;
        r = asker_init(&g->asker, upper, &registration_ops, LWS_SYSTATE_REGISTERED,
                builtin ? settings->url : NULL, settings->certificate_authority);
        if (r >= 0 && builtin)
                r = load_files(g);
        if (r < 0)
                return r;
        put_blob(g);
        evaluate(&g->asker);
        *ret = TAKE_PTR(g);
        return 0;
}

static void wipe(char *text)
{
        if (text)
                explicit_bzero(text, strlen(text));
        free(text);
}

Registration *registration_free(Registration *g)
{
        if (!g)
                return NULL;
        asker_deinit(&g->asker);
        wipe(g->key);
        wipe(g->authorization);
        free(g->certificate);
        free(g);
        return NULL;
}

int registration_put(Registration *g, const char *pem, size_t size)
{
        usec_t not_before = 0, expires = 0;
        char *key = NULL, *certificate = NULL;
        int r = 0;

        if (g->settings->provider != STAGE_PROVIDER_HOLD)
                return -EOPNOTSUPP;
        if (size > 0)
                r = identity_split(pem, size, &key, &certificate);
        if (r >= 0 && size > 0)
                r = identity_check(key, certificate, &not_before, &expires);
        if (r < 0) {
                wipe(key);
                free(certificate);
                return r;
        }
        wipe(g->key);
        g->key = key;
        set_certificate(g, certificate, not_before, expires);
        put_blob(g);
        upper_tell(g->asker.upper);
        return 0;
}

const char *registration_key(const Registration *g)
{
        return g->certificate ? g->key : NULL;
}

const char *registration_certificate(const Registration *g)
{
        return g->certificate;
}

unsigned registration_serial(const Registration *g)
{
        return g->serial;
}

bool registration_is_done(const Registration *g)
{
        return g->certificate ||
               (g->settings->provider == STAGE_PROVIDER_HOLD &&
                       ladder_reached(context_ladder(g->asker.upper->cx), LWS_SYSTATE_REGISTERED));
}
