/* SPDX-License-Identifier: MIT */
/*
 * Watches: a state told of for as long as the context lives.
 *
 * Each thread follows the log of the ladder's levels at its own pace, one rung at a time: a rise by
 * one rung tells `entered` to the watches of that rank, a fall by one tells `left`. A walk over one
 * rank's watches may take several turns of the loop, and watches may come and go in between.
 */
#include "core/context-private.h"

static Slot *slot_of(Thread *th, const Watch *w)
{
        return slot_at(&th->attach.slots, w->slot);
}

static void watch_free(Thread *th, Watch *w)
{
        th->attach.n_watches--;
        list_unlink(&w->link);
        slot_finish(th, w->slot);
        free(w);
}

static bool is_dead(Thread *th, const Watch *w)
{
        return slot_status(atomic_load(&slot_of(th, w)->word)) == SLOT_DEAD;
}

static void free_dead(Thread *th, Watch *w)
{
        atomic_fetch_sub_explicit(&th->attach.dead_watches, 1, memory_order_relaxed);
        watch_free(th, w);
}

bool watch_cancel(Thread *th, Slot *slot, uint64_t word)
{
        if (!slot_change(slot, word, SLOT_DEAD))
                return false;
        atomic_fetch_add_explicit(&th->attach.dead_watches, 1, memory_order_relaxed);
        return true;
}

static void tell(Thread *th, Watch *w, bool up)
{
        Slot *slot = slot_of(th, w);
        uint64_t word = atomic_load(&slot->word);
        lws_attach_cb_t *cb = up ? w->entered : w->left;

        if (w->inside == up)
                return;
        if (slot_status(word) != SLOT_PENDING || !slot_change(slot, word, SLOT_RUNNING)) {
                free_dead(th, w);
                return;
        }
        w->inside = up;
        if (cb)
                cb(th->cx, th->tsi, w->opaque);
        if (!slot_change(slot, slot_word(word, SLOT_RUNNING), SLOT_PENDING))
                watch_free(th, w); /* cancelled meanwhile */
}

/* -- Following the ladder ---------------------------------------------------------------------- */

static uint64_t newest(Thread *th)
{
        return atomic_load_explicit(&th->cx->states.serial, memory_order_acquire);
}

static int level_at(Thread *th, uint64_t serial)
{
        return atomic_load_explicit(
                &th->cx->states.levels[serial % STATE_LOG_SIZE], memory_order_relaxed);
}

static void start_walk(AttachQueue *q, int rank, bool up)
{
        q->walk_rank = rank;
        q->walk_up = up;
        list_link_front(&q->watches[rank], &q->walk);
}

/* False when all are told of everything. */
static bool next_walk(Thread *th)
{
        AttachQueue *q = &th->attach;
        int level = level_at(th, q->seen);

        if (q->told < level) {
                start_walk(q, ++q->told, true);
        } else if (q->told > level) {
                start_walk(q, q->told--, false);
        } else if (q->fresh) {
                int rank = __builtin_ctz(q->fresh);

                q->fresh &= q->fresh - 1;
                if (rank <= q->told)
                        start_walk(q, rank, true);
        } else if (q->seen != newest(th)) {
                q->seen = MAX(q->seen + 1, newest(th) - MIN(newest(th), STATE_LOG_SIZE / 2));
        } else {
                return false;
        }
        return true;
}

static void sweep(Thread *th)
{
        AttachQueue *q = &th->attach;

        for (int rank = 0; rank < RANKS; rank++)
                list_foreach_safe (it, &q->watches[rank])
                        if (it != &q->walk && is_dead(th, list_entry(it, Watch, link)))
                                free_dead(th, list_entry(it, Watch, link));
}

void watches_init(Thread *th)
{
        AttachQueue *q = &th->attach;

        for (int rank = 0; rank < RANKS; rank++)
                list_init(&q->watches[rank]);
        list_init(&q->walk);
}

void watch_arrived(Thread *th, Node *node)
{
        AttachQueue *q = &th->attach;
        Watch *w = node->opaque;

        if (atomic_load_explicit(&q->dead_watches, memory_order_relaxed) > q->n_watches / 2)
                sweep(th);
        /* nobody followed the log meanwhile, and a walk among those that went may not have ended */
        if (q->n_watches++ == 0) {
                q->seen = newest(th);
                q->told = level_at(th, q->seen);
                q->fresh = 0;
                list_unlink(&q->walk);
        }
        list_link_tail(&q->watches[node->rank], &w->link);
        q->fresh |= UINT32_C(1) << node->rank;
}

bool watches_are_pending(Thread *th)
{
        AttachQueue *q = &th->attach;

        return q->n_watches > 0 && (q->fresh || list_is_linked(&q->walk) || q->seen != newest(th));
}

void watches_tell(Thread *th, unsigned budget)
{
        AttachQueue *q = &th->attach;

        while (budget > 0 && !context_is_destroying(th->cx)) {
                Watch *w;

                if (!list_is_linked(&q->walk)) {
                        if (!next_walk(th))
                                return;
                } else if (q->walk.next == &q->watches[q->walk_rank]) {
                        list_unlink(&q->walk);
                } else {
                        w = list_entry(q->walk.next, Watch, link);
                        list_unlink(&q->walk);
                        list_link_front(&w->link, &q->walk);
                        tell(th, w, q->walk_up);
                        budget--;
                }
        }
}

void watches_close(Thread *th)
{
        AttachQueue *q = &th->attach;

        list_unlink(&q->walk);
        for (int rank = 0; rank < RANKS; rank++)
                while (!list_is_empty(&q->watches[rank]))
                        watch_free(th, list_entry(list_first(&q->watches[rank]), Watch, link));
}

/* -- Any thread -------------------------------------------------------------------------------- */

/* Owns `w`, which belongs to the service thread once it is posted. */
static int watch_post(Thread *th, Watch *w, Node *node, uint64_t *handle)
{
        uint32_t index = w->slot;
        uint64_t word = slot_begin(&th->attach.slots, index, NULL, NULL, 0, SLOT_IS_WATCH);
        int r;

        if (handle)
                *handle = slot_handle(th, index, word);
        r = attach_post(th, node);
        if (r < 0) {
                slot_free(&th->attach.slots, index);
                free(w);
        }
        return r;
}

_public_ int lws_system_watch(struct lws_context *cx, int tsi, lws_system_states_t state,
        lws_attach_cb_t *entered, lws_attach_cb_t *left, void *opaque, uint64_t *handle)
{
        const void *cb = (const void *) (uintptr_t) (entered ? entered : left);
        _cleanup_(freep) Watch *w = NULL;
        Thread *th;
        Node *node;
        int rank, r;

        r = attach_check(cx, tsi, cb, (int) state, &th, &rank);
        if (r < 0)
                return r;
        w = calloc(1, sizeof(*w));
        if (!w)
                return -ENOMEM;
        *w = (Watch){ .entered = entered, .left = left, .opaque = opaque };
        r = slot_new(&th->attach.slots, &w->slot);
        if (r < 0)
                return r;
        node = node_new();
        if (!node) {
                slot_free(&th->attach.slots, w->slot);
                return -ENOMEM;
        }
        node->opaque = w;
        node->rank = (uint8_t) rank;
        node->kind = NODE_WATCH;
        return watch_post(th, TAKE_PTR(w), node, handle);
}
