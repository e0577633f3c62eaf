/* SPDX-License-Identifier: MIT */
#pragma once
/* What systemd is told. Without it, nothing. */
#include <stddef.h>

void notify_ready(void);
void notify_reloading(void);
void notify_stopping(void);
/* One line; said again only when it changes. */
void notify_status(const char *text);
/* Gives a copy of a descriptor to systemd, to be had back after a restart under `name`. */
int notify_store_fd(int fd, const char *name);
void notify_forget_fd(const char *name);

typedef struct StoredFd StoredFd;
struct StoredFd {
        int fd; /* -1 once somebody took it */
        char name[32];
};
/* What systemd gave us at the start: sockets and stored descriptors. Once; the array is freed by
 * the caller, who closes what nobody takes. */
int notify_take_fds(StoredFd **ret, size_t *ret_n);
