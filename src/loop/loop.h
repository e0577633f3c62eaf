/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The event loop behind one small interface. A backend watches descriptors, wakes from one eventfd
 * and asks a hook before each poll; timers and posted work are above it (core/thread), so that all
 * backends keep time and order alike.
 *
 * A backend on a loop of the caller's ("foreign") leaves that loop as it was found when it is
 * freed, inside one of its callbacks or outside.
 */
#include "util/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

typedef struct Loop Loop;
typedef struct LoopIo LoopIo;
typedef struct LoopHooks LoopHooks;
typedef struct LoopOps LoopOps;

/* A watched descriptor, inside its owner. Zeroed is valid: not watched. */
struct LoopIo {
        int fd;
        /* EPOLLIN, EPOLLOUT; EPOLLERR and EPOLLHUP come without asking, and EPOLLERR also where the
         * kernel would not watch it when it came to that. With EPOLLONESHOT what comes first is
         * told, and nothing more until the events are set again. */
        uint32_t events;
        void (*fn)(LoopIo *io, uint32_t revents); /* may remove the io and free the loop's owner */
        Loop *loop;                               /* NULL when not watched */
        union {                                   /* the backend's own */
                void *source;
                uint32_t place;
        };
};

/* What the loop is to do next. */
typedef enum LoopNext {
        LOOP_SLEEP, /* poll, until something happens */
        LOOP_TURN,  /* poll, but do not sleep, and call turn() */
        LOOP_GO_ON, /* call turn(), which has little to do: a poll may be left out now and then */
} LoopNext;

struct LoopHooks {
        /* Called before each poll. */
        LoopNext (*prepare)(void *userdata);
        /* Called when prepare() said so and when the wake descriptor fired. */
        void (*turn)(void *userdata);
        void *userdata;
};

struct LoopOps {
        /* `foreign` is the caller's loop, or NULL to make an own one. `wake_fd` is an eventfd. */
        int (*make)(Loop **ret, void *foreign, int wake_fd, const LoopHooks *hooks);
        Loop *(*free)(Loop *loop);
        int (*io_add)(Loop *loop, LoopIo *io);
        int (*io_modify)(Loop *loop, LoopIo *io);
        /* `closing`: its descriptor is closed next. */
        void (*io_remove)(Loop *loop, LoopIo *io, bool closing);
        /* One iteration: poll (sleeping when `wait`) and dispatch. 0, or a negative errno. */
        int (*run)(Loop *loop, bool wait);
        /* A descriptor that is readable when run(false) has something to do, or -EOPNOTSUPP. */
        int (*fd)(Loop *loop);
};

struct Loop {
        const LoopOps *ops;
        LoopHooks hooks;
};

extern const LoopOps loop_epoll;
extern const LoopOps loop_sd_event;
/* NULL when libev is not built in. */
extern const LoopOps *const loop_libev;

/* `io` has fd, events and fn; nothing is watched on failure. */
static inline int loop_io_add(Loop *loop, LoopIo *io)
{
        int r = loop->ops->io_add(loop, io);

        if (r >= 0)
                io->loop = loop;
        return r;
}

/* On failure the old events stay. */
static inline int loop_io_set_events(LoopIo *io, uint32_t events)
{
        uint32_t old = io->events;
        int r;

        if (events == old && !(events & EPOLLONESHOT))
                return 0;
        io->events = events;
        r = io->loop->ops->io_modify(io->loop, io);
        if (r < 0)
                io->events = old;
        return r;
}

/* No callback follows, not even one that the kernel had already reported. Does not close: who does
 * that next says so, which makes it cheaper. */
static inline void loop_io_remove(LoopIo *io, bool closing)
{
        if (!io->loop)
                return;
        io->loop->ops->io_remove(io->loop, io, closing);
        io->loop = NULL;
}

static inline Loop *loop_free(Loop *loop)
{
        return loop ? loop->ops->free(loop) : NULL;
}
