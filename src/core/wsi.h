/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * wsi: an I/O endpoint, a descriptor bound to a vhost and watched by one service thread. Every
 * socket of a helper is a wsi on vhost "system". lws_adopt_descriptor_vhost() puts the
 * libwebsockets callback protocol on top of this; our own code uses the function directly.
 */
#include "core/thread.h"
#include "util/error.h"
#include <stdint.h>

/* `revents`: EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP. May free the wsi. */
typedef void (*WsiFn)(struct lws *wsi, uint32_t revents);

/* Takes over `fd` on success (the caller keeps it on failure). `events` may be 0; with EPOLLONESHOT
 * what comes first is told, and nothing more until they are set again, and closing costs a system
 * call less. The thread is the one the call is made from. */
int wsi_new(struct lws **ret, struct lws_vhost *vhost, Thread *th, int fd, uint32_t events,
        WsiFn fn, void *userdata);
/* Closes the descriptor; no callback follows, not even one that epoll had already reported. */
struct lws *wsi_free(struct lws *wsi);
DEFINE_CLEANUP(struct lws, wsi_free)
int wsi_set_events(struct lws *wsi, uint32_t events);
int wsi_fd(const struct lws *wsi);
void *wsi_userdata(const struct lws *wsi);
Thread *wsi_thread(const struct lws *wsi);

/* The vhost every helper binds to; NULL when no helper is built in. */
struct lws_vhost *context_vhost_system(struct lws_context *cx);
/* The vhost of what is there without any helper too (rtnetlink, the daemon's connections):
 * "system", or else "default". */
struct lws_vhost *context_vhost_own(struct lws_context *cx);
