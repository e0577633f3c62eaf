/* SPDX-License-Identifier: MIT */
#include "helper/policy.h"
#include "core/wsi.h"
#include "helper/asker.h"
#include "proto/jws.h"
#include "util/fd.h"
#include "util/log.h"
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <unistd.h>

#define STORED_NAME "policy"

#define REFRESH_USEC     USEC_PER_HOUR /* where the server says nothing */
#define REFRESH_MIN_USEC USEC_PER_MIN

struct PolicyStage {
        Asker asker;
        const Settings *settings;
        PublicKey *key; /* NULL: the file needs no signature, for root wrote it */
        Policy *current;
        char *text; /* what `current` was read from, and what was signed of it */
        size_t text_size;
        char *payload;
        char etag[256];
        char file_error[ASKER_TEXT_MAX]; /* what is wrong with File= */
        bool refused;                    /* what was offered last */
        bool unjudged; /* it came from a server whose certificates are good in this time */
        usec_t from, until;
        struct lws *inotify;
};

static void evaluate(Asker *a);

static PolicyStage *stage_of(Asker *a)
{
        return container_of(a, PolicyStage, asker);
}

static char *text_duplicate(const char *text, size_t size)
{
        char *copy = malloc(size + 1);

        if (copy) {
                memcpy(copy, text, size);
                copy[size] = 0;
        }
        return copy;
}

/* Signature, form and version; `why` is for the person who reads why it was refused. */
static int read_policy(PolicyStage *s, const char *text, size_t size, Policy **ret,
        char **ret_payload, char why[static ASKER_TEXT_MAX])
{
        _cleanup_(policy_freep) Policy *policy = NULL;
        _cleanup_(freep) char *payload = NULL;
        PolicyError error;
        int r;

        r = s->key ? jws_verify(s->key, text, size, &payload, &size) : 0;
        if (r < 0) {
                snprintf(why, ASKER_TEXT_MAX, "%s",
                        r == -EKEYREJECTED ? "policy is not signed by our key"
                                           : "policy is not a signed document (JWS)");
                return r;
        }
        if (!payload && !(payload = text_duplicate(text, size)))
                return -ENOMEM;
        r = policy_parse(payload, size, &policy, &error);
        if (r < 0) {
                snprintf(why, ASKER_TEXT_MAX, "line %d, column %d: %s", error.line, error.column,
                        error.text);
                return r;
        }
        if (s->current && policy->version < s->current->version) {
                snprintf(why, ASKER_TEXT_MAX,
                        "policy %" PRIu64 " is older than %" PRIu64 " in force: refused",
                        policy->version, s->current->version);
                return -ESTALE;
        }
        *ret = TAKE_PTR(policy);
        *ret_payload = TAKE_PTR(payload);
        return 0;
}

static void forget(PolicyStage *s)
{
        s->current = policy_free(s->current);
        free(TAKE_PTR(s->text));
        free(TAKE_PTR(s->payload));
}

