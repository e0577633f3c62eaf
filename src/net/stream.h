/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * A connection to a server as a wsi: TCP, or TLS over it. What is written before it stands is kept
 * and sent then. One callback tells all; it never runs inside a call of the owner's.
 */
#include "core/wsi.h"
#include "net/tls.h"
#include "util/error.h"

typedef struct Stream Stream;

typedef enum StreamEvent {
        STREAM_OPEN,   /* connected, and for TLS authenticated */
        STREAM_DATA,   /* `data` and `size` */
        STREAM_CLOSED, /* `error` 0: the other end is done; nothing follows, free it */
} StreamEvent;

typedef void (*StreamFn)(Stream *s, StreamEvent event, const uint8_t *data, size_t size, int error);

/* For TLS give a config and a peer; the peer's pins must stay, the rest is copied. `ticket` may be
 * NULL; it must stay as long as the stream. */
int stream_new(Stream **ret, struct lws_vhost *vhost, Thread *th, const Endpoint *to, uint16_t port,
        StreamFn fn, void *userdata);
int stream_new_tls(Stream **ret, struct lws_vhost *vhost, Thread *th, const Endpoint *to,
        uint16_t port, TlsConfig *config, const TlsPeer *peer, TlsTicket **ticket, StreamFn fn,
        void *userdata);
/* An accepted connection, already there. */
int stream_adopt(
        Stream **ret, struct lws_vhost *vhost, Thread *th, int fd, StreamFn fn, void *userdata);
Stream *stream_free(Stream *s);

/* All or nothing; -ENOBUFS when the other end does not read. */
int stream_write(Stream *s, const void *data, size_t size);
void *stream_userdata(const Stream *s);
bool stream_is_open(const Stream *s);
/* Words for STREAM_CLOSED with an error. */
const char *stream_why(const Stream *s);
/* NULL for plain TCP. */
Tls *stream_tls(const Stream *s);
