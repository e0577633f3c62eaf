/* SPDX-License-Identifier: MIT */
/* Waits for "operational" on an sd-event loop.
 *
 *   cc attach-sd-event.c $(pkg-config --cflags --libs lwsd-client libsystemd)
 */
#include <lwsd/lwsd-client.h>
#include <stdio.h>
#include <systemd/sd-event.h>

static void on_operational(lwsd_attachment *attachment, void *opaque)
{
        puts("operational");
        sd_event_exit(opaque, 0);
}

int main(void)
{
        lwsd_client *client = NULL;
        sd_event *event = NULL;
        int r;

        if ((r = sd_event_default(&event)) < 0 || (r = lwsd_client_new(&client)) < 0 ||
                (r = lwsd_client_attach_event(client, event, SD_EVENT_PRIORITY_NORMAL)) < 0 ||
                (r = lwsd_client_attach(
                         client, NULL, LWS_SYSTATE_OPERATIONAL, on_operational, event)) < 0)
                return 1;
        r = sd_event_loop(event);
        lwsd_client_unref(client);
        sd_event_unref(event);
        return r < 0;
}
