/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What waits on one state in one thread, first in, first out: a list of small arrays, 16 bytes an
 * item. Used by its thread alone. Nothing here looks at what waits but removal and
 * fifo_compact_step().
 */
#include "core/node.h"

typedef struct FifoItem FifoItem;
typedef struct FifoChunk FifoChunk;
typedef struct Fifo Fifo;

struct FifoItem {
        lws_attach_cb_t *cb;
        union {
                void *opaque;
                uintptr_t slot; /* of an extended item */
        };
};

struct FifoChunk {
        FifoChunk *next;
        uint16_t capacity, filled;
        bool mixed;       /* some are extended */
        FifoItem items[]; /* behind them a bit for each: whether it is extended */
};

struct Fifo {
        FifoChunk *first, *last;
        unsigned taken;           /* items of the first chunk that are gone */
        size_t n;                 /* all that wait */
        FifoChunk *compacted;     /* fifo_compact_step() was here; NULL: at the start */
        Node *spill, *spill_last; /* what came when there was no memory for a chunk, in nodes */
};

/* Takes over what the node carries and gives the node back, or keeps it while memory is short: it
 * cannot fail. */
void fifo_push(Fifo *fifo, Node *node, NodeReturn *r);
bool fifo_pop_any(Fifo *fifo, FifoItem *ret, bool *ret_extended, NodeReturn *r);
/* Frees an empty one's memory. */
void fifo_deinit(Fifo *fifo);

/* Looks at one chunk and drops the extended items for which `drop` says true (and has then let go
 * of the slot). Returns how many. The next call looks at the next chunk, round and round. */
unsigned fifo_compact_step(
        Fifo *fifo, bool (*drop)(void *userdata, const FifoItem *item), void *userdata);

/* False when empty. */
static inline bool fifo_pop(Fifo *fifo, FifoItem *ret, bool *ret_extended, NodeReturn *r)
{
        FifoChunk *c = fifo->first;

        /* nearly all, where a state is reached: a plain item with another one behind it */
        if (!c || c->mixed || fifo->taken + 1 >= c->filled)
                return fifo_pop_any(fifo, ret, ret_extended, r);
        *ret = c->items[fifo->taken++];
        *ret_extended = false;
        fifo->n--;
        return true;
}
