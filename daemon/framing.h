/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Where the messages in what a peer sends begin and end, looked at before sd-bus is given any of
 * it: sd-bus makes room for 128 MiB when a message says that it is as large, and passes over what
 * it cannot parse for as long as there is more. Pure.
 */
#include "util/error.h"
#include <stddef.h>
#include <stdint.h>

typedef struct Framing Framing;
struct Framing {
        uint8_t header[16];
        size_t have;       /* of the message that has begun, 0: none has */
        size_t size;       /* of that message, once its header is here */
        uint64_t complete; /* messages that ended */
};

/* The next bytes, in any portions. -EMSGSIZE: a message of more than `max`; -EBADMSG: no D-Bus. */
int framing_take(Framing *f, const uint8_t *data, size_t n, size_t max);
/* Bytes of a message that is not complete. */
static inline size_t framing_held(const Framing *f)
{
        return f->have;
}
