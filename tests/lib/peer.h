/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The other side of libclient: a process that speaks the remote interface as docs and dbus/ say,
 * and can be made to die at any point of a conversation. What it knows that outlives it (the state,
 * its serial) is in shared memory, as lwsd keeps it in /run/lwsd.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct PeerShared PeerShared;
struct PeerShared {
        int state; /* lws_system_states_t */
        uint64_t serial, instances;
        uint64_t entered_usec[32];
        int64_t steps_left; /* calls, replies and signals until it dies; below 0: never */
        unsigned connections, attachments, attaches, messages, holds;
        int climb_to;          /* the state to move to after the first attach; 0: none */
        unsigned quota;        /* attachments; 0: no limit */
        bool refuse_hold;      /* AccessDenied */
        bool drop_connections; /* takes a connection and closes it at once */
        bool drop_signals;     /* of those to owners, as a broker with a full client does */
};

typedef struct Peer Peer;
struct Peer {
        pid_t pid;
        int control;            /* our end; a byte names the state to move to */
        const char *path, *bus; /* either may be NULL */
        PeerShared *shared;
};

/* Makes the shared part; starts nothing. */
int peer_init(Peer *peer, const char *socket_path, const char *bus_address);
void peer_deinit(Peer *peer);
/* Starts the process (again); returns when it can be connected to. */
int peer_start(Peer *peer);
/* kill -9, and waits. Harmless when it is not running. */
void peer_kill(Peer *peer);
/* Whether it still runs; reaps it if not. */
bool peer_is_running(Peer *peer);
/* Moves it to a state, a rung at a time on the way up, and waits until it is done. Works on a dead
 * one too. */
void peer_move(Peer *peer, int state);
