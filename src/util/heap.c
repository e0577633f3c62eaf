/* SPDX-License-Identifier: MIT */
#include "util/heap.h"

/*
 * `back` points at whatever points at the node: the heap's root, its parent's `child` or its elder
 * sibling's `next`. So a node leaves without knowing which of these it is.
 */

static void put(HeapNode **where, HeapNode *node)
{
        *where = node;
        if (node)
                node->back = where;
}

/* Makes one tree of two; the loser becomes the winner's first child. */
static HeapNode *meld(const Heap *heap, HeapNode *a, HeapNode *b)
{
        if (heap->before(b, a)) {
                HeapNode *t = a;

                a = b;
                b = t;
        }
        put(&b->next, a->child);
        put(&a->child, b);
        a->next = NULL;
        return a;
}

/* Melds a list of siblings in pairs from the left, then the pairs from the right: the two passes
 * that give the heap its name and its bound. No recursion, so that a long list is no deep stack. */
static HeapNode *meld_siblings(const Heap *heap, HeapNode *first)
{
        HeapNode *pairs = NULL, *whole = NULL;

        while (first) {
                HeapNode *a = first, *b = first->next, *pair;

                first = b ? b->next : NULL;
                a->next = NULL;
                if (b)
                        b->next = NULL;
                pair = b ? meld(heap, a, b) : a;
                pair->next = pairs;
                pairs = pair;
        }
        while (pairs) {
                HeapNode *pair = pairs;

                pairs = pair->next;
                pair->next = NULL;
                whole = whole ? meld(heap, whole, pair) : pair;
        }
        return whole;
}

bool heap_is_linked(const HeapNode *node)
{
        return node->back;
}

void heap_link(Heap *heap, HeapNode *node)
{
        node->child = node->next = NULL;
        put(&heap->root, heap->root ? meld(heap, heap->root, node) : node);
}

void heap_unlink(Heap *heap, HeapNode *node)
{
        HeapNode **back = node->back;
        HeapNode *rest;

        if (!back)
                return;
        rest = meld_siblings(heap, node->child);
        /* Among siblings the children's tree takes the node's place: it comes no earlier. */
        if (rest) {
                put(&rest->next, node->next);
                put(back, rest);
        } else {
                put(back, node->next);
        }
        *node = (HeapNode){ 0 };
}
