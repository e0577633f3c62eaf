/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Attach inside src/core. docs/attach.md tells the life of an attachment; in short:
 *
 *      attach() -> Node in the inbox -> (taken) -> Fifo of its rank -> (rank reached) -> run
 *
 * Left of "taken" any thread may be at it, right of it only the service thread.
 */
#include "core/deadline.h"
#include "core/fifo.h"
#include "core/timer.h"
#include "loop/loop.h"
#include "state/table.h"
#include "util/list.h"

enum { RANKS = STATE_RANK_TOP + 1 };

/* The levels the ladder has been at: the highest rank that holds, -1 for none. Thread 0 writes, any
 * thread reads. One that lags by more than the log holds skips what was overwritten, which may hide
 * an edge and its opposite, never one of them. */
enum { STATE_LOG_SIZE = 256 };

typedef struct StateLog StateLog;
struct StateLog {
        _Atomic int level; /* the newest */
        _Atomic uint64_t serial;
        _Atomic signed char levels[STATE_LOG_SIZE]; /* by serial */
};

static inline bool state_log_reached(StateLog *log, int rank)
{
        return rank <= atomic_load_explicit(&log->level, memory_order_acquire);
}

typedef struct Watch Watch;
struct Watch {
        List link; /* AttachQueue.watches[rank] */
        lws_attach_cb_t *entered, *left;
        void *opaque;
        uint32_t slot;
        bool inside; /* entered was told, left was not yet */
};

/* What a take hands to the loop, through the user's .attach. */
struct lws_attach_item {
        FifoItem item;
        bool extended, there;
};

typedef struct AttachQueue AttachQueue;
struct AttachQueue {
        /* What was taken out of the inbox: newest first, still to be turned round; then oldest
         * first, still to be spread over the ranks. Both end where inbox_is_end(). */
        InboxNode *taken, *turning, *turned;
        unsigned wakes_owed;  /* stacks taken that began with a push that ended a sleep */
        unsigned spread_left; /* of what this turn of the loop may spread */
        unsigned ran;         /* callbacks in the last turn */
        bool noticed;         /* the notice node was among them */
        bool handed;          /* what is turned: the user's .attach has handed it out */
        NodeReturn nodes;

        Fifo fifos[RANKS];
        uint32_t waiting; /* ranks whose fifo is not empty */
        int rank_at;      /* where to look first for a rank with items that may run */

        struct lws_attach_item item;
        enum { TAKE_NOT, TAKE_ASKED, TAKE_DONE } take; /* is .attach being called to take */
        bool take_failed;                              /* said so already */
        Timer retry;

        SlotTable slots;
        Deadlines deadlines;
        Timer deadline;                     /* when to look at them */
        lws_usec_t deadline_at;             /* what it is set to */
        _Atomic uint32_t finished, waiters; /* see finish() in attach-ext.c */
        _Atomic uint32_t dead;              /* slots in SLOT_DEAD whose item is still in a fifo */

        List watches[RANKS];
        unsigned n_watches;
        _Atomic unsigned dead_watches; /* cancelled; their thread still has to free them */
        uint32_t fresh;                /* ranks with watches that were never told */
        int told;                      /* the level watches were told of */
        uint64_t seen;                 /* the serial of the state log that belongs to it */
        List walk;                     /* place in watches[walk_rank] while it is being told */
        int walk_rank;
        bool walk_up;
};

/* -- attach.c ---------------------------------------------------------------------------------- */
void attach_init(Thread *th);
/* Before a poll. LOOP_SLEEP: there is nothing to do, and a post will wake the loop. */
LoopNext attach_next(Thread *th);
/* One bounded batch of all there is to do. */
void attach_turn(Thread *th);
/* Destroys what is left, unrun; what comes later is refused. */
void attach_close(Thread *th);
/* Puts a node into the inbox of a thread. 0, or -ESHUTDOWN and the node is given back. */
int attach_post(Thread *th, Node *node);
/* The thread and rank of an attach call's arguments; -EINVAL with a line in the log, or -ESHUTDOWN.
 */
int attach_check(
        struct lws_context *cx, int tsi, const void *cb, int state, Thread **ret, int *ret_rank);

/* -- attach-ext.c ------------------------------------------------------------------------------ */
void extended_run(Thread *th, const FifoItem *item);
void extended_arrived(Thread *th, uint32_t slot);
/* True when the item is dead: then its slot is gone. */
bool extended_drop_dead(void *userdata, const FifoItem *item);
void extended_abandon(Thread *th, const FifoItem *item);
void on_deadline(Timer *t, usec_t now);
/* Frees a slot whose callback has returned, and tells those who wait for that. */
void slot_finish(Thread *th, uint32_t index);
uint64_t slot_handle(const Thread *th, uint32_t index, uint64_t word);

/* -- watch.c ----------------------------------------------------------------------------------- */
void watches_init(Thread *th);
void watch_arrived(Thread *th, Node *node);
bool watches_are_pending(Thread *th);
/* Looks at no more than `budget` watches. */
void watches_tell(Thread *th, unsigned budget);
/* Any thread: it will not be told anything more. False when something else happened first. */
bool watch_cancel(Thread *th, Slot *slot, uint64_t word);
void watches_close(Thread *th);
