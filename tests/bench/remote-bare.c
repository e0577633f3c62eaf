/* SPDX-License-Identifier: MIT */
#include "remote.h"
#include <errno.h>
#include <lwsd/lwsd-client.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 50, BATCHES = 101, BATCH_IDS = 4096 };

double now_usec(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (double) ts.tv_sec * 1e6 + (double) ts.tv_nsec / 1e3;
}

static void __attribute__((noreturn)) fail(const char *what, int r)
{
        fprintf(stderr, "remote: %s: %s\n", what, strerror(-r));
        exit(1);
}

/* -- Peers ------------------------------------------------------------------------------------ */

static int on_ping(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        sd_bus *bus = sd_bus_message_get_bus(m);
        sd_bus_message *s = NULL;
        uint64_t id = 1;
        int r = sd_bus_reply_method_return(m, "ts", id, "initialized");

        if (r < 0 ||
                (r = sd_bus_message_new_signal(bus, &s, LWSD_PATH, BARE_INTERFACE, "Attached")) < 0)
                return r;
        sd_bus_message_append_array(s, 't', &id, sizeof id);
        sd_bus_message_append(
                s, "sa{sv}", "initialized", 2, "monotonic-usec", "t", id, "state-serial", "t", id);
        if (sd_bus_message_get_sender(m))
                sd_bus_message_set_destination(s, sd_bus_message_get_sender(m));
        r = sd_bus_send(bus, s, NULL);
        sd_bus_message_unref(s);
        return r;
}

static const sd_bus_vtable bare_vtable[] = { SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("Attach", "sa{sv}", "ts", on_ping, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END };

pid_t bare_start(const char *address, int fd)
{
        pid_t pid = fork();
        sd_id128_t id = { 0 };
        sd_bus *bus = NULL;
        int r;

        if (pid != 0)
                return pid;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (address) {
                bus = open_at(address, 1);
        } else if ((r = sd_bus_new(&bus)) < 0 || (r = sd_bus_set_fd(bus, fd, fd)) < 0 ||
                   (r = sd_bus_set_server(bus, 1, id)) < 0 ||
                   (r = sd_bus_negotiate_fds(bus, 1)) < 0 || (r = sd_bus_start(bus)) < 0) {
                fail("bare server", r);
        }
        if ((r = sd_bus_add_object_vtable(
                     bus, NULL, LWSD_PATH, BARE_INTERFACE, bare_vtable, NULL)) < 0 ||
                (address && (r = sd_bus_request_name(bus, BARE_NAME, 0)) < 0))
                fail("bare server", r);
        while ((r = sd_bus_process(bus, NULL)) >= 0)
                if (r == 0)
                        (void) sd_bus_wait(bus, UINT64_MAX);
        _exit(0);
}

pid_t echo_start(int fd)
{
        char buf[256];
        ssize_t n;
        pid_t pid = fork();

        if (pid != 0)
                return pid;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        while ((n = read(fd, buf, sizeof buf)) > 0)
                if (write(fd, buf, (size_t) n) != n)
                        break;
        _exit(0);
}

sd_bus *open_at(const char *address, int bus_client)
{
        sd_bus *bus = NULL;
        int r;

        if ((r = sd_bus_new(&bus)) < 0 || (r = sd_bus_set_address(bus, address)) < 0 ||
                (r = sd_bus_set_bus_client(bus, bus_client)) < 0 ||
                (r = sd_bus_negotiate_fds(bus, 1)) < 0 || (r = sd_bus_start(bus)) < 0)
                fail(address, r);
        return bus;
}

sd_bus *open_fd(int fd)
{
        sd_bus *bus = NULL;
        int r;

        if ((r = sd_bus_new(&bus)) < 0 || (r = sd_bus_set_fd(bus, fd, fd)) < 0 ||
                (r = sd_bus_negotiate_fds(bus, 1)) < 0 || (r = sd_bus_start(bus)) < 0)
                fail("socketpair", r);
        return bus;
}

/* -- Round trips ------------------------------------------------------------------------------ */

static unsigned signals;

static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        if (sd_bus_message_is_signal(m, NULL, "Attached"))
                signals++;
        return 0;
}

static int on_reply(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        if (sd_bus_message_is_method_error(m, NULL))
                fail(sd_bus_message_get_error(m)->message, -EPROTO);
        return 1;
}

/* Microseconds of one round trip, over a batch. */
static double batch_of_calls(const Target *t)
{
        double start = now_usec();
        int r;

        signals = 0;
        for (unsigned i = 0; i < ROUNDS; i++) {
                r = sd_bus_call_method_async(t->bus, NULL, t->destination, LWSD_PATH, t->interface,
                        "Attach", on_reply, NULL, "sa{sv}", "initialized", 0);
                if (r < 0)
                        fail("Attach", r);
                while (signals <= i) {
                        r = sd_bus_process(t->bus, NULL);
                        if (r == 0)
                                r = sd_bus_wait(t->bus, UINT64_MAX);
                        if (r < 0)
                                fail("Attach", r);
                }
        }
        return (now_usec() - start) / ROUNDS;
}

