/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What is sent most, the reply to Attach() and the signals of the broker, as bytes: sd-bus writes
 * each message by a system call of its own, which wakes its reader each time, and bytes of several
 * messages travel in one. It has no call that would give out the bytes of a message that it made.
 * None of these carries a descriptor, and all are in this machine's byte order, as their first byte
 * says. Pure; checked by reading them with sd-bus.
 *
 * Nobody answers a reply or a signal, so they all have one serial, which sd-bus does not come to.
 */
#include "daemon/broker.h"
#include <stdint.h>

typedef struct Encoded Encoded;
struct Encoded {
        uint8_t *data; /* malloc()ed */
        size_t size;
};

/* `to`: a name on the bus, or NULL for a peer. */
int encode_broker_signal(Encoded *ret, const char *to, const BrokerSignal *signal);
/* To the call whose serial is `call`: (t id, s current), or (at ids, s current) with `many`. */
int encode_attach_reply(Encoded *ret, const char *to, uint32_t call, const uint64_t *ids, size_t n,
        bool many, const char *current);
