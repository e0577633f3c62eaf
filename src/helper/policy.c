/* SPDX-License-Identifier: MIT */
#include "helper/policy.h"
#include "core/backoff.h"
#include "core/timer.h"
#include "core/wsi.h"
#include "proto/jws.h"
#include "util/fd.h"
#include "util/log.h"
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <unistd.h>

#define STORED_NAME "policy"

#define REFRESH_USEC     USEC_PER_HOUR /* where the server says nothing */
#define REFRESH_MIN_USEC USEC_PER_MIN
#define TIMEOUT_MSEC     (30 * 1000)

struct PolicyStage {
        struct lws_context *cx;
        Network *network;
        Fetcher *fetcher;
        const Settings *settings;
        PublicKey *key; /* NULL: the file needs no signature, for root wrote it */
        Policy *current;
        char *text; /* what `current` was read from */
        size_t text_size;
        char etag[256];
        char *ca;
        Hold *hold;
        const char *fetch_code; /* why the last fetch gave nothing; NULL: it did */
        Fetch *fetch;
        struct lws *inotify;
        Timer fetch_timer, validity_timer;
        Backoff backoff;
        bool online, started;
        NetworkWatch network_watch;
        LadderWatch ladder_watch;
        List watches;
};

static bool time_is_true(const PolicyStage *s)
{
        return ladder_reached(context_ladder(s->cx), LWS_SYSTATE_TIME_VALID);
}

/* Takes or drops the hold by what is known now, and looks again when validity begins or ends. */
static void evaluate(PolicyStage *s)
{
        usec_t now = clock_realtime_usec(), edge = USEC_INFINITY;

        if (!s->current) {
                hold_assert(s->hold, s->fetch_code ? s->fetch_code : "no-policy", 0,
                        "no policy yet from %s",
                        s->settings->policy.url ? s->settings->policy.url
                                                : s->settings->policy.file);
        } else if (!time_is_true(s)) {
                hold_drop(s->hold); /* TIME_VALID comes before; dates are looked at again then */
        } else if (now < s->current->not_before_usec) {
                hold_assert(s->hold, "policy-not-yet-valid", 0,
                        "policy %" PRIu64 " is not valid yet", s->current->version);
                edge = s->current->not_before_usec;
        } else if (now >= s->current->expires_usec) {
                hold_assert(s->hold, "policy-expired", 0, "policy %" PRIu64 " has expired",
                        s->current->version);
        } else {
                hold_drop(s->hold);
                edge = s->current->expires_usec;
        }
        timer_set(&s->validity_timer,
                edge == USEC_INFINITY ? edge
                                      : usec_add(thread_now(s->validity_timer.thread), edge - now));
}

/* Signature, form and version; `origin` is for the person who reads why it was refused. */
static int read_policy(
        PolicyStage *s, const char *origin, const char *text, size_t size, Policy **ret)
{
        _cleanup_(policy_freep) Policy *policy = NULL;
        _cleanup_(freep) char *payload = NULL;
        PolicyError error;
        int r;

        if (s->key) {
                r = jws_verify(s->key, text, size, &payload, &size);
                if (r < 0) {
                        log_warning("%s: %s", origin,
                                r == -EKEYREJECTED ? "policy is not signed by our key"
                                                   : "policy is not a signed document (JWS)");
                        return r;
                }
                text = payload;
        }
        r = policy_parse(text, size, &policy, &error);
        if (r < 0) {
                log_warning("%s:%d:%d: %s", origin, error.line, error.column, error.text);
                return r;
        }
        if (s->current && policy->version < s->current->version) {
                log_warning("%s: policy %" PRIu64 " is older than %" PRIu64 " in force: refused",
                        origin, policy->version, s->current->version);
                return -ESTALE;
        }
        *ret = TAKE_PTR(policy);
        return 0;
}

