/* SPDX-License-Identifier: MIT */
#include "core/fifo.h"
#include "core/pages.h"
#include <string.h>

/* Items of a chunk, a multiple of 64. */
enum { CHUNK_MIN = 64, CHUNK_MAX = 4096 };

static uint64_t *extended_bits(FifoChunk *c)
{
        return (uint64_t *) (void *) (c->items + c->capacity);
}

static bool is_extended(FifoChunk *c, unsigned i)
{
        return extended_bits(c)[i / 64] >> i % 64 & 1;
}

static void put(FifoChunk *c, unsigned i, FifoItem item, bool extended)
{
        uint64_t *bits = &extended_bits(c)[i / 64], bit = UINT64_C(1) << i % 64;

        c->items[i] = item;
        *bits = extended ? *bits | bit : *bits & ~bit;
        c->mixed |= extended;
}

/* The chunk to append to; NULL without memory. A queue that stays short stays small. */
static FifoChunk *room(Fifo *fifo)
{
        FifoChunk *last = fifo->last, *c;
        unsigned capacity = CHUNK_MIN;

        if (last && last->filled < last->capacity)
                return last;
        if (last)
                capacity = MIN(2u * last->capacity, (unsigned) CHUNK_MAX);
        c = pages_malloc(sizeof(*c) + capacity * sizeof(FifoItem) + capacity / 8);
        if (!c)
                return NULL;
        *c = (FifoChunk){ .capacity = (uint16_t) capacity };
        memset(extended_bits(c), 0, capacity / 8);
        if (last)
                last->next = c;
        else
                fifo->first = c;
        fifo->last = c;
        return c;
}

void fifo_push(Fifo *fifo, Node *node, NodeReturn *r)
{
        /* once one was spilled, what follows goes behind it */
        FifoChunk *c = fifo->spill ? NULL : room(fifo);
        FifoItem item = { .cb = node->cb };

        fifo->n++;
        if (!c) {
                node->inbox.next = NULL;
                if (fifo->spill)
                        fifo->spill_last->inbox.next = &node->inbox;
                else
                        fifo->spill = node;
                fifo->spill_last = node;
                return;
        }
        if (node->kind == NODE_EXTENDED)
                item.slot = node->slot;
        else
                item.opaque = node->opaque;
        put(c, c->filled++, item, node->kind == NODE_EXTENDED);
        node_return(r, node);
}

static void drop_first_chunk(Fifo *fifo)
{
        FifoChunk *c = fifo->first;

        if (fifo->compacted == c)
                fifo->compacted = NULL;
        fifo->taken = 0;
        /* the last one is kept for what comes next, unless it is a big one */
        if (!c->next && c->capacity == CHUNK_MIN) {
                c->filled = 0;
                c->mixed = false;
                return;
        }
        fifo->first = c->next;
        if (!fifo->first)
                fifo->last = NULL;
        free(c);
}

static bool pop_spilled(Fifo *fifo, FifoItem *ret, bool *ret_extended, NodeReturn *r)
{
        Node *node = fifo->spill;

        if (!node)
                return false;
        fifo->spill = node->inbox.next ? container_of(node->inbox.next, Node, inbox) : NULL;
        fifo->n--;
        *ret_extended = node->kind == NODE_EXTENDED;
        ret->cb = node->cb;
        if (*ret_extended)
                ret->slot = node->slot;
        else
                ret->opaque = node->opaque;
        node_return(r, node);
        return true;
}

bool fifo_pop_any(Fifo *fifo, FifoItem *ret, bool *ret_extended, NodeReturn *r)
{
        FifoChunk *c = fifo->first;

        if (!c || fifo->taken == c->filled)
                return pop_spilled(fifo, ret, ret_extended, r);
        *ret_extended = is_extended(c, fifo->taken);
        *ret = c->items[fifo->taken++];
        fifo->n--;
        if (fifo->taken == c->filled)
                drop_first_chunk(fifo);
        return true;
}

void fifo_deinit(Fifo *fifo)
{
        while (fifo->first) {
                FifoChunk *c = fifo->first;

                fifo->first = c->next;
                free(c);
        }
        *fifo = (Fifo){ 0 };
}

/* Moves what remains of `c` into the room that `into` has left, if all of it fits. */
static bool merge(FifoChunk *into, FifoChunk *c)
{
        if (!into || into->capacity - into->filled < c->filled)
                return false;
        for (unsigned i = 0; i < c->filled; i++)
                put(into, into->filled++, c->items[i], is_extended(c, i));
        return true;
}

unsigned fifo_compact_step(
        Fifo *fifo, bool (*drop)(void *userdata, const FifoItem *item), void *userdata)
{
        FifoChunk *before = fifo->compacted, *c = before ? before->next : fifo->first;
        unsigned from = c == fifo->first ? fifo->taken : 0, to = from, dropped;

        if (!c) {
                fifo->compacted = NULL;
                return 0;
        }
        for (unsigned i = from; i < c->filled; i++)
                if (!is_extended(c, i) || !drop(userdata, &c->items[i]))
                        put(c, to++, c->items[i], is_extended(c, i));
        dropped = c->filled - to;
        c->filled = (uint16_t) to;
        fifo->n -= dropped;
        if (c == fifo->first && to == from) {
                drop_first_chunk(fifo);
        } else if (before && merge(before, c)) {
                before->next = c->next;
                if (fifo->last == c)
                        fifo->last = before;
                free(c);
        } else {
                fifo->compacted = c;
        }
        return dropped;
}
