/* SPDX-License-Identifier: MIT */
#include "daemon/broker.h"
#include "lib/suite.h"
#include "state/table.h"
#include "util/rng.h"
#include <lwsd/lws-states.h>
#include <malloc.h>
#include <stdbool.h>
#include <string.h>

#define BATCH 4

/* What was emitted, as text: "A operational 1 2 3;" */
static char said[8192];
static usec_t woken = USEC_INFINITY;
static usec_t last_monotonic;
static uint64_t last_serial;

static void emit(void *userdata, const BrokerSignal *s)
{
        size_t used = strlen(said);

        used += (size_t) snprintf(said + used, sizeof(said) - used, "%s%c %s",
                (const char *) broker_owner_userdata(s->owner), "ALE"[s->kind],
                state_to_string(s->state));
        for (size_t i = 0; i < s->n; i++)
                used += (size_t) snprintf(said + used, sizeof(said) - used, " %" PRIu64, s->ids[i]);
        snprintf(said + used, sizeof(said) - used, ";");
        last_monotonic = s->monotonic_usec;
        last_serial = s->serial;
}

static void wake(void *userdata, usec_t deadline)
{
        woken = MIN(woken, deadline);
}

static const BrokerOps ops = { emit, wake };
static Quota quota;
static Broker *broker;
static char names[][2] = { "", "b", "c" };

static void start(void)
{
        quota = (Quota){ .limits = { 100, 1, 1, 1 } };
        said[0] = 0;
        woken = USEC_INFINITY;
        ck_assert_int_eq(broker_new(&broker, &quota, BATCH, &ops, NULL), 0);
}

static void end(void)
{
        broker = broker_free(broker);
        ck_assert_uint_eq(quota.n_users, 0);
        quota_deinit(&quota);
}

static BrokerOwner *owner(unsigned i, uid_t uid)
{
        BrokerOwner *o;

        ck_assert_int_eq(broker_owner_new(&o, broker, uid, 1, "private", names[i]), 0);
        return o;
}

static uint64_t attach(BrokerOwner *o, int state, bool persistent, usec_t timeout)
{
        BrokerRequest r = { state, persistent, timeout };
        uint64_t id;

        ck_assert_int_eq(broker_attach(o, &r, 1, 1000, &id), 0);
        return id;
}

static void expect(const char *text)
{
        ck_assert_str_eq(said, text);
        said[0] = 0;
}

START_TEST(one_change_releases_in_order_and_in_batches)
{
        BrokerOwner *a, *b;

        start();
        a = owner(0, 1000);
        b = owner(1, 1000);
        for (int i = 0; i < 5; i++)
                (void) attach(a, LWS_SYSTATE_DHCP, i == 2, 0);
        (void) attach(b, LWS_SYSTATE_OPERATIONAL, false, 0);
        (void) attach(a, LWS_SYSTATE_OPERATIONAL, false, 0);
        ck_assert_uint_eq(broker_pending(broker), 7);
        ck_assert_uint_eq(woken, USEC_INFINITY);
        broker_change(broker, LWS_SYSTATE_IFACE_COLDPLUG, 4, 40);
        expect("");
        broker_change(broker, LWS_SYSTATE_DHCP, 5, 50);
        expect("A dhcp 1 2 3 4;A dhcp 5;");
        ck_assert_uint_eq(last_monotonic, 50);
        ck_assert_uint_eq(last_serial, 5);
        ck_assert_uint_eq(broker_pending(broker), 2);
        broker_change(broker, LWS_SYSTATE_OPERATIONAL, 6, 60);
        expect("bA operational 6;A operational 7;");
        end();
}
END_TEST

