/* SPDX-License-Identifier: MIT */
#include "dns.h"
#include <dlfcn.h>
#include <poll.h>
#include <stdio.h>
#include <unbound.h>

#define LIBRARY "libunbound.so.8"

static unsigned answered;

static struct {
        __typeof__(ub_ctx_create) *ctx_create;
        __typeof__(ub_ctx_set_fwd) *ctx_set_fwd;
        __typeof__(ub_ctx_set_option) *ctx_set_option;
        __typeof__(ub_ctx_zone_add) *ctx_zone_add;
        __typeof__(ub_ctx_async) *ctx_async;
        __typeof__(ub_resolve_async) *resolve_async;
        __typeof__(ub_fd) *fd;
        __typeof__(ub_process) *process;
        __typeof__(ub_resolve_free) *resolve_free;
        __typeof__(ub_ctx_delete) *ctx_delete;
} ub;

/* libunbound has libevent do its work, and libev, which is there for us, has functions of the same
 * names: so it is opened in a way that lets it find its own. */
static int load(void)
{
        void *lib = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
        const struct {
                void **to;
                const char *name;
        } calls[] = { { (void **) &ub.ctx_create, "ub_ctx_create" },
                { (void **) &ub.ctx_set_fwd, "ub_ctx_set_fwd" },
                { (void **) &ub.ctx_set_option, "ub_ctx_set_option" },
                { (void **) &ub.ctx_zone_add, "ub_ctx_zone_add" },
                { (void **) &ub.ctx_async, "ub_ctx_async" },
                { (void **) &ub.resolve_async, "ub_resolve_async" }, { (void **) &ub.fd, "ub_fd" },
                { (void **) &ub.process, "ub_process" },
                { (void **) &ub.resolve_free, "ub_resolve_free" },
                { (void **) &ub.ctx_delete, "ub_ctx_delete" } };

        if (!lib)
                return -1;
        for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
                *calls[i].to = dlsym(lib, calls[i].name);
                if (!*calls[i].to)
                        return -1;
        }
        return 0;
}

static void on_answer(void *data, int error, struct ub_result *result)
{
        answered += error == 0 && result && result->havedata;
        --*(unsigned *) data;
        ub.resolve_free(result);
}

static unsigned run(uint16_t port, unsigned total, unsigned parallel)
{
        unsigned started = 0, flying = 0;
        struct ub_ctx *ctx;
        char text[64];

        answered = 0;
        if (!ub.ctx_delete && load() < 0)
                return 0;
        ctx = ub.ctx_create();
        if (!ctx)
                return 0;
        snprintf(text, sizeof(text), "127.0.0.1@%u", port);
        ub.ctx_set_fwd(ctx, text);
        ub.ctx_set_option(ctx, "do-not-query-localhost:", "no");
        /* it would deny all of test. by itself */
        ub.ctx_zone_add(ctx, "bench.test.", "transparent");
        ub.ctx_async(ctx, 1);
        while (started < total || flying > 0) {
                struct pollfd p = { .fd = ub.fd(ctx), .events = POLLIN };

                while (started < total && flying < parallel) {
                        bench_name(text, started++);
                        flying++;
                        if (ub.resolve_async(ctx, text, 1, 1, &flying, on_answer, NULL) != 0)
                                flying--;
                }
                if (poll(&p, 1, 5000) <= 0)
                        break;
                ub.process(ctx);
        }
        ub.ctx_delete(ctx);
        return answered;
}

const DnsBench bench_unbound = { "libunbound", run };
