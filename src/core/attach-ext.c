/* SPDX-License-Identifier: MIT */
/* Attachments with an end: destroy function, deadline, cancellation from any thread. */
#include "core/context-private.h"
#include "util/log.h"
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
        INDEX_MASK = (1 << SLOT_INDEX_BITS) - 1,
        TURN_EXPIRED = 256, /* deadlines looked at in one turn of the loop */
};

uint64_t slot_handle(const Thread *th, uint32_t index, uint64_t word)
{
        return (uint64_t) slot_generation(word) << 32 | (uint64_t) th->tsi << SLOT_INDEX_BITS |
               index;
}

static void call_destroy(void (*destroy)(void *), void *opaque)
{
        if (destroy)
                destroy(opaque);
}

/* -- The service thread ------------------------------------------------------------------------ */

static void let_go(Thread *th, uint32_t index)
{
        AttachQueue *q = &th->attach;

        deadline_unlink(&q->deadlines, index);
        slot_free(&q->slots, index);
        if (q->deadlines.n == 0)
                timer_cancel(&q->deadline);
}

/* Whoever waits for a callback to return counts itself in `waiters` and then looks at the word;
 * here the word is changed and then `waiters` is looked at. Both in the one order of sequentially
 * consistent operations, so that one of the two sees the other. */
