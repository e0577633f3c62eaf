/* SPDX-License-Identifier: MIT */
#include "lib/suite.h"
#include "util/list.h"
#include "util/rng.h"
#include <string.h>

typedef struct Item Item;
struct Item {
        List link;
        unsigned number;
};

static unsigned count(const List *head)
{
        unsigned n = 0;

        list_foreach (it, head) {
                ck_assert_ptr_eq(it->next->prev, it);
                n++;
        }
        return n;
}

START_TEST(a_link_is_on_one_list_or_on_none)
{
        List head = LIST_INIT(head);
        Item a = { .number = 1 }, b = { .number = 2 };

        ck_assert(list_is_empty(&head));
        ck_assert_ptr_null(list_first(&head));
        ck_assert(!list_is_linked(&a.link));
        list_unlink(&a.link); /* zeroed: harmless */
        list_link_tail(&head, &a.link);
        list_link_front(&head, &b.link);
        ck_assert_uint_eq(list_entry(list_first(&head), Item, link)->number, 2);
        ck_assert_uint_eq(count(&head), 2);
        list_unlink(&b.link);
        list_unlink(&b.link);
        ck_assert(!list_is_linked(&b.link));
        ck_assert_ptr_eq(list_first(&head), &a.link);
        list_unlink(&a.link);
        ck_assert(list_is_empty(&head));
}
END_TEST

START_TEST(a_list_moves_behind_another)
{
        List to = LIST_INIT(to), from = LIST_INIT(from);
        Item items[4];

        memset(items, 0, sizeof(items));
        list_splice_tail(&to, &from);
        ck_assert(list_is_empty(&to));
        for (unsigned i = 0; i < 4; i++) {
                items[i].number = i;
                list_link_tail(i < 2 ? &to : &from, &items[i].link);
        }
        list_splice_tail(&to, &from);
        ck_assert(list_is_empty(&from));
        ck_assert_uint_eq(count(&to), 4);
        for (unsigned i = 0; i < 4; i++) {
                List *first = list_first(&to);

                ck_assert_uint_eq(list_entry(first, Item, link)->number, i);
                list_unlink(first);
        }
}
END_TEST

/* Each that was there at the beginning and was not taken off is visited once, in order; what came
 * meanwhile is not. */
START_TEST(a_walk_survives_any_change)
{
        enum { N = 40 };
        Rng rng = rng_seeded(test_seed());

        for (unsigned round = 0; round < 2000; round++) {
                List head = LIST_INIT(head), *it;
                bool expected[N] = { 0 }, visited[N] = { 0 };
                unsigned last = 0;
                ListWalk walk;
                Item items[N];

                memset(items, 0, sizeof(items));
                for (unsigned i = 0; i < N; i++) {
                        items[i].number = i;
                        expected[i] = rng_range(&rng, 0, 1);
                        if (expected[i])
                                list_link_tail(&head, &items[i].link);
                }
                list_walk_begin(&walk, &head);
                while ((it = list_walk_next(&walk))) {
                        Item *now = list_entry(it, Item, link), *other;

                        ck_assert(expected[now->number] && !visited[now->number]);
                        ck_assert(now->number >= last);
                        last = now->number;
                        visited[now->number] = true;
                        other = &items[rng_range(&rng, 0, N - 1)];
                        if (list_is_linked(&other->link)) {
                                list_unlink(&other->link);
                                expected[other->number] = visited[other->number];
                        } else if (!expected[other->number]) {
                                list_link_tail(&head, &other->link);
                        }
                }
                for (unsigned i = 0; i < N; i++)
                        ck_assert(!expected[i] || visited[i]);
                list_foreach (link, &head)
                        ck_assert(link != &walk.place && link != &walk.end);
        }
}
END_TEST

TEST_MAIN("list", a_link_is_on_one_list_or_on_none, a_list_moves_behind_another,
        a_walk_survives_any_change)
