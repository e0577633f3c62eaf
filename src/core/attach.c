/* SPDX-License-Identifier: MIT */
/* The queue of a service thread: in through the inbox, out in bounded batches. See docs/attach.md.
 */
#include "core/context-private.h"
#include "util/log.h"
#include <string.h>

enum {
        /* What one turn of the loop does at most before timers and sockets have theirs. */
        TURN_ITEMS = 1024, /* callbacks */
        TURN_LOOK = 64,    /* of them for one state in a row, and between looks at the clock */
        TURN_NODES = 1024, /* nodes turned round, and as many spread */
        TURN_SMALL = 4,    /* callbacks after which the loop need not look at its sockets yet */
        DEAD_MIN = 256,    /* dead items that are not worth a look */
};
#define TURN_USEC  500 /* and no more time than this, where callbacks are slow */
#define RETRY_USEC (10 * USEC_PER_MSEC)

/* -- In ---------------------------------------------------------------------------------------- */

/* NULL: see why_refused(). */
static inline Thread *target(struct lws_context *cx, int tsi, const void *cb, int rank)
{
        bool good = cx && tsi >= 0 && tsi < cx->n_threads && cb && rank >= 0;

        return good && !context_is_destroying(cx) ? &cx->threads[tsi] : NULL;
}

static _cold_ int why_refused(struct lws_context *cx, int tsi, const void *cb, int state)
{
        if (!cx)
                log_error("attach refused: no context");
        else if (context_is_destroying(cx))
                return -ESHUTDOWN;
        else if (tsi < 0 || tsi >= cx->n_threads)
                log_error("attach refused: there is no thread %d, the context has %d", tsi,
                        cx->n_threads);
        else if (!cb)
                log_error("attach refused: no callback");
        else
                log_error("attach refused: %d is no state of the ladder", state);
        return -EINVAL;
}

int attach_check(
        struct lws_context *cx, int tsi, const void *cb, int state, Thread **ret, int *ret_rank)
{
        int rank = state_rank(state);
        Thread *th = target(cx, tsi, cb, rank);

        if (!th)
                return why_refused(cx, tsi, cb, state);
        *ret = th;
        *ret_rank = rank;
        return 0;
}

static _cold_ int give_back(Node *node)
{
        NodeReturn r = { 0 };

        node_return(&r, node);
        node_return_flush(&r);
        return -ESHUTDOWN;
}

int attach_post(Thread *th, Node *node)
{
        switch (inbox_push(&th->inbox, &node->inbox)) {
        case INBOX_PUSHED:
                return 0;
        case INBOX_PUSHED_WAKE:
                thread_wake(th);
                return 0;
        case INBOX_REFUSED:
                break;
        }
        return give_back(node);
}

static int queue(struct lws_context *cx, int tsi, lws_attach_cb_t *cb, int state, void *opaque)
{
        const void *is_cb = (const void *) (uintptr_t) cb;
        int rank = state_rank(state);
        Thread *th = target(cx, tsi, is_cb, rank);
        Node *node;

        if (!th)
                return why_refused(cx, tsi, is_cb, state);
        node = node_new();
        if (!node)
                return -ENOMEM;
        node->cb = cb;
        node->opaque = opaque;
        node->rank = (uint8_t) rank;
        node->kind = NODE_PLAIN;
        return attach_post(th, node);
}

/* -- Through: from the inbox to the fifos ------------------------------------------------------ */

static void spread_one(Thread *th, InboxNode *inbox_node)
{
        AttachQueue *q = &th->attach;
        Node *node = container_of(inbox_node, Node, inbox);

        if (inbox_node == &th->notice) {
                q->noticed = true;
                return;
        }
        switch ((NodeKind) node->kind) {
        case NODE_WATCH:
                watch_arrived(th, node);
                node_return(&q->nodes, node);
                return;
        case NODE_EXTENDED:
                extended_arrived(th, node->slot);
                break;
        case NODE_PLAIN:
                break;
        }
        q->waiting |= UINT32_C(1) << node->rank;
        fifo_push(&q->fifos[node->rank], node, &q->nodes);
}

/* The stack comes newest first. It is turned round a bounded number at a time; what is pushed
 * meanwhile comes behind all of it. */
