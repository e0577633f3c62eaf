/* SPDX-License-Identifier: MIT */
#pragma once
/* wsi and vhost as wsi.c, vhost.c and adopt.c share them. */
#include "core/context-private.h"

struct lws {
        List link; /* Thread.wsis */
        Thread *thread;
        struct lws_vhost *vhost;
        LoopIo io;
        WsiFn fn;
        void *userdata;
        /* of lws_adopt_descriptor_vhost() */
        const struct lws_protocols *protocol;
        void *session; /* per_session_data_size bytes */
};

struct lws_vhost {
        List link; /* lws_context.vhosts */
        struct lws_context *cx;
        char *name;
        const struct lws_protocols *protocols; /* may be NULL */
};

/* Tells the protocol, then frees. */
void wsi_close_adopted(struct lws *wsi);
