/* SPDX-License-Identifier: MIT */
#include "lib/suite.h"
#include "proto/portal-api.h"
#include "proto/portal.h"
#include <string.h>

static char *const probes[] = { (char *) "http://a.test/204", (char *) "http://b.test/204",
        (char *) "http://c.test/204" };

static Portal *portal;
static Rng rng;

static void setup_with(size_t n_urls)
{
        rng = rng_seeded(1);
        ck_assert_int_eq(portal_new(&portal, &rng, probes, n_urls), 0);
}

static unsigned expect_fetch(const char *url, bool api)
{
        PortalEvent e;

        ck_assert(portal_pop_event(portal, &e));
        ck_assert_int_eq(e.type, PORTAL_EVENT_FETCH);
        ck_assert_str_eq(e.url, url);
        ck_assert_int_eq(e.api, api);
        return e.id;
}

static void expect_verdict(PortalVerdict verdict, const char *url)
{
        PortalEvent e;

        do
                ck_assert(portal_pop_event(portal, &e));
        while (e.type == PORTAL_EVENT_ABANDON);
        ck_assert_int_eq(e.type, PORTAL_EVENT_VERDICT);
        ck_assert_int_eq(portal_verdict(portal), verdict);
        ck_assert_str_eq(portal_user_url(portal), url);
}

static void expect_nothing(void)
{
        PortalEvent e;

        ck_assert(!portal_pop_event(portal, &e));
}

static void reply(unsigned id, usec_t now, uint16_t status, const char *body, const char *location)
{
        PortalReply r = { .answered = status != 0,
                .status = status,
                .body = body,
                .body_size = strlen(body),
                .location = location,
                .max_age_usec = USEC_INFINITY };

        portal_done(portal, now, id, &r);
}

START_TEST(nothing_to_ask_is_unknown_and_sleeps)
{
        setup_with(0);
        portal_network_up(portal, 1, "urn:ietf:params:capport:unrestricted");
        expect_nothing();
        ck_assert(!portal_is_asking_first(portal));
        ck_assert_uint_eq(portal_deadline(portal), USEC_INFINITY);
        portal_free(portal);
}
END_TEST

START_TEST(an_api_that_is_not_https_is_no_api)
{
        setup_with(1);
        portal_network_up(portal, 1, "http://portal.test/api");
        (void) expect_fetch(probes[0], false);
        expect_nothing();
        portal_free(portal);
}
END_TEST

START_TEST(the_api_decides_and_is_asked_again_before_the_session_ends)
{
        unsigned id;

        setup_with(1);
        portal_network_up(portal, 0, "https://portal.test/api");
        id = expect_fetch("https://portal.test/api", true);
        ck_assert(portal_is_asking_first(portal));
        reply(id, 5, 200, "{\"captive\":true,\"user-portal-url\":\"https://portal.test/in\"}",
                NULL);
        expect_verdict(PORTAL_VERDICT_PORTAL, "https://portal.test/in");
        expect_nothing();
        ck_assert_uint_le(portal_deadline(portal), 5 + 11 * USEC_PER_SEC / 10);

        portal_recheck(portal, 3 * USEC_PER_SEC);
        id = expect_fetch("https://portal.test/api", true);
        reply(id, 10, 200, "{\"captive\":false,\"seconds-remaining\":200}", NULL);
        expect_verdict(PORTAL_VERDICT_INTERNET, "");
        ck_assert_uint_eq(portal_deadline(portal), 10 + 180 * USEC_PER_SEC);
        portal_free(portal);
}
END_TEST

START_TEST(a_session_that_is_short_of_bytes_is_looked_at_more_often)
{
        static const struct {
                const char *bytes;
                unsigned rest_sec;
        } cases[] = { { "1000000", 60 }, { "0", 60 }, { "5000000000", 300 }, { "\"few\"", 300 } };
        char body[100];

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                unsigned id;

                setup_with(0);
                portal_network_up(portal, 0, "https://portal.test/api");
                id = expect_fetch("https://portal.test/api", true);
                snprintf(body, sizeof(body), "{\"captive\":false,\"bytes-remaining\":%s}",
                        cases[i].bytes);
                reply(id, 0, 200, body, NULL);
                expect_verdict(PORTAL_VERDICT_INTERNET, "");
                ck_assert_uint_eq(portal_deadline(portal), cases[i].rest_sec * USEC_PER_SEC);
                portal_free(portal);
        }
}
END_TEST

START_TEST(reports_from_many_sides_make_one_question_in_two_seconds)
{
        unsigned n = 0, id;
        PortalEvent e;

        setup_with(1);
        portal_network_up(portal, 0, NULL);
        id = expect_fetch(probes[0], false);
        reply(id, 1, 204, "", NULL);
        expect_verdict(PORTAL_VERDICT_INTERNET, "");
        for (usec_t now = 1; now < 10 * USEC_PER_SEC; now += 10 * USEC_PER_MSEC) {
                portal_recheck(portal, now);
                while (portal_pop_event(portal, &e)) {
                        ck_assert_int_eq(e.type, PORTAL_EVENT_FETCH);
                        reply(e.id, now, 204, "", NULL);
                        n++;
                }
        }
        ck_assert_uint_eq(n, 4);
        portal_free(portal);
}
END_TEST

