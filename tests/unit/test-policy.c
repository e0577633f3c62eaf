/* SPDX-License-Identifier: MIT */
#include "lib/suite.h"
#include "proto/policy.h"
#include "util/rng.h"
#include <string.h>

static Policy *parse(const char *text, PolicyError *error)
{
        Policy *p = NULL;

        return policy_parse(text, strlen(text), &p, error) < 0 ? NULL : p;
}

START_TEST(a_policy_gives_its_properties_by_name)
{
        PolicyError e;
        Policy *p = parse("{\"version\":7,\"nbf\":10,\"exp\":20,\"iss\":\"x\",\"properties\":"
                          "{\"z.last\":true,\"a\":\"\\u00e9\",\"n\":3}}",
                &e);

        ck_assert_ptr_nonnull(p);
        ck_assert_uint_eq(p->version, 7);
        ck_assert_uint_eq(p->not_before_usec, 10 * USEC_PER_SEC);
        ck_assert_uint_eq(p->expires_usec, 20 * USEC_PER_SEC);
        ck_assert_uint_eq(p->n_properties, 3);
        ck_assert_str_eq(p->properties[0].name, "a");
        ck_assert_str_eq(p->properties[0].text, "\xc3\xa9");
        ck_assert_int_eq(p->properties[1].type, POLICY_INTEGER);
        ck_assert_int_eq(p->properties[1].integer, 3);
        ck_assert_int_eq(p->properties[2].type, POLICY_BOOLEAN);
        ck_assert(p->properties[2].boolean);
        policy_free(p);
}
END_TEST

START_TEST(what_may_be_left_out_has_defaults)
{
        Policy *p = parse("{\"version\":1}", NULL);

        ck_assert_ptr_nonnull(p);
        ck_assert_uint_eq(p->not_before_usec, 0);
        ck_assert_uint_eq(p->expires_usec, USEC_INFINITY);
        ck_assert_uint_eq(p->n_properties, 0);
        policy_free(p);
}
END_TEST

START_TEST(errors_have_their_place)
{
        static const struct {
                const char *text;
                int line, column;
                const char *words;
        } cases[] = {
                { "{\n  \"version\": 0\n}", 2, 3, "\"version\" is not a whole number from 1" },
                { "{}", 1, 1, "\"version\" is missing" },
                { "[1]", 1, 1, "the document is not an object" },
                { "{\"version\":1,\n\n \"exp\": \"x\"}", 3, 2,
                        "\"exp\" is not a number of seconds since 1970" },
                { "{\"version\":1,\"nbf\":5,\n\"exp\":5}", 2, 1, "\"exp\" is not after \"nbf\"" },
                { "{\"version\":1,\"properties\":[]}", 1, 14, "\"properties\" is not an object" },
                { "{\"version\":1,\"x\":{\"b\":1},\"properties\":{\"a\":1,\n   \"b\":null}}", 2, 4,
                        "\"b\" is no string, number or boolean" },
                { "{\"version\":1,\"properties\":{\n\"A\":1}}", 2, 1,
                        "\"A\" is not a property name" },
                { "{\"version\":1,\"properties\":{\"\":1}}", 1, 28, "\"\" is not a property name" },
                { "{\"iss\":\"version\",\n\"version\" : 0}", 2, 1,
                        "\"version\" is not a whole number from 1" },
                { "{\"version\":1,\"iss\":\"properties\",\"x\":{\"a\":1},\n\"properties\":{\"a\":"
                  "null}}",
                        2, 15, "\"a\" is no string, number or boolean" },
        };
        PolicyError e;

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                ck_assert_ptr_null(parse(cases[i].text, &e));
                ck_assert_str_eq(e.text, cases[i].words);
                ck_assert_int_eq(e.line, cases[i].line);
                ck_assert_int_eq(e.column, cases[i].column);
        }
        ck_assert_ptr_null(parse("{\"version\":1,\n\"version\":2}", &e));
        ck_assert_int_eq(e.line, 2);
        ck_assert_ptr_null(parse("{\"version\":", &e));
        ck_assert_int_eq(e.line, 1);
}
END_TEST

START_TEST(mutated_documents_never_break_it)
{
        static const char text[] = "{\"version\":7,\"nbf\":10,\"exp\":20,\"properties\":"
                                   "{\"z\":true,\"a\":\"\\u00e9\\\"\",\"n\":3}}";
        Rng rng = rng_seeded(test_seed());
        char copy[sizeof(text)];
        PolicyError e;

        for (unsigned i = 0; i < 50000; i++) {
                Policy *p = NULL;

                memcpy(copy, text, sizeof(text));
                for (unsigned k = 0; k < 2; k++)
                        copy[rng_range(&rng, 0, sizeof(text) - 2)] =
                                "{}[]\"\\,:0a\n"[rng_range(&rng, 0, 10)];
                if (policy_parse(copy, sizeof(text) - 1, &p, &e) >= 0)
                        policy_free(p);
        }
}
END_TEST

TEST_MAIN("policy", a_policy_gives_its_properties_by_name, what_may_be_left_out_has_defaults,
        errors_have_their_place, mutated_documents_never_break_it)