static void turn_round(Thread *th)
{
        AttachQueue *q = &th->attach;

        if (!inbox_is_end(q->turned))
                return;
        for (unsigned n = 0; n < TURN_NODES && !inbox_is_end(q->taken); n++) {
                InboxNode *node = q->taken;

                q->taken = node->next;
                node->next = q->turning;
                q->turning = node;
        }
        if (!inbox_is_end(q->taken))
                return;
        /* the oldest tells what it was pushed on: its thread writes, or has written, the wake fd */
        if (q->taken == INBOX_IDLE)
                q->wakes_owed++;
        q->taken = INBOX_AWAKE;
        q->turned = q->turning;
        q->turning = NULL;
}

static bool takes_through_user(Thread *th)
{
        return th->cx->ops.attach != __lws_system_attach;
}

static bool has_batch(const AttachQueue *q)
{
        return q->handed && !inbox_is_end(q->turned);
}

static bool is_empty_handed(Thread *th)
{
        return inbox_is_end(th->attach.taken) && inbox_is_end(th->attach.turned);
}

static void spread(Thread *th)
{
        AttachQueue *q = &th->attach;

        for (; q->spread_left > 0 && has_batch(q); q->spread_left--) {
                InboxNode *node = q->turned;

                q->turned = node->next;
                spread_one(th, node);
        }
}

static bool is_arriving(Thread *th)
{
        return !is_empty_handed(th) || inbox_has_nodes(&th->inbox);
}

/* -- Out --------------------------------------------------------------------------------------- */

static uint32_t ready_ranks(Thread *th)
{
        uint32_t waiting = th->attach.waiting;
        int level;

        if (waiting == 0)
                return 0;
        level = atomic_load_explicit(&th->cx->states.level, memory_order_acquire);
        return level < 0 ? 0 : waiting & ((UINT32_C(2) << level) - 1);
}

static void note_empty(AttachQueue *q, int rank)
{
        if (q->fifos[rank].n == 0)
                q->waiting &= ~(UINT32_C(1) << rank);
}

/* Takes the first item of a rank. False when its fifo is empty. */
static bool pop(Thread *th, int rank, struct lws_attach_item *ret)
{
        AttachQueue *q = &th->attach;
        bool there = fifo_pop(&q->fifos[rank], &ret->item, &ret->extended, &q->nodes);

        note_empty(q, rank);
        return there;
}

/* The first of the ready ranks from where the last one left off, round and round. */
static int next_rank(uint32_t ready, int from)
{
        uint32_t behind = ready & ~((UINT32_C(1) << from) - 1);

        return __builtin_ctz(behind ? behind : ready);
}

/* What arrives for a state that holds, with nobody waiting before it, need not wait either. */
static bool runs_at_once(Thread *th, const Node *node)
{
        return (node->kind == NODE_PLAIN || node->kind == NODE_EXTENDED) &&
               state_log_reached(&th->cx->states, node->rank) &&
               th->attach.fifos[node->rank].n == 0;
}

static void unpack(Thread *th, Node *node, struct lws_attach_item *ret)
{
        ret->extended = node->kind == NODE_EXTENDED;
        ret->item.cb = node->cb;
        if (ret->extended) {
                extended_arrived(th, node->slot);
                ret->item.slot = node->slot;
        } else {
                ret->item.opaque = node->opaque;
        }
        node_return(&th->attach.nodes, node);
}

/* Lets in what arrives up to the first item that may run as it comes. False when there is none, or
 * the turn has let in enough. */
static bool arrive(Thread *th, struct lws_attach_item *ret)
{
        AttachQueue *q = &th->attach;

        for (; q->spread_left > 0 && has_batch(q); q->spread_left--) {
                InboxNode *inbox_node = q->turned;
                Node *node = container_of(inbox_node, Node, inbox);

                q->turned = inbox_node->next;
                if (inbox_node != &th->notice && runs_at_once(th, node)) {
                        unpack(th, node, ret);
                        q->spread_left--;
                        return true;
                }
                spread_one(th, inbox_node);
        }
        return false;
}

static void run(Thread *th, const struct lws_attach_item *it)
{
        if (it->extended)
                extended_run(th, &it->item);
        else
                it->item.cb(th->cx, th->tsi, it->item.opaque);
}