START_TEST(what_holds_already_comes_next_turn_and_never_at_once)
{
        BrokerOwner *a;

        start();
        a = owner(0, 1000);
        broker_change(broker, LWS_SYSTATE_OPERATIONAL, 14, 140);
        (void) attach(a, LWS_SYSTATE_TIME_VALID, false, 0);
        expect("");
        ck_assert_uint_eq(woken, 0);
        broker_process(broker, 0);
        expect("A time-valid 1;");
        ck_assert_uint_eq(last_monotonic, 140);
        broker_process(broker, 0);
        expect("");
        /* left in between: it waits */
        (void) attach(a, LWS_SYSTATE_TIME_VALID, false, 0);
        broker_change(broker, LWS_SYSTATE_DHCP, 15, 150);
        broker_process(broker, 0);
        expect("");
        broker_change(broker, LWS_SYSTATE_TIME_VALID, 16, 160);
        expect("A time-valid 2;");
        end();
}
END_TEST

START_TEST(persistent_ones_alternate)
{
        BrokerOwner *a;

        start();
        a = owner(0, 1000);
        (void) attach(a, LWS_SYSTATE_TIME_VALID, true, 0);
        (void) attach(a, LWS_SYSTATE_OPERATIONAL, true, 0);
        for (int i = 0; i < 2; i++) {
                broker_change(broker, LWS_SYSTATE_OPERATIONAL, 1, 10);
                expect("A time-valid 1;A operational 2;");
                ck_assert_uint_eq(broker_pending(broker), 0);
                broker_change(broker, LWS_SYSTATE_DHCP, 2, 20);
                expect("L operational 2;L time-valid 1;");
                ck_assert_uint_eq(last_monotonic, 20);
                ck_assert_uint_eq(broker_pending(broker), 2);
        }
        /* one that attached while it held and has not been told yet is not told that it left */
        broker_change(broker, LWS_SYSTATE_TIME_VALID, 3, 30);
        said[0] = 0;
        (void) attach(a, LWS_SYSTATE_TIME_VALID, true, 0);
        broker_change(broker, LWS_SYSTATE_DHCP, 4, 40);
        expect("L time-valid 1;");
        end();
}
END_TEST

START_TEST(policy_invalid_keeps_what_lies_below)
{
        BrokerOwner *a;

        start();
        a = owner(0, 1000);
        (void) attach(a, LWS_SYSTATE_CPD_POST_TIME, true, 0);
        (void) attach(a, LWS_SYSTATE_POLICY_VALID, true, 0);
        broker_change(broker, LWS_SYSTATE_OPERATIONAL, 1, 10);
        said[0] = 0;
        broker_change(broker, LWS_SYSTATE_POLICY_INVALID, 2, 20);
        expect("L policy-valid 2;");
        ck_assert(!broker_reached(broker, LWS_SYSTATE_OPERATIONAL));
        ck_assert(!broker_reached(broker, LWS_SYSTATE_POLICY_INVALID));
        broker_change(broker, LWS_SYSTATE_CPD_POST_TIME, 3, 30);
        expect("");
        broker_change(broker, LWS_SYSTATE_POLICY_VALID, 4, 40);
        expect("A policy-valid 2;");
        end();
}
END_TEST

START_TEST(time_runs_out_before_the_first_attached_only)
{
        BrokerOwner *a;

        start();
        a = owner(0, 1000);
        (void) attach(a, LWS_SYSTATE_DHCP, true, 500);
        (void) attach(a, LWS_SYSTATE_OPERATIONAL, false, 700);
        (void) attach(a, LWS_SYSTATE_OPERATIONAL, true, 600);
        ck_assert_uint_eq(woken, 1500);
        broker_change(broker, LWS_SYSTATE_DHCP, 1, 10);
        expect("A dhcp 1;");
        woken = USEC_INFINITY;
        broker_process(broker, 1500);
        expect("");
        ck_assert_uint_eq(woken, 1600);
        broker_process(broker, 1600);
        expect("E operational 3;");
        broker_process(broker, 1700);
        expect("E operational 2;");
        ck_assert_uint_eq(broker_pending(broker), 0);
        ck_assert_uint_eq(quota_used(&quota, 1000, QUOTA_ATTACHMENTS), 1);
        broker_change(broker, LWS_SYSTATE_UNKNOWN, 2, 20);
        expect("L dhcp 1;");
        end();
}
END_TEST

