/* SPDX-License-Identifier: MIT */
#include "daemon/notify.h"
#include "util/clock.h"
#include "util/error.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-daemon.h>

void notify_ready(void)
{
        (void) sd_notify(0, "READY=1");
}

void notify_reloading(void)
{
        (void) sd_notifyf(
                0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, (uint64_t) clock_monotonic_usec());
}

void notify_stopping(void)
{
        (void) sd_notify(0, "STOPPING=1");
}

void notify_status(const char *text)
{
        static char last[256];

        if (strncmp(last, text, sizeof(last) - 1) == 0)
                return;
        snprintf(last, sizeof(last), "%s", text);
        (void) sd_notifyf(0, "STATUS=%s", last);
}

int notify_store_fd(int fd, const char *name)
{
        char text[64];

        snprintf(text, sizeof(text), "FDSTORE=1\nFDNAME=%s", name);
        return sd_pid_notify_with_fds(0, 0, text, &fd, 1);
}

void notify_forget_fd(const char *name)
{
        (void) sd_notifyf(0, "FDSTOREREMOVE=1\nFDNAME=%s", name);
}

int notify_take_fds(StoredFd **ret, size_t *ret_n)
{
        char **names = NULL;
        StoredFd *fds;
        int n;

        n = sd_listen_fds_with_names(1, &names);
        if (n < 0)
                return n;
        fds = calloc((size_t) n + 1, sizeof(*fds));
        for (int i = 0; i < n; i++) {
                if (fds) {
                        fds[i].fd = SD_LISTEN_FDS_START + i;
                        snprintf(fds[i].name, sizeof(fds[i].name), "%s", names[i]);
                }
                free(names[i]);
        }
        free(names);
        if (!fds)
                return -ENOMEM;
        *ret = fds;
        *ret_n = (size_t) n;
        return 0;
}
