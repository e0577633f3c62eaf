/* SPDX-License-Identifier: MIT */
#include "libclient/backoff.h"
#include "libclient/idmap.h"
#include "tests/lib/suite.h"

START_TEST(test_against_an_array)
{
        enum { IDS = 512, STEPS = 200000 };
        static void *model[IDS];
        uint64_t x = test_seed() | 1;
        IdMap map = { 0 };
        size_t used = 0;

        for (int step = 0; step < STEPS; step++) {
                size_t id;

                x ^= x << 13;
                x ^= x >> 7;
                x ^= x << 17;
                id = x % IDS;
                /* multiples of a power of two: neighbours that collide */
                switch ((x >> 32) % 3) {
                case 0:
                        used += !model[id];
                        model[id] = &model[step % IDS];
                        ck_assert_int_eq(idmap_put(&map, id << 20, model[id]), 0);
                        break;
                case 1:
                        ck_assert_ptr_eq(idmap_take(&map, id << 20), model[id]);
                        used -= !!model[id];
                        model[id] = NULL;
                        break;
                default:
                        ck_assert_ptr_eq(idmap_get(&map, id << 20), model[id]);
                }
                ck_assert_uint_eq(map.used, used);
        }
        idmap_deinit(&map);
        ck_assert_ptr_null(idmap_get(&map, 0));
        ck_assert_ptr_null(idmap_take(&map, 0));
}
END_TEST

START_TEST(test_reserved_room_is_enough)
{
        IdMap map = { 0 };
        size_t size;

        ck_assert_int_eq(idmap_reserve(&map, 4096), 0);
        size = map.size;
        for (uint64_t id = 0; id < 4096; id++)
                ck_assert_int_eq(idmap_put(&map, id, &map), 0);
        ck_assert_uint_eq(map.size, size);
        idmap_deinit(&map);
}
END_TEST

START_TEST(test_backoff_doubles_with_jitter_and_ends)
{
        for (unsigned attempt = 0; attempt < 100; attempt++) {
                uint64_t low = backoff_delay(attempt, 0), next = backoff_delay(attempt + 1, 0);

                ck_assert_uint_ge(next, low);
                ck_assert_uint_le(backoff_delay(attempt, UINT64_MAX), BACKOFF_MAX_USEC);
                ck_assert_uint_ge(low, BACKOFF_MIN_USEC / 2);
        }
        ck_assert_uint_eq(backoff_delay(1000000, 0), BACKOFF_MAX_USEC / 2);
        ck_assert_uint_ne(backoff_delay(3, 1), backoff_delay(3, 2));
}
END_TEST

TEST_MAIN("client-idmap", test_against_an_array, test_reserved_room_is_enough,
        test_backoff_doubles_with_jitter_and_ends)
