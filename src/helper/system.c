/* SPDX-License-Identifier: MIT */
#include "helper/system.h"
#include "helper/policy.h"
#include "helper/portal.h"
#include "helper/stage-holds.h"
#include "helper/time.h"
#include "helper/token.h"
#include "util/log.h"
#include <config.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define FETCH_SOCKET "fetch" /* in the runtime directory */

/* The files that stages read once. */
enum { FILES_MAX = 7 };

struct System {
        Upper upper; /* with the context, the settings, the network and the fetcher */
        struct stat files[FILES_MAX];
        Resolver *resolver;
        TimeClient *time;
        TimeWatch time_watch;
        PortalCheck *portal;
        PolicyStage *policy;
        Registration *registration;
        TokenStage *tokens[2];
        StageHolds *stages;
};

static int complain(const char *what, int r)
{
        if (r < 0)
                log_error("%s cannot be started: %s", what, strerror(-r));
        return r;
}

/* -- Stages that only a changed configuration makes anew --------------------------------------- */

static void stop_upper(System *s)
{
        for (int i = 1; i >= 0; i--)
                s->tokens[i] = token_stage_free(s->tokens[i]);
        s->registration = registration_free(s->registration);
        s->policy = policy_stage_free(s->policy);
        s->portal = portal_check_free(s->portal);
}

/* As they are now; zero where there is none. */
static void look_at_files(const Settings *s, struct stat files[static FILES_MAX])
{
        const char *const names[FILES_MAX] = { s->portal.certificate_authority,
                s->policy.certificate_authority, s->policy.key,
                s->registration.certificate_authority, s->registration.credential_file,
                s->auth1.certificate_authority, s->auth2.certificate_authority };

        for (size_t i = 0; i < FILES_MAX; i++)
                if (!names[i] || stat(names[i], &files[i]) < 0)
                        files[i] = (struct stat){ 0 };
}

static bool files_changed(const System *s)
{
        struct stat now[FILES_MAX];

        look_at_files(s->upper.settings, now);
        for (size_t i = 0; i < FILES_MAX; i++)
                if (now[i].st_ino != s->files[i].st_ino || now[i].st_size != s->files[i].st_size ||
                        now[i].st_mtim.tv_sec != s->files[i].st_mtim.tv_sec ||
                        now[i].st_mtim.tv_nsec != s->files[i].st_mtim.tv_nsec)
                        return true;
        return false;
}

static int start_upper(System *s)
{
        const Settings *settings = s->upper.settings;
        int r = 0;

        look_at_files(settings, s->files);
        if (settings->portal.check && settings->portal.provider == STAGE_PROVIDER_BUILTIN)
                r = complain("The captive portal check", portal_check_new(&s->portal, &s->upper));
        if (r >= 0 && (settings->policy.file || settings->policy.url ||
                              settings->policy.provider == STAGE_PROVIDER_HOLD))
                r = complain("The policy stage", policy_stage_new(&s->policy, &s->upper));
        if (r >= 0 && settings->registration.provider != STAGE_PROVIDER_NONE)
                r = complain("Registration", registration_new(&s->registration, &s->upper));
        for (unsigned i = 0; i < 2 && r >= 0; i++) {
                const StageSettings *stage = i == 0 ? &settings->auth1 : &settings->auth2;

                if (stage->provider != STAGE_PROVIDER_NONE)
                        r = complain(i == 0 ? "The stage auth1" : "The stage auth2",
                                token_stage_new(&s->tokens[i], &s->upper, s->registration, i));
        }
        return r;
}

/* LWSD_FETCH names another program, for a tree that is not installed. */
static int start_fetcher(System *s)
{
        const char *program = secure_getenv("LWSD_FETCH");
        _cleanup_(freep) char *socket = NULL;

        if (asprintf(&socket, "%s/" FETCH_SOCKET, s->upper.settings->runtime_dir) < 0) {
                socket = NULL;
                return -ENOMEM;
        }
        return fetcher_new(&s->upper.fetcher, s->upper.cx, s->resolver, socket,
                program ? program : FETCH_PROGRAM);
}

/* Which servers there are and how far off they are changes no date. */
static void on_time_changed(TimeWatch *w)
{
}

/* What is valid at which time is looked at again. */
static void on_clock_stepped(TimeWatch *w, int64_t usec)
{
        upper_tell(&container_of(w, System, time_watch)->upper);
}

