/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * A check program in one line: TEST_MAIN("name", test_a, test_b, ...). LWSD_TEST_SEED gives the
 * seed of randomised tests; test_seed() prints the one in use so that a failure can be replayed.
 * Without it the seed is always the same, so that a change is judged by what it changes;
 * tests/long/seeds goes through others.
 */
#include <check.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static inline __attribute__((unused)) uint64_t test_seed(void)
{
        const char *s = getenv("LWSD_TEST_SEED");
        uint64_t seed = s ? strtoull(s, NULL, 0) : 1;

        printf("LWSD_TEST_SEED=%" PRIu64 "\n", seed);
        return seed;
}

static inline __attribute__((unused)) int suite_run(
        const char *name, const TTest *const tests[], size_t n_tests)
{
        Suite *suite = suite_create(name);
        TCase *tc = tcase_create(name);
        SRunner *runner;
        int failed;

        tcase_set_timeout(tc, 120);
        for (size_t i = 0; i < n_tests; i++)
                tcase_add_test(tc, tests[i]);
        suite_add_tcase(suite, tc);
        runner = srunner_create(suite);
        srunner_run_all(runner, CK_ENV);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#define TEST_MAIN(name, ...)                                                                       \
        int main(void)                                                                             \
        {                                                                                          \
                const TTest *const tests[] = { __VA_ARGS__ };                                      \
                                                                                                   \
                return suite_run(name, tests, sizeof(tests) / sizeof(tests[0]));                   \
        }
