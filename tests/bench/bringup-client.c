/* SPDX-License-Identifier: MIT */
/*
 * bringup-client SOCKET NETNS PORT: attaches for "operational" through lwsd's socket, plugs PORT in
 * once lwsd has answered, and prints when that was, when the state was entered and when the
 * callback ran (CLOCK_MONOTONIC, microseconds).
 */
#include "plug.h"
#include <errno.h>
#include <lwsd/lwsd-client.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>

#define LIMIT_USEC (60 * USEC_PER_SEC)

typedef struct Bench Bench;
struct Bench {
        sd_event *event;
        int netns;
        const char *port;
        usec_t plugged, called;
        uint64_t entered;
};

static _Noreturn void die(const char *what, int r)
{
        fprintf(stderr, "%s: %s\n", what, strerror(-r));
        exit(EXIT_FAILURE);
}

static void on_status(
        lwsd_client *client, lwsd_client_status_t status, int error, const char *text, void *opaque)
{
        Bench *b = opaque;

        if (status == LWSD_CLIENT_REFUSED)
                die(text, error);
        if (status == LWSD_CLIENT_CONNECTED && b->plugged == 0)
                b->plugged = plug(b->netns, b->port);
}

static void on_operational(lwsd_attachment *attachment, void *opaque)
{
        Bench *b = opaque;

        b->called = clock_monotonic_usec();
        lwsd_attachment_get_entered(attachment, &b->entered);
        sd_event_exit(b->event, 0);
}

static int on_limit(sd_event_source *source, uint64_t usec, void *opaque)
{
        die("no callback for \"operational\"", -ETIMEDOUT);
}

int main(int argc, char **argv)
{
        Bench b = {};
        lwsd_client *client;
        int r;

        if (argc != 4) {
                fprintf(stderr, "usage: bringup-client SOCKET NETNS PORT\n");
                return 2;
        }
        b.netns = plug_open(argv[2]);
        b.port = argv[3];
        r = sd_event_new(&b.event);
        if (r < 0)
                die("sd-event", r);
        r = lwsd_client_new_socket(&client, argv[1]);
        if (r < 0)
                die(argv[1], r);
        lwsd_client_set_status_callback(client, on_status, &b);
        r = lwsd_client_attach(client, NULL, LWS_SYSTATE_OPERATIONAL, on_operational, &b);
        if (r < 0)
                die("attach", r);
        r = lwsd_client_attach_event(client, b.event, 0);
        if (r < 0)
                die("attach to the loop", r);
        sd_event_add_time_relative(b.event, NULL, CLOCK_MONOTONIC, LIMIT_USEC, 0, on_limit, NULL);
        r = sd_event_loop(b.event);
        if (r < 0)
                die("loop", r);
        printf("plugged %llu\nentered %llu\ncallback %llu\n", (unsigned long long) b.plugged,
                (unsigned long long) b.entered, (unsigned long long) b.called);
        lwsd_client_unref(client);
        sd_event_unref(b.event);
        return 0;
}
