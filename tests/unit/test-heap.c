/* SPDX-License-Identifier: MIT */
#include "lib/suite.h"
#include "util/heap.h"
#include "util/rng.h"
#include <string.h>

typedef struct Item Item;
struct Item {
        HeapNode node;
        unsigned key;
};

static bool before(const HeapNode *a, const HeapNode *b)
{
        return container_of(a, Item, node)->key < container_of(b, Item, node)->key;
}

START_TEST(gives_the_first_and_survives_any_removal)
{
        enum { N = 300 };
        Rng rng = rng_seeded(test_seed());
        Heap heap = { .before = before };
        Item items[N];
        unsigned linked = 0;

        memset(items, 0, sizeof(items));
        for (unsigned round = 0; round < 50000; round++) {
                Item *it = &items[rng_range(&rng, 0, N - 1)];
                HeapNode *first;

                if (heap_is_linked(&it->node)) {
                        heap_unlink(&heap, &it->node);
                        linked--;
                } else {
                        it->key = (unsigned) rng_range(&rng, 0, 1000);
                        heap_link(&heap, &it->node);
                        linked++;
                }
                first = heap_first(&heap);
                ck_assert_int_eq(first != NULL, linked > 0);
                if (round % 50 == 0)
                        for (unsigned i = 0; i < N; i++)
                                ck_assert(!heap_is_linked(&items[i].node) ||
                                          !before(&items[i].node, first));
        }
        for (unsigned last = 0; heap_first(&heap); linked--) {
                Item *it = container_of(heap_first(&heap), Item, node);

                ck_assert_uint_ge(it->key, last);
                last = it->key;
                heap_unlink(&heap, &it->node);
                heap_unlink(&heap, &it->node); /* harmless */
        }
        ck_assert_uint_eq(linked, 0);
}
END_TEST

TEST_MAIN("heap", gives_the_first_and_survives_any_removal)