static void store(PolicyStage *s)
{
        _cleanup_fd_ int dir = open(s->settings->state_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
        int r = dir < 0 ? -errno : file_write_atomic(dir, STORED_NAME, s->text, s->text_size, 0600);

        if (r < 0)
                log_warning("%s/" STORED_NAME ": %s; the policy is fetched again after a restart",
                        s->settings->state_dir, strerror(-r));
}

/* Takes a document over if it is good. 1: it is new, 0: it says what the one in force says. */
static int offer(PolicyStage *s, const char *origin, const char *text, size_t size,
        char why[static ASKER_TEXT_MAX])
{
        _cleanup_(policy_freep) Policy *policy = NULL;
        _cleanup_(freep) char *payload = NULL, *copy = NULL;
        bool replaces = s->current;
        int r;

        r = read_policy(s, text, size, &policy, &payload, why);
        if (r < 0)
                return r;
        if (s->current && strcmp(payload, s->payload) == 0)
                return 0;
        copy = text_duplicate(text, size);
        if (!copy)
                return -ENOMEM;
        forget(s);
        s->text = TAKE_PTR(copy);
        s->text_size = size;
        s->payload = TAKE_PTR(payload);
        s->current = TAKE_PTR(policy);
        log_event(LOG_SEV_INFO, LOG_FIELDS({ "LWSD_HELPER", "policy" }),
                "policy %" PRIu64 " taken from %s", s->current->version, origin);
        if (replaces)
                ladder_request_policy_invalid(context_ladder(s->asker.upper->cx));
        upper_tell(s->asker.upper); /* which evaluates this stage, too */
        return 1;
}

/* As offer(); `why` is filled where it is negative. */
static int read_from(PolicyStage *s, int dir, const char *path, char why[static ASKER_TEXT_MAX])
{
        _cleanup_(freep) char *text = NULL;
        size_t size;
        int r;

        why[0] = 0;
        r = file_read(dir, path, POLICY_SIZE_MAX * 2, &text, &size);
        if (r >= 0)
                r = offer(s, path, text, size, why);
        if (r < 0 && !why[0])
                snprintf(why, ASKER_TEXT_MAX, "%s", strerror(-r));
        return r;
}

/* What is signed is stored, so that an older one is refused after a restart, too. */
static void store_signed(PolicyStage *s)
{
        if (s->key)
                store(s);
}

/* Anything that happens in its folder is a reason to read it: what is wrong is said once. */
static void read_file(PolicyStage *s)
{
        char why[ASKER_TEXT_MAX];
        int r;

        if (!s->settings->policy.file)
                return;
        r = read_from(s, AT_FDCWD, s->settings->policy.file, why);
        s->refused = r < 0 && r != -ENOENT;
        if (s->refused && strcmp(why, s->file_error) != 0)
                log_warning("%s: %s", s->settings->policy.file, why);
        snprintf(s->file_error, sizeof(s->file_error), "%s", r < 0 ? why : "");
        if (r > 0)
                store_signed(s);
}

static void read_stored(PolicyStage *s)
{
        _cleanup_fd_ int dir = open(s->settings->state_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
        char why[ASKER_TEXT_MAX];
        int r;

        if (dir < 0)
                return;
        r = read_from(s, dir, STORED_NAME, why);
        if (r < 0 && r != -ENOENT)
                log_warning("%s/" STORED_NAME ": %s", s->settings->state_dir, why);
}

static void on_inotify(struct lws *wsi, uint32_t revents)
{
        PolicyStage *s = wsi_userdata(wsi);
        char buf[4096] __attribute__((aligned(__alignof__(struct inotify_event))));

        while (read(wsi_fd(wsi), buf, sizeof(buf)) > 0)
                ;
        read_file(s);
        evaluate(&s->asker);
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
        r = wsi_new(&s->inotify, context_vhost_system(s->asker.upper->cx),
                context_thread(s->asker.upper->cx, 0), fd, EPOLLIN, on_inotify, s);
        if (r >= 0)
                (void) fd_take(&fd);
        return r;
}

/* The dates of a server's certificates are judged once time is true, and what passed is stored. */
static void judge(PolicyStage *s)
{
        usec_t now = clock_realtime_usec();

        if (!s->unjudged || !asker_time_is_true(&s->asker))
                return;
        s->unjudged = false;
        if (now >= s->from && now < s->until) {
                store(s);
                return;
        }
        log_warning("%s: the server's certificate is not valid at this time: policy %" PRIu64
                    " is dropped",
                s->asker.url, s->current->version);
        forget(s);
        s->etag[0] = 0;
        read_stored(s);
        read_file(s);
        evaluate(&s->asker);
        asker_ask_in(&s->asker, 0);
}

static void evaluate(Asker *a)
{
        PolicyStage *s = stage_of(a);
        usec_t now = clock_realtime_usec(), edge = USEC_INFINITY;
        char what[ASKER_TEXT_MAX];

        judge(s);
        if (!s->current && s->settings->policy.provider == STAGE_PROVIDER_HOLD) {
                hold_drop(a->hold); /* it is the provider who is waited for */
        } else if (!s->current) {
                snprintf(what, sizeof(what), "no policy yet%s%.150s", s->file_error[0] ? ": " : "",
                        s->file_error);
                asker_explain(a, s->refused ? "policy-refused" : "no-policy", what);
        } else if (!asker_time_is_true(a)) {
                hold_drop(a->hold); /* TIME_VALID comes before; dates are looked at again then */
        } else if (now < s->current->not_before_usec) {
                snprintf(what, sizeof(what), "policy %" PRIu64 " is not valid yet",
                        s->current->version);
                asker_explain(a, "policy-not-yet-valid", what);
                edge = s->current->not_before_usec;
        } else if (now >= s->current->expires_usec) {
                snprintf(what, sizeof(what), "policy %" PRIu64 " has expired", s->current->version);
                asker_explain(a, "policy-expired", what);
        } else {
                hold_drop(a->hold);
                edge = s->current->expires_usec;
        }
        asker_evaluate_at(a, edge == USEC_INFINITY ? edge : usec_add(asker_now(a), edge - now));
}

/* A tenth early or late, so that a fleet does not come back together. */
static void schedule_refresh(PolicyStage *s, uint32_t max_age_sec)
{
        usec_t wait = max_age_sec == FETCH_NO_AGE ? REFRESH_USEC : max_age_sec * USEC_PER_SEC;

        wait = MIN(MAX(wait, REFRESH_MIN_USEC), USEC_PER_DAY);
        asker_ask_in(&s->asker, rng_range(&RNG_KERNEL, wait - wait / 10, wait + wait / 10));
}

static int take(Asker *a, const FetchAnswer *answer, const char *body, size_t size,
        char why[static ASKER_TEXT_MAX])
{
        PolicyStage *s = stage_of(a);
        int r;

        s->refused = false;
        if (answer->status == 200) {
                r = offer(s, a->url, body, size, why);
                s->refused = r < 0;
                if (r < 0)
                        return r;
                strcpy(s->etag, strlen(answer->etag) < sizeof(s->etag) ? answer->etag : "");
                if (r > 0) {
                        s->unjudged = true;
                        s->from = answer->valid_from_usec;
                        s->until = answer->valid_until_usec;
                }
        } else if (answer->status != 304 || !s->etag[0]) {
                return asker_refuse_status(answer, why);
        }
        schedule_refresh(s, answer->max_age_sec);
        return 0;
}

static int ask(Asker *a)
{
        FetchRequest request = { .flags = asker_time_is_true(a) ? 0 : FETCH_IGNORE_DATES,
                .body_max = POLICY_SIZE_MAX * 2,
                .accept = "application/jose, application/json",
                .if_none_match = stage_of(a)->etag };

        return asker_send(a, &request);
}

static const AskerOps policy_ops = {
        .who = "policy", .ask = ask, .take = take, .evaluate = evaluate
};

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

int policy_stage_new(PolicyStage **ret, Upper *upper)
{
        const PolicySettings *settings = &upper->settings->policy;
        _cleanup_(policy_stage_freep) PolicyStage *s = calloc(1, sizeof(*s));
        int r;

        if (!s)
                return -ENOMEM;
        s->settings = upper->settings;
        r = asker_init(&s->asker, upper, &policy_ops, LWS_SYSTATE_POLICY_VALID, settings->url,
                settings->certificate_authority);
        if (r >= 0)
                r = load_key(s);
        if (r >= 0)
                r = watch_file(s);
        if (r < 0)
                return r;
        if (settings->url || s->key)
                read_stored(s);
        read_file(s);
        asker_ask_in(&s->asker, 0);
        evaluate(&s->asker);
        *ret = TAKE_PTR(s);
        return 0;
}

PolicyStage *policy_stage_free(PolicyStage *s)
{
        if (!s)
                return NULL;
        asker_deinit(&s->asker);
        wsi_free(s->inotify);
        public_key_free(s->key);
        forget(s);
        free(s);
        return NULL;
}

const Policy *policy_stage_current(const PolicyStage *s)
{
        return s->current;
}

_Static_assert(POLICY_WHY_MAX >= ASKER_TEXT_MAX, "words would be cut");

int policy_stage_put(PolicyStage *s, const char *text, size_t size, char why[static POLICY_WHY_MAX])
{
        int r;

        if (s->settings->policy.provider != STAGE_PROVIDER_HOLD)
                return -EOPNOTSUPP;
        r = offer(s, "its provider", text, size, why);
        if (r > 0)
                store_signed(s);
        return r;
}

void policy_stage_refresh(PolicyStage *s)
{
        read_file(s);
        asker_ask_in(&s->asker, 0);
}
