/* SPDX-License-Identifier: MIT */
#pragma once
/* Intrusive pairing heap: insertion in constant time, removal of any node in O(log n) amortised,
 * no allocation. Zeroed nodes and heaps are valid and empty. */
#include "util/error.h"
#include <stdbool.h>
#include <stddef.h>

typedef struct HeapNode HeapNode;
struct HeapNode {
        HeapNode *child, *next, **back;
};

typedef struct Heap Heap;
struct Heap {
        HeapNode *root;
        /* true when `a` comes before `b` */
        bool (*before)(const HeapNode *a, const HeapNode *b);
};

void heap_link(Heap *heap, HeapNode *node);
/* Harmless for a node that is on no heap. */
void heap_unlink(Heap *heap, HeapNode *node);
bool heap_is_linked(const HeapNode *node);
/* The first node, or NULL. */
static inline HeapNode *heap_first(const Heap *heap)
{
        return heap->root;
}
