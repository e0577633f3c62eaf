/* SPDX-License-Identifier: MIT */
#include "dns.h"
#include <poll.h>
#include <stdio.h>
#include <unbound.h>

static unsigned answered;

static void on_answer(void *data, int error, struct ub_result *result)
{
        answered += error == 0 && result && result->havedata;
        --*(unsigned *) data;
        ub_resolve_free(result);
}

static unsigned run(uint16_t port, unsigned total, unsigned parallel)
{
        unsigned started = 0, flying = 0;
        struct ub_ctx *ctx = ub_ctx_create();
        char text[64];

        answered = 0;
        if (!ctx)
                return 0;
        snprintf(text, sizeof(text), "127.0.0.1@%u", port);
        ub_ctx_set_fwd(ctx, text);
        ub_ctx_set_option(ctx, "do-not-query-localhost:", "no");
        ub_ctx_set_option(ctx, "local-zone:", "\"test.\" nodefault");
        ub_ctx_async(ctx, 1);
        while (started < total || flying > 0) {
                struct pollfd p = { .fd = ub_fd(ctx), .events = POLLIN };

                while (started < total && flying < parallel) {
                        bench_name(text, started++);
                        flying++;
                        if (ub_resolve_async(ctx, text, 1, 1, &flying, on_answer, NULL) != 0)
                                flying--;
                }
                if (poll(&p, 1, 5000) <= 0)
                        break;
                ub_process(ctx);
        }
        ub_ctx_delete(ctx);
        return answered;
}

const DnsBench bench_unbound = { "libunbound", run };
