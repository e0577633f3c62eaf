/* SPDX-License-Identifier: MIT */
/* Ours: the resolver as a library call, without its cache. */
#include "dns.h"
#include "helper/resolver.h"
#include "lib/fake-network.h"
#include "proto/dns-record.h"
#include <stdio.h>

typedef struct Run Run;
struct Run {
        struct lws_context *cx;
        Resolver *resolver;
        unsigned total, started, finished, answered;
};

static void on_answer(Lookup *lookup, const LookupResult *result, void *userdata);

static void start(Run *run)
{
        char text[64];

        if (run->started == run->total)
                return;
        bench_name(text, run->started++);
        if (resolver_lookup_record(run->resolver, NULL, 0, text, DNS_CLASS_IN, DNS_TYPE_A,
                    LOOKUP_NO_CACHE, on_answer, run) < 0)
                run->finished++;
}

static void on_answer(Lookup *lookup, const LookupResult *result, void *userdata)
{
        Run *run = userdata;

        (void) lookup;
        run->answered += result->error == 0;
        run->finished++;
        start(run);
}

static void on_cached(Lookup *lookup, const LookupResult *result, void *userdata)
{
        (void) lookup;
        *(unsigned *) userdata += result->n_addresses > 0 && result->from_cache;
}

/* One name from the cache, over and over. */
static double cached_usec(Resolver *r)
{
        enum { ROUNDS = 1000000 };
        unsigned n = 0;
        usec_t t = clock_boottime_usec();

        for (unsigned i = 0; i < ROUNDS; i++)
                (void) resolver_peek_host(r, 0, "cached.bench.test", AF_INET, 0, on_cached, &n);
        return n == ROUNDS ? (double) (clock_boottime_usec() - t) / ROUNDS : -1;
}

static void on_first(Lookup *lookup, const LookupResult *result, void *userdata)
{
        (void) lookup;
        (void) result;
        *(bool *) userdata = true;
}

static int start_resolver(
        Run *run, Settings **settings, Network **network, uint16_t port, uint64_t loop)
{
        struct lws_context_creation_info info;
        Endpoint server = { .port = port };

        lws_context_info_defaults(&info, NULL);
        info.options |= loop;
        run->cx = lws_create_context(&info);
        (void) ip_parse("127.0.0.1", &server.addr);
        if (!run->cx || settings_new(settings) < 0 ||
                endpoint_list_add(&(*settings)->dns.servers, &server) < 0 ||
                fake_network_new(network, run->cx, *settings) < 0)
                return -ENOMEM;
        return resolver_new(&run->resolver, run->cx, *network, *settings);
}

static void stop_resolver(Run *run, Settings *settings, Network *network)
{
        resolver_free(run->resolver);
        fake_network_free(network);
        lws_context_destroy(run->cx);
        settings_free(settings);
}

double bench_lwsd_cached(uint16_t port)
{
        Settings *settings = NULL;
        Network *network = NULL;
        Run run = { 0 };
        bool done = false;
        double usec = -1;

        if (start_resolver(&run, &settings, &network, port, 0) < 0)
                return -1;
        if (resolver_lookup_host(
                    run.resolver, NULL, 0, "cached.bench.test", AF_INET, 0, on_first, &done) >= 0) {
                while (!done && lws_service(run.cx, 0) == 0)
                        ;
                usec = cached_usec(run.resolver);
        }
        stop_resolver(&run, settings, network);
        return usec;
}

static unsigned run_all(uint16_t port, unsigned total, unsigned parallel, uint64_t loop)
{
        Settings *settings = NULL;
        Network *network = NULL;
        Run run = { .total = total };

        if (start_resolver(&run, &settings, &network, port, loop) < 0)
                return 0;
        for (unsigned i = 0; i < parallel; i++)
                start(&run);
        while (run.finished < total && lws_service(run.cx, 0) == 0)
                ;
        stop_resolver(&run, settings, network);
        return run.answered;
}

static unsigned run_own(uint16_t port, unsigned total, unsigned parallel)
{
        return run_all(port, total, parallel, 0);
}

static unsigned run_sd_event(uint16_t port, unsigned total, unsigned parallel)
{
        return run_all(port, total, parallel, LWS_SERVER_OPTION_SDEVENT);
}

static unsigned run_libev(uint16_t port, unsigned total, unsigned parallel)
{
        return run_all(port, total, parallel, LWS_SERVER_OPTION_LIBEV);
}

const DnsBench bench_lwsd = { "lwsd, in process", run_own };
const DnsBench bench_lwsd_sd_event = { "lwsd, sd-event", run_sd_event };
const DnsBench bench_lwsd_libev = { "lwsd, libev", run_libev };
