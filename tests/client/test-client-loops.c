/* SPDX-License-Identifier: MIT */
/* The same story on each loop that the library binds to. */
#include "lib/peer.h"
#include "tests/client/story.h"
#include <errno.h>
#include <ev.h>
#include <lwsd/lwsd-client-ev.h>
#include <string.h>
#include <systemd/sd-event.h>
#include <unistd.h>

static char folder[64], socket_path[96];
static Peer peer;
static lwsd_client *client;

static void set_up(void)
{
        strcpy(folder, "/tmp/lwsd-loops-XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(folder));
        snprintf(socket_path, sizeof socket_path, "%s/private", folder);
        ck_assert_int_eq(peer_init(&peer, socket_path, NULL), 0);
        ck_assert_int_eq(lwsd_client_new_socket(&client, socket_path), 0);
}

static void tear_down(void)
{
        client = lwsd_client_unref(client);
        peer_deinit(&peer);
        unlink(socket_path);
        rmdir(folder);
}

typedef struct Told Told;
struct Told {
        Story story;
        unsigned wanted;
        void *loop;
        void (*stop)(void *loop);
};

static void on_told(lwsd_attachment *a, void *opaque)
{
        Told *told = opaque;

        told->story.attached++;
        if (told->story.attached < told->wanted / 2) /* asked from inside a callback */
                ck_assert_int_eq(lwsd_client_attach(lwsd_attachment_get_client(a), NULL,
                                         LWS_SYSTATE_DHCP, on_told, told),
                        0);
        if (told->story.attached == told->wanted)
                told->stop(told->loop);
}

static void ask(Told *told, unsigned n)
{
        told->wanted = 2 * n;
        for (unsigned i = 0; i < n + 1; i++)
                ck_assert_int_eq(
                        lwsd_client_attach(client, NULL, LWS_SYSTATE_DHCP, on_told, told), 0);
}

static void stop_event(void *loop)
{
        sd_event_exit(loop, 0);
}

START_TEST(test_sd_event)
{
        sd_event *event = NULL, *again = NULL;
        Told told = { .stop = stop_event };

        ck_assert_int_ge(sd_event_new(&event), 0);
        told.loop = event;
        ck_assert_int_eq(peer_start(&peer), 0);
        peer_move(&peer, LWS_SYSTATE_DHCP);
        ck_assert_int_eq(lwsd_client_attach_event(client, event, 5), 0);
        ck_assert_int_eq(lwsd_client_attach_event(client, event, 5), -EBUSY);
        ck_assert_int_eq(lwsd_client_set_prepare(client, NULL, NULL), -EBUSY);
        ask(&told, 50);
        ck_assert_int_ge(sd_event_loop(event), 0);
        ck_assert_uint_eq(told.story.attached, 100);
        ck_assert_int_eq(lwsd_client_detach_event(client), 0);
        sd_event_unref(event);

        /* off that loop and on another, with the peer gone and back in between */
        ck_assert_int_ge(sd_event_new(&again), 0);
        told.loop = again;
        told.story.attached = 0;
        ck_assert_int_eq(lwsd_client_attach_event(client, again, 0), 0);
        ck_assert_int_eq(peer_start(&peer), 0);
        ask(&told, 2);
        ck_assert_int_ge(sd_event_loop(again), 0);
        client = lwsd_client_unref(client);
        sd_event_unref(again);
}
END_TEST

static void stop_ev(void *loop)
{
        ev_break(loop, EVBREAK_ALL);
}

START_TEST(test_libev)
{
        struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
        Told told = { .stop = stop_ev, .loop = loop };

        ck_assert_int_eq(peer_start(&peer), 0);
        peer_move(&peer, LWS_SYSTATE_DHCP);
        ck_assert_int_eq(lwsd_client_detach_ev(client), -ENOENT);
        ck_assert_int_eq(lwsd_client_attach_ev(client, loop), 0);
        ck_assert_int_eq(lwsd_client_attach_ev(client, loop), -EBUSY);
        ask(&told, 50);
        ev_run(loop, 0);
        ck_assert_uint_eq(told.story.attached, 100);
        ck_assert_uint_eq(peer.shared->attaches, 2); /* one for each turn that asked */
        ck_assert_int_eq(lwsd_client_detach_ev(client), 0);
        ck_assert_int_eq(ev_run(loop, EVRUN_NOWAIT), 0); /* nothing is left on it */
        told.story.attached = 0;
        ck_assert_int_eq(lwsd_client_attach_ev(client, loop), 0);
        ask(&told, 2);
        ev_run(loop, 0);
        client = lwsd_client_unref(client);
        ck_assert_int_eq(ev_run(loop, EVRUN_NOWAIT), 0);
        ev_loop_destroy(loop);
}
END_TEST

/* A loop of one's own with the hook before poll: the client does not wake itself up. */
START_TEST(test_prepare)
{
        struct pollfd p = { .fd = lwsd_client_get_fd(client), .events = POLLIN };
        unsigned turns = 0;
        Story story = { 0 };

        ck_assert_int_eq(peer_start(&peer), 0);
        peer_move(&peer, LWS_SYSTATE_DHCP);
        ck_assert_int_eq(lwsd_client_set_prepare(client, NULL, &story), 0);
        turn_until_quiet(client, 20);
        for (unsigned i = 1; i <= 20; i++) {
                ck_assert_int_eq(
                        lwsd_client_attach(client, NULL, LWS_SYSTATE_DHCP, on_attached, &story), 0);
                ck_assert_int_eq(lwsd_client_process(client), 0); /* sending is for prepare */
                for (; story.attached < i; turns++) {
                        if (lwsd_client_prepare(client) == 0)
                                ck_assert_int_eq(poll(&p, 1, PATIENCE_MSEC), 1);
                        ck_assert_int_ge(lwsd_client_process(client), 0);
                }
        }
        ck_assert_uint_eq(peer.shared->attaches, 20);
        ck_assert_uint_le(turns, 60);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("client-loops");
        TCase *tc = tcase_create("client-loops");
        SRunner *runner;
        int failed;

        tcase_add_checked_fixture(tc, set_up, tear_down);
        tcase_add_test(tc, test_sd_event);
        tcase_add_test(tc, test_libev);
        tcase_add_test(tc, test_prepare);
        suite_add_tcase(suite, tc);
        runner = srunner_create(suite);
        srunner_run_all(runner, CK_ENV);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