/* Up to `most` items of one rank, while its state holds. */
static unsigned run_rank(Thread *th, int rank, unsigned most)
{
        AttachQueue *q = &th->attach;
        struct lws_attach_item it;
        unsigned n;

        for (n = 0; n < most && !context_is_destroying(th->cx); n++) {
                if (!state_log_reached(&th->cx->states, rank) ||
                        !fifo_pop(&q->fifos[rank], &it.item, &it.extended, &q->nodes))
                        break;
                run(th, &it);
        }
        note_empty(q, rank);
        q->rank_at = (rank + 1) % RANKS;
        return n;
}

static unsigned run_arriving(Thread *th, unsigned most)
{
        struct lws_attach_item it;
        unsigned n;

        for (n = 0; n < most && !context_is_destroying(th->cx) && ready_ranks(th) == 0; n++) {
                if (!arrive(th, &it))
                        break;
                run(th, &it);
        }
        return n;
}

/* What .attach handed out. When the context ends meanwhile it stays for attach_close(). */
static unsigned run_handed(Thread *th)
{
        AttachQueue *q = &th->attach;
        struct lws_attach_item it = q->item;

        if (!it.there || context_is_destroying(th->cx))
                return 0;
        q->item.there = false;
        run(th, &it);
        return 1;
}

static bool took_long(Thread *th)
{
        usec_t start = thread_now(th);

        return clock_boottime_usec() > start + TURN_USEC;
}

/* The clock is looked at ever more seldom, since that costs more than a quick callback; slow ones
 * are noticed after the first few. */
static void run_items(Thread *th)
{
        AttachQueue *q = &th->attach;
        unsigned look = 1, n;

        q->ran = run_handed(th);
        while (q->ran < TURN_ITEMS) {
                uint32_t ready = ready_ranks(th);

                n = ready ? run_rank(th, next_rank(ready, q->rank_at), look)
                          : run_arriving(th, look);
                q->ran += n;
                if (n == 0 || (!ready_ranks(th) && !has_batch(q)) || took_long(th))
                        break;
                look = MIN(2 * look, (unsigned) TURN_LOOK);
        }
        node_return_flush(&q->nodes);
}

/* Takes all that is in the inbox. Where the user has an .attach of his own, nothing of it counts as
 * taken until that has handed it out. */
static void take_all(Thread *th)
{
        AttachQueue *q = &th->attach;

        q->handed = !takes_through_user(th);
        q->taken = inbox_take(&th->inbox);
        turn_round(th);
}

/* Hands the first ready item out through `get`, and the batch behind it; the loop runs them when
 * .attach has returned and the user's lock is free. The batch was turned round before, so that
 * nobody who posts waits at that lock for it. */
static _cold_ int take_first(struct lws_context *cx, int tsi, struct lws_attach_item **get)
{
        Thread *th = cx && tsi >= 0 && tsi < cx->n_threads ? &cx->threads[tsi] : NULL;
        AttachQueue *q;
        uint32_t ready;

        if (!th || !thread_is_mine(th) || th->attach.take != TAKE_ASKED) {
                log_error("attach: only the library takes: `get` refused");
                return -EPERM;
        }
        q = &th->attach;
        q->take = TAKE_DONE;
        q->handed = true;
        ready = ready_ranks(th);
        q->item.there =
                ready ? pop(th, next_rank(ready, q->rank_at), &q->item) : arrive(th, &q->item);
        *get = q->item.there ? &q->item : NULL;
        return 0;
}

_public_ int __lws_system_attach(struct lws_context *cx, int tsi, lws_attach_cb_t *cb,
        lws_system_states_t state, void *opaque, struct lws_attach_item **get)
{
        return get ? take_first(cx, tsi, get) : queue(cx, tsi, cb, (int) state, opaque);
}

static void on_retry(Timer *t, usec_t now)
{
        /* being awake is all there is to it */
}

/* Through the user's .attach, so that whatever it locks is held. One that does not do its part is
 * asked again a little later; nothing is lost. */
