/* SPDX-License-Identifier: MIT */
#include "lib/suite.h"
#include "util/rng.h"
#include <string.h>

START_TEST(a_seed_gives_the_same_again)
{
        uint64_t seed = test_seed();
        Rng a = rng_seeded(seed), b = rng_seeded(seed), c = rng_seeded(seed + 1);
        unsigned same = 0;

        for (unsigned i = 0; i < 100; i++) {
                uint64_t v = rng_u64(&a);

                ck_assert_uint_eq(v, rng_u64(&b));
                same += v == rng_u64(&c);
        }
        ck_assert_uint_eq(same, 0);
}
END_TEST

START_TEST(a_range_is_kept_and_filled)
{
        Rng rng = rng_seeded(test_seed());
        unsigned seen[7] = { 0 };

        for (unsigned i = 0; i < 70000; i++) {
                uint64_t v = rng_range(&rng, 10, 16);

                ck_assert(v >= 10 && v <= 16);
                seen[v - 10]++;
        }
        /* 10000 each; ten times the standard deviation is below 1000 */
        for (unsigned i = 0; i < 7; i++)
                ck_assert(seen[i] > 9000 && seen[i] < 11000);
        ck_assert_uint_eq(rng_range(&rng, 5, 5), 5);
        (void) rng_range(&rng, 0, UINT64_MAX); /* the whole range: ends */
}
END_TEST

START_TEST(the_kernel_fills_all_of_it)
{
        static const uint8_t zeros[1000];
        uint8_t bytes[1000] = { 0 };

        RNG_KERNEL.fill(&RNG_KERNEL, bytes, sizeof(bytes));
        for (size_t i = 0; i + 20 <= sizeof(bytes); i += 20)
                ck_assert(memcmp(bytes + i, zeros, 20) != 0);
}
END_TEST

TEST_MAIN(
        "rng", a_seed_gives_the_same_again, a_range_is_kept_and_filled, the_kernel_fills_all_of_it)
