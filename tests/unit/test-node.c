/* SPDX-License-Identifier: MIT */
/* Nodes: taken by one thread, given back by another, also when the first has ended; and a slab is
 * freed with its last node, not before and not never. */
#include "core/node.h"
#include "lib/oom.h"
#include "lib/suite.h"
#include <pthread.h>
#include <string.h>

enum { THREADS = 4, NODES = 10000 };
static Node *taken[THREADS][NODES];

static void *take(void *arg)
{
        Node **mine = arg;

        for (int i = 0; i < NODES; i++) {
                mine[i] = node_new();
                if (!mine[i])
                        abort();
                /* what the caller may write: all but the index */
                memset(&mine[i]->inbox, 0xff, sizeof(mine[i]->inbox));
                mine[i]->opaque = mine[i];
        }
        return NULL;
}

static void give_back_all(int step)
{
        NodeReturn r = { 0 };

        for (int start = 0; start < step; start++)
                for (int t = 0; t < THREADS; t++)
                        for (int i = start; i < NODES; i += step) {
                                ck_assert_ptr_eq(taken[t][i]->opaque, taken[t][i]);
                                node_return(&r, taken[t][i]);
                        }
        node_return_flush(&r);
        node_return_flush(&r); /* nothing is left to give */
}

START_TEST(each_is_its_own_and_all_are_freed)
{
        pthread_t id[THREADS];
        long live = 0;

        /* the first round fills what is kept for the next */
        for (int round = 0; round < 4; round++) {
                for (int t = 0; t < THREADS; t++)
                        ck_assert_int_eq(pthread_create(&id[t], NULL, take, taken[t]), 0);
                for (int t = 0; t < THREADS; t++)
                        pthread_join(id[t], NULL);
                give_back_all(1 + 7 * round); /* in runs, and one from each slab in turn */
                if (round == 0)
                        live = oom_live();
                else
                        ck_assert_int_le(oom_live(), live + 16);
        }
}
END_TEST

static void *be_refused(void *arg)
{
        bool *ret_refused = arg;
        NodeReturn r = { 0 };
        Node *node;

        oom_fail_at(1);
        *ret_refused = !node_new();
        oom_fail_at(0);
        node = node_new();
        if (!node)
                abort();
        node_return(&r, node);
        node_return_flush(&r);
        return NULL;
}

START_TEST(without_memory_there_is_none)
{
        bool refused = false;
        pthread_t id;

        ck_assert_int_eq(pthread_create(&id, NULL, be_refused, &refused), 0);
        pthread_join(id, NULL);
        ck_assert(refused);
}
END_TEST

TEST_MAIN("node", each_is_its_own_and_all_are_freed, without_memory_there_is_none)
