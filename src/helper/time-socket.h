/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * A UDP socket for one request: a port of its own, connected, so that the kernel drops what comes
 * from elsewhere, with the kernel's time stamps both ways (REQ_NTP 3, 31).
 */
#include "core/wsi.h"
#include "util/addr.h"
#include <stdbool.h>
#include <sys/types.h>

int time_socket_open(
        struct lws **ret, struct lws_context *cx, const Endpoint *to, WsiFn fn, void *userdata);
/* 0 or a negative errno. */
int time_socket_send(struct lws *wsi, const void *data, size_t size);
/* When the kernel handed the packet to the device, which is after ARP; false: not known (yet). */
bool time_socket_sent_at(struct lws *wsi, int64_t *ret_nsec);
/* How a datagram came: when the kernel got it (INT64_MIN: it did not say), on which interface. */
typedef struct TimeArrival TimeArrival;
struct TimeArrival {
        int64_t nsec;
        int ifindex;
};

/* Size of a datagram; -EAGAIN: none. */
ssize_t time_socket_receive(struct lws *wsi, void *data, size_t size, TimeArrival *ret);