/* -- All of them ------------------------------------------------------------------------------- */

int system_new(System **ret, struct lws_context *cx, const Settings *settings)
{
        System *s = calloc(1, sizeof(*s));
        int r;

        if (!s)
                return -ENOMEM;
        list_init(&s->upper.watches);
        s->upper.cx = cx;
        s->upper.settings = settings_ref(settings);
        if ((r = complain("Waiting for providers",
                     stage_holds_new(&s->stages, context_ladder(cx), settings))) < 0 ||
                (r = complain("The network", network_new(&s->upper.network, cx, settings))) < 0 ||
                (r = complain("The time client",
                         time_client_new(&s->time, s->upper.network, settings))) < 0) {
                system_free(s);
                return r;
        }
        s->time_watch.changed = on_time_changed;
        s->time_watch.stepped = on_clock_stepped;
        if (s->time)
                time_client_watch_link(s->time, &s->time_watch);
        *ret = s;
        return 0;
}

int system_start_network(System *s)
{
        return complain("Watching the network", network_start(s->upper.network));
}

int system_start(System *s)
{
        int r = complain("The resolver",
                resolver_new(&s->resolver, s->upper.cx, s->upper.network, s->upper.settings));

        if (r < 0)
                return r;
        if (s->time)
                time_client_set_resolver(s->time, s->resolver);
        r = complain("Fetching", start_fetcher(s));
        return r < 0 ? r : start_upper(s);
}

System *system_free(System *s)
{
        if (!s)
                return NULL;
        if (s->time)
                time_client_watch_unlink(&s->time_watch);
        stop_upper(s);
        fetcher_free(s->upper.fetcher);
        time_client_free(s->time);
        resolver_free(s->resolver);
        network_free(s->upper.network);
        stage_holds_free(s->stages);
        settings_free(s->upper.settings);
        free(s);
        return NULL;
}

/* A token that is there is not thrown away for a change elsewhere: where the upper stages are to do
 * what they do, they keep the settings that they have. */
int system_reload(System *s, const Settings *settings)
{
        bool changed = !upper_settings_equal(s->upper.settings, settings) || files_changed(s);
        int r;

        if (changed) {
                stop_upper(s);
                settings_free(s->upper.settings);
                s->upper.settings = settings_ref(settings);
        }
        r = stage_holds_reload(s->stages, settings);
        if (r >= 0)
                r = network_reload(s->upper.network, settings);
        if (r >= 0 && s->resolver)
                r = resolver_reload(s->resolver, settings);
        if (r >= 0 && s->time)
                r = time_client_reload(s->time, settings);
        return r < 0 || !changed ? r : start_upper(s);
}

void system_resume(System *s, int state)
{
        stage_holds_resume(s->stages, state);
        s->upper.open_usec = 1; /* no power cut: no reason to wait */
        upper_tell(&s->upper);
}

void system_hold_taken(System *s, int state, const char *who)
{
        stage_holds_taken(s->stages, state, who);
}

void system_invalidate_policy(System *s)
{
        if (s->policy)
                policy_stage_refresh(s->policy);
        ladder_request_policy_invalid(context_ladder(s->upper.cx));
}

Network *system_network(System *s)
{
        return s->upper.network;
}

Resolver *system_resolver(System *s)
{
        return s->resolver;
}

TimeClient *system_time(System *s)
{
        return s->time;
}

PortalCheck *system_portal(System *s)
{
        return s->portal;
}

/* A provider that let the rung be entered has seen to it that nothing is in the way. */
const char *system_portal_result(const System *s)
{
        const PortalSettings *p = &s->upper.settings->portal;

        if (s->portal)
                return portal_check_result(s->portal);
        return p->provider == STAGE_PROVIDER_HOLD &&
                               ladder_reached(context_ladder(s->upper.cx), portal_rung(p))
                       ? "internet"
                       : "unknown";
}

PolicyStage *system_policy(System *s)
{
        return s->policy;
}

Registration *system_registration(System *s)
{
        return s->registration;
}

TokenStage *system_token(System *s, unsigned index)
{
        return s->tokens[index];
}

void system_watch(System *s, UpperWatch *watch)
{
        upper_watch_link(&s->upper, watch);
}
