/* SPDX-License-Identifier: MIT */
/* What encode.c makes is read by sd-bus, which checks it more strictly than we could. */
#include "daemon/encode.h"
#include "dbus/names.h"
#include "lib/suite.h"
#include "state/table.h"
#include "util/error.h"
#include <lwsd/lws-states.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-bus.h>

#define MANY 5000
#define N64  "0123456789012345678901234567890123456789012345678901234567890123"
/* names have at most 255 bytes */
#define LONG_NAME ":1." N64 N64 N64 "012345678901234567890123456789012345678901234567890123456789"

typedef struct Pair Pair;
struct Pair {
        sd_bus *server, *client;
        int fd; /* where the server would write */
        sd_bus_message *got;
        unsigned n;
};

static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        Pair *p = userdata;

        if (sd_bus_message_is_signal(m, "org.freedesktop.DBus.Local", NULL))
                return 0;
        sd_bus_message_unref(p->got);
        p->got = sd_bus_message_ref(m);
        p->n++;
        return 1;
}

static void pair_open(Pair *p)
{
        int fds[2];

        *p = (Pair){ 0 };
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        p->fd = fds[0];
        ck_assert_int_ge(sd_bus_new(&p->server), 0);
        ck_assert_int_ge(sd_bus_set_fd(p->server, fds[0], fds[0]), 0);
        ck_assert_int_ge(sd_bus_set_server(p->server, 1,
                                 SD_ID128_MAKE(1, 2, 3, 4, 5, 6, 7, 8, 9, a, b, c, d, e, f, 0)),
                0);
        ck_assert_int_ge(sd_bus_start(p->server), 0);
        ck_assert_int_ge(sd_bus_new(&p->client), 0);
        ck_assert_int_ge(sd_bus_set_fd(p->client, fds[1], fds[1]), 0);
        ck_assert_int_ge(sd_bus_start(p->client), 0);
        while (sd_bus_is_ready(p->server) == 0 || sd_bus_is_ready(p->client) == 0) {
                ck_assert_int_ge(sd_bus_process(p->server, NULL), 0);
                ck_assert_int_ge(sd_bus_process(p->client, NULL), 0);
        }
        ck_assert_int_ge(sd_bus_add_filter(p->client, NULL, on_message, p), 0);
}

static void pair_close(Pair *p)
{
        sd_bus_message_unref(p->got);
        sd_bus_close_unref(p->client);
        sd_bus_close_unref(p->server);
}

/* Hands the client what was encoded. */
static void pair_tell(Pair *p, Encoded bytes)
{
        unsigned before = p->n;
        size_t sent = 0;

        while (p->n == before) {
                ssize_t n = send(p->fd, bytes.data + sent, bytes.size - sent, MSG_DONTWAIT);

                if (n > 0)
                        sent += (size_t) n;
                ck_assert_int_ge(sd_bus_process(p->client, NULL), 0);
        }
        ck_assert_uint_eq(sent, bytes.size);
        free(bytes.data);
}

static void check_ids(sd_bus_message *m, const uint64_t *ids, size_t n)
{
        const void *got;
        size_t size;

        ck_assert_int_ge(sd_bus_message_read_array(m, 't', &got, &size), 0);
        ck_assert_uint_eq(size, n * sizeof(*ids));
        if (n > 0)
                ck_assert_mem_eq(got, ids, size);
}

static void check_names(sd_bus_message *m, const char *to)
{
        const char *destination = sd_bus_message_get_destination(m);
        const char *sender = sd_bus_message_get_sender(m);

        ck_assert_str_eq(destination ? destination : "", to ? to : "");
        ck_assert_str_eq(sender ? sender : "", to ? "" : LWSD_PEER_SENDER);
}

static void check_signal_to(
        Pair *p, const char *to, const BrokerSignal *s, const char *member, const char *state)
{
        const char *text, *keys[2];
        uint64_t values[2];
        Encoded bytes;

        ck_assert_int_eq(encode_broker_signal(&bytes, to, s), 0);
        pair_tell(p, bytes);
        ck_assert(sd_bus_message_is_signal(p->got, LWSD_INTERFACE_MANAGER, member) > 0);
        ck_assert_str_eq(sd_bus_message_get_path(p->got), LWSD_OBJECT_PATH);
        check_names(p->got, to);
        check_ids(p->got, s->ids, s->n);
        ck_assert_int_ge(sd_bus_message_read(p->got, "s", &text), 0);
        ck_assert_str_eq(text, state);
        if (s->kind != BROKER_SIGNAL_EXPIRED) {
                ck_assert_int_ge(sd_bus_message_read(p->got, "a{sv}", 2, &keys[0], "t", &values[0],
                                         &keys[1], "t", &values[1]),
                        0);
                ck_assert_str_eq(keys[0], "monotonic-usec");
                ck_assert_uint_eq(values[0], s->monotonic_usec);
                ck_assert_str_eq(keys[1], "state-serial");
                ck_assert_uint_eq(values[1], s->serial);
        }
        ck_assert(sd_bus_message_at_end(p->got, 1) > 0);
}

