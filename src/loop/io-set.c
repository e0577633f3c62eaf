/* SPDX-License-Identifier: MIT */
#include "loop/io-set.h"
#include "util/fd.h"

#define IO_PLACE_NONE UINT32_MAX
#define PLACES_FIRST  16u

/* So few that timers, attach callbacks and what a callback left to the next turn come soon behind
 * a crowd; so many that the poll costs each of them little. */
enum { EVENTS_PER_POLL = 16 };

int io_set_init(IoSet *set)
{
        *set = (IoSet){ .vacant = IO_PLACE_NONE, .first_waiting = IO_PLACE_NONE };
        set->fd = epoll_create1(EPOLL_CLOEXEC);
        return set->fd < 0 ? -errno : 0;
}

void io_set_deinit(IoSet *set)
{
        if (set->gone)
                *set->gone = true;
        free(set->places);
        fd_close(set->fd);
}

/* -- places ------------------------------------------------------------------------------------ */

static int grow(IoSet *set)
{
        uint32_t n = set->n_places ? 2 * set->n_places : PLACES_FIRST;
        IoPlace *p = realloc(set->places, n * sizeof(*p));

        if (!p)
                return -ENOMEM;
        for (uint32_t i = set->n_places; i < n; i++)
                p[i] = (IoPlace){ .next = i + 1 < n ? i + 1 : IO_PLACE_NONE };
        set->vacant = set->n_places;
        set->places = p;
        set->n_places = n;
        return 0;
}

static int take_place(IoSet *set, LoopIo *io)
{
        int r = set->vacant == IO_PLACE_NONE ? grow(set) : 0;

        if (r < 0)
                return r;
        io->place = set->vacant;
        set->vacant = set->places[io->place].next;
        set->places[io->place].io = io;
        return 0;
}

static void vacate(IoSet *set, uint32_t i)
{
        set->places[i].next = set->vacant;
        set->vacant = i;
}

static LoopIo *whom(const IoSet *set, uint64_t tag)
{
        const IoPlace *place = &set->places[(uint32_t) tag];

        return place->let == tag >> 32 ? place->io : NULL;
}

/* -- the kernel's set -------------------------------------------------------------------------- */

static int control(IoSet *set, int op, const LoopIo *io)
{
        uint64_t let = set->places[io->place].let;
        struct epoll_event ev = { .events = io->events, .data.u64 = let << 32 | io->place };

        return epoll_ctl(set->fd, op, io->fd, &ev) < 0 ? -errno : 0;
}

static void wait_to_go_in(IoSet *set, uint32_t i)
{
        set->places[i].waits = true;
        set->places[i].next = IO_PLACE_NONE;
        if (set->first_waiting == IO_PLACE_NONE)
                set->first_waiting = i;
        else
                set->places[set->last_waiting].next = i;
        set->last_waiting = i;
}

int io_set_add(IoSet *set, LoopIo *io)
{
        int r = take_place(set, io);

        if (r < 0)
                return r;
        if (set->gone && io->events & EPOLLONESHOT) {
                wait_to_go_in(set, io->place);
                return 0;
        }
        r = control(set, EPOLL_CTL_ADD, io);
        if (r < 0) {
                set->places[io->place].io = NULL;
                vacate(set, io->place);
        }
        return r;
}

int io_set_modify(IoSet *set, LoopIo *io)
{
        return set->places[io->place].waits ? 0 : control(set, EPOLL_CTL_MOD, io);
}

void io_set_remove(IoSet *set, LoopIo *io, bool closing)
{
        IoPlace *place = &set->places[io->place];

        /* While a child of ours has not yet called exec(), close() alone leaves it in the set. Of
         * one that is told of once that is one event more at most; any other would be told of for
         * ever. */
        if (!place->waits && !(closing && io->events & EPOLLONESHOT))
                (void) control(set, EPOLL_CTL_DEL, io);
        place->io = NULL;
        place->let++;
        if (!place->waits)
                vacate(set, io->place);
}

/* Until a callback ends the set. */
static void let_in(IoSet *set, const bool *gone)
{
        while (!*gone && set->first_waiting != IO_PLACE_NONE) {
                uint32_t i = set->first_waiting;
                IoPlace *place = &set->places[i];
                LoopIo *io = place->io;

                set->first_waiting = place->next;
                place->waits = false;
                if (!io)
                        vacate(set, i);
                else if (control(set, EPOLL_CTL_ADD, io) < 0)
                        io->fn(io, EPOLLERR);
        }
}

/* -- callbacks --------------------------------------------------------------------------------- */

static void begin(IoSet *set, bool *gone)
{
        *gone = false;
        set->gone = gone;
}

static void end(IoSet *set, const bool *gone)
{
        let_in(set, gone);
        if (!*gone)
                set->gone = NULL;
}

int io_set_run(IoSet *set, bool wait)
{
        struct epoll_event events[EVENTS_PER_POLL];
        int n = epoll_wait(set->fd, events, EVENTS_PER_POLL, wait ? -1 : 0);
        bool gone;

        if (n < 0)
                return errno == EINTR ? 0 : -errno;
        begin(set, &gone);
        for (int i = 0; i < n && !gone; i++) {
                LoopIo *io = whom(set, events[i].data.u64);

                if (io)
                        io->fn(io, events[i].events);
        }
        end(set, &gone);
        return 0;
}

void io_set_turn(IoSet *set, const LoopHooks *hooks)
{
        bool gone;

        begin(set, &gone);
        hooks->turn(hooks->userdata);
        end(set, &gone);
}
