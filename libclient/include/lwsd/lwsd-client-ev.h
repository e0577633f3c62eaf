/* SPDX-License-Identifier: MIT */
#ifndef LWSD_LWSD_CLIENT_EV_H
#define LWSD_LWSD_CLIENT_EV_H
/* A client of lwsd on a libev loop: a library of its own, so that libev is needed only here. */
#include <lwsd/lwsd-client.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ev_loop;

/*
 * Runs the client from a libev loop, in the thread of that loop. The loop belongs to the caller and
 * must outlive the client or lwsd_client_detach_ev(). While the client is on it, ev_run() does not
 * return for want of watchers. -EBUSY: the client is on a loop already.
 */
int lwsd_client_attach_ev(lwsd_client *client, struct ev_loop *loop);
/* Takes the client off its libev loop; -ENOENT when it is not on one through this library. */
int lwsd_client_detach_ev(lwsd_client *client);

#ifdef __cplusplus
}
#endif
#endif
