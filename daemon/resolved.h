/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * systemd-resolved, where it runs: it is told the servers and domains of each link that lwsd
 * manages, and nothing of the others. It is never started for this, and where it refuses, one line
 * says so.
 */
#include "daemon/conn.h"
#include "helper/network.h"

typedef struct Resolved Resolved;

int resolved_new(Resolved **ret, Network *network);
Resolved *resolved_free(Resolved *resolved);

/* The connection to the system bus is there, or gone. */
void resolved_connected(Resolved *resolved, Conn *conn);
void resolved_disconnected(Resolved *resolved);
/* Links may have changed. */
void resolved_update(Resolved *resolved);
