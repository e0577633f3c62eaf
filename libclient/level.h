/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What one attachment has been told and has still to be told: the promise of the remote API in one
 * pure machine. No connection, no clock.
 *
 * Facts go in: what lwsd said, the loss of the connection. Edges come out, one at a time, when the
 * owner asks for them: they alternate by construction, because all that is kept is what was told
 * last and how many edges follow.
 */
#include <lwsd/lws-states.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum LevelEdge { LEVEL_NONE, LEVEL_ENTERED, LEVEL_LEFT } LevelEdge;

/* When a state was entered, comparable only within one run of lwsd. */
typedef struct LevelStamp LevelStamp;
struct LevelStamp {
        uint64_t instance;       /* a hash of InstanceId; 0: not known */
        uint64_t monotonic_usec; /* 0: not known */
        uint64_t serial;
};

typedef struct Level Level;
struct Level {
        bool persistent;  /* a watch; otherwise a one-shot */
        bool told;        /* the last edge told was ENTERED */
        bool confirming;  /* asked again, its Attached is still to come */
        uint8_t pending;  /* edges to tell after the last one told: 0, 1 or 2 */
        LevelStamp stamp; /* of the last entry heard of */
};

void level_init(Level *level, bool persistent);
/* Whether lwsd has to be asked (again) after a connection was made. */
bool level_wants_attach(const Level *level);
/* The reply to an attach: whether the state held then. */
void level_replied(Level *level, bool holds);
/* Attached and Left. */
void level_entered(Level *level, const LevelStamp *stamp);
void level_left(Level *level);
/* The state was seen not to hold (StateChanged). It counts only while Attached is still to come:
 * lwsd may have had nothing to send in between. */
void level_seen_down(Level *level);
/* The connection is gone. */
void level_lost(Level *level);

/* Whether the edges told and due end at `holds`. */
bool level_fits(const Level *level, bool holds);

bool level_is_due(const Level *level);
/* The next edge, which from then on counts as told. */
LevelEdge level_take(Level *level);
/* A one-shot that has been told: nothing follows. */
bool level_is_finished(const Level *level);
