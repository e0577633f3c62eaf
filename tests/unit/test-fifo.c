/* SPDX-License-Identifier: MIT */
/* The queue of a state: items are numbers, every third extended, some of those dead; what comes out
 * must be what went in, in order, but for the dead that were dropped. With and without memory. */
#include "core/fifo.h"
#include "lib/oom.h"
#include "lib/suite.h"
#include "util/rng.h"
#include <string.h>

enum { ITEMS = 100000 };

typedef enum Fate { WAITING, DEAD, GONE } Fate;

static Fifo fifo;
static NodeReturn nodes;
static Fate fate[ITEMS];
static uint32_t n_pushed, next_out, n_gone; /* n_gone: dropped, not popped */

static void cb(struct lws_context *cx, int tsi, void *opaque)
{
}

static bool is_extended(uint32_t item)
{
        return item % 3 == 0;
}

/* True when `without` memory was asked for and missed. */
static bool push(bool without)
{
        Node *node = node_new();
        uint32_t item = n_pushed++;
        bool missed;

        ck_assert_ptr_nonnull(node);
        node->cb = cb;
        node->kind = is_extended(item) ? NODE_EXTENDED : NODE_PLAIN;
        if (is_extended(item))
                node->slot = item;
        else
                node->opaque = (void *) (uintptr_t) item;
        oom_fail_at(without);
        fifo_push(&fifo, node, &nodes);
        missed = without && oom_failed();
        oom_fail_at(0);
        return missed;
}

static void pop(void)
{
        FifoItem item;
        bool extended;

        while (next_out < n_pushed && fate[next_out] == GONE)
                next_out++;
        if (next_out == n_pushed) {
                ck_assert(!fifo_pop(&fifo, &item, &extended, &nodes));
                return;
        }
        ck_assert(fifo_pop(&fifo, &item, &extended, &nodes));
        ck_assert(item.cb == cb);
        ck_assert_int_eq(extended, is_extended(next_out));
        ck_assert_uint_eq(extended ? item.slot : (uintptr_t) item.opaque, next_out);
        fate[next_out++] = GONE;
        n_gone++;
}

static bool drop_dead(void *userdata, const FifoItem *item)
{
        if (fate[item->slot] != DEAD)
                return false;
        fate[item->slot] = GONE;
        n_gone++;
        return true;
}

static void end(void)
{
        while (fifo.n > 0)
                pop();
        pop();
        fifo_deinit(&fifo);
        node_return_flush(&nodes);
        ck_assert_ptr_null(fifo.first);
        /* for the next test, which may be in the same process */
        memset(fate, 0, sizeof(fate));
        n_pushed = next_out = n_gone = 0;
}

START_TEST(what_goes_in_comes_out_but_for_the_dead)
{
        Rng rng = rng_seeded(test_seed());
        unsigned lean = 50, dropped = 0;

        while (n_pushed < ITEMS) {
                unsigned what = (unsigned) rng_range(&rng, 0, 99);

                if (n_pushed % 3000 == 0)
                        lean = (unsigned) rng_range(
                                &rng, 35, 65); /* grows or shrinks for a while */
                if (what < lean)
                        (void) push(false);
                else if (what < 95)
                        pop();
                else
                        dropped += fifo_compact_step(&fifo, drop_dead, NULL);
                if (n_pushed > 0 && what % 2) {
                        uint32_t item = (uint32_t) rng_range(&rng, next_out, n_pushed);

                        if (item < n_pushed && is_extended(item) && fate[item] == WAITING)
                                fate[item] = DEAD;
                }
                ck_assert_uint_eq(fifo.n, n_pushed - n_gone);
        }
        ck_assert_uint_gt(dropped, 100);
        end();
}
END_TEST

START_TEST(compaction_empties_what_is_all_dead)
{
        for (int i = 0; i < 9000; i++)
                (void) push(false);
        for (uint32_t i = 0; i < n_pushed; i++)
                fate[i] = is_extended(i) ? DEAD : WAITING;
        /* round and round, a chunk at a time: soon only what lives is left, in fewer chunks */
        for (int i = 0; i < 20; i++)
                (void) fifo_compact_step(&fifo, drop_dead, NULL);
        ck_assert_uint_eq(fifo.n, 6000);
        ck_assert_uint_eq(n_gone, 3000);
        end();
}
END_TEST

START_TEST(without_memory_nothing_is_lost)
{
        long live = oom_live();
        unsigned missed = 0;

        for (int i = 0; i < 5000; i++) {
                missed += push(i % 700 > 350);
                if (i % 5 == 0)
                        pop();
        }
        ck_assert_uint_gt(missed, 0);
        ck_assert_uint_eq(fifo.n, 4000);
        end();
        /* but for the slab that this thread goes on with */
        ck_assert_int_le(oom_live(), live + 2);
}
END_TEST

TEST_MAIN("fifo", what_goes_in_comes_out_but_for_the_dead, compaction_empties_what_is_all_dead,
        without_memory_nothing_is_lost)
