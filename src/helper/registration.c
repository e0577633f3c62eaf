/* SPDX-License-Identifier: MIT */
#include "helper/registration.h"
#include "crypto/identity.h"
#include "helper/asker.h"
#include "helper/authorities.h"
#include "util/base64.h"
#include "util/fd.h"
#include "util/log.h"
#include <fcntl.h>
#include <lwsd/lws-system.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_NAME         "identity.key"
#define CERTIFICATE_NAME "identity.pem"

#define REFUSED_SEC 10 /* a server that signs with something strange is not asked at once */

/* What is asked next, one after the other for each enrolment. */
typedef enum Step {
        STEP_SIGN, /* a held key signs a request: its provider is asked, no server */
        STEP_ENROL,
} Step;

struct Registration {
        Asker asker;
        const StageSettings *settings;
        const char *state_dir;
        char *key;    /* NULL where a provider holds it: settings->key names it */
        char *public; /* of a held key, once it was opened */
        char *certificate;
        usec_t not_before, renew, expires; /* of the certificate, CLOCK_REALTIME */
        unsigned serial;                   /* counts certificates */
        char *authorization;
        char *request; /* what a held key signed */
        bool request_renews;
        Authorities *authorities;
        bool authorities_asked; /* for this enrolment */
        char *issued;           /* a certificate that waits for what they are */
        Step step;              /* of the question in flight */
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

static bool is_renewal(const Registration *g)
{
        /* One that has expired proves nothing any more. */
        return g->certificate && clock_realtime_usec() < g->expires;
}

static Step next_step(const Registration *g)
{
        if (g->settings->key && (!g->request || g->request_renews != is_renewal(g)))
                return STEP_SIGN;
        return STEP_ENROL;
}

/* Renewal is due a third of its life with us before the end, so that a server may be away for
 * weeks; a tenth of that early or late, for what was enrolled together is not to come back
 * together. */
static void set_certificate(
        Registration *g, char *certificate, usec_t not_before, usec_t expires, usec_t since)
{
        usec_t third = usec_sub(expires, MAX(not_before, since)) / 3;

        free(g->certificate);
        g->certificate = certificate;
        g->not_before = not_before;
        g->renew = expires - rng_range(&RNG_KERNEL, third - third / 10, third + third / 10);
        g->expires = expires;
        g->serial++;
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

/* -- A key that a provider holds --------------------------------------------------------------- */

/* A certificate that was kept may be for a key that is no longer there. */
static void drop_foreign_certificate(Registration *g)
{
        usec_t not_before, expires;

        if (!g->certificate ||
                identity_check(g->public, g->certificate, &not_before, &expires) >= 0)
                return;
        log_warning("%s/" CERTIFICATE_NAME ": not for %s: enrolled again", g->state_dir,
                g->settings->key);
        free(TAKE_PTR(g->certificate));
        free(TAKE_PTR(g->request));
        put_blob(g);
        upper_tell(g->asker.upper);
}

static int take_request(
        Registration *g, const char *body, size_t size, char why[static ASKER_TEXT_MAX])
{
        char *public = NULL;
        int r = identity_read_request(body, size, &public);

        if (r < 0) {
                snprintf(why, ASKER_TEXT_MAX, "our key signed no request");
                return r;
        }
        free(g->public);
        free(g->request);
        g->public = public;
        g->request = strndup(body, size);
        if (!g->request)
                return -ENOMEM;
        drop_foreign_certificate(g);
        return 0;
}

/* -- What holds -------------------------------------------------------------------------------- */

/* What needs no true time is asked before it is true. */
static usec_t wait_usec(const Registration *g, usec_t now)
{
        if (g->issued)
                return USEC_INFINITY;
        if (!g->certificate || (g->settings->key && !g->public))
                return 0;
        if (!asker_time_is_true(&g->asker))
                return USEC_INFINITY;
        return now < g->expires ? usec_sub(g->renew, now) : 0;
}

static void ask_for_authorities(Registration *g)
{
        g->authorities_asked = true;
        authorities_refresh(g->authorities, !g->certificate);
}

static void keep(Registration *g, char *certificate)
{
        _cleanup_fd_ int dir = open_state_dir(g);
        usec_t not_before = 0, expires = 0;

        (void) identity_check(NULL, certificate, &not_before, &expires);
        if (dir < 0 || file_write_atomic(
                               dir, CERTIFICATE_NAME, certificate, strlen(certificate), 0644) < 0)
                log_warning("%s/" CERTIFICATE_NAME ": cannot be written; enrolled again after a "
                            "restart",
                        g->state_dir);
        set_certificate(g, certificate, not_before, expires, clock_realtime_usec());
        free(TAKE_PTR(g->request));
        put_blob(g);
        log_event(LOG_SEV_INFO, LOG_FIELDS({ "LWSD_HELPER", "registration" }), "registered at %s",
                g->asker.url);
}

/* Takes over what was issued, once it is known whose authorities are to have signed it. */
static void settle(Registration *g)
{
        const char *pem = g->issued ? authorities_pem(g->authorities) : NULL;

        if (!g->issued || !authorities_are_fresh(g->authorities))
                return;
        g->authorities_asked = false; /* the next time they may be others */
        if (pem && identity_verify(g->issued, pem) < 0) {
                free(TAKE_PTR(g->issued));
                asker_fail(&g->asker,
                        "answer is a certificate that none of the server's authorities signed",
                        REFUSED_SEC);
                return;
        }
        keep(g, TAKE_PTR(g->issued));
        upper_tell(g->asker.upper);
}

/* What holds, and when to ask, by the certificate there is. Dates count once time is true. */
static void evaluate(Asker *a)
{
        Registration *g = registration_of(a);
        usec_t now = clock_realtime_usec(), edge = USEC_INFINITY;

        if (!g->certificate && a->url && !g->authorities_asked)
                ask_for_authorities(g);
        settle(g);
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
        if (a->failed[0] || a->fetch)
                return; /* the next attempt has its time already */
        asker_ask_in(a, wait_usec(g, now));
}

/* When it was written, which is when it came. */
static usec_t modified_usec(int dir, const char *name)
{
        struct stat st;

        return fstatat(dir, name, &st, 0) < 0 ? 0 : (usec_t) st.st_mtim.tv_sec * USEC_PER_SEC;
}

static int load_certificate(Registration *g, int dir)
{
        _cleanup_(freep) char *certificate = NULL;
        usec_t not_before, expires;
        int r;

        r = file_read(dir, CERTIFICATE_NAME, IDENTITY_PEM_MAX, &certificate, NULL);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        if (identity_check(g->key, certificate, &not_before, &expires) >= 0)
                set_certificate(g, TAKE_PTR(certificate), not_before, expires,
                        MIN(modified_usec(dir, CERTIFICATE_NAME), expires));
        else
                log_warning(
                        "%s/" CERTIFICATE_NAME ": not for our key: enrolled again", g->state_dir);
        return 0;
}

static int load(Registration *g)
{
        _cleanup_fd_ int dir = open_state_dir(g);
        int r;

        if (dir < 0)
                return dir;
        if (!g->settings->key) {
                r = file_read(dir, KEY_NAME, IDENTITY_PEM_MAX, &g->key, NULL);
                if (r < 0)
                        return r == -ENOENT ? 0 : r;
        }
        return load_certificate(g, dir);
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

/* What was issued is kept as it came, and counts once it is known whose it is. */
static int take_certificate(
        Registration *g, const char *body, size_t size, char why[static ASKER_TEXT_MAX])
{
        _cleanup_(freep) char *certificate = NULL;
        const char *own = g->settings->key ? g->public : g->key;
        usec_t now = clock_realtime_usec(), not_before, expires;
        int r;

        r = identity_read_answer(own, body, size, &certificate);
        if (r >= 0)
                r = identity_check(own, certificate, &not_before, &expires);
        if (r < 0) {
                snprintf(why, ASKER_TEXT_MAX, "answer is no certificate for our key");
                return r;
        }
        /* One that is to be valid soon is waited for. */
        if (now >= expires || usec_add(now, USEC_PER_DAY) < not_before) {
                snprintf(why, ASKER_TEXT_MAX, "answer is a certificate not valid at this time");
                return -EKEYEXPIRED;
        }
        free(g->issued);
        g->issued = TAKE_PTR(certificate);
        return 0;
}

static int take(Asker *a, const FetchAnswer *answer, const char *body, size_t size,
        char why[static ASKER_TEXT_MAX])
{
        Registration *g = registration_of(a);

        if (g->step == STEP_SIGN)
                return take_request(g, body, size, why);
        if (answer->status == 202) { /* RFC 7030 section 4.2.3: somebody has to agree first */
                snprintf(why, ASKER_TEXT_MAX, "accepted, not issued yet");
                return -EAGAIN;
        }
        if (answer->status != 200)
                return asker_refuse_status(answer, why);
        return take_certificate(g, body, size, why);
}

static int ask_to_sign(Registration *g, const char *name)
{
        FetchRequest request = { .method = FETCH_SIGN,
                .body_max = IDENTITY_PEM_MAX,
                .cert_pem = is_renewal(g) ? g->certificate : NULL,
                .key = g->settings->key,
                .key_provider = g->settings->key_provider,
                .body = (const uint8_t *) name,
                .body_size = strlen(name) };

        g->request_renews = is_renewal(g);
        return asker_send(&g->asker, &request);
}

/* With a certificate it is a renewal, for which that certificate is the proof. */
static int ask_to_enrol(Registration *g, const char *url, const char *name)
{
        bool renewal = is_renewal(g);
        _cleanup_(freep) char *text = NULL;
        FetchRequest request = {
                .method = FETCH_POST,
                .body_max = IDENTITY_PEM_MAX,
                .url = url,
                .accept = "application/pkcs7-mime",
                .content_type = "application/pkcs10",
                .authorization = renewal ? NULL : g->authorization,
                .ca_pem = authorities_trusted(g->authorities),
        };
        int r;

        if (!g->settings->key) {
                r = g->key ? 0 : make_key(g);
                if (r >= 0)
                        r = identity_make_request(
                                g->key, name, renewal ? g->certificate : NULL, &text);
                if (r < 0)
                        return r;
        }
        request.body = (const uint8_t *) (text ? text : g->request);
        request.body_size = strlen((const char *) request.body);
        if (renewal)
                registration_show(g, &request);
        return asker_send(&g->asker, &request);
}

static int ask(Asker *a)
{
        Registration *g = registration_of(a);
        char url[2048], host[65] = "lwsd";
        const char *name = g->settings->name ? g->settings->name : host;

        (void) gethostname(host, sizeof(host) - 1);
        g->step = next_step(g);
        if (g->step == STEP_SIGN)
                return ask_to_sign(g, name);
        if (!g->authorities_asked)
                ask_for_authorities(g);
        if ((size_t) snprintf(url, sizeof(url), "%s/.well-known/est/%s", a->url,
                    is_renewal(g) ? "simplereenroll" : "simpleenroll") >= sizeof(url))
                return -E2BIG;
        return ask_to_enrol(g, url, name);
}

static bool may_ask(const Asker *a)
{
        return asker_time_is_true(a) ||
               next_step(container_of(a, Registration, asker)) == STEP_SIGN;
}

static const AskerOps registration_ops = {
        .who = "registration",
        .ask = ask,
        .take = take,
        .evaluate = evaluate,
        .may_ask = may_ask,
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
                r = authorities_new(&g->authorities, upper);
        if (r >= 0 && builtin)
                r = load_files(g);
        if (r < 0)
                return r;
        /* Early, for the disk may take its time; where it cannot be now, it is made when needed. */
        if (builtin && !settings->key && !g->key)
                (void) make_key(g);
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
        authorities_free(g->authorities);
        wipe(g->key);
        wipe(g->authorization);
        free(g->public);
        free(g->certificate);
        free(g->issued);
        free(g->request);
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
        set_certificate(g, certificate, not_before, expires, 0);
        put_blob(g);
        upper_tell(g->asker.upper);
        return 0;
}

void registration_show(const Registration *g, FetchRequest *request)
{
        if (!g->certificate)
                return;
        request->cert_pem = g->certificate;
        request->key = g->settings->key ? g->settings->key : g->key;
        request->key_provider = g->settings->key_provider;
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
