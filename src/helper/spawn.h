/* SPDX-License-Identifier: MIT */
#pragma once
/* Starts `program ARGUMENT` with one end of a socket as its standard input and nothing else of
 * ours, and returns the other end (non-blocking SOCK_SEQPACKET), or a negative errno. The child
 * ends when that end is closed; nobody has to wait for it. */
int spawn_with_socket(const char *program, const char *argument);
