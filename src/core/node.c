/* SPDX-License-Identifier: MIT */
#include "core/node.h"
#include <pthread.h>

/* 16 KiB with malloc's own header: small beside a thread's stack, and long enough that what a new
 * slab costs does not show. */
enum {
        SLAB_NODES = 510,
        SPARES = 64,      /* free slabs that are kept, for all threads together */
        SPARES_LOOKED = 4 /* places looked at for one */
};

typedef struct Slab Slab;
struct Slab {
        _Atomic unsigned out; /* nodes that were not given back; starts with all of them */
        Node nodes[SLAB_NODES];
};

static __thread Slab *current;
static __thread unsigned used;

static pthread_once_t exit_once = PTHREAD_ONCE_INIT;
static pthread_key_t exit_key;

/* A burst empties and fills slabs faster than malloc() and the kernel like to follow. */
static _Atomic(Slab *) spares[SPARES];
static _Atomic unsigned spare_at;

static void keep(Slab *slab)
{
        unsigned at = atomic_load_explicit(&spare_at, memory_order_relaxed);

        for (unsigned i = 0; i < SPARES_LOOKED; i++) {
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
        return malloc(sizeof(Slab));
}

static void give_back(Slab *slab, unsigned n)
{
        if (atomic_fetch_sub_explicit(&slab->out, n, memory_order_acq_rel) == n)
                keep(slab);
}

static void on_thread_exit(void *slab)
{
        current = NULL;
        give_back(slab, SLAB_NODES - used);
}

static void make_exit_key(void)
{
        (void) pthread_key_create(&exit_key, on_thread_exit);
}

static Slab *next_slab(void)
{
        Slab *slab = spare();

        if (!slab)
                return NULL;
        (void) pthread_once(&exit_once, make_exit_key);
        if (pthread_setspecific(exit_key, slab) != 0) {
                free(slab);
                return NULL;
        }
        atomic_init(&slab->out, SLAB_NODES);
        current = slab;
        used = 0;
        return slab;
}

Node *node_new(void)
{
        Slab *slab = current;
        Node *node;

        if (!slab) {
                slab = next_slab();
                if (!slab)
                        return NULL;
        }
        node = &slab->nodes[used];
        node->index = (uint16_t) used++;
        if (used == SLAB_NODES) {
                /* it goes with the last of its nodes, perhaps before this thread looks again */
                current = NULL;
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