START_TEST(detach_is_all_or_none_and_for_the_owner)
{
        BrokerOwner *a, *b, *root;
        uint64_t ids[3];

        start();
        a = owner(0, 1000);
        b = owner(1, 1000);
        root = owner(2, 0);
        ids[0] = attach(a, LWS_SYSTATE_DHCP, false, 0);
        ids[1] = attach(a, LWS_SYSTATE_TIME_VALID, true, 0);
        ids[2] = attach(b, LWS_SYSTATE_DHCP, false, 0);
        ck_assert_int_eq(broker_detach(a, ids, 3, false), -ENOENT);
        ck_assert_uint_eq(broker_pending(broker), 3);
        ck_assert_int_eq(broker_detach(a, ids, 2, false), 0);
        ck_assert_int_eq(broker_detach(a, ids, 1, false), -ENOENT);
        ck_assert_int_eq(broker_detach(root, ids + 2, 1, false), -ENOENT);
        ck_assert_int_eq(broker_detach(root, ids + 2, 1, true), 0);
        broker_change(broker, LWS_SYSTATE_OPERATIONAL, 1, 10);
        expect("");
        ck_assert_uint_eq(broker_pending(broker), 0);
        end();
}
END_TEST

START_TEST(quota_is_all_or_none)
{
        static BrokerRequest requests[101];
        static uint64_t ids[101];
        BrokerOwner *a, *b;

        start();
        a = owner(0, 1000);
        b = owner(1, 1000);
        for (size_t i = 0; i < 101; i++)
                requests[i].state = LWS_SYSTATE_AUTH1;
        ck_assert_int_eq(broker_attach(a, requests, 101, 0, ids), -EDQUOT);
        ck_assert_uint_eq(broker_pending(broker), 0);
        ck_assert_int_eq(broker_attach(a, requests, 100, 0, ids), 0);
        ck_assert_uint_eq(ids[99], 100);
        ck_assert_int_eq(broker_attach(b, requests, 1, 0, ids), -EDQUOT);
        a = broker_owner_free(a);
        ck_assert_int_eq(broker_attach(b, requests, 100, 0, ids), 0);
        end();
}
END_TEST

START_TEST(a_waiting_attachment_takes_little_memory)
{
        enum { N = 100000 };
        BrokerRequest *requests = calloc(N, sizeof(*requests));
        uint64_t *ids = calloc(N, sizeof(*ids));
        struct mallinfo2 before, after;
        BrokerOwner *a;

        start();
        quota.limits[QUOTA_ATTACHMENTS] = N;
        a = owner(0, 1000);
        for (size_t i = 0; i < N; i++)
                requests[i].state = LWS_SYSTATE_OPERATIONAL;
        before = mallinfo2();
        for (size_t i = 0; i < N; i += 100)
                ck_assert_int_eq(broker_attach(a, requests, 100, 0, ids), 0);
        after = mallinfo2();
        ck_assert_uint_le(
                after.uordblks + after.hblkhd - before.uordblks - before.hblkhd, (size_t) 64 * N);
        end();
        free(requests);
        free(ids);
}
END_TEST

/* Against a model that keeps each attachment by itself. */
typedef struct Model Model;
struct Model {
        uint64_t id;
        unsigned who;
        int state;
        bool persistent, inside, alive;
        usec_t deadline;
};
static Model models[100000];
static size_t n_models;
static size_t heard;

static void emit_model(void *userdata, const BrokerSignal *s)
{
        unsigned who = (unsigned) ((const char(*)[2]) broker_owner_userdata(s->owner) - names);

        ck_assert_uint_ge(s->n, 1);
        ck_assert_uint_le(s->n, BATCH);
        for (size_t i = 0; i < s->n; i++) {
                Model *m = &models[s->ids[i] - 1];

                ck_assert(s->kind == BROKER_SIGNAL_EXPIRED || i == 0 || s->ids[i] > s->ids[i - 1]);
                ck_assert(m->alive);
                ck_assert_uint_eq(m->who, who);
                ck_assert_int_eq(m->state, s->state);
                heard++;
                switch (s->kind) {
                case BROKER_SIGNAL_ATTACHED:
                        ck_assert(!m->inside);
                        ck_assert(broker_reached(broker, m->state));
                        m->inside = m->persistent;
                        m->alive = m->persistent;
                        m->deadline = USEC_INFINITY;
                        break;
                case BROKER_SIGNAL_LEFT:
                        ck_assert(m->inside);
                        m->inside = false;
                        break;
                case BROKER_SIGNAL_EXPIRED:
                        ck_assert(!m->inside);
                        ck_assert_uint_ne(m->deadline, USEC_INFINITY);
                        m->alive = false;
                        break;
                }
        }
}

