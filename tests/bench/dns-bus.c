/* SPDX-License-Identifier: MIT */
/*
 * bench-dns-bus SOCKET NAME [TOTAL]: what a look-up from the cache costs over lwsd's private
 * socket, beside a bare Ping there: one at a time, and 100 in flight.
 */
#include "util/clock.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-bus.h>

#define IN_FLIGHT 100

typedef struct Run Run;
struct Run {
        sd_bus *bus;
        const char *name; /* NULL: Ping */
        unsigned left, flying, good;
};

static int make_call(const Run *run, sd_bus_message **ret)
{
        int r;

        if (!run->name)
                return sd_bus_message_new_method_call(run->bus, ret, "org.lwsd1", "/org/lwsd1",
                        "org.freedesktop.DBus.Peer", "Ping");
        r = sd_bus_message_new_method_call(
                run->bus, ret, "org.lwsd1", "/org/lwsd1", "org.lwsd1.Resolver", "ResolveHostname");
        return r < 0 ? r : sd_bus_message_append(*ret, "isit", 0, run->name, AF_INET, UINT64_C(0));
}

static int on_reply(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        Run *run = userdata;

        (void) error;
        run->flying--;
        run->good += !sd_bus_message_is_method_error(m, NULL);
        return 0;
}

static double one_at_a_time(Run *run, unsigned total)
{
        usec_t t = clock_monotonic_usec();

        for (unsigned i = 0; i < total; i++) {
                sd_bus_message *call = NULL, *reply = NULL;

                if (make_call(run, &call) < 0 || sd_bus_call(run->bus, call, 0, NULL, &reply) < 0)
                        return -1;
                sd_bus_message_unref(call);
                sd_bus_message_unref(reply);
        }
        return (double) (clock_monotonic_usec() - t) / total;
}

static double pipelined(Run *run, unsigned total)
{
        usec_t t = clock_monotonic_usec();

        run->left = total;
        run->good = 0;
        while (run->left > 0 || run->flying > 0) {
                while (run->left > 0 && run->flying < IN_FLIGHT) {
                        sd_bus_message *call = NULL;

                        if (make_call(run, &call) < 0 ||
                                sd_bus_call_async(run->bus, NULL, call, on_reply, run, 0) < 0)
                                return -1;
                        sd_bus_message_unref(call);
                        run->left--;
                        run->flying++;
                }
                if (sd_bus_process(run->bus, NULL) == 0)
                        (void) sd_bus_wait(run->bus, UINT64_MAX);
        }
        return run->good == total ? total * 1e6 / (double) (clock_monotonic_usec() - t) : -1;
}

static void row(const char *what, Run *run, unsigned total, double *base)
{
        double usec, rate;

        (void) one_at_a_time(run, 100);
        usec = one_at_a_time(run, total);
        rate = pipelined(run, total);
        if (*base == 0)
                *base = usec;
        printf("%-34s %7.1f usec each, ratio %.2f; %d in flight: %8.0f a second\n", what, usec,
                usec / *base, IN_FLIGHT, rate);
}

int main(int argc, char **argv)
{
        unsigned total = argc > 3 ? (unsigned) atoi(argv[3]) : 20000;
        char address[256];
        double base = 0;
        Run run = { 0 };

        if (argc < 3)
                return 2;
        snprintf(address, sizeof(address), "unix:path=%s", argv[1]);
        if (sd_bus_new(&run.bus) < 0 || sd_bus_set_address(run.bus, address) < 0 ||
                sd_bus_start(run.bus) < 0)
                return 1;
        row("Ping on the private socket", &run, total, &base);
        run.name = argv[2];
        row("ResolveHostname from the cache", &run, total, &base);
        sd_bus_flush_close_unref(run.bus);
        return 0;
}
