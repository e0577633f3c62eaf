/* SPDX-License-Identifier: MIT */
#include "core/node.h"
#include "core/pages.h"
#include <pthread.h>

enum {
        /* A thread begins with a small slab and goes on with larger ones: 2 KiB to 64 KiB. */
        SLAB_MIN = 62,
        SLAB_MAX = 2040,
        SPARES = 16,      /* of the largest ones, kept for all threads together */
        SPARES_LOOKED = 4 /* places looked at for one */
};

typedef struct Slab Slab;
struct Slab {
        _Atomic unsigned out; /* nodes that were not given back; starts with all of them */
        unsigned capacity;
        Node nodes[];
};

__thread NodeSource node_source;

static pthread_once_t exit_once = PTHREAD_ONCE_INIT;
static pthread_key_t exit_key;

/* A burst empties and fills slabs faster than malloc() and the kernel like to follow. */
static _Atomic(Slab *) spares[SPARES];
static _Atomic unsigned spare_at;

static void keep(Slab *slab)
{
        unsigned at = atomic_load_explicit(&spare_at, memory_order_relaxed);

        for (unsigned i = 0; i < SPARES_LOOKED && slab->capacity == SLAB_MAX; i++) {
                Slab *none = NULL;

                if (atomic_compare_exchange_strong_explicit(&spares[(at + i) % SPARES], &none, slab,
                            memory_order_release, memory_order_relaxed)) {
                        atomic_store_explicit(&spare_at, at + i + 1, memory_order_relaxed);
                        return;
                }
        }
        free(slab);
}

static Slab *spare(void)
{
        unsigned at = atomic_load_explicit(&spare_at, memory_order_relaxed);

        for (unsigned i = 1; i <= SPARES_LOOKED; i++) {
                _Atomic(Slab *) *place = &spares[(at - i) % SPARES];
                Slab *slab = atomic_load_explicit(place, memory_order_relaxed);

                if (slab && (slab = atomic_exchange_explicit(place, NULL, memory_order_acquire))) {
                        atomic_store_explicit(&spare_at, at - i, memory_order_relaxed);
                        return slab;
                }
        }
        return NULL;
}

static Slab *slab_new(unsigned n)
{
        Slab *slab = n == SLAB_MAX ? spare() : NULL;

        return slab ? slab : pages_malloc(sizeof(*slab) + n * sizeof(Node));
}

static void give_back(Slab *slab, unsigned n)
{
        if (atomic_fetch_sub_explicit(&slab->out, n, memory_order_acq_rel) == n)
                keep(slab);
}

/* Nothing more comes from this slab. It goes with the last of its nodes, perhaps before this thread
 * looks again. */
static void forget(NodeSource *s)
{
        s->nodes = NULL;
        s->used = s->capacity;
}

static void on_thread_exit(void *slab)
{
        unsigned left = node_source.capacity - node_source.used;

        forget(&node_source);
        give_back(slab, left);
}

static void make_exit_key(void)
{
        (void) pthread_key_create(&exit_key, on_thread_exit);
}

static bool next_slab(NodeSource *s)
{
        unsigned n = s->capacity == 0 ? SLAB_MIN : MIN(4 * s->capacity, (unsigned) SLAB_MAX);
        Slab *slab = slab_new(n);

        if (!slab)
                return false;
        (void) pthread_once(&exit_once, make_exit_key);
        if (pthread_setspecific(exit_key, slab) != 0) {
                free(slab);
                return false;
        }
        atomic_init(&slab->out, n);
        slab->capacity = n;
        *s = (NodeSource){ .nodes = slab->nodes, .capacity = n };
        return true;
}

Node *node_new_of_any(void)
{
        NodeSource *s = &node_source;
        Node *node;

        if (!s->nodes && !next_slab(s))
                return NULL;
        node = &s->nodes[s->used];
        node->index = (uint16_t) s->used++;
        if (s->used == s->capacity) {
                forget(s);
                (void) pthread_setspecific(exit_key, NULL);
        }
        return node;
}

void node_return(NodeReturn *r, Node *node)
{
        Slab *slab = container_of(node - node->index, Slab, nodes);

        if (slab != r->slab) {
                node_return_flush(r);
                r->slab = slab;
        }
        r->n++;
}

void node_return_flush(NodeReturn *r)
{
        if (r->n > 0)
                give_back(r->slab, r->n);
        *r = (NodeReturn){ 0 };
}
