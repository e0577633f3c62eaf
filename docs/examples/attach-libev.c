/* SPDX-License-Identifier: MIT */
/* Waits for "operational" on a libev loop.
 *
 *   cc attach-libev.c $(pkg-config --cflags --libs lwsd-client-ev)
 */
#include <ev.h>
#include <lwsd/lwsd-client-ev.h>
#include <stdio.h>

static void on_operational(lwsd_attachment *attachment, void *opaque)
{
        puts("operational");
        ev_break(opaque, EVBREAK_ALL);
}

int main(void)
{
        struct ev_loop *loop = ev_default_loop(EVFLAG_AUTO);
        lwsd_client *client = NULL;

        if (!loop || lwsd_client_new(&client) < 0 || lwsd_client_attach_ev(client, loop) < 0 ||
                lwsd_client_attach(client, NULL, LWS_SYSTATE_OPERATIONAL, on_operational, loop) < 0)
                return 1;
        ev_run(loop, 0);
        lwsd_client_unref(client);
        ev_loop_destroy(loop);
        return 0;
}