static void store(PolicyStage *s)
{
        _cleanup_fd_ int dir = open(s->settings->state_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
        int r = dir < 0 ? -errno : file_write_atomic(dir, STORED_NAME, s->text, s->text_size, 0600);

        if (r < 0)
                log_warning("%s/" STORED_NAME ": %s; the policy is fetched again after a restart",
                        s->settings->state_dir, strerror(-r));
}

static void tell(PolicyStage *s)
{
        list_foreach_safe (it, &s->watches) {
                PolicyWatch *w = list_entry(it, PolicyWatch, link);

                w->changed(w);
        }
}

/* Takes a document over if it is good and new. 0 also when it is the one in force. */
static int offer(PolicyStage *s, const char *origin, const char *text, size_t size)
{
        _cleanup_(policy_freep) Policy *policy = NULL;
        bool replaces = s->current;
        char *copy;
        int r;

        if (s->text && s->text_size == size && memcmp(s->text, text, size) == 0)
                return 0;
        r = read_policy(s, origin, text, size, &policy);
        if (r < 0)
                return r;
        copy = malloc(size + 1);
        if (!copy)
                return -ENOMEM;
        memcpy(copy, text, size);
        free(s->text);
        s->text = copy;
        s->text_size = size;
        policy_free(s->current);
        s->current = TAKE_PTR(policy);
        log_event(LOG_SEV_INFO, LOG_FIELDS({ "LWSD_HELPER", "policy" }),
                "policy %" PRIu64 " taken from %s", s->current->version, origin);
        if (replaces)
                ladder_request_policy_invalid(context_ladder(s->cx));
        evaluate(s);
        tell(s);
        return 1;
}

static void read_file(PolicyStage *s)
{
        const char *path = s->settings->policy.file;
        _cleanup_(freep) char *text = NULL;
        size_t size;
        int r;

        if (!path)
                return;
        r = file_read(AT_FDCWD, path, POLICY_SIZE_MAX * 2, &text, &size);
        if (r >= 0)
                (void) offer(s, path, text, size);
        else if (r != -ENOENT)
                log_warning("%s: %s", path, strerror(-r));
}

static void read_stored(PolicyStage *s)
{
        _cleanup_fd_ int dir = open(s->settings->state_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
        _cleanup_(freep) char *text = NULL;
        size_t size;

        if (dir >= 0 && file_read(dir, STORED_NAME, POLICY_SIZE_MAX * 2, &text, &size) >= 0)
                (void) offer(s, "stored policy", text, size);
}

static void on_inotify(struct lws *wsi, uint32_t revents)
{
        PolicyStage *s = wsi_userdata(wsi);
        char buf[4096] __attribute__((aligned(__alignof__(struct inotify_event))));

        while (read(wsi_fd(wsi), buf, sizeof(buf)) > 0)
                ;
        read_file(s);
}

/* The folder is watched, for a good editor replaces the file. */
static int watch_file(PolicyStage *s)
{
        _cleanup_fd_ int fd = -EBADF;
        char path[PATH_MAX];
        int r;

        if (!s->settings->policy.file)
                return 0;
        if (strlen(s->settings->policy.file) >= sizeof(path))
                return -ENAMETOOLONG;
        fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        if (fd < 0)
                return -errno;
        strcpy(path, s->settings->policy.file);
        if (inotify_add_watch(fd, dirname(path), IN_CLOSE_WRITE | IN_MOVED_TO) < 0)
                return errno == ENOENT ? 0 : -errno;
        r = wsi_new(&s->inotify, context_vhost_system(s->cx), context_thread(s->cx, 0), fd, EPOLLIN,
                on_inotify, s);
        if (r >= 0)
                (void) fd_take(&fd);
        return r;
}

static void schedule_retry(PolicyStage *s, const char *code, uint32_t retry_after_sec)
{
        usec_t wait = backoff_next(&s->backoff, &RNG_KERNEL);

        if (retry_after_sec != FETCH_NO_AGE)
                wait = MAX(wait, MIN(retry_after_sec * USEC_PER_SEC, USEC_PER_DAY));
        s->fetch_code = code;
        timer_set(&s->fetch_timer, usec_add(thread_now(s->fetch_timer.thread), wait));
}

/* A tenth early or late, so that a fleet does not come back together. */
static void schedule_refresh(PolicyStage *s, uint32_t max_age_sec)
{
        usec_t wait = max_age_sec == FETCH_NO_AGE ? REFRESH_USEC : max_age_sec * USEC_PER_SEC;

        wait = MIN(MAX(wait, REFRESH_MIN_USEC), USEC_PER_DAY);
        wait = rng_range(&RNG_KERNEL, wait - wait / 10, wait + wait / 10);
        backoff_reset(&s->backoff);
        s->fetch_code = NULL;
        timer_set(&s->fetch_timer, usec_add(thread_now(s->fetch_timer.thread), wait));
}

static void on_fetched(
        Fetch *fetch, const FetchAnswer *answer, const void *body, size_t body_size, void *userdata)
{
        PolicyStage *s = userdata;
        const char *url = s->settings->policy.url;

        s->fetch = NULL;
        if (answer->error != FETCH_OK) {
                log_notice("%s: %s", url, answer->message);
                schedule_retry(s, "policy-unreachable", answer->retry_after_sec);
        } else if (answer->status == 304) {
                schedule_refresh(s, answer->max_age_sec);
        } else if (answer->status != 200) {
                log_notice("%s: HTTP status %u", url, answer->status);
                schedule_retry(s, "policy-unreachable", answer->retry_after_sec);
        } else if (offer(s, url, body, body_size) < 0) {
                schedule_retry(s, "policy-refused", answer->retry_after_sec);
        } else {
                strcpy(s->etag, strlen(answer->etag) < sizeof(s->etag) ? answer->etag : "");
                store(s);
                schedule_refresh(s, answer->max_age_sec);
        }
        evaluate(s);
}

static void on_fetch_timer(Timer *t, usec_t now)
{
        PolicyStage *s = container_of(t, PolicyStage, fetch_timer);
        FetchRequest request = { .timeout_msec = TIMEOUT_MSEC,
                .flags = time_is_true(s) ? 0 : FETCH_IGNORE_DATES,
                .body_max = POLICY_SIZE_MAX * 2,
                .url = s->settings->policy.url,
                .accept = "application/jose, application/json",
                .if_none_match = s->etag,
                .ca_pem = s->ca };
        int r;

        if (!s->online || s->fetch)
                return; /* on_network() starts it */
        r = fetch_new(&s->fetch, s->fetcher, &request, NULL, on_fetched, s);
        if (r < 0)
                schedule_retry(s, "policy-unreachable", FETCH_NO_AGE);
}

static void on_validity_timer(Timer *t, usec_t now)
{
        evaluate(container_of(t, PolicyStage, validity_timer));
}

static void on_network(NetworkWatch *w, bool epoch_changed)
{
        PolicyStage *s = container_of(w, PolicyStage, network_watch);
        bool online = false;

        list_foreach (it, network_links(s->network)) {
                const Link *l = list_entry(it, Link, link);

                online = online || (l->carrier && l->n_gateways > 0);
        }
        if (online && (!s->online || (epoch_changed && s->fetch_code)) && s->settings->policy.url) {
                usec_t spread = s->started ? 0 : s->settings->policy.spread_usec;

                backoff_reset(&s->backoff);
                timer_set(&s->fetch_timer, usec_add(thread_now(s->fetch_timer.thread),
                                                   rng_range(&RNG_KERNEL, 0, spread)));
                s->started = true;
        }
        s->online = online;
}

static void on_state(LadderWatch *w, const LadderChange *change)
{
        PolicyStage *s = container_of(w, PolicyStage, ladder_watch);

        if (change->new_state == LWS_SYSTATE_TIME_VALID)
                evaluate(s);
}

static int load_key(PolicyStage *s)
{
        _cleanup_(freep) char *pem = NULL;
        size_t size;
        int r;

        if (!s->settings->policy.key)
                return 0;
        r = file_read(AT_FDCWD, s->settings->policy.key, 16 << 10, &pem, &size);
        if (r >= 0)
                r = public_key_new(&s->key, pem, size);
        if (r < 0)
                log_error("%s: not a public key that can be used: %s", s->settings->policy.key,
                        strerror(-r));
        return r;
}

int policy_stage_new(PolicyStage **ret, struct lws_context *cx, Network *network, Fetcher *fetcher,
        const Settings *settings)
{
        _cleanup_(policy_stage_freep) PolicyStage *s = calloc(1, sizeof(*s));
        int r;

        if (!s)
                return -ENOMEM;
        list_init(&s->watches);
        s->cx = cx;
        s->network = network;
        s->fetcher = fetcher;
        s->settings = settings;
        s->backoff = (Backoff){
                .first_usec = USEC_PER_SEC, .max_usec = USEC_PER_HOUR, .jitter_percent = 50
        };
        timer_init(&s->fetch_timer, context_thread(cx, 0), on_fetch_timer);
        timer_init(&s->validity_timer, context_thread(cx, 0), on_validity_timer);
        r = load_key(s);
        if (r >= 0)
                r = fetch_load_ca(settings->policy.certificate_authority, &s->ca);
        if (r < 0)
                return r;
        r = hold_new(
                &s->hold, context_ladder(cx), LWS_SYSTATE_POLICY_VALID, HOLD_REQUIRED, "policy");
        if (r < 0)
                return r;
        r = watch_file(s);
        if (r < 0)
                return r;
        if (settings->policy.url)
                read_stored(s);
        read_file(s);
        s->network_watch.changed = on_network;
        network_watch_link(network, &s->network_watch);
        s->ladder_watch.changed = on_state;
        ladder_watch_link(context_ladder(cx), &s->ladder_watch);
        on_network(&s->network_watch, false);
        evaluate(s);
        *ret = TAKE_PTR(s);
        return 0;
}

PolicyStage *policy_stage_free(PolicyStage *s)
{
        if (!s)
                return NULL;
        fetch_free(s->fetch);
        wsi_free(s->inotify);
        timer_cancel(&s->fetch_timer);
        timer_cancel(&s->validity_timer);
        network_watch_unlink(&s->network_watch);
        ladder_watch_unlink(&s->ladder_watch);
        hold_free(s->hold);
        public_key_free(s->key);
        policy_free(s->current);
        free(s->text);
        free(s->ca);
        free(s);
        return NULL;
}

void policy_stage_watch_link(PolicyStage *s, PolicyWatch *watch)
{
        list_link_tail(&s->watches, &watch->link);
}

void policy_stage_watch_unlink(PolicyWatch *watch)
{
        list_unlink(&watch->link);
}

const Policy *policy_stage_current(const PolicyStage *s)
{
        return s->current;
}

void policy_stage_refresh(PolicyStage *s)
{
        read_file(s);
        if (s->settings->policy.url)
                timer_set(&s->fetch_timer, 0);
}
