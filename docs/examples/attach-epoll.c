/* SPDX-License-Identifier: MIT */
/* Waits for "operational" on a loop of its own: one descriptor is all that has to be watched.
 *
 *   cc attach-epoll.c $(pkg-config --cflags --libs lwsd-client)
 */
#include <lwsd/lwsd-client.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

static void on_operational(lwsd_attachment *attachment, void *opaque)
{
        puts("operational");
        *(bool *) opaque = true;
}

int main(void)
{
        struct epoll_event event = { .events = EPOLLIN };
        int epoll = epoll_create1(EPOLL_CLOEXEC);
        lwsd_client *client = NULL;
        bool done = false;

        if (epoll < 0 || lwsd_client_new(&client) < 0 ||
                epoll_ctl(epoll, EPOLL_CTL_ADD, lwsd_client_get_fd(client), &event) < 0 ||
                lwsd_client_attach(client, NULL, LWS_SYSTATE_OPERATIONAL, on_operational, &done) <
                        0)
                return 1;
        while (!done) {
                if (epoll_wait(epoll, &event, 1, -1) < 0)
                        return 1;
                /* A bounded amount of work; what is left keeps the descriptor readable. */
                if (lwsd_client_process(client) < 0)
                        return 1;
        }
        lwsd_client_unref(client);
        close(epoll);
        return 0;
}