static int compare_values(const void *a, const void *b)
{
        double x = *(const double *) a, y = *(const double *) b;

        return (x > y) - (x < y);
}

static double median(double values[static BATCHES])
{
        qsort(values, BATCHES, sizeof *values, compare_values);
        return values[BATCHES / 2];
}

Trips round_trips(const Target *a, const Target *b)
{
        static double as[BATCHES], bs[BATCHES], ratios[BATCHES];
        sd_bus_slot *filters[2] = { NULL, NULL };

        sd_bus_add_filter(a->bus, &filters[0], on_message, NULL);
        if (b->bus != a->bus)
                sd_bus_add_filter(b->bus, &filters[1], on_message, NULL);
        for (int batch = 0; batch < BATCHES; batch++) {
                as[batch] = batch_of_calls(a);
                bs[batch] = batch_of_calls(b);
                ratios[batch] = bs[batch] / as[batch];
        }
        sd_bus_slot_unref(filters[0]);
        sd_bus_slot_unref(filters[1]);
        return (Trips){ median(as), median(bs), median(ratios) };
}

double echo_round_trip(int fd)
{
        static double batches[BATCHES];
        char buf[64] = { 0 };

        for (int batch = 0; batch < BATCHES; batch++) {
                double start = now_usec();

                for (int i = 0; i < ROUNDS; i++)
                        if (write(fd, buf, sizeof buf) != sizeof buf ||
                                read(fd, buf, sizeof buf) != sizeof buf)
                                fail("echo", -errno);
                batches[batch] = (now_usec() - start) / ROUNDS;
        }
        return median(batches);
}

static void on_attached(lwsd_attachment *a, void *opaque)
{
        signals++;
}

double library_round_trip(void)
{
        struct pollfd p = { .events = POLLIN };
        static double batches[BATCHES];
        lwsd_client *client = NULL;
        int r = lwsd_client_new(&client);

        if (r < 0)
                fail("client", r);
        p.fd = lwsd_client_get_fd(client);
        /* as the bindings to sd-event and libev do */
        r = lwsd_client_set_prepare(client, NULL, client);
        if (r < 0)
                fail("client", r);
        for (int batch = 0; batch < BATCHES; batch++) {
                double start = now_usec();

                signals = 0;
                for (unsigned i = 0; i < ROUNDS; i++) {
                        (void) lwsd_client_attach(
                                client, NULL, LWS_SYSTATE_INITIALIZED, on_attached, NULL);
                        while (signals <= i) {
                                if (lwsd_client_prepare(client) == 0)
                                        (void) poll(&p, 1, -1);
                                r = lwsd_client_process(client);
                                if (r < 0)
                                        fail("client", r);
                        }
                }
                batches[batch] = (now_usec() - start) / ROUNDS;
        }
        lwsd_client_unref(client);
        return median(batches);
}

/* -- Many ------------------------------------------------------------------------------------- */

static unsigned replies;

static int on_many(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        if (sd_bus_message_is_method_error(m, NULL))
                fail(sd_bus_message_get_error(m)->message, -EPROTO);
        replies++;
        return 1;
}

static sd_bus_message *many(sd_bus *bus, const char *destination, unsigned n, const char *state)
{
        sd_bus_message *m = NULL;
        int r = sd_bus_message_new_method_call(
                bus, &m, destination, LWSD_PATH, LWSD_MANAGER, "AttachMany");

        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "(sa{sv})");
        for (unsigned i = 0; i < n && r >= 0; i++)
                r = sd_bus_message_append(m, "(sa{sv})", state, 0);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        if (r < 0)
                fail("AttachMany", r);
        return m;
}

double pipelined(sd_bus *bus, const char *destination, unsigned n, const char *state)
{
        unsigned count = (n + BATCH_IDS - 1) / BATCH_IDS;
        sd_bus_message *messages[64];
        double start;
        int r;

        for (unsigned i = 0; i < count; i++)
                messages[i] = many(bus, destination,
                        n - i * BATCH_IDS < BATCH_IDS ? n - i * BATCH_IDS : BATCH_IDS, state);
        replies = 0;
        start = now_usec();
        for (unsigned i = 0; i < count; i++) {
                r = sd_bus_call_async(bus, NULL, messages[i], on_many, NULL, 0);
                if (r < 0)
                        fail("AttachMany", r);
        }
        while (replies < count) {
                r = sd_bus_process(bus, NULL);
                if (r == 0)
                        r = sd_bus_wait(bus, UINT64_MAX);
                if (r < 0)
                        fail("AttachMany", r);
        }
        start = now_usec() - start;
        for (unsigned i = 0; i < count; i++)
                sd_bus_message_unref(messages[i]);
        return n / start * 1e6;
}
