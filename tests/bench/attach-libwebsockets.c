/* SPDX-License-Identifier: MIT */
/* libwebsockets as its own attach example uses it: a mutex in .attach. */
#include "attach.h"
#include <libwebsockets.h>
#include <pthread.h>

static struct lws_context *cx;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static BenchFn *waiting_fn;
static int veto_at = LWS_SYSTATE_AUTH1;

static void call(struct lws_context *context, int tsi, void *opaque)
{
        ((BenchFn *) (void (*)(void)) opaque)(NULL);
}

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

static const lws_system_ops_t ops = { .attach = locked };

static int on_state(
        struct lws_state_manager *mgr, struct lws_state_notify_link *link, int current, int target)
{
        return target == veto_at && current != target;
}

static lws_state_notify_link_t notifier = { .notify_cb = on_state, .name = "bench" };
static lws_state_notify_link_t *const notifiers[] = { &notifier, NULL };

static int on_protocol(
        struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
        return 0;
}

static const struct lws_protocols protocols[] = {
        { "bench", on_protocol, 0, 0, 0, NULL, 0 },
        { NULL, NULL, 0, 0, 0, NULL, 0 },
};

static bool bench_open(void)
{
        struct lws_context_creation_info info = { 0 };

        lws_set_log_level(LLL_ERR, NULL);
        info.port = CONTEXT_PORT_NO_LISTEN;
        info.system_ops = &ops;
        info.protocols = protocols;
        info.register_notifier_list = notifiers;
        cx = lws_create_context(&info);
        return cx;
}

static void bench_run(volatile bool *stop)
{
        while (!*stop && lws_service(cx, 0) >= 0)
                ;
}

static void bench_post(BenchFn *fn, void *arg)
{
        ops.attach(cx, 0, call, LWS_SYSTATE_INITIALIZED, (void *) (void (*)(void)) fn, NULL);
}

static void bench_wait(BenchFn *fn, void *arg)
{
        waiting_fn = fn;
        ops.attach(cx, 0, call_waiting, LWS_SYSTATE_OPERATIONAL, arg, NULL);
}

static void bench_wait_first(BenchFn *fn, void *arg)
{
        waiting_fn = fn;
        ops.attach(cx, 0, call_waiting, LWS_SYSTATE_AUTH1, arg, NULL);
}

static void bench_release_first(void *unused)
{
        veto_at = LWS_SYSTATE_OPERATIONAL;
        lws_state_transition_steps(lws_system_get_state_manager(cx), LWS_SYSTATE_AUTH1);
        lws_cancel_service(cx);
}

static void bench_release(void *unused)
{
        veto_at = -1;
        lws_state_transition_steps(lws_system_get_state_manager(cx), LWS_SYSTATE_OPERATIONAL);
        lws_cancel_service(cx);
}

const Peer peer = {
        .name = "libwebsockets",
        .open = bench_open,
        .run = bench_run,
        .post = bench_post,
        .wait = bench_wait,
        .wait_first = bench_wait_first,
        .release_first = bench_release_first,
        .release = bench_release,
};
