/* SPDX-License-Identifier: MIT */
/*
 * A thread that knows nothing of the loop asks for a callback on it, once the system is
 * operational. Written for libwebsockets' lws_system as much as for this library: only the include
 * line tells.
 *
 *      cc attach-thread.c $(pkg-config --cflags --libs lws-system) -pthread
 */
#include <lwsd/lws-system.h>
#include <pthread.h>
#include <signal.h>

static struct lws_context *context;
static pthread_mutex_t context_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t context_made = PTHREAD_COND_INITIALIZER;
static pthread_mutex_t attach_lock = PTHREAD_MUTEX_INITIALIZER;
static volatile int interrupted;
static int status = 1;

static int callback_none(
        struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
        return 0;
}

static const struct lws_protocols protocols[] = {
        { "none", callback_none, 0, 0, 0, NULL, 0 },
        LWS_PROTOCOL_LIST_TERM,
};

/* On the loop's thread. Whatever is started here goes on from the loop. */
static void attach_callback(struct lws_context *cx, int tsi, void *opaque)
{
        lwsl_user("%s: operational, on thread %d: %s\n", __func__, tsi, (const char *) opaque);
        status = 0;
        interrupted = 1;
        lws_cancel_service(cx);
}

/* Whatever lock the program likes around the helper, which takes none. */
static int attach_with_lock(struct lws_context *cx, int tsi, lws_attach_cb_t cb,
        lws_system_states_t state, void *opaque, struct lws_attach_item **get)
{
        int n;

        pthread_mutex_lock(&attach_lock);
        n = __lws_system_attach(cx, tsi, cb, state, opaque, get);
        pthread_mutex_unlock(&attach_lock);
        return n;
}

static lws_system_ops_t ops = { .attach = attach_with_lock };

static void *loop_thread(void *unused)
{
        struct lws_context_creation_info info;
        struct lws_context *cx;

        memset(&info, 0, sizeof(info));
        info.port = CONTEXT_PORT_NO_LISTEN;
        info.options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
        info.system_ops = &ops;
        info.protocols = protocols;

        cx = lws_create_context(&info);
        if (!cx)
                lwsl_err("no context\n");
        pthread_mutex_lock(&context_lock);
        context = cx;
        interrupted = !cx;
        pthread_cond_signal(&context_made);
        pthread_mutex_unlock(&context_lock);

        while (!interrupted)
                if (lws_service(cx, 0))
                        interrupted = 1;
        lws_context_destroy(cx);
        return NULL;
}

static void on_sigint(int sig)
{
        interrupted = 1;
}

int main(int argc, const char **argv)
{
        const char *level = lws_cmdline_option(argc, argv, "-d");
        pthread_t thread;

        signal(SIGINT, on_sigint);
        lws_set_log_level(level ? atoi(level) : LLL_USER | LLL_ERR | LLL_WARN, NULL);
        if (pthread_create(&thread, NULL, loop_thread, NULL)) {
                lwsl_err("no thread\n");
                return 1;
        }
        pthread_mutex_lock(&context_lock);
        while (!context && !interrupted)
                pthread_cond_wait(&context_made, &context_lock);
        pthread_mutex_unlock(&context_lock);
        if (context)
                lws_system_get_ops(context)->attach(context, 0, attach_callback,
                        LWS_SYSTATE_OPERATIONAL, (void *) "hello from outside", NULL);
        pthread_join(thread, NULL);
        return status;
}
