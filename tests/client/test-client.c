/* SPDX-License-Identifier: MIT */
/* The client library against a peer in a process of its own (lib/peer.h), which dies when told. */
#include "lib/peer.h"
#include "tests/client/story.h"
#include <dirent.h>
#include <errno.h>
#include <lwsd/lwsd-client.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64], socket_path[96];
static Peer peer;
static lwsd_client *client;
static bool inside_call;

static void set_up(void)
{
        strcpy(folder, "/tmp/lwsd-client-XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(folder));
        snprintf(socket_path, sizeof socket_path, "%s/run/private", folder);
        ck_assert_int_eq(peer_init(&peer, socket_path, NULL), 0);
        ck_assert_int_eq(lwsd_client_new_socket(&client, socket_path), 0);
}

static void make_run(void)
{
        char run[96];

        snprintf(run, sizeof run, "%s/run", folder);
        mkdir(run, 0755);
}

static void start_peer(void)
{
        make_run();
        ck_assert_int_eq(peer_start(&peer), 0);
}

static void tear_down(void)
{
        char run[96];

        client = lwsd_client_unref(client);
        peer_deinit(&peer);
        unlink(socket_path);
        snprintf(run, sizeof run, "%s/run", folder);
        rmdir(run);
        rmdir(folder);
}

static void on_attached_late(lwsd_attachment *a, void *opaque)
{
        ck_assert(!inside_call);
        ck_assert_ptr_eq(lwsd_attachment_get_client(a), client);
        on_attached(a, opaque);
}

static void attach(lwsd_attachment **ret, lws_system_states_t state, Story *story)
{
        inside_call = true;
        ck_assert_int_eq(lwsd_client_attach(client, ret, state, on_attached_late, story), 0);
        inside_call = false;
}

START_TEST(test_attach_before_anything_is_there)
{
        struct pollfd p = { .fd = lwsd_client_get_fd(client), .events = POLLIN };
        lws_system_states_t state;
        Story story = { 0 };
        lwsd_attachment *a;
        uint64_t usec;

        attach(&a, LWS_SYSTATE_DHCP, &story);
        ck_assert_int_eq(lwsd_client_get_state(client, &state), -ENODATA);
        turn_until_quiet(client, 0);
        ck_assert_int_eq(poll(&p, 1, 100), 0); /* nobody polls while nothing appears */
        make_run();
        turn_until_quiet(client, 20);
        start_peer();
        turn_until_quiet(client, 20);
        ck_assert_int_eq(lwsd_client_is_connected(client), 1);
        ck_assert_int_eq(lwsd_attachment_get_entered(a, &usec), -ENODATA);
        peer_move(&peer, LWS_SYSTATE_OPERATIONAL);
        turn_until(client, &story.attached, 1);
        ck_assert_int_eq(lwsd_attachment_get_entered(a, &usec), 0);
        turn_until_quiet(client, 20);
        ck_assert_uint_eq(story.attached, 1);
        ck_assert_int_eq(lwsd_client_get_state(client, &state), 1);
        ck_assert_int_eq(state, LWS_SYSTATE_OPERATIONAL);
        lwsd_attachment_unref(a);
}
END_TEST

START_TEST(test_one_turn_is_one_message)
{
        Story story = { 0 };

        start_peer();
        peer_move(&peer, LWS_SYSTATE_DHCP);
        for (int i = 0; i < 3000; i++)
                attach(NULL, LWS_SYSTATE_DHCP, &story);
        turn_until(client, &story.attached, 3000);
        ck_assert_uint_eq(peer.shared->attaches, 1);
        ck_assert_uint_eq(peer.shared->attachments, 0);
}
END_TEST

static void on_unref_self(lwsd_attachment *a, void *opaque)
{
        lwsd_attachment **slot = opaque;

        ck_assert_ptr_eq(a, *slot);
        *slot = lwsd_attachment_unref(a);
}

START_TEST(test_unref_in_every_place)
{
        Story story = { 0 };
        lwsd_attachment *before, *sent, *self, *watch_self, *last;

        start_peer();
        attach(&before, LWS_SYSTATE_DHCP, &story);
        lwsd_attachment_unref(before);
        attach(&sent, LWS_SYSTATE_TIME_VALID, &story);
        turn_until_quiet(client, 20);
        ck_assert_uint_eq(peer.shared->attachments, 1);
        lwsd_attachment_unref(sent);
        turn_until_quiet(client, 20);
        ck_assert_uint_eq(peer.shared->attachments, 0);
        ck_assert_int_eq(
                lwsd_client_attach(client, &self, LWS_SYSTATE_DHCP, on_unref_self, &self), 0);
        ck_assert_int_eq(lwsd_client_watch(client, &watch_self, LWS_SYSTATE_DHCP, on_unref_self,
                                 on_left, &watch_self),
                0);
        attach(&last, LWS_SYSTATE_DHCP, &story);
        peer_move(&peer, LWS_SYSTATE_TIME_VALID);
        turn_until(client, &story.attached, 1);
        ck_assert_ptr_null(self);
        ck_assert_ptr_null(watch_self);
        turn_until_quiet(client, 20);
        ck_assert_uint_eq(peer.shared->attachments, 0);
        ck_assert_uint_eq(story.attached, 1);
        lwsd_attachment_unref(last);
}
END_TEST

static void on_unref_client(lwsd_attachment *a, void *opaque)
{
        lwsd_client **c = opaque;

        ck_assert_int_eq(lwsd_client_process(*c), -EBUSY);
        *c = lwsd_client_unref(*c);
}

START_TEST(test_unref_client_inside_a_callback)
{
        lwsd_client *own = NULL;
        struct pollfd p = { .events = POLLIN };
        Story story = { 0 };
        lwsd_attachment *kept;

        start_peer();
        peer_move(&peer, LWS_SYSTATE_DHCP);
        ck_assert_int_eq(lwsd_client_new_socket(&own, socket_path), 0);
        ck_assert_int_eq(lwsd_client_attach(own, NULL, LWS_SYSTATE_DHCP, on_unref_client, &own), 0);
        ck_assert_int_eq(lwsd_client_attach(own, &kept, LWS_SYSTATE_DHCP, on_attached, &story), 0);
        p.fd = lwsd_client_get_fd(own);
        while (own) {
                ck_assert_int_ge(lwsd_client_process(own), 0);
                if (own)
                        ck_assert_int_eq(poll(&p, 1, PATIENCE_MSEC), 1);
        }
        ck_assert_uint_eq(story.attached, 0);
        ck_assert_ptr_null(lwsd_attachment_get_client(kept));
        lwsd_attachment_unref(kept);
}
END_TEST

START_TEST(test_a_restart_is_not_a_fall)
{
        Story story = { 0 };

        start_peer();
        peer_move(&peer, LWS_SYSTATE_OPERATIONAL);
        ck_assert_int_eq(
                lwsd_client_watch(client, NULL, LWS_SYSTATE_DHCP, on_entered, on_left, &story), 0);
        turn_until(client, &story.entered, 1);
        for (int i = 0; i < 5; i++) {
                start_peer(); /* kills it first */
                turn_until_quiet(client, 50);
        }
        ck_assert_uint_eq(story.entered, 1);
        ck_assert_uint_eq(story.left, 0);
        peer_kill(&peer);
        turn_until_quiet(client, 20);
        peer_move(&peer, LWS_SYSTATE_INITIALIZED);
        start_peer();
        turn_until(client, &story.left, 1);
        peer_move(&peer, LWS_SYSTATE_OPERATIONAL);
        turn_until(client, &story.entered, 2);
}
END_TEST

/* The conversation is cut after each call, reply and signal in turn. */
START_TEST(test_cut_at_every_step)
{
        for (int steps = 0; steps < 24; steps++) {
                Story one = { 0 }, watch = { 0 };
                lwsd_attachment *a, *w;

                peer.shared->state = LWS_SYSTATE_INITIALIZED;
                peer.shared->steps_left = steps;
                start_peer();
                attach(&a, LWS_SYSTATE_TIME_VALID, &one);
                ck_assert_int_eq(lwsd_client_watch(
                                         client, &w, LWS_SYSTATE_DHCP, on_entered, on_left, &watch),
                        0);
                turn_until_quiet(client, 15);
                peer_move(&peer, LWS_SYSTATE_OPERATIONAL);
                turn_until_quiet(client, 5);
                peer_move(&peer, LWS_SYSTATE_INITIALIZED);
                turn_until_quiet(client, 5);
                peer_move(&peer, LWS_SYSTATE_OPERATIONAL);
                turn_until_quiet(client, 5);
                peer.shared->steps_left = -1;
                if (!peer_is_running(&peer))
                        start_peer();
                turn_until(client, &one.attached, 1);
                turn_until(client, &watch.entered, watch.left + 1);
                turn_until_quiet(client, 15);
                ck_assert_uint_eq(one.attached, 1);
                ck_assert_uint_eq(watch.entered, watch.left + 1);
                lwsd_attachment_unref(a);
                lwsd_attachment_unref(w);
        }
}
END_TEST

typedef struct HoldStory HoldStory;
struct HoldStory {
        unsigned calls;
        int last;
};

static void on_hold(lwsd_hold *hold, int result, void *opaque)
{
        HoldStory *story = opaque;

        story->calls++;
        story->last = result;
        if (result > 0)
                ck_assert_int_ge(lwsd_hold_get_fd(hold), 0);
        else
                ck_assert_int_eq(lwsd_hold_get_fd(hold), -EAGAIN);
}

START_TEST(test_hold_is_taken_again)
{
        HoldStory story = { 0 };
        lwsd_hold *hold;

        start_peer();
        ck_assert_int_eq(lwsd_client_hold(client, &hold, LWS_SYSTATE_OPERATIONAL, "test", "because",
                                 on_hold, &story),
                0);
        turn_until(client, &story.calls, 1);
        ck_assert_int_eq(story.last, LWSD_HOLD_TAKEN);
        ck_assert_uint_eq(peer.shared->holds, 1);
        peer_kill(&peer);
        turn_until(client, &story.calls, 2);
        ck_assert_int_eq(story.last, LWSD_HOLD_LOST);
        start_peer();
        turn_until(client, &story.calls, 3);
        ck_assert_int_eq(story.last, LWSD_HOLD_TAKEN_AGAIN);
        ck_assert_uint_eq(peer.shared->holds, 1);
        lwsd_hold_unref(hold);
        for (int i = 0; i < 100 && peer.shared->holds; i++)
                turn_until_quiet(client, 5);
        ck_assert_uint_eq(peer.shared->holds, 0);
}
END_TEST

START_TEST(test_hold_is_refused)
{
        HoldStory story = { 0 };
        lwsd_hold *hold;

        peer.shared->refuse_hold = true;
        start_peer();
        ck_assert_int_eq(lwsd_client_hold(client, &hold, LWS_SYSTATE_UNKNOWN, "a", "b", NULL, NULL),
                -ERANGE);
        ck_assert_int_eq(lwsd_client_hold(client, &hold, LWS_SYSTATE_DHCP, "test", "because",
                                 on_hold, &story),
                0);
        turn_until(client, &story.calls, 1);
        ck_assert_int_eq(story.last, -EACCES);
        lwsd_hold_unref(hold);
}
END_TEST

typedef struct QueryStory QueryStory;
struct QueryStory {
        unsigned calls;
        int result;
        size_t n;
};

static void on_answer(lwsd_query *query, const lwsd_answer *answer, void *opaque)
{
        QueryStory *story = opaque;

        story->calls++;
        story->result = answer->result;
        story->n = answer->n_addresses;
        if (answer->result == 0)
                ck_assert_str_eq(answer->canonical, "host.example");
        else
                ck_assert_str_ne(answer->text, "");
}

START_TEST(test_resolve)
{
        QueryStory story = { 0 };
        lwsd_query *gone;

        ck_assert_int_eq(
                lwsd_client_resolve(client, NULL, "host.example", AF_INET, on_answer, &story), 0);
        turn_until_quiet(client, 10);
        peer.shared->steps_left = 0; /* dies of the first question */
        start_peer();
        turn_until_quiet(client, 10);
        peer.shared->steps_left = -1;
        start_peer();
        turn_until(client, &story.calls, 1);
        ck_assert_int_eq(story.result, 0);
        ck_assert_uint_eq(story.n, 1);
        ck_assert_int_eq(
                lwsd_client_resolve(client, NULL, "no.example", AF_UNSPEC, on_answer, &story), 0);
        turn_until(client, &story.calls, 2);
        ck_assert_int_eq(story.result, -ESRCH);
        ck_assert_int_eq(
                lwsd_client_resolve(client, &gone, "host.example", AF_INET, on_answer, &story), 0);
        lwsd_query_unref(gone);
        ck_assert_int_eq(
                lwsd_client_resolve(client, &gone, "host.example", AF_INET, on_answer, &story), 0);
        ck_assert_int_ge(lwsd_client_prepare(client), 0); /* sends, and calls nobody */
        lwsd_query_unref(gone);
        turn_until_quiet(client, 20);
        ck_assert_uint_eq(story.calls, 2);
        ck_assert_int_eq(
                lwsd_client_resolve(client, NULL, "x", 77, on_answer, NULL), -EAFNOSUPPORT);
}
END_TEST

static void on_status(
        lwsd_client *c, lwsd_client_status_t status, int error, const char *text, void *opaque)
{
        unsigned *counts = opaque;

        counts[status]++;
        if (status == LWSD_CLIENT_REFUSED) {
                ck_assert_int_eq(error, -EDQUOT);
                ck_assert_str_eq(text, "Too many attachments.");
        }
}

START_TEST(test_quota_lets_in_what_fits_and_the_rest_later)
{
        unsigned counts[3] = { 0 };
        lwsd_attachment *first[10];
        Story story = { 0 };

        lwsd_client_set_status_callback(client, on_status, counts);
        peer.shared->quota = 10;
        start_peer();
        for (int i = 0; i < 10; i++)
                attach(&first[i], LWS_SYSTATE_OPERATIONAL, &story);
        for (int i = 0; i < 5; i++)
                attach(NULL, LWS_SYSTATE_DHCP, &story);
        turn_until(client, &counts[LWSD_CLIENT_REFUSED], 1);
        ck_assert_uint_eq(peer.shared->attachments, 10);
        peer_move(&peer, LWS_SYSTATE_DHCP);
        for (int i = 0; i < 5; i++)
                lwsd_attachment_unref(first[i]);
        turn_until(client, &story.attached, 5);
        peer_move(&peer, LWS_SYSTATE_OPERATIONAL);
        turn_until(client, &story.attached, 10);
        ck_assert_uint_eq(counts[LWSD_CLIENT_REFUSED], 1);
        for (int i = 5; i < 10; i++)
                lwsd_attachment_unref(first[i]);
}
END_TEST

START_TEST(test_bad_arguments)
{
        Story story = { 0 };
        lwsd_client *none;

        ck_assert_int_eq(lwsd_client_new(NULL), -EINVAL);
        ck_assert_int_eq(
                lwsd_client_attach(NULL, NULL, LWS_SYSTATE_DHCP, on_attached, NULL), -EINVAL);
        ck_assert_int_eq(lwsd_client_attach(client, NULL, LWS_SYSTATE_DHCP, NULL, NULL), -EINVAL);
        ck_assert_int_eq(lwsd_client_attach(client, NULL, LWS_SYSTATE_UNKNOWN, on_attached, &story),
                -ERANGE);
        ck_assert_int_eq(
                lwsd_client_attach(client, NULL, LWS_SYSTATE_POLICY_INVALID, on_attached, &story),
                -ERANGE);
        ck_assert_int_eq(
                lwsd_client_watch(client, NULL, LWS_SYSTATE_DHCP, NULL, NULL, NULL), -EINVAL);
        ck_assert_int_eq(lwsd_client_new_socket(&none,
                                 "/0123456789012345678901234567890123456789012345678901234567890123"
                                 "456789012345678901234567890123456789012345678901234567"),
                -ENAMETOOLONG);
        ck_assert_ptr_null(lwsd_client_unref(NULL));
        ck_assert_ptr_null(lwsd_attachment_unref(NULL));
        ck_assert_ptr_null(lwsd_hold_unref(NULL));
        ck_assert_ptr_null(lwsd_query_unref(NULL));
}
END_TEST

static unsigned count_fds(void)
{
        DIR *dir = opendir("/proc/self/fd");
        unsigned n = 0;

        ck_assert_ptr_nonnull(dir);
        while (readdir(dir))
                n++;
        closedir(dir);
        return n;
}

START_TEST(test_random_kills_leak_nothing)
{
        uint64_t x = test_seed() | 1;
        Story one = { 0 }, watch = { 0 };
        unsigned fds = 0, asked = 0;

        start_peer();
        ck_assert_int_eq(lwsd_client_watch(
                                 client, NULL, LWS_SYSTATE_TIME_VALID, on_entered, on_left, &watch),
                0);
        for (int i = 0; i < 150; i++) {
                next_random(&x);
                attach(NULL, (lws_system_states_t) (1 + x % 14), &one);
                asked++;
                if (x & 0x1000)
                        peer_kill(&peer);
                peer_move(&peer, (int) (1 + (x >> 20) % 14));
                if (x & 0x2000)
                        turn_until_quiet(client, (int) (x >> 60));
                if (!peer_is_running(&peer))
                        start_peer();
                if (i == 20)
                        fds = count_fds();
        }
        peer_move(&peer, LWS_SYSTATE_OPERATIONAL);
        turn_until(client, &one.attached, asked);
        turn_until(client, &watch.entered, watch.left + 1);
        turn_until_quiet(client, 20);
        ck_assert_uint_eq(one.attached, asked);
        ck_assert_uint_le(count_fds(), fds + 3);
        ck_assert_uint_eq(peer.shared->attachments, 1);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("client");
        TCase *tc = tcase_create("client");
        SRunner *runner;
        int failed;

        tcase_add_checked_fixture(tc, set_up, tear_down);
        tcase_set_timeout(tc, 120);
        tcase_add_test(tc, test_attach_before_anything_is_there);
        tcase_add_test(tc, test_one_turn_is_one_message);
        tcase_add_test(tc, test_unref_in_every_place);
        tcase_add_test(tc, test_unref_client_inside_a_callback);
        tcase_add_test(tc, test_a_restart_is_not_a_fall);
        tcase_add_test(tc, test_cut_at_every_step);
        tcase_add_test(tc, test_hold_is_taken_again);
        tcase_add_test(tc, test_hold_is_refused);
        tcase_add_test(tc, test_resolve);
        tcase_add_test(tc, test_quota_lets_in_what_fits_and_the_rest_later);
        tcase_add_test(tc, test_bad_arguments);
        tcase_add_test(tc, test_random_kills_leak_nothing);
        suite_add_tcase(suite, tc);
        runner = srunner_create(suite);
        srunner_run_all(runner, CK_ENV);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
