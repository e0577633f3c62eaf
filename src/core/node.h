/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Nodes: what an attachment travels in, from the thread that attaches to the inbox and out of it.
 *
 * A producer takes nodes one after the other from a slab of its own, with no atomic operation; the
 * consumer gives them back in runs, one atomic subtraction for as many as came from one slab. A
 * slab is free when all its nodes were given back, those that its thread never used included.
 */
#include "core/inbox.h"
#include <lwsd/lws-attach.h>
#include <stddef.h>

typedef struct Node Node;
typedef struct NodeReturn NodeReturn;
typedef struct NodeSource NodeSource;

typedef enum NodeKind {
        NODE_PLAIN,
        NODE_EXTENDED, /* `slot` has the rest */
        NODE_WATCH,    /* `opaque` is the Watch */
} NodeKind;

struct Node {
        InboxNode inbox;
        lws_attach_cb_t *cb;
        void *opaque;
        uint32_t slot;
        uint16_t index; /* in its slab */
        uint8_t rank;
        uint8_t kind;
};

/* Collects nodes of the same slab. Zeroed is empty. */
struct NodeReturn {
        void *slab;
        unsigned n;
};

/* What the calling thread has left of its slab. */
struct NodeSource {
        Node *nodes; /* NULL: none */
        unsigned used, capacity;
};

/* Initial-exec: 16 bytes at a fixed place, where a shared library would else call for them. */
extern __thread NodeSource node_source __attribute__((tls_model("initial-exec")));

/* Any thread; NULL without memory. */
Node *node_new_of_any(void);
/* Gives a node back; what was collected goes with node_return_flush(). Any thread. */
void node_return(NodeReturn *r, Node *node);
void node_return_flush(NodeReturn *r);

/* Any thread; NULL without memory. */
static inline Node *node_new(void)
{
        NodeSource *s = &node_source;
        Node *node;

        /* the last one of a slab takes more than this */
        if (s->used + 1 >= s->capacity)
                return node_new_of_any();
        node = &s->nodes[s->used];
        node->index = (uint16_t) s->used++;
        return node;
}