void slot_finish(Thread *th, uint32_t index)
{
        AttachQueue *q = &th->attach;

        let_go(th, index);
        if (atomic_load(&q->waiters) > 0) {
                atomic_fetch_add(&q->finished, 1);
                (void) syscall(SYS_futex, &q->finished, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
        }
}

static void wait_out(Thread *th, Slot *slot, uint64_t word)
{
        AttachQueue *q = &th->attach;

        atomic_fetch_add(&q->waiters, 1);
        for (;;) {
                uint32_t finished = atomic_load(&q->finished);

                if (atomic_load(&slot->word) != word)
                        break;
                (void) syscall(
                        SYS_futex, &q->finished, FUTEX_WAIT_PRIVATE, finished, NULL, NULL, 0);
        }
        atomic_fetch_sub(&q->waiters, 1);
}

static void arm_deadline(Thread *th)
{
        AttachQueue *q = &th->attach;
        lws_usec_t left;

        q->deadline_at = deadlines_next(&q->deadlines);
        if (q->deadline_at == DEADLINE_NONE) {
                timer_cancel(&q->deadline);
                return;
        }
        left = q->deadline_at - lws_now_usecs();
        timer_set(&q->deadline, left > 0 ? usec_add(clock_boottime_usec(), (usec_t) left) : 0);
}

void extended_arrived(Thread *th, uint32_t index)
{
        AttachQueue *q = &th->attach;
        lws_usec_t deadline =
                atomic_load_explicit(&slot_get(&q->slots, index)->deadline, memory_order_relaxed);

        if (deadline == 0)
                return;
        deadline_link(&q->deadlines, index);
        if (!timer_is_set(&q->deadline) || deadline < q->deadline_at)
                arm_deadline(th);
}

/* Any thread: the attachment will not run. False when something else happened to it first. */
static bool end_unrun(Thread *th, Slot *slot, uint64_t word)
{
        void (*destroy)(void *) = atomic_load_explicit(&slot->destroy, memory_order_relaxed);
        void *opaque = atomic_load_explicit(&slot->opaque, memory_order_relaxed);

        if (slot_status(word) != SLOT_PENDING || !slot_change(slot, word, SLOT_DEAD))
                return false;
        atomic_fetch_add_explicit(&th->attach.dead, 1, memory_order_relaxed);
        call_destroy(destroy, opaque);
        return true;
}

void on_deadline(Timer *t, usec_t now)
{
        Thread *th = t->thread;
        AttachQueue *q = &th->attach;
        lws_usec_t mono = lws_now_usecs();
        unsigned budget = TURN_EXPIRED;
        uint32_t index;

        while (!context_is_destroying(th->cx) &&
                (index = deadlines_pop(&q->deadlines, mono, &budget)) != SLOT_NONE) {
                Slot *slot = slot_get(&q->slots, index);

                (void) end_unrun(th, slot, atomic_load(&slot->word));
        }
        arm_deadline(th);
}

/* The timer may be a little behind. */
static bool is_late(Slot *slot)
{
        lws_usec_t deadline = atomic_load_explicit(&slot->deadline, memory_order_relaxed);

        return deadline != 0 && deadline <= lws_now_usecs();
}

void extended_run(Thread *th, const FifoItem *item)
{
        uint32_t index = (uint32_t) item->slot;
        Slot *slot = slot_get(&th->attach.slots, index);
        uint64_t word = atomic_load(&slot->word);
        void (*destroy)(void *) = atomic_load_explicit(&slot->destroy, memory_order_relaxed);
        void *opaque = atomic_load_explicit(&slot->opaque, memory_order_relaxed);

        if (is_late(slot))
                (void) end_unrun(th, slot, word);
        else if (slot_status(word) == SLOT_PENDING && slot_change(slot, word, SLOT_RUNNING)) {
                item->cb(th->cx, th->tsi, opaque);
                call_destroy(destroy, opaque);
                slot_finish(th, index);
                return;
        }
        (void) extended_drop_dead(th, item);
}

bool extended_drop_dead(void *userdata, const FifoItem *item)
{
        Thread *th = userdata;
        uint32_t index = (uint32_t) item->slot;

        if (slot_status(atomic_load(&slot_get(&th->attach.slots, index)->word)) != SLOT_DEAD)
                return false;
        atomic_fetch_sub_explicit(&th->attach.dead, 1, memory_order_relaxed);
        let_go(th, index);
        return true;
}

void extended_abandon(Thread *th, const FifoItem *item)
{
        Slot *slot = slot_get(&th->attach.slots, (uint32_t) item->slot);

        (void) end_unrun(th, slot, atomic_load(&slot->word));
        (void) extended_drop_dead(th, item);
}

/* -- Any thread -------------------------------------------------------------------------------- */

_public_ int lws_system_attach_ext(struct lws_context *cx, int tsi, lws_attach_cb_t *cb,
        lws_system_states_t state, void *opaque, void (*destroy)(void *opaque), lws_usec_t deadline,
        uint64_t *handle)
{
        uint32_t index;
        uint64_t word;
        Thread *th;
        Node *node;
        int rank, r;

        r = attach_check(cx, tsi, (const void *) (uintptr_t) cb, (int) state, &th, &rank);
        if (r < 0)
                return r;
        r = slot_new(&th->attach.slots, &index);
        if (r < 0)
                return r;
        node = node_new();
        if (!node) {
                slot_free(&th->attach.slots, index);
                return -ENOMEM;
        }
        word = slot_begin(&th->attach.slots, index, opaque, destroy, deadline, 0);
        node->cb = cb;
        node->slot = index;
        node->rank = (uint8_t) rank;
        node->kind = NODE_EXTENDED;
        /* the handle first: the callback may want it */
        if (handle)
                *handle = slot_handle(th, index, word);
        r = attach_post(th, node);
        if (r < 0)
                slot_free(&th->attach.slots, index);
        return r;
}

_public_ int lws_system_attach_cancel(struct lws_context *cx, uint64_t handle)
{
        unsigned tsi = (unsigned) (handle >> SLOT_INDEX_BITS) % LWS_MAX_SMP;
        Thread *th = cx && tsi < (unsigned) cx->n_threads ? &cx->threads[tsi] : NULL;
        Slot *slot = th ? slot_at(&th->attach.slots, (uint32_t) handle & INDEX_MASK) : NULL;
        uint64_t word;

        while (slot && (word = atomic_load(&slot->word), slot_generation(word) == handle >> 32)) {
                bool watch = word & SLOT_IS_WATCH, mine = thread_is_mine(th);

                switch (slot_status(word)) {
                case SLOT_PENDING:
                        if (watch ? watch_cancel(th, slot, word) : end_unrun(th, slot, word))
                                return 1;
                        break;
                case SLOT_RUNNING:
                        if (watch) {
                                if (!slot_change(slot, word, SLOT_STOPPING))
                                        break;
                                word = slot_word(word, SLOT_STOPPING);
                        }
                        if (!mine)
                                wait_out(th, slot, word);
                        return watch;
                case SLOT_STOPPING:
                        if (!mine)
                                wait_out(th, slot, word);
                        return 0;
                case SLOT_FREE:
                case SLOT_DEAD:
                        return 0;
                }
        }
        return 0;
}
