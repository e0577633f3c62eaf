/* SPDX-License-Identifier: MIT */
/* The promise of the remote API against a daemon in memory: changes, losses of the connection and
 * slow callbacks at every point, from a seed. */
#include "libclient/level.h"
#include "tests/lib/suite.h"
#include <lwsd/lwsd-client.h>

static const LevelStamp stamp_a = { .instance = 1, .monotonic_usec = 10 };
static const LevelStamp stamp_b = { .instance = 1, .monotonic_usec = 20 };
static const LevelStamp stamp_restarted = { .instance = 2, .monotonic_usec = 30 };

START_TEST(test_one_shot_runs_once)
{
        Level level;

        level_init(&level, false);
        ck_assert(level_wants_attach(&level));
        level_replied(&level, false);
        ck_assert_int_eq(level_take(&level), LEVEL_NONE);
        level_entered(&level, &stamp_a);
        ck_assert(!level_wants_attach(&level));
        level_lost(&level); /* lost between the signal and the callback */
        ck_assert(!level_wants_attach(&level));
        level_entered(&level, &stamp_b);
        ck_assert_int_eq(level_take(&level), LEVEL_ENTERED);
        ck_assert(level_is_finished(&level));
        level_entered(&level, &stamp_b);
        level_left(&level);
        ck_assert_int_eq(level_take(&level), LEVEL_NONE);
}
END_TEST

START_TEST(test_one_shot_lost_before_the_signal_asks_again)
{
        Level level;

        level_init(&level, false);
        level_replied(&level, true);
        level_lost(&level);
        ck_assert(level_wants_attach(&level));
        ck_assert(!level_is_due(&level));
}
END_TEST

START_TEST(test_watch_alternates)
{
        Level level;

        level_init(&level, true);
        level_left(&level);
        ck_assert(!level_is_due(&level)); /* entered comes first */
        level_entered(&level, &stamp_a);
        level_left(&level);
        ck_assert_int_eq(level_take(&level), LEVEL_ENTERED);
        ck_assert_int_eq(level_take(&level), LEVEL_LEFT);
        ck_assert_int_eq(level_take(&level), LEVEL_NONE);
        ck_assert(level_wants_attach(&level));
}
END_TEST

START_TEST(test_slow_callbacks_leave_out_pairs)
{
        Level level;

        level_init(&level, true);
        for (int i = 0; i < 1000; i++) {
                level_entered(&level, &stamp_a);
                level_left(&level);
        }
        level_entered(&level, &stamp_b);
        ck_assert_int_eq(level_take(&level), LEVEL_ENTERED);
        ck_assert_int_eq(level_take(&level), LEVEL_NONE);
}
END_TEST

START_TEST(test_fall_while_down_is_told)
{
        Level level;

        level_init(&level, true);
        level_entered(&level, &stamp_a);
        ck_assert_int_eq(level_take(&level), LEVEL_ENTERED);
        level_lost(&level);
        level_replied(&level, false);
        ck_assert_int_eq(level_take(&level), LEVEL_LEFT);
}
END_TEST

START_TEST(test_restart_is_not_a_fall)
{
        Level level;

        level_init(&level, true);
        level_entered(&level, &stamp_a);
        ck_assert_int_eq(level_take(&level), LEVEL_ENTERED);
        level_lost(&level);
        level_replied(&level, true);
        level_entered(&level, &stamp_restarted);
        ck_assert_int_eq(level_take(&level), LEVEL_NONE);
}
END_TEST

START_TEST(test_fall_and_rise_while_down_is_a_pair)
{
        Level level;

        level_init(&level, true);
        level_entered(&level, &stamp_a);
        ck_assert_int_eq(level_take(&level), LEVEL_ENTERED);
        level_lost(&level);
        level_replied(&level, true);
        level_entered(&level, &stamp_b);
        ck_assert_int_eq(level_take(&level), LEVEL_LEFT);
        ck_assert_int_eq(level_take(&level), LEVEL_ENTERED);
        ck_assert_int_eq(level_take(&level), LEVEL_NONE);
}
END_TEST

START_TEST(test_fall_before_the_promised_signal)
{
        Level level;

        level_init(&level, true);
        level_entered(&level, &stamp_a);
        ck_assert_int_eq(level_take(&level), LEVEL_ENTERED);
        level_seen_down(&level); /* nothing is awaited: Left will say it */
        ck_assert(!level_is_due(&level));
        level_lost(&level);
        level_replied(&level, true);
        level_seen_down(&level);
        ck_assert_int_eq(level_take(&level), LEVEL_LEFT);
}
END_TEST

/* A daemon that keeps the contract, seen through a connection that is lost at any moment. */
typedef struct Peer Peer;
struct Peer {
        bool holds, connected, sent_attach, replied, told_inside;
        uint64_t now, instance;
        LevelStamp entry;
        unsigned entries;
};

