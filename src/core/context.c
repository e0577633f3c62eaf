/* SPDX-License-Identifier: MIT */
#include "core/context-private.h"
#include "util/log.h"
#include <poll.h>
#include <string.h>

/* -- The ladder on thread 0 -------------------------------------------------------------------- */

static void on_ladder_timer(Timer *t, usec_t now)
{
        struct lws_context *cx = container_of(t, struct lws_context, ladder_timer);

        ladder_process(cx->ladder, now);
}

static void record_level(struct lws_context *cx)
{
        StateLog *log = &cx->states;
        uint64_t serial = atomic_load_explicit(&log->serial, memory_order_relaxed) + 1;
        int level = STATE_RANK_TOP;

        while (level >= 0 && !ladder_reached(cx->ladder, state_at_rank(level)))
                level--;
        atomic_store_explicit(
                &log->levels[serial % STATE_LOG_SIZE], (signed char) level, memory_order_relaxed);
        atomic_store_explicit(&log->level, level, memory_order_release);
        atomic_store_explicit(&log->serial, serial, memory_order_release);
}

static void wake_ladder(void *userdata, usec_t deadline)
{
        struct lws_context *cx = userdata;

        timer_set(&cx->ladder_timer, deadline);
}

/* Last of all that a change calls: what is attached runs when the change is made. */
static void on_ladder_changed(LadderWatch *watch, const LadderChange *change)
{
        struct lws_context *cx = container_of(watch, struct lws_context, ladder_watch);

        record_level(cx);
        /* thread 0 looks before it sleeps: this is it */
        for (int i = 1; i < cx->n_threads; i++)
                thread_notify(&cx->threads[i], NOTICE_STATE);
}

static int make_ladder(struct lws_context *cx, const struct lws_context_creation_info *info)
{
        static const LadderClocks clocks = { clock_boottime_usec, clock_monotonic_usec,
                clock_realtime_usec };
        lws_state_manager_t *manager;
        int r;

        timer_init(&cx->ladder_timer, &cx->threads[0], on_ladder_timer);
        r = ladder_new(&cx->ladder, &clocks, wake_ladder, cx);
        if (r < 0)
                return r;
        manager = ladder_manager(cx->ladder);
        manager->context = cx;
        manager->parent = cx;
        if (info->register_notifier_list)
                lws_state_reg_notifier_list(manager, info->register_notifier_list);
        record_level(cx);
        cx->ladder_watch.changed = on_ladder_changed;
        ladder_watch_link(cx->ladder, &cx->ladder_watch);
        wake_ladder(cx, 0);
        return 0;
}

void context_tell_destroying(struct lws_context *cx)
{
        if (!cx->ladder || cx->told_destroying)
                return;
        cx->told_destroying = true;
        ladder_destroying(cx->ladder, clock_boottime_usec());
}

Ladder *context_ladder(struct lws_context *cx)
{
        return cx->ladder;
}

int context_n_threads(struct lws_context *cx)
{
        return cx->n_threads;
}

void **context_resolver(struct lws_context *cx)
{
        return &cx->resolver;
}

/* -- Creation ---------------------------------------------------------------------------------- */

static int choose_loop(struct lws_context *cx, const struct lws_context_creation_info *info)
{
        bool ev = info->options & LWS_SERVER_OPTION_LIBEV;
        bool sd = info->options & LWS_SERVER_OPTION_SDEVENT;

        if (info->options & ~(uint64_t) (LWS_SERVER_OPTION_LIBEV | LWS_SERVER_OPTION_SDEVENT |
                                         LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT)) {
                log_error("Cannot make a context: options 0x%llx hold one that is not known here",
                        (unsigned long long) info->options);
                return -EINVAL;
        }
        if (ev && !loop_libev) {
                log_error("Cannot make a context: libev is not built in");
                return -EOPNOTSUPP;
        }
        if ((ev && sd) || (info->foreign_loops && !ev && !sd)) {
                log_error("Cannot make a context: name one loop library in options");
                return -EINVAL;
        }
        cx->loop_ops = ev ? loop_libev : sd ? &loop_sd_event : &loop_epoll;
        return 0;
}

