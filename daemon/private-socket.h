/* SPDX-License-Identifier: MIT */
#pragma once
/* The private socket: systemd's, or bound here. */
#include "core/thread.h"
#include "daemon/notify.h"

typedef struct PrivateSocket PrivateSocket;

/* `accepted` gets each connection; when it fails (negative) the connection is closed here. */
typedef int (*PrivateSocketFn)(void *userdata, int fd);

/* Takes the listening socket out of `fds` where systemd gave one, else binds `path`, made anew when
 * a dead lwsd left it. -EADDRINUSE when another one serves it. Who connects waits. */
int private_socket_new(PrivateSocket **ret, Thread *th, const char *path, StoredFd *fds, size_t n,
        PrivateSocketFn accepted, void *userdata);
/* From here on whoever connects, or has done so before, is accepted. */
int private_socket_serve(PrivateSocket *s);
/* Unlinks only what was bound here. */
PrivateSocket *private_socket_free(PrivateSocket *s);
