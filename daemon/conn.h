/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * One sd-bus connection, to the system bus or to a peer on the private socket, driven by a wsi: its
 * descriptor, events and timeout are read again after whatever may have changed them, and only it
 * is looked at when something happens on it.
 *
 * What is sent goes through a queue of our own, with a limit in bytes, because sd-bus's queue has
 * none and shifts on each message. While messages wait, no more are read from that side: one who
 * does not read is not answered, and nothing is sent out of order. What a peer sends passes through
 * us, in portions: sd-bus would read a message of any size, and rubbish for as long as it comes.
 */
#include "core/thread.h"
#include "daemon/quota.h"
#include "util/error.h"
#include <stdbool.h>
#include <systemd/sd-bus.h>

typedef struct Conn Conn;

typedef struct ConnOps ConnOps;
struct ConnOps {
        /* The connection can be used: authenticated, and on a bus it has its name. */
        void (*ready)(Conn *conn, void *userdata);
        /* It is over. Frees the connection; never called from inside conn_send(). */
        void (*closed)(Conn *conn, int error, void *userdata);
};

/* Adopts an accepted socket of a user, whose quota of bytes on their way it takes from; the caller
 * keeps it on failure. */
int conn_new_peer(Conn **ret, Thread *th, int fd, Quota *quota, uid_t uid, const ConnOps *ops,
        void *userdata);
/* Connects; where the bus does not exist yet, waits for its socket to appear. */
int conn_new_bus(Conn **ret, Thread *th, const char *address, const ConnOps *ops, void *userdata);
Conn *conn_free(Conn *conn);
DEFINE_CLEANUP(Conn, conn_free)

sd_bus *conn_bus(const Conn *conn);
bool conn_is_peer(const Conn *conn);
bool conn_is_ready(const Conn *conn);
/* A peer's name, as the one on a bus would be: ":1.7". */
const char *conn_peer_name(const Conn *conn);
void *conn_userdata(const Conn *conn);

/* Sends a message, which may be of another connection and sealed. `size` is about how many bytes it
 * has. A connection that has too many waiting is closed in the next turn. A handler may send a
 * reply that is small through sd-bus itself. */
void conn_send(Conn *conn, sd_bus_message *m, size_t size);
/* The same for a call; who asked outlives the connection. */
void conn_call(Conn *conn, sd_bus_message *m, size_t size, sd_bus_message_handler_t answer,
        void *userdata);
/* The same for a message that is bytes already, which now are the connection's. Those of one call
 * are written at its end, in one piece. So sd-bus itself may send in a message handler only. */
void conn_send_bytes(Conn *conn, uint8_t *data, size_t size);
/* Writes what can be written without waiting; for the end. */
void conn_flush(Conn *conn);