static int make_threads(struct lws_context *cx, const struct lws_context_creation_info *info)
{
        unsigned n = info->count_threads > 0 ? info->count_threads : 1;
        int r;

        if (n > LWS_MAX_SMP) {
                log_error("Cannot make a context with %u threads: %d at most", n, LWS_MAX_SMP);
                return -EINVAL;
        }
        cx->threads = aligned_alloc(_Alignof(Thread), n * sizeof(Thread));
        if (!cx->threads)
                return -ENOMEM;
        memset(cx->threads, 0, n * sizeof(Thread));
        cx->n_threads = (int) n;
        for (int i = 0; i < cx->n_threads; i++) {
                r = thread_init(&cx->threads[i], cx, i,
                        info->foreign_loops ? info->foreign_loops[i] : NULL);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int make_vhosts(struct lws_context *cx, const struct lws_context_creation_info *info)
{
        struct lws_vhost *vhost;
        int r;

        if (info->port > 0) {
                log_error("Cannot make a context that listens on port %d: this library does not",
                        info->port);
                return -EINVAL;
        }
        r = vhost_new(&vhost, cx, info->vhost_name ? info->vhost_name : "default", info->protocols);
        if (r < 0)
                return r;
        return vhost_system_new(&cx->vhost_system, cx);
}

static void context_free(struct lws_context *cx)
{
        struct lws_context **pcontext = cx->pcontext;

        for (int i = 0; i < cx->n_threads; i++)
                thread_deinit(&cx->threads[i]);
        if (cx->told_protocols)
                vhosts_tell(&cx->threads[0], LWS_CALLBACK_PROTOCOL_DESTROY);
        vhosts_free(cx);
        ladder_free(cx->ladder);
        blobs_free(cx->blobs);
        pthread_mutex_destroy(&cx->lock);
        free(cx->threads);
        free(cx);
        if (pcontext)
                *pcontext = NULL;
}

_public_ void lws_context_info_defaults(struct lws_context_creation_info *info, const char *sspol)
{
        (void) sspol; /* libwebsockets' secure streams policy: not here */
        *info = (struct lws_context_creation_info){ .port = CONTEXT_PORT_NO_LISTEN };
}

static int context_init(struct lws_context *cx, const struct lws_context_creation_info *info)
{
        int r;

        list_init(&cx->vhosts);
        cx->refs = 1;
        cx->options = info->options;
        cx->user = info->user;
        cx->fd_limit_per_thread = info->fd_limit_per_thread;
        ops_init(&cx->ops, info->system_ops);
        r = pthread_mutex_init(&cx->lock, NULL);
        if (r != 0)
                return -r;
        r = blobs_new(&cx->blobs);
        if (r < 0)
                return r;
        r = choose_loop(cx, info);
        if (r < 0)
                return r;
        r = make_vhosts(cx, info);
        if (r < 0)
                return r;
        r = make_threads(cx, info);
        if (r < 0)
                return r;
        return make_ladder(cx, info);
}

_public_ struct lws_context *lws_create_context(const struct lws_context_creation_info *info)
{
        struct lws_context *cx = calloc(1, sizeof(*cx));
        int r = cx ? context_init(cx, info) : -ENOMEM;

        if (r < 0) {
                log_error("Cannot make a context: %s", strerror(-r));
                if (cx)
                        context_free(cx);
                return NULL;
        }
        cx->pcontext = info->pcontext;
        cx->told_protocols = true;
        /* one of them may end it: not before the last has been told */
        cx->threads[0].depth++;
        vhosts_tell(&cx->threads[0], LWS_CALLBACK_PROTOCOL_INIT);
        return thread_end(&cx->threads[0]) ? NULL : cx;
}

/* -- Destruction ------------------------------------------------------------------------------- */

void context_unref(struct lws_context *cx)
{
        bool last;

        pthread_mutex_lock(&cx->lock);
        last = --cx->refs == 0;
        pthread_mutex_unlock(&cx->lock);
        if (last)
                context_free(cx);
}

/* Whether the calling thread may end it here and now: nobody services it, or the caller does and is
 * in none of its callbacks. Under cx->lock. */
static bool may_part(Thread *th)
{
        const void *owner = atomic_load(&th->owner);

        if (th->phase != THREAD_JOINED || (owner && owner != current_os_thread()))
                return false;
        return th->depth == 0 && !(th->tsi == 0 && ladder_is_busy(th->cx->ladder));
}

/* In a callback from outside any turn, before thread 0 had its first: whoever made the call stands
 * in the middle of it, and is the one to come back. */
static void stay_for_caller(struct lws_context *cx)
{
        Thread *th = &cx->threads[0];
        bool stays;

        /* under the lock: whoever services it from now on is in callbacks of its own */
        pthread_mutex_lock(&cx->lock);
        stays = th->phase == THREAD_NEW && (th->depth > 0 || ladder_is_busy(cx->ladder));
        pthread_mutex_unlock(&cx->lock);
        if (stays)
                (void) thread_join(th);
}

_public_ void lws_context_destroy(struct lws_context *cx)
{
        uint64_t here = 0;

        if (!cx)
                return;
        stay_for_caller(cx);
        if (atomic_exchange(&cx->destroying, true)) {
                log_warning("A context that is being destroyed was destroyed again");
                return;
        }
        /* by a notifier: no other state is entered behind it */
        if (thread_is_mine(&cx->threads[0]) && ladder_is_busy(cx->ladder))
                context_tell_destroying(cx);
        pthread_mutex_lock(&cx->lock);
        for (int i = 0; i < cx->n_threads; i++) {
                Thread *th = &cx->threads[i];

                if (may_part(th))
                        here |= UINT64_C(1) << i;
                else if (th->phase == THREAD_JOINED)
                        thread_notify(th, NOTICE_DESTROY);
        }
        pthread_mutex_unlock(&cx->lock);
        for (int i = 0; i < LWS_MAX_SMP; i++)
                if (here & UINT64_C(1) << i)
                        thread_part(&cx->threads[i]);
        context_unref(cx);
}

/* -- Service ----------------------------------------------------------------------------------- */

static Thread *thread_at(struct lws_context *cx, int tsi, const char *what)
{
        if (!cx)
                log_error("%s: no context", what);
        else if (tsi < 0 || tsi >= cx->n_threads)
                log_error(
                        "%s: there is no thread %d, the context has %d", what, tsi, cx->n_threads);
        else
                return &cx->threads[tsi];
        return NULL;
}

static int service(Thread *th, bool wait, const char *what)
{
        int r;

        if (atomic_exchange_explicit(&th->serving, true, memory_order_acquire)) {
                log_error("%s: thread %d is being serviced already", what, th->tsi);
                return -1;
        }
        r = thread_join(th);
        if (r != -ESHUTDOWN) {
                thread_begin(th);
                if (r >= 0 && !context_is_destroying(th->cx))
                        r = th->loop->ops->run(th->loop, wait);
                if (thread_end(th))
                        return -1; /* negative, as loops written for libwebsockets look for that */
        }
        atomic_store_explicit(&th->serving, false, memory_order_release);
        if (r < 0 && r != -ESHUTDOWN)
                log_error("%s: thread %d: %s", what, th->tsi, strerror(-r));
        return r < 0 ? -1 : 0;
}

_public_ int lws_service(struct lws_context *cx, int tsi)
{
        Thread *th = thread_at(cx, tsi, "lws_service");

        return th ? service(th, true, "lws_service") : -1;
}

_public_ int lws_service_tsi(struct lws_context *cx, int timeout_ms, int tsi)
{
        Thread *th = thread_at(cx, tsi, "lws_service_tsi");

        return th ? service(th, timeout_ms >= 0, "lws_service_tsi") : -1;
}

static Thread *driven(struct lws_context *cx, int tsi, const char *what)
{
        Thread *th = thread_at(cx, tsi, what);
        int r;

        if (!th)
                return NULL;
        r = thread_join(th);
        if (r < 0) {
                log_error("%s: thread %d: %s", what, tsi, strerror(-r));
                return NULL;
        }
        return th;
}

_public_ int lws_context_get_fd(struct lws_context *cx, int tsi)
{
        Thread *th = driven(cx, tsi, "lws_context_get_fd");

        return th ? MAX(th->loop->ops->fd(th->loop), -1) : -1;
}

_public_ int lws_context_get_events(struct lws_context *cx, int tsi)
{
        return POLLIN;
}

_public_ int lws_context_get_timeout(struct lws_context *cx, int tsi)
{
        Thread *th = driven(cx, tsi, "lws_context_get_timeout");

        return th && th->loop->hooks.prepare(th->loop->hooks.userdata) == LOOP_SLEEP ? -1 : 0;
}

_public_ int lws_context_dispatch(struct lws_context *cx, int tsi)
{
        Thread *th = thread_at(cx, tsi, "lws_context_dispatch");

        return th ? service(th, false, "lws_context_dispatch") : -1;
}

_public_ void lws_cancel_service(struct lws_context *cx)
{
        for (int i = 0; cx && i < cx->n_threads; i++)
                thread_notify(&cx->threads[i], NOTICE_CANCEL);
}

_public_ void lws_cancel_service_pt(struct lws *wsi)
{
        thread_notify(wsi_thread(wsi), NOTICE_CANCEL);
}

/* -- The rest ---------------------------------------------------------------------------------- */

_public_ void *lws_context_user(struct lws_context *cx)
{
        return cx->user;
}

_public_ const char *lws_cmdline_option(int argc, const char **argv, const char *val)
{
        size_t n = strlen(val);

        for (int i = 1; i < argc; i++) {
                if (strncmp(argv[i], val, n) != 0)
                        continue;
                if (argv[i][n] == '\0' && i + 1 < argc)
                        return argv[i + 1];
                return argv[i] + n;
        }
        return NULL;
}
