/* SPDX-License-Identifier: MIT */
/* Keeps the machine from "operational" until its own work is done. Needs root or group lwsd.
 *
 *   cc hold.c $(pkg-config --cflags --libs lwsd-client)
 */
#include <lwsd/lwsd-client.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

static int result;

static void on_hold(lwsd_hold *hold, int r, void *opaque)
{
        result = r;
}

int main(void)
{
        struct pollfd p = { .events = POLLIN };
        lwsd_client *client = NULL;
        lwsd_hold *hold = NULL;

        if (lwsd_client_new(&client) < 0 ||
                lwsd_client_hold(client, &hold, LWS_SYSTATE_OPERATIONAL, "example",
                        "the example is not done yet", on_hold, NULL) < 0)
                return 1;
        p.fd = lwsd_client_get_fd(client);
        while (result == 0)
                if (lwsd_client_process(client) == 0 && result == 0)
                        (void) poll(&p, 1, -1);
        if (result > 0)
                puts("held; here the work is done");
        else
                fprintf(stderr, "refused: %s\n", strerror(-result));
        lwsd_hold_unref(hold);
        lwsd_client_unref(client);
        return result < 0;
}
