/* SPDX-License-Identifier: MIT */
#include "lib/suite.h"
#include "proto/oauth.h"
#include <string.h>

static int parse(const char *body, OauthToken *token)
{
        return oauth_parse_token(body, strlen(body), token);
}

START_TEST(the_form_is_percent_encoded)
{
        char buf[128];
        Writer w = WRITER_INIT(buf, sizeof(buf));

        ck_assert_int_eq(oauth_write_request("dev 1&x=\xc3\xa9", "a b", &w), 0);
        writer_u8(&w, 0);
        ck_assert_str_eq(
                buf, "grant_type=client_credentials&client_id=dev%201%26x%3D%C3%A9&scope=a%20b");
        w = WRITER_INIT(buf, 45);
        ck_assert_int_lt(oauth_write_request("0123456789", "", &w), 0);
}
END_TEST

START_TEST(bearer_tokens_are_taken)
{
        OauthToken t;

        ck_assert_int_eq(
                parse("{\"access_token\":\"abc\",\"token_type\":\"Bearer\",\"expires_in\":60}", &t),
                0);
        ck_assert_str_eq(t.text, "abc");
        ck_assert_uint_eq(t.lifetime_usec, USEC_PER_MIN);
        oauth_token_clear(&t);
        ck_assert_ptr_null(t.text);
        ck_assert_int_eq(parse("{\"access_token\":\"abc\",\"token_type\":\"bearer\"}", &t), 0);
        ck_assert_uint_eq(t.lifetime_usec, USEC_INFINITY);
        oauth_token_clear(&t);
}
END_TEST

START_TEST(what_is_no_token_is_refused)
{
        static const char *const bad[] = { "", "{}", "{\"access_token\":\"abc\"}",
                "{\"access_token\":\"\",\"token_type\":\"bearer\"}",
                "{\"access_token\":\"a b\",\"token_type\":\"bearer\"}",
                "{\"access_token\":\"a\\u0000\",\"token_type\":\"bearer\"}",
                "{\"access_token\":\"a\",\"token_type\":\"mac\"}",
                "{\"access_token\":\"a\",\"token_type\":\"bearer\",\"expires_in\":0}",
                "{\"access_token\":\"a\",\"token_type\":\"bearer\",\"expires_in\":9}",
                "{\"access_token\":\"a\",\"token_type\":\"bearer\",\"expires_in\":\"60\"}",
                "{\"access_token\":\"a\",\"access_token\":\"b\",\"token_type\":\"bearer\"}" };
        OauthToken t;

        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
                ck_assert_msg(parse(bad[i], &t) < 0, "%s", bad[i]);
}
END_TEST

START_TEST(errors_are_short_words)
{
        static const char long_body[] = "{\"error\":\"0123456789012345678901234567890123456789"
                                        "0123456789012345678901234567890123456789\"}";
        char code[64];

        oauth_parse_error("{\"error\":\"invalid_client\"}", 26, code);
        ck_assert_str_eq(code, "invalid_client");
        oauth_parse_error("{\"error\":\"a\\nb\"}", 16, code);
        ck_assert_str_eq(code, "");
        oauth_parse_error(long_body, strlen(long_body), code);
        ck_assert_str_eq(code, "");
}
END_TEST

TEST_MAIN("oauth", the_form_is_percent_encoded, bearer_tokens_are_taken,
        what_is_no_token_is_refused, errors_are_short_words)
