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
        STREAM_CLOSED, /* `error` 0: the other end has said all; else nothing follows. Free it. What
                        * is written to plain TCP after 0 still goes out, until an error comes. */
} StreamEvent;

typedef void (*StreamFn)(Stream *s, StreamEvent event, const uint8_t *data, size_t size, int error);

/* `port` is used where the endpoint has none. 0, or a negative errno when not even an attempt could
 * be made; all else comes as STREAM_CLOSED. */
int stream_new(Stream **ret, struct lws_vhost *vhost, Thread *th, const Endpoint *to, uint16_t port,
        StreamFn fn, void *userdata);
/* The same over TLS. The pins of `peer` must stay, the rest is copied. `ticket` (may be NULL) is
 * where a session ticket is taken from and left; it must stay as long as the stream. */
int stream_new_tls(Stream **ret, struct lws_vhost *vhost, Thread *th, const Endpoint *to,
        uint16_t port, TlsConfig *config, const TlsPeer *peer, TlsTicket **ticket, StreamFn fn,
        void *userdata);
/* An accepted connection, already there. Takes over `fd` on success. */
int stream_adopt(
        Stream **ret, struct lws_vhost *vhost, Thread *th, int fd, StreamFn fn, void *userdata);
/* No callback follows; may be called inside one. */
Stream *stream_free(Stream *s);

/* All or nothing; -ENOBUFS when the other end does not read. */
int stream_write(Stream *s, const void *data, size_t size);
bool stream_has_unsent(const Stream *s);
void *stream_userdata(const Stream *s);
bool stream_is_open(const Stream *s);
/* Words for STREAM_CLOSED with an error. */
const char *stream_why(const Stream *s);
/* NULL for plain TCP. */
Tls *stream_tls(const Stream *s);