static void check_models(usec_t now)
{
        size_t waiting = 0;

        for (size_t i = 0; i < n_models; i++) {
                Model *m = &models[i];

                if (!m->alive)
                        continue;
                waiting += !m->inside;
                ck_assert_msg(m->inside == broker_reached(broker, m->state), "%zu", i + 1);
                ck_assert_uint_gt(m->deadline, now);
        }
        ck_assert_uint_eq(waiting, broker_pending(broker));
}

static void random_attach(BrokerOwner *o, unsigned who, Rng *rng, usec_t now)
{
        BrokerRequest r = { .state = (int) rng_range(rng, 1, LWS_SYSTATE_OPERATIONAL),
                .persistent = rng_range(rng, 0, 1),
                .timeout_usec = rng_range(rng, 0, 1) ? rng_range(rng, 1, 500) : 0 };
        uint64_t id;

        if (broker_attach(o, &r, 1, now, &id) < 0)
                return;
        ck_assert_uint_eq(id, n_models + 1);
        models[n_models++] = (Model){ .id = id,
                .who = who,
                .state = r.state,
                .persistent = r.persistent,
                .alive = true,
                .deadline = r.timeout_usec ? now + r.timeout_usec : USEC_INFINITY };
}

START_TEST(random_lives_agree_with_a_plain_model)
{
        static const BrokerOps model_ops = { emit_model, wake };
        Rng rng = rng_seeded(test_seed());
        BrokerOwner *owners[3];
        uint64_t serial = 0;
        usec_t now = 1000;

        start();
        broker_free(broker);
        ck_assert_int_eq(broker_new(&broker, &quota, BATCH, &model_ops, NULL), 0);
        for (unsigned i = 0; i < 3; i++)
                owners[i] = owner(i, 1000 + i);
        for (int round = 0; round < 20000; round++) {
                unsigned who = (unsigned) rng_range(&rng, 0, 2);

                now += rng_range(&rng, 0, 20);
                switch (rng_range(&rng, 0, 9)) {
                case 0:
                        broker_change(broker, (int) rng_range(&rng, 0, LWS_SYSTATE_POLICY_INVALID),
                                ++serial, now);
                        break;
                case 1:
                        if (n_models > 0) {
                                uint64_t id = rng_range(&rng, 1, n_models);
                                Model *m = &models[id - 1];
                                int r = broker_detach(owners[who], &id, 1, false);

                                ck_assert_int_eq(r, m->alive && m->who == who ? 0 : -ENOENT);
                                if (r == 0)
                                        m->alive = false;
                        }
                        break;
                case 2:
                        if (rng_range(&rng, 0, 19) > 0)
                                break;
                        broker_owner_free(owners[who]);
                        owners[who] = owner(who, 1000 + who);
                        for (size_t i = 0; i < n_models; i++)
                                if (models[i].who == who)
                                        models[i].alive = false;
                        break;
                default:
                        random_attach(owners[who], who, &rng, now);
                }
                broker_process(broker, now);
                if (round % 50 == 0)
                        check_models(now);
        }
        ck_assert_uint_gt(heard, 1000);
        end();
}
END_TEST

TEST_MAIN("broker", one_change_releases_in_order_and_in_batches,
        what_holds_already_comes_next_turn_and_never_at_once, persistent_ones_alternate,
        policy_invalid_keeps_what_lies_below, time_runs_out_before_the_first_attached_only,
        detach_is_all_or_none_and_for_the_owner, quota_is_all_or_none,
        a_waiting_attachment_takes_little_memory, random_lives_agree_with_a_plain_model)
