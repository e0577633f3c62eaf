/* SPDX-License-Identifier: MIT */
#include "helper/registration.h"
#include "core/backoff.h"
#include "core/timer.h"
#include "crypto/identity.h"
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
#define TIMEOUT_MSEC     (30 * 1000)

struct Registration {
        struct lws_context *cx;
        Fetcher *fetcher;
        const StageSettings *settings;
        const char *state_dir;
        char *key, *certificate;
        usec_t not_before, expires; /* of the certificate, CLOCK_REALTIME */
        char *ca, *authorization;
        Hold *hold;
        Fetch *fetch;
        Timer timer; /* the next enrolment */
        Backoff backoff;
        LadderWatch ladder_watch;
        List watches;
};

static bool time_is_true(const Registration *g)
{
        return ladder_reached(context_ladder(g->cx), LWS_SYSTATE_TIME_VALID);
}

static int open_state_dir(const Registration *g)
{
        int fd = open(g->state_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

        return fd < 0 ? -errno : fd;
}

static void tell(Registration *g)
{
        list_foreach_safe (it, &g->watches) {
                RegistrationWatch *w = list_entry(it, RegistrationWatch, link);

                w->changed(w);
        }
}

/* A third of the life before the end, so that a server may be away for weeks. */
static usec_t renew_at(const Registration *g)
{
        return g->expires - (g->expires - g->not_before) / 3;
}

static void enrol_in(Registration *g, usec_t wait)
{
        timer_set(&g->timer, usec_add(thread_now(g->timer.thread), wait));
}

/* What holds, and when to ask, by the certificate there is. Dates count once time is true. */
static void evaluate(Registration *g)
{
        usec_t now = clock_realtime_usec();

        if (!time_is_true(g)) {
                timer_cancel(&g->timer);
                return;
        }
        if (g->certificate && now < g->expires) {
                hold_drop(g->hold);
                enrol_in(g, usec_sub(renew_at(g), now));
                return;
        }
        hold_assert(g->hold, g->certificate ? "certificate-expired" : "not-registered", 0,
                "%s from %s", g->certificate ? "certificate to be renewed" : "no certificate yet",
                g->settings->url);
        if (!g->fetch && !timer_is_set(&g->timer))
                timer_set(&g->timer, 0);
}

static void put_blob(Registration *g)
{
        lws_system_blob_t *blob = lws_system_get_blob(g->cx, LWS_SYSBLOB_TYPE_CLIENT_CERT_DER, 0);
        _cleanup_(freep) uint8_t *der = NULL;
        size_t size;

        lws_system_blob_heap_empty(blob);
        if (identity_certificate_der(g->certificate, &der, &size) >= 0)
                (void) lws_system_blob_heap_append(blob, der, size);
}

static int load(Registration *g)
{
        _cleanup_fd_ int dir = open_state_dir(g);
        _cleanup_(freep) char *certificate = NULL;
        int r;

        if (dir < 0)
                return dir;
        r = file_read(dir, KEY_NAME, IDENTITY_PEM_MAX, &g->key, NULL);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        r = file_read(dir, CERTIFICATE_NAME, IDENTITY_PEM_MAX, &certificate, NULL);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        r = identity_check(g->key, certificate, &g->not_before, &g->expires);
        if (r < 0) {
                log_warning(
                        "%s/" CERTIFICATE_NAME ": not for our key: enrolled again", g->state_dir);
                return 0;
        }
        g->certificate = TAKE_PTR(certificate);
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

static void retry(Registration *g, const char *why, uint32_t retry_after_sec)
{
        usec_t wait = backoff_next(&g->backoff, &RNG_KERNEL);

        if (retry_after_sec != FETCH_NO_AGE)
                wait = MAX(wait, MIN(retry_after_sec * USEC_PER_SEC, USEC_PER_DAY));
        log_notice("registration at %s: %s", g->settings->url, why);
        enrol_in(g, wait);
        if (hold_is_asserted(g->hold))
                hold_assert(g->hold, g->certificate ? "certificate-expired" : "not-registered",
                        usec_add(clock_monotonic_usec(), wait), "%s: %s", g->settings->url, why);
}

static int take_certificate(Registration *g, const char *body, size_t size)
{
        _cleanup_fd_ int dir = open_state_dir(g);
        _cleanup_(freep) char *certificate = NULL;
        int r;

        r = identity_read_answer(g->key, body, size, &certificate);
        if (r >= 0)
                r = identity_check(g->key, certificate, &g->not_before, &g->expires);
        if (r < 0)
                return r;
        if (dir < 0 || file_write_atomic(
                               dir, CERTIFICATE_NAME, certificate, strlen(certificate), 0644) < 0)
                log_warning("%s/" CERTIFICATE_NAME ": cannot be written; enrolled again after a "
                            "restart",
                        g->state_dir);
        free(g->certificate);
        g->certificate = TAKE_PTR(certificate);
        return 0;
}

static void on_fetched(
        Fetch *fetch, const FetchAnswer *answer, const void *body, size_t body_size, void *userdata)
{
        Registration *g = userdata;
        char why[64];

        g->fetch = NULL;
        if (answer->error != FETCH_OK) {
                retry(g, answer->message, answer->retry_after_sec);
        } else if (answer->status ==
                   202) { /* RFC 7030 section 4.2.3: somebody has to agree first */
                retry(g, "accepted, not issued yet", answer->retry_after_sec);
        } else if (answer->status != 200) {
                snprintf(why, sizeof(why), "HTTP status %u", answer->status);
                retry(g, why, answer->retry_after_sec);
        } else if (take_certificate(g, body, body_size) < 0) {
                retry(g, "answer is no certificate for our key", FETCH_NO_AGE);
        } else {
                backoff_reset(&g->backoff);
                log_event(LOG_SEV_INFO, LOG_FIELDS({ "LWSD_HELPER", "registration" }),
                        "registered at %s", g->settings->url);
                put_blob(g);
                evaluate(g);
                tell(g);
        }
}

static int enrol(Registration *g)
{
        _cleanup_(freep) char *request_text = NULL;
        char url[2048], host[65] = "lwsd";
        FetchRequest request = {
                .method = FETCH_POST,
                .timeout_msec = TIMEOUT_MSEC,
                .body_max = IDENTITY_PEM_MAX,
                .url = url,
                .content_type = "application/pkcs10",
                .ca_pem = g->ca,
                /* with a certificate it is a renewal, for which that certificate is the proof */
                .authorization = g->certificate ? NULL : g->authorization,
                .cert_pem = g->certificate,
                .key_pem = g->certificate ? g->key : NULL,
        };
        int r = g->key ? 0 : make_key(g);

        if (r < 0)
                return r;
        (void) gethostname(host, sizeof(host) - 1);
        r = identity_make_request(
                g->key, g->settings->name ? g->settings->name : host, &request_text);
        if (r < 0)
                return r;
        if ((size_t) snprintf(url, sizeof(url), "%s/.well-known/est/%s", g->settings->url,
                    g->certificate ? "simplereenroll" : "simpleenroll") >= sizeof(url))
                return -E2BIG;
        request.body = (const uint8_t *) request_text;
        request.body_size = strlen(request_text);
        return fetch_new(&g->fetch, g->fetcher, &request, NULL, on_fetched, g);
}

static void on_timer(Timer *t, usec_t now)
{
        Registration *g = container_of(t, Registration, timer);
        int r;

        if (g->fetch || !time_is_true(g))
                return;
        /* An expired certificate proves nothing any more. */
        if (g->certificate && clock_realtime_usec() >= g->expires) {
                free(g->certificate);
                g->certificate = NULL;
        }
        r = enrol(g);
        if (r < 0)
                retry(g, strerror(-r), FETCH_NO_AGE);
}

static void on_state(LadderWatch *w, const LadderChange *change)
{
        Registration *g = container_of(w, Registration, ladder_watch);

        if (change->new_state == LWS_SYSTATE_TIME_VALID)
                evaluate(g);
}

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
        int r = fetch_load_ca(g->settings->certificate_authority, &g->ca);

        if (r >= 0 && (r = load_credential(g)) < 0)
                log_error("%s: %s", g->settings->credential_file, strerror(-r));
        if (r >= 0 && (r = load(g)) < 0)
                log_error("%s/identity: %s", g->state_dir, strerror(-r));
        return r;
}

int registration_new(
        Registration **ret, struct lws_context *cx, Fetcher *fetcher, const Settings *settings)
{
        _cleanup_(registration_freep) Registration *g = calloc(1, sizeof(*g));
        int r;

        if (!g)
                return -ENOMEM;
        list_init(&g->watches);
        g->cx = cx;
        g->fetcher = fetcher;
        g->settings = &settings->registration;
        g->state_dir = settings->state_dir;
        g->backoff = (Backoff){
                .first_usec = USEC_PER_SEC, .max_usec = USEC_PER_HOUR, .jitter_percent = 50
        };
        timer_init(&g->timer, context_thread(cx, 0), on_timer);
        r = load_files(g);
        if (r < 0)
                return r;
        r = hold_new(&g->hold, context_ladder(cx), LWS_SYSTATE_REGISTERED, HOLD_REQUIRED,
                "registration");
        if (r < 0)
                return r;
        if (g->certificate)
                put_blob(g);
        else
                hold_assert(g->hold, "not-registered", 0, "no certificate yet from %s",
                        g->settings->url);
        g->ladder_watch.changed = on_state;
        ladder_watch_link(context_ladder(cx), &g->ladder_watch);
        evaluate(g);
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
        fetch_free(g->fetch);
        timer_cancel(&g->timer);
        ladder_watch_unlink(&g->ladder_watch);
        hold_free(g->hold);
        wipe(g->key);
        wipe(g->authorization);
        free(g->certificate);
        free(g->ca);
        free(g);
        return NULL;
}

void registration_watch_link(Registration *g, RegistrationWatch *watch)
{
        list_link_tail(&g->watches, &watch->link);
}

void registration_watch_unlink(RegistrationWatch *watch)
{
        list_unlink(&watch->link);
}

const char *registration_key(const Registration *g)
{
        return g->certificate ? g->key : NULL;
}

const char *registration_certificate(const Registration *g)
{
        return g->certificate;
}