static void take_through_user(Thread *th)
{
        AttachQueue *q = &th->attach;
        struct lws_attach_item *get = NULL;
        int r;

        if (timer_is_set(&q->retry))
                return;
        q->take = TAKE_ASKED;
        r = th->cx->ops.attach(th->cx, th->tsi, NULL, LWS_SYSTATE_UNKNOWN, NULL, &get);
        if (q->take == TAKE_DONE && r == 0) {
                q->take_failed = false;
        } else {
                if (!q->take_failed)
                        log_error("system_ops.attach does not take: it must call "
                                  "__lws_system_attach() with what it is given and return 0 "
                                  "(returned %d)",
                                r);
                q->take_failed = true;
                if (q->take == TAKE_ASKED)
                        timer_set(&q->retry, usec_add(thread_now(th), RETRY_USEC));
        }
        q->take = TAKE_NOT;
}

static void compact(Thread *th)
{
        AttachQueue *q = &th->attach;
        unsigned dead = atomic_load_explicit(&q->dead, memory_order_relaxed);
        size_t n = 0;

        if (dead < DEAD_MIN)
                return;
        for (int rank = 0; rank < RANKS; rank++)
                n += q->fifos[rank].n;
        if (dead < n / 2)
                return;
        /* one chunk of each: more than a turn lets in */
        for (int rank = 0; rank < RANKS; rank++) {
                Fifo *fifo = &q->fifos[rank];

                (void) fifo_compact_step(fifo, extended_drop_dead, th);
                note_empty(q, rank);
        }
}

static void take_notices(Thread *th)
{
        unsigned notices;

        if (!th->attach.noticed)
                return;
        th->attach.noticed = false;
        notices = atomic_exchange(&th->notices, 0);
        if (notices & NOTICE_CANCEL)
                vhosts_tell(th, LWS_CALLBACK_EVENT_WAIT_CANCELLED);
}

/* -- The turn ---------------------------------------------------------------------------------- */

void attach_init(Thread *th)
{
        AttachQueue *q = &th->attach;

        slots_init(&q->slots);
        deadlines_init(&q->deadlines, &q->slots);
        timer_init(&q->deadline, th, on_deadline);
        timer_init(&q->retry, th, on_retry);
        watches_init(th);
}

LoopNext attach_next(Thread *th)
{
        AttachQueue *q = &th->attach;

        if (ready_ranks(th) != 0 || watches_are_pending(th))
                return LOOP_TURN;
        /* while .attach does not take, the timer looks for what the inbox holds */
        if (timer_is_set(&q->retry))
                return LOOP_SLEEP;
        if (!is_arriving(th) && inbox_sleep(&th->inbox))
                return LOOP_SLEEP;
        return q->ran <= TURN_SMALL && q->spread_left >= TURN_NODES - TURN_SMALL ? LOOP_GO_ON
                                                                                 : LOOP_TURN;
}

void attach_turn(Thread *th)
{
        AttachQueue *q = &th->attach;

        q->spread_left = TURN_NODES;
        if (!is_empty_handed(th))
                turn_round(th);
        else if (inbox_has_nodes(&th->inbox))
                take_all(th);
        if (!q->handed && !inbox_is_end(q->turned))
                take_through_user(th);
        /* where items of one state wait for their turn, let others in beside them */
        if (ready_ranks(th) != 0)
                spread(th);
        run_items(th);
        take_notices(th);
        if (watches_are_pending(th))
                watches_tell(th, TURN_ITEMS);
        compact(th);
}

/* All that was taken, not what is in the inbox. */
static void spread_all(Thread *th)
{
        while (!is_empty_handed(th)) {
                turn_round(th);
                th->attach.spread_left = TURN_NODES;
                spread(th);
        }
}

void attach_close(Thread *th)
{
        AttachQueue *q = &th->attach;
        struct lws_attach_item it;

        /* closed first, so that nothing slips in behind what is destroyed here */
        q->handed = true;
        spread_all(th);
        q->taken = inbox_close(&th->inbox);
        if (inbox_is_end(q->taken))
                q->taken = INBOX_AWAKE;
        spread_all(th);
        thread_await_callers(th, q->wakes_owed);
        if (q->item.there && q->item.extended)
                extended_abandon(th, &q->item.item);
        q->item.there = false;
        for (int rank = 0; rank < RANKS; rank++) {
                while (pop(th, rank, &it))
                        if (it.extended)
                                extended_abandon(th, &it.item);
                fifo_deinit(&q->fifos[rank]);
        }
        node_return_flush(&q->nodes);
        watches_close(th);
        timer_cancel(&q->deadline);
        timer_cancel(&q->retry);
}
