/* SPDX-License-Identifier: MIT */
/* This library. BENCH_LOOP=sd-event|libev chooses another loop, BENCH_LOCK=1 puts a mutex around
 * the helper in .attach, as libwebsockets asks for. */
#include "attach.h"
#include "core/context.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static struct lws_context *cx;
static Hold *first, *second;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

typedef struct Call Call;

/* lws_attach_cb_t gets more than a BenchFn wants: one wrapper for each that is used. */
static void call(struct lws_context *context, int tsi, void *opaque)
{
        ((BenchFn *) (void (*)(void)) opaque)(NULL);
}

static BenchFn *waiting_fn;

static void call_waiting(struct lws_context *context, int tsi, void *opaque)
{
        waiting_fn(opaque);
}

static int locked(struct lws_context *context, int tsi, lws_attach_cb_t cb,
        lws_system_states_t state, void *opaque, struct lws_attach_item **get)
{
        int r;

        pthread_mutex_lock(&lock);
        r = __lws_system_attach(context, tsi, cb, state, opaque, get);
        pthread_mutex_unlock(&lock);
        return r;
}

static bool lwsd_open(void)
{
        static const lws_system_ops_t ops = { .attach = locked };
        const char *loop = getenv("BENCH_LOOP");
        struct lws_context_creation_info info;

        lws_context_info_defaults(&info, NULL);
        info.options = !loop || *loop == '\0'       ? 0
                       : strcmp(loop, "libev") == 0 ? LWS_SERVER_OPTION_LIBEV
                                                    : LWS_SERVER_OPTION_SDEVENT;
        info.system_ops = getenv("BENCH_LOCK") ? &ops : NULL;
        cx = lws_create_context(&info);
        if (!cx || hold_new(&first, context_ladder(cx), LWS_SYSTATE_AUTH1, HOLD_ENTRY, "a") < 0 ||
                hold_new(&second, context_ladder(cx), LWS_SYSTATE_OPERATIONAL, HOLD_ENTRY, "b") < 0)
                return false;
        hold_assert(first, "bench", 0, "bench");
        hold_assert(second, "bench", 0, "bench");
        return true;
}

static void lwsd_run(volatile bool *stop)
{
        while (!*stop && lws_service(cx, 0) == 0)
                ;
}

static void attach(lws_attach_cb_t *cb, int state, void *opaque)
{
        if (lws_system_get_ops(cx)->attach(cx, 0, cb, (lws_system_states_t) state, opaque, NULL))
                abort();
}

static void lwsd_post(BenchFn *fn, void *arg)
{
        attach(call, LWS_SYSTATE_DHCP, (void *) (void (*)(void)) fn);
}

static void lwsd_wait(BenchFn *fn, void *arg)
{
        waiting_fn = fn;
        attach(call_waiting, LWS_SYSTATE_OPERATIONAL, arg);
}

static void destroy(void *opaque)
{
}

static void lwsd_wait_ended(BenchFn *fn, void *arg)
{
        static const lws_usec_t hour = 3600 * LWS_US_PER_SEC;
        uint64_t handle;

        waiting_fn = fn;
        if (lws_system_attach_ext(cx, 0, call_waiting, LWS_SYSTATE_OPERATIONAL, arg, destroy,
                    lws_now_usecs() + hour, &handle) < 0)
                abort();
}

static void lwsd_wait_first(BenchFn *fn, void *arg)
{
        waiting_fn = fn;
        attach(call_waiting, LWS_SYSTATE_AUTH1, arg);
}

static void lwsd_release_first(void *unused)
{
        hold_drop(first);
}

static void lwsd_release(void *unused)
{
        hold_drop(first);
        hold_drop(second);
}

const Peer peer = {
        .name = "lwsd",
        .open = lwsd_open,
        .run = lwsd_run,
        .post = lwsd_post,
        .wait = lwsd_wait,
        .wait_ended = lwsd_wait_ended,
        .wait_first = lwsd_wait_first,
        .release_first = lwsd_release_first,
        .release = lwsd_release,
};