START_TEST(a_broken_api_falls_back_to_probes)
{
        unsigned id;

        setup_with(1);
        portal_network_up(portal, 0, "https://portal.test/api");
        id = expect_fetch("https://portal.test/api", true);
        reply(id, 5, 200, "{\"captive\":\"no\"}", NULL);
        id = expect_fetch(probes[0], false);
        reply(id, 6, 204, "", NULL);
        expect_verdict(PORTAL_VERDICT_INTERNET, "");
        portal_free(portal);
}
END_TEST

START_TEST(a_majority_of_open_probes_is_enough)
{
        unsigned a, b, c;
        PortalEvent e;

        setup_with(3);
        portal_network_up(portal, 0, NULL);
        a = expect_fetch(probes[0], false);
        b = expect_fetch(probes[1], false);
        c = expect_fetch(probes[2], false);
        reply(a, 1, 200, "hello", NULL);
        reply(b, 2, 204, "", NULL);
        expect_nothing();
        ck_assert(portal_is_asking_first(portal));
        reply(c, 3, 204, "", NULL);
        ck_assert(portal_pop_event(portal, &e));
        ck_assert_int_eq(e.type, PORTAL_EVENT_VERDICT);
        ck_assert_int_eq(portal_verdict(portal), PORTAL_VERDICT_INTERNET);
        ck_assert_uint_eq(portal_deadline(portal), 3 + 300 * USEC_PER_SEC);
        portal_free(portal);
}
END_TEST

START_TEST(a_redirect_is_a_portal_and_silence_is_not)
{
        usec_t now = 1;
        unsigned id;

        setup_with(1);
        portal_network_up(portal, now, NULL);
        id = expect_fetch(probes[0], false);
        reply(id, now, 302, "", "http://login.test/?x");
        expect_verdict(PORTAL_VERDICT_PORTAL, "http://login.test/?x");

        /* Silence backs off from 1 s to 60 s, give or take the jitter. */
        for (unsigned i = 0; i < 9; i++) {
                now = portal_deadline(portal);
                portal_timeout(portal, now);
                id = expect_fetch(probes[0], false);
                reply(id, now, 0, "", NULL);
                if (i == 0)
                        expect_verdict(PORTAL_VERDICT_NO_INTERNET, "");
                expect_nothing();
        }
        ck_assert_uint_ge(portal_deadline(portal) - now, 54 * USEC_PER_SEC);
        ck_assert_uint_le(portal_deadline(portal) - now, 66 * USEC_PER_SEC);
        portal_free(portal);
}
END_TEST

START_TEST(another_network_abandons_what_was_asked)
{
        PortalEvent e;
        unsigned id;

        setup_with(1);
        portal_network_up(portal, 0, NULL);
        id = expect_fetch(probes[0], false);
        portal_network_up(portal, 1, NULL);
        ck_assert(portal_pop_event(portal, &e));
        ck_assert_int_eq(e.type, PORTAL_EVENT_ABANDON);
        ck_assert_uint_eq(e.id, id);
        (void) expect_fetch(probes[0], false);
        reply(id, 2, 204, "", NULL); /* the late answer of the old network */
        expect_nothing();
        ck_assert_int_eq(portal_verdict(portal), PORTAL_VERDICT_UNKNOWN);
        portal_network_down(portal);
        ck_assert_uint_eq(portal_deadline(portal), USEC_INFINITY);
        portal_free(portal);
}
END_TEST

START_TEST(what_was_believed_without_dates_is_asked_again)
{
        PortalReply r = { .answered = true,
                .status = 200,
                .dates_ignored = true,
                .body = "{\"captive\":false}",
                .body_size = 17,
                .max_age_usec = USEC_INFINITY };
        unsigned id;

        setup_with(0);
        portal_network_up(portal, 0, "https://portal.test/api");
        id = expect_fetch("https://portal.test/api", true);
        portal_done(portal, 1, id, &r);
        expect_verdict(PORTAL_VERDICT_INTERNET, "");
        portal_time_valid(portal, 2);
        id = expect_fetch("https://portal.test/api", true);
        r.dates_ignored = false;
        portal_done(portal, 3, id, &r);
        portal_time_valid(portal, 4);
        expect_nothing();
        portal_free(portal);
}
END_TEST

START_TEST(hostile_api_bodies_are_refused)
{
        static const char *const bad[] = { "", "{", "[]", "{\"captive\":1}", "{\"captive\":null}",
                "{\"captive\":true,\"captive\":false}", "{\"captive\":true}x", "null" };
        static const char odd[] = "{\"captive\":true,\"user-portal-url\":\"http://x/\","
                                  "\"seconds-remaining\":-5,\"new\":[1]}";
        PortalApi api;

        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
                ck_assert_msg(portal_api_parse(bad[i], strlen(bad[i]), &api) < 0, "%s", bad[i]);
        ck_assert_int_eq(portal_api_parse(odd, strlen(odd), &api), 0);
        ck_assert(api.captive);
        ck_assert_uint_eq(api.remaining_usec, USEC_INFINITY);
        ck_assert_str_eq(api.user_portal_url, "");
}
END_TEST

TEST_MAIN("portal", nothing_to_ask_is_unknown_and_sleeps, an_api_that_is_not_https_is_no_api,
        the_api_decides_and_is_asked_again_before_the_session_ends,
        a_session_that_is_short_of_bytes_is_looked_at_more_often,
        reports_from_many_sides_make_one_question_in_two_seconds, a_broken_api_falls_back_to_probes,
        a_majority_of_open_probes_is_enough, a_redirect_is_a_portal_and_silence_is_not,
        another_network_abandons_what_was_asked, what_was_believed_without_dates_is_asked_again,
        hostile_api_bodies_are_refused)