typedef struct Tally Tally;
struct Tally {
        unsigned entered, left;
};

static void take_one(Level *level, Tally *tally)
{
        switch (level_take(level)) {
        case LEVEL_ENTERED:
                tally->entered++;
                ck_assert_uint_eq(tally->entered, tally->left + 1);
                break;
        case LEVEL_LEFT:
                tally->left++;
                ck_assert_uint_eq(tally->entered, tally->left);
                break;
        case LEVEL_NONE:
                break;
        }
}

static void peer_move(Peer *peer)
{
        peer->holds = !peer->holds;
        if (peer->holds) {
                peer->entry =
                        (LevelStamp){ .instance = peer->instance, .monotonic_usec = peer->now };
                peer->entries++;
        }
}

/* What the daemon sends next for this attachment, if anything. */
static void peer_deliver(Peer *peer, Level *level)
{
        if (!peer->connected)
                return;
        if (!peer->sent_attach) {
                if (!level_wants_attach(level))
                        return;
                peer->sent_attach = true;
                level_replied(level, peer->holds);
                peer->told_inside = false;
        } else if (peer->holds && !peer->told_inside) {
                level_entered(level, &peer->entry);
                peer->told_inside = true;
        } else if (!peer->holds && peer->told_inside) {
                level_left(level);
                peer->told_inside = false;
        } else if (!peer->holds) {
                level_seen_down(level);
        }
}

static void peer_reconnect(Peer *peer, Level *level, bool restart)
{
        peer->connected = !peer->connected;
        peer->sent_attach = peer->told_inside = false;
        if (!peer->connected) {
                level_lost(level);
                return;
        }
        if (restart) {
                peer->instance++;
                if (peer->holds)
                        peer->entry = (LevelStamp){ .instance = peer->instance,
                                .monotonic_usec = peer->now };
        }
}

static void run_story(uint64_t seed, bool persistent)
{
        uint64_t x = seed | 1;
        Peer peer = { .instance = 1 };
        Tally tally = { 0 };
        Level level;

        level_init(&level, persistent);
        for (int step = 0; step < 200; step++) {
                x ^= x << 13;
                x ^= x >> 7;
                x ^= x << 17;
                peer.now++;
                switch (x % 8) {
                case 0:
                case 1:
                        peer_move(&peer);
                        break;
                case 2:
                        peer_reconnect(&peer, &level, x & 64);
                        break;
                case 3:
                case 4:
                        take_one(&level, &tally);
                        break;
                default:
                        peer_deliver(&peer, &level);
                }
        }
        if (!peer.connected)
                peer_reconnect(&peer, &level, false);
        for (int i = 0; i < 4; i++)
                peer_deliver(&peer, &level);
        for (int i = 0; i < 4; i++)
                take_one(&level, &tally);
        if (persistent) {
                ck_assert_uint_eq(tally.entered - tally.left, peer.holds);
                ck_assert(!peer.holds || tally.entered > 0);
        } else {
                ck_assert_uint_eq(tally.left, 0);
                ck_assert_uint_le(tally.entered, 1);
                ck_assert(!peer.holds || tally.entered == 1);
        }
        ck_assert_uint_le(tally.entered, peer.entries);
}

START_TEST(test_random_stories)
{
        uint64_t seed = test_seed();

        for (uint64_t i = 0; i < 50000; i++) {
                run_story(seed * 6364136223846793005u + i * 1442695040888963407u, i & 1);
        }
}
END_TEST

START_TEST(test_reached_is_about_the_ladder)
{
        ck_assert(lwsd_state_reached(LWS_SYSTATE_OPERATIONAL, LWS_SYSTATE_DHCP));
        ck_assert(lwsd_state_reached(LWS_SYSTATE_DHCP, LWS_SYSTATE_DHCP));
        ck_assert(!lwsd_state_reached(LWS_SYSTATE_DHCP, LWS_SYSTATE_TIME_VALID));
        ck_assert(!lwsd_state_reached(LWS_SYSTATE_POLICY_INVALID, LWS_SYSTATE_OPERATIONAL));
        ck_assert(lwsd_state_reached(LWS_SYSTATE_POLICY_INVALID, LWS_SYSTATE_TIME_VALID));
        ck_assert(!lwsd_state_reached(LWS_SYSTATE_CONTEXT_DESTROYING, LWS_SYSTATE_DHCP));
}
END_TEST

TEST_MAIN("client-level", test_one_shot_runs_once, test_one_shot_lost_before_the_signal_asks_again,
        test_watch_alternates, test_slow_callbacks_leave_out_pairs, test_fall_while_down_is_told,
        test_restart_is_not_a_fall, test_fall_and_rise_while_down_is_a_pair,
        test_fall_before_the_promised_signal, test_random_stories, test_reached_is_about_the_ladder)
