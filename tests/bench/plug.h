/* SPDX-License-Identifier: MIT */
#pragma once
/* Giving a link its carrier from inside the program that measures what follows. */
#include "util/clock.h"

/* A socket in the namespace at `path` (/run/netns/NAME); dies with a line where that fails. */
int plug_open(const char *netns_path);
/* Sets the interface up, the other end of the link under test; returns the time just before. */
usec_t plug(int fd, const char *name);
