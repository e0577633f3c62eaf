/* SPDX-License-Identifier: MIT */
#pragma once
/* Internet sockets, bound to a link where an endpoint names one: UDP to one peer, and listeners. A
 * TCP connection is a Stream. */
#include "util/addr.h"

/* Connected, not blocking, on an ephemeral port that the kernel draws; bound to the endpoint's link
 * where it has one. The descriptor, or a negative errno. */
int udp_connect(const Endpoint *to, uint16_t port);
/* The source address the kernel would take for `to`; -ENETUNREACH and its like when there is none.
 * Sends nothing. */
int udp_source_for(const IpAddr *to, int ifindex, IpAddr *ret);
/* For servers; `type` SOCK_DGRAM or SOCK_STREAM (which also listens). */
int net_listen(const Endpoint *on, uint16_t port, int type);
/* Makes the socket use that link only. Loopback addresses need no link. */
void net_bind_link(int fd, const Endpoint *to);
