/* SPDX-License-Identifier: MIT */
#include "helper/authorities.h"
#include "crypto/identity.h"
#include "helper/asker.h"
#include "util/fd.h"
#include "util/log.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define STORED_NAME "est-ca.pem"

struct Authorities {
        Asker asker;
        const char *state_dir;
        char *url;
        char *pem, *trusted;
        bool fresh, awaited;
        bool unjudged; /* fresh if the server's certificates are good in this time */
        usec_t from, until;
};

static Authorities *authorities_of(Asker *a)
{
        return container_of(a, Authorities, asker);
}

static int open_state_dir(const Authorities *au)
{
        int fd = open(au->state_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

        return fd < 0 ? -errno : fd;
}

static void set(Authorities *au, char *pem)
{
        const char *configured = au->asker.ca;

        free(au->pem);
        free(TAKE_PTR(au->trusted));
        au->pem = pem;
        if (pem && configured && strlen(configured) + strlen(pem) + 1 < FETCH_STRING_MAX &&
                asprintf(&au->trusted, "%s\n%s", configured, pem) < 0)
                au->trusted = NULL;
}

static void load(Authorities *au)
{
        _cleanup_fd_ int dir = open_state_dir(au);
        char *pem = NULL;

        if (dir >= 0)
                (void) file_read(dir, STORED_NAME, IDENTITY_PEM_MAX, &pem, NULL);
        set(au, pem);
}

static void store(const Authorities *au)
{
        _cleanup_fd_ int dir = open_state_dir(au);
        int r = dir < 0 ? dir : file_write_atomic(dir, STORED_NAME, au->pem, strlen(au->pem), 0644);

        if (r < 0)
                log_warning("%s/" STORED_NAME ": %s", au->state_dir, strerror(-r));
}

static void judge(Authorities *au)
{
        usec_t now = clock_realtime_usec();

        if (!au->unjudged || !asker_time_is_true(&au->asker))
                return;
        au->unjudged = false;
        if (now >= au->from && now < au->until) {
                if (au->pem)
                        store(au);
                au->fresh = true;
                upper_tell(au->asker.upper);
                return;
        }
        log_warning("%s: the server's certificate is not valid at this time: it is asked again",
                au->url);
        load(au);
        asker_ask_in(&au->asker, 0);
}

static void evaluate(Asker *a)
{
        Authorities *au = authorities_of(a);

        judge(au);
        if (au->awaited && !au->fresh && a->failed[0])
                asker_explain(a, "no-authorities", "the server's authorities are not known");
        else
                hold_drop(a->hold);
}

static int take(Asker *a, const FetchAnswer *answer, const char *body, size_t size,
        char why[static ASKER_TEXT_MAX])
{
        Authorities *au = authorities_of(a);
        char *pem = NULL;
        int r;

        switch (answer->status) {
        case 200:
                r = identity_read_authorities(body, size, &pem);
                if (r < 0) {
                        snprintf(why, ASKER_TEXT_MAX, "answer is no list of authorities");
                        return r;
                }
                set(au, pem);
                break;
        case 204:
        case 404:
        case 405:
        case 501:
                log_info("%s: the server names no authorities of its own", au->url);
                break;
        default:
                return asker_refuse_status(answer, why);
        }
        au->unjudged = true;
        au->from = answer->valid_from_usec;
        au->until = answer->valid_until_usec;
        return 0;
}

static int ask(Asker *a)
{
        FetchRequest request = { .flags = asker_time_is_true(a) ? 0 : FETCH_IGNORE_DATES,
                .body_max = IDENTITY_PEM_MAX,
                .accept = "application/pkcs7-mime",
                .ca_pem = authorities_of(a)->trusted };

        return asker_send(a, &request);
}

static const AskerOps authorities_ops = {
        .who = "registration", .ask = ask, .take = take, .evaluate = evaluate
};

int authorities_new(Authorities **ret, Upper *upper)
{
        const StageSettings *settings = &upper->settings->registration;
        _cleanup_(authorities_freep) Authorities *au = calloc(1, sizeof(*au));
        int r;

        if (!au)
                return -ENOMEM;
        au->state_dir = upper->settings->state_dir;
        if (asprintf(&au->url, "%s/.well-known/est/cacerts", settings->url) < 0) {
                au->url = NULL;
                return -ENOMEM;
        }
        r = asker_init(&au->asker, upper, &authorities_ops, LWS_SYSTATE_REGISTERED, au->url,
                settings->certificate_authority);
        if (r < 0)
                return r;
        load(au);
        *ret = TAKE_PTR(au);
        return 0;
}

Authorities *authorities_free(Authorities *au)
{
        if (!au)
                return NULL;
        asker_deinit(&au->asker);
        free(au->url);
        free(au->pem);
        free(au->trusted);
        free(au);
        return NULL;
}

void authorities_refresh(Authorities *au, bool awaited)
{
        au->fresh = au->unjudged = false;
        au->awaited = awaited;
        asker_ask_in(&au->asker, 0);
}

bool authorities_are_fresh(const Authorities *au)
{
        return au->fresh;
}

const char *authorities_pem(const Authorities *au)
{
        return au->pem;
}

const char *authorities_trusted(const Authorities *au)
{
        return au->unjudged ? NULL : au->trusted;
}
