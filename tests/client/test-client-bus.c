/* SPDX-License-Identifier: MIT */
/* The client library on a bus, and between the bus and the private socket: a bus of its own, which
 * is killed too. */
#include "lib/peer.h"
#include "tests/client/private-bus.h"
#include "tests/client/story.h"
#include <errno.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

static char folder[64], socket_path[96];
static PrivateBus bus;
static Peer peer;
static lwsd_client *client;

static void start_bus(void)
{
        ck_assert_int_eq(private_bus_start(&bus), 0);
}

static void set_up(void)
{
        strcpy(folder, "/tmp/lwsd-bus-XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(folder));
        snprintf(socket_path, sizeof socket_path, "%s/private", folder);
        ck_assert_int_eq(private_bus_init(&bus, folder), 0);
        setenv("DBUS_SYSTEM_BUS_ADDRESS", bus.address, 1);
        setenv("LWSD_SOCKET", socket_path, 1);
        ck_assert_int_eq(peer_init(&peer, NULL, bus.address), 0);
        ck_assert_int_eq(lwsd_client_new(&client), 0);
}

static void tear_down(void)
{
        client = lwsd_client_unref(client);
        peer_deinit(&peer);
        private_bus_deinit(&bus);
        unlink(socket_path);
        rmdir(folder);
}

static void watch(Story *story)
{
        ck_assert_int_eq(
                lwsd_client_watch(client, NULL, LWS_SYSTATE_DHCP, on_entered, on_left, story), 0);
}

START_TEST(test_bus_then_name_then_state)
{
        struct pollfd p = { .fd = lwsd_client_get_fd(client), .events = POLLIN };
        Story story = { 0 };

        watch(&story);
        turn_until_quiet(client, 10);
        start_bus();
        turn_until_quiet(client, 50);
        ck_assert_int_eq(poll(&p, 1, 100), 0); /* nobody polls for the name either */
        ck_assert_int_eq(peer_start(&peer), 0);
        turn_until_quiet(client, 20);
        peer_move(&peer, LWS_SYSTATE_DHCP);
        turn_until(client, &story.entered, 1);
        peer_move(&peer, LWS_SYSTATE_INITIALIZED);
        turn_until(client, &story.left, 1);
}
END_TEST

START_TEST(test_restart_on_the_bus)
{
        Story story = { 0 };

        start_bus();
        watch(&story);
        ck_assert_int_eq(peer_start(&peer), 0);
        peer_move(&peer, LWS_SYSTATE_OPERATIONAL);
        turn_until(client, &story.entered, 1);
        for (int i = 0; i < 5; i++) {
                ck_assert_int_eq(peer_start(&peer), 0);
                turn_until_quiet(client, 50);
        }
        ck_assert_uint_eq(story.left, 0);
        peer_kill(&peer);
        peer_move(&peer, LWS_SYSTATE_INITIALIZED);
        ck_assert_int_eq(peer_start(&peer), 0);
        turn_until(client, &story.left, 1);
}
END_TEST

START_TEST(test_the_bus_restarts)
{
        Story story = { 0 };

        start_bus();
        ck_assert_int_eq(peer_start(&peer), 0);
        peer_move(&peer, LWS_SYSTATE_OPERATIONAL);
        watch(&story);
        turn_until(client, &story.entered, 1);
        for (int i = 0; i < 3; i++) {
                private_bus_kill(&bus);
                peer_kill(&peer);
                turn_until_quiet(client, 20);
                start_bus();
                ck_assert_int_eq(peer_start(&peer), 0);
                turn_until_quiet(client, 50);
                ck_assert_int_eq(lwsd_client_is_connected(client), 1);
        }
        ck_assert_uint_eq(story.entered, 1);
        ck_assert_uint_eq(story.left, 0);
        peer_move(&peer, LWS_SYSTATE_INITIALIZED);
        turn_until(client, &story.left, 1);
}
END_TEST

/* The private socket appears while the client sits on a bus without lwsd. */
START_TEST(test_socket_beside_a_bus_without_the_name)
{
        Story story = { 0 };
        Peer other;

        start_bus();
        watch(&story);
        turn_until_quiet(client, 30);
        ck_assert_int_eq(peer_init(&other, socket_path, NULL), 0);
        other.shared->state = LWS_SYSTATE_DHCP;
        ck_assert_int_eq(peer_start(&other), 0);
        turn_until(client, &story.entered, 1);
        peer_deinit(&other);
}
END_TEST

/* A socket that takes everyone in and throws everyone out, as with a full quota of connections. */
START_TEST(test_thrown_out_of_the_socket)
{
        Story story = { 0 };
        Peer other;

        start_bus();
        ck_assert_int_eq(peer_start(&peer), 0);
        peer_move(&peer, LWS_SYSTATE_DHCP);
        ck_assert_int_eq(peer_init(&other, socket_path, NULL), 0);
        other.shared->drop_connections = true;
        ck_assert_int_eq(peer_start(&other), 0);
        watch(&story);
        turn_until(client, &story.entered, 1);
        ck_assert_uint_eq(peer.shared->attaches, 1);
        peer_deinit(&other);
}
END_TEST

START_TEST(test_signals_of_others_do_not_count)
{
        Story story = { 0 };
        sd_bus *liar = NULL;

        start_bus();
        ck_assert_int_eq(peer_start(&peer), 0);
        watch(&story);
        turn_until_quiet(client, 50);
        ck_assert_int_ge(sd_bus_open_system(&liar), 0);
        for (int i = 0; i < 40; i++) {
                sd_bus_message *m = NULL;
                char name[16];
                uint64_t id = 1;

                snprintf(name, sizeof name, ":1.%d", i);
                ck_assert_int_ge(sd_bus_message_new_signal(
                                         liar, &m, "/org/lwsd1", "org.lwsd1.Manager", "Attached"),
                        0);
                sd_bus_message_append_array(m, 't', &id, sizeof id);
                sd_bus_message_append(m, "sa{sv}", "dhcp", 0);
                sd_bus_message_set_destination(m, name);
                sd_bus_send(liar, m, NULL);
                sd_bus_message_unref(m);
        }
        sd_bus_flush_close_unref(liar);
        turn_until_quiet(client, 50);
        ck_assert_uint_eq(story.entered, 0);
}
END_TEST

/* What a broker drops for a client that is full, it tells nobody. */
START_TEST(test_what_was_dropped_is_asked_for)
{
        Story story = { 0 };

        start_bus();
        ck_assert_int_eq(peer_start(&peer), 0);
        watch(&story);
        ck_assert_int_eq(
                lwsd_client_attach(client, NULL, LWS_SYSTATE_DHCP, on_attached, &story), 0);
        turn_until_quiet(client, 50);
        peer.shared->drop_signals = true;
        peer_move(&peer, LWS_SYSTATE_OPERATIONAL);
        turn_until_quiet(client, 50);
        ck_assert_uint_eq(story.entered + story.attached, 0);
        peer.shared->drop_signals = false;
        turn_until(client, &story.entered, 1);
        turn_until(client, &story.attached, 1);
        peer.shared->drop_signals = true;
        peer_move(&peer, LWS_SYSTATE_INITIALIZED);
        peer.shared->drop_signals = false;
        turn_until(client, &story.left, 1);
        turn_until_quiet(client, 50);
        ck_assert_uint_eq(story.attached, 1);
        ck_assert_uint_eq(peer.shared->attachments, 1); /* the watch; nothing was left behind */
        peer_move(&peer, LWS_SYSTATE_DHCP);
        turn_until(client, &story.entered, 2);
}
END_TEST

/* The same by a bus that means it: the client reads nothing until the bus has no more room for it,
 * and what follows, up to the last fall, is lost. */
START_TEST(test_a_bus_drops_what_a_full_client_is_sent)
{
        enum { CLIMBS = 400 };
        Story story = { 0 };

        ck_assert_int_eq(
                private_bus_configure(&bus, "<limit name='max_outgoing_bytes'>4096</limit>"), 0);
        start_bus();
        ck_assert_int_eq(peer_start(&peer), 0);
        watch(&story);
        ck_assert_int_eq(
                lwsd_client_attach(client, NULL, LWS_SYSTATE_OPERATIONAL, on_attached, &story), 0);
        turn_until_quiet(client, 50);
        for (int i = 0; i < CLIMBS; i++) {
                peer_move(&peer, LWS_SYSTATE_AUTH1);
                peer_move(&peer, LWS_SYSTATE_INITIALIZED);
        }
        peer_move(&peer, LWS_SYSTATE_OPERATIONAL);
        turn_until(client, &story.attached, 1);
        turn_until_quiet(client, 50);
        turn_until(client, &story.entered, story.left + 1);
        ck_assert_uint_lt(story.entered, CLIMBS); /* it did drop some */
        peer_move(&peer, LWS_SYSTATE_INITIALIZED);
        turn_until(client, &story.left, story.entered);
        ck_assert_uint_eq(story.attached, 1);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("client-bus");
        TCase *tc = tcase_create("client-bus");
        SRunner *runner;
        int failed;

        if (access("/usr/bin/dbus-daemon", X_OK) < 0) {
                fprintf(stderr, "skipped: no dbus-daemon\n");
                return TEST_SKIP;
        }
        tcase_add_checked_fixture(tc, set_up, tear_down);
        tcase_set_timeout(tc, 120);
        tcase_add_test(tc, test_bus_then_name_then_state);
        tcase_add_test(tc, test_restart_on_the_bus);
        tcase_add_test(tc, test_the_bus_restarts);
        tcase_add_test(tc, test_socket_beside_a_bus_without_the_name);
        tcase_add_test(tc, test_thrown_out_of_the_socket);
        tcase_add_test(tc, test_signals_of_others_do_not_count);
        tcase_add_test(tc, test_what_was_dropped_is_asked_for);
        tcase_add_test(tc, test_a_bus_drops_what_a_full_client_is_sent);
        suite_add_tcase(suite, tc);
        runner = srunner_create(suite);
        srunner_run_all(runner, CK_ENV);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