static void check_signal(Pair *p, const BrokerSignal *s, const char *member, const char *state)
{
        check_signal_to(p, NULL, s, member, state);
        check_signal_to(p, ":1.4", s, member, state);
        check_signal_to(p, LONG_NAME, s, member, state);
}

START_TEST(signals_are_what_they_should_be)
{
        static uint64_t ids[MANY];
        BrokerSignal s = { .ids = ids, .monotonic_usec = UINT64_MAX - 1, .serial = 7 };
        Pair p;

        for (size_t i = 0; i < MANY; i++)
                ids[i] = i * UINT64_C(0x100000001);
        pair_open(&p);
        for (size_t i = 0; i < 4; i++) {
                s.n = (const size_t[]){ 1, 2, 17, MANY }[i];
                s.kind = BROKER_SIGNAL_ATTACHED;
                s.state = LWS_SYSTATE_CONTEXT_CREATED;
                check_signal(&p, &s, "Attached", "context-created");
                s.kind = BROKER_SIGNAL_LEFT;
                s.state = LWS_SYSTATE_DHCP;
                check_signal(&p, &s, "Left", "dhcp");
                s.kind = BROKER_SIGNAL_EXPIRED;
                s.state = LWS_SYSTATE_ONE_TIME_UPDATES;
                check_signal(&p, &s, "Expired", "one-time-updates");
        }
        pair_close(&p);
}
END_TEST

static void check_reply_to(
        Pair *p, const char *to, const uint64_t *ids, size_t n, bool many, const char *state)
{
        sd_bus_message *call;
        const char *text;
        Encoded bytes;
        uint64_t cookie, answered, id;

        ck_assert_int_ge(sd_bus_message_new_method_call(p->client, &call, NULL, LWSD_OBJECT_PATH,
                                 LWSD_INTERFACE_MANAGER, "Attach"),
                0);
        ck_assert_int_ge(sd_bus_call_async(p->client, NULL, call, on_message, p, 0), 0);
        ck_assert_int_ge(sd_bus_message_get_cookie(call, &cookie), 0);
        ck_assert_int_eq(
                encode_attach_reply(&bytes, to, (uint32_t) cookie, ids, n, many, state), 0);
        pair_tell(p, bytes);
        ck_assert_int_ge(sd_bus_message_get_reply_cookie(p->got, &answered), 0);
        ck_assert_uint_eq(answered, cookie);
        check_names(p->got, to);
        if (many) {
                check_ids(p->got, ids, n);
        } else {
                ck_assert_int_ge(sd_bus_message_read(p->got, "t", &id), 0);
                ck_assert_uint_eq(id, ids[0]);
        }
        ck_assert_int_ge(sd_bus_message_read(p->got, "s", &text), 0);
        ck_assert_str_eq(text, state);
        ck_assert(sd_bus_message_at_end(p->got, 1) > 0);
        sd_bus_message_unref(call);
}

static void check_reply(Pair *p, const uint64_t *ids, size_t n, bool many, const char *state)
{
        check_reply_to(p, NULL, ids, n, many, state);
        check_reply_to(p, LONG_NAME, ids, n, many, state);
}

START_TEST(replies_are_what_they_should_be)
{
        static uint64_t ids[MANY] = { UINT64_MAX, 1 };
        Pair p;

        pair_open(&p);
        check_reply(&p, ids, 1, false, "unknown");
        check_reply(&p, ids, 1, false, "operational");
        check_reply(&p, ids, 0, true, "time-valid");
        check_reply(&p, ids, 1, true, "dhcp");
        check_reply(&p, ids, MANY, true, "cpd-pre-time");
        pair_close(&p);
}
END_TEST

/* Padding depends on the length of the names and of the state's. */
START_TEST(any_length_of_a_name_will_do)
{
        uint64_t id = 7;
        BrokerSignal s = {
                .kind = BROKER_SIGNAL_LEFT, .ids = &id, .n = 1, .monotonic_usec = 1, .serial = 2
        };
        char name[32] = ":1.";
        Pair p;

        pair_open(&p);
        for (size_t i = strlen(name); i < 3 + 9; i++) {
                name[i] = '9';
                for (s.state = LWS_SYSTATE_CONTEXT_CREATED; s.state <= LWS_SYSTATE_OPERATIONAL;
                        s.state++) {
                        check_signal_to(&p, name, &s, "Left", state_to_string(s.state));
                        check_reply_to(&p, name, &id, 1, false, state_to_string(s.state));
                        check_reply_to(&p, name, &id, 1, true, state_to_string(s.state));
                }
        }
        pair_close(&p);
}
END_TEST

TEST_MAIN("encode", signals_are_what_they_should_be, any_length_of_a_name_will_do,
        replies_are_what_they_should_be)
