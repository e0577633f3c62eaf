/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The rtnetlink socket as a wsi: subscribed to what changes before the first dump, so that nothing
 * is missed; everything is read again after an overrun (ENOBUFS) or a dump that was interrupted
 * (NLM_F_DUMP_INTR). Notifications, dumps and acknowledgements come over one socket and so in the
 * order in which things happened (REQ_DHCP 42).
 */
#include "core/wsi.h"
#include "proto/rtnl-message.h"
#include "util/error.h"

typedef struct Rtnl Rtnl;

/* Comes back with the answer to a request; plain data, so that nobody need be there any more. */
typedef struct RtnlTag RtnlTag;
struct RtnlTag {
        int ifindex;
        unsigned source;
        uint32_t generation;
};

typedef struct RtnlHandlers RtnlHandlers;
struct RtnlHandlers {
        /* a link, address, route or advertised option, new or gone */
        void (*message)(void *userdata, const RtnlMessage *message);
        /* Everything is about to be told; what was not told when it ends is gone. */
        void (*sync_begin)(void *userdata);
        void (*sync_end)(void *userdata);
        /* What became of a request; -ENOBUFS: the answer was lost in an overrun. `text` are the
         * kernel's words, or empty. */
        void (*reply)(void *userdata, const RtnlTag *tag, int error, const char *text);
};

/* `handlers` must outlive it. The first dump begins in this call, its results come later. */
int rtnl_new(Rtnl **ret, struct lws_vhost *vhost, Thread *th, const RtnlHandlers *handlers,
        void *userdata);
Rtnl *rtnl_free(Rtnl *rtnl);
DEFINE_CLEANUP(Rtnl, rtnl_free)

/* Sends a request that was built with sequence number 0. The kernel carries it out in this call,
 * the answer comes later through reply(). */
int rtnl_send(Rtnl *rtnl, RtnlRequest *request, const RtnlTag *tag);
/* Reads everything again. */
void rtnl_resync(Rtnl *rtnl);
int rtnl_fd(const Rtnl *rtnl);
