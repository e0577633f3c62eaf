/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The descriptors of one loop in one epoll set. The loop without a library polls it. sd-event
 * watches the set's own descriptor: it polls anew for each source that it calls, so that a hundred
 * that are ready at once would be looked at a hundred times each; by the set they come in one turn
 * of it, and one more or less costs it nothing.
 *
 * The kernel is given a place and how often it was let, not a pointer: what it still reports of
 * a descriptor that is gone finds nobody.
 *
 * What a callback adds with EPOLLONESHOT goes in when all callbacks are over. Until then the
 * question that was sent on it has often been answered, and putting in what is ready wakes nobody.
 */
#include "loop/loop.h"

typedef struct IoPlace IoPlace;
struct IoPlace {
        LoopIo *io;    /* NULL: none */
        uint32_t let;  /* how often */
        uint32_t next; /* of those that are vacant, or of those that wait */
        bool waits;    /* to go in */
};

typedef struct IoSet IoSet;
struct IoSet {
        int fd;
        IoPlace *places;
        uint32_t n_places, vacant;
        uint32_t first_waiting, last_waiting; /* to go in; the second only where there is a first */
        bool *gone; /* while callbacks are on the stack: what io_set_deinit() sets there */
};

int io_set_init(IoSet *set);
/* Inside a callback, too, and after io_set_init() failed. */
void io_set_deinit(IoSet *set);
/* With EPOLLONESHOT inside a callback, what fails later is told as EPOLLERR. */
int io_set_add(IoSet *set, LoopIo *io);
int io_set_modify(IoSet *set, LoopIo *io);
/* `closing`: its descriptor is closed next, which takes it out as well. */
void io_set_remove(IoSet *set, LoopIo *io, bool closing);
/* Polls and calls whom it concerns. 0, or a negative errno. */
int io_set_run(IoSet *set, bool wait);
/* hooks->turn(), as one of its callbacks. */
void io_set_turn(IoSet *set, const LoopHooks *hooks);
