/* SPDX-License-Identifier: MIT */
/* A connection whose other end speaks and leaves. */
#include "core/context.h"
#include "lib/suite.h"
#include "net/stream.h"
#include <sys/socket.h>
#include <unistd.h>

typedef struct Said Said;
struct Said {
        struct lws_context *cx;
        Stream *stream;
        char text[64];
        size_t size;
        bool closed;
        int error;
};

static void on_event(Stream *s, StreamEvent event, const uint8_t *data, size_t size, int error)
{
        Said *said = stream_userdata(s);

        switch (event) {
        case STREAM_OPEN:
                break;
        case STREAM_DATA:
                ck_assert_uint_le(said->size + size, sizeof(said->text));
                memcpy(said->text + said->size, data, size);
                said->size += size;
                break;
        case STREAM_CLOSED:
                said->closed = true;
                said->error = error;
                said->stream = stream_free(s);
                break;
        }
}

static int begin(Said *said)
{
        struct lws_context_creation_info info;
        int pair[2];

        lws_context_info_defaults(&info, NULL);
        *said = (Said){ .cx = lws_create_context(&info) };
        ck_assert_ptr_nonnull(said->cx);
        ck_assert_int_eq(
                socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
        ck_assert_int_eq(stream_adopt(&said->stream, context_vhost_own(said->cx),
                                 context_thread(said->cx, 0), pair[0], on_event, said),
                0);
        return pair[1];
}

static void serve(Said *said)
{
        for (int i = 0; i < 10 && !said->closed; i++)
                ck_assert_int_eq(lws_service(said->cx, 0), 0);
        ck_assert(said->closed);
        lws_context_destroy(said->cx);
}

START_TEST(what_was_said_before_the_end_comes_first)
{
        Said said;
        int peer = begin(&said);

        ck_assert_int_eq(write(peer, "bye", 3), 3);
        close(peer);
        serve(&said);
        ck_assert_uint_eq(said.size, 3);
        ck_assert_int_eq(said.error, 0);
}
END_TEST

/* A server that answers once and closes, while the next question is on its way. */
START_TEST(what_was_said_is_heard_by_who_cannot_write_any_more)
{
        Said said;
        int peer = begin(&said);

        ck_assert_int_eq(write(peer, "bye", 3), 3);
        close(peer);
        ck_assert_int_eq(stream_write(said.stream, "more", 4), 0);
        ck_assert(stream_has_unsent(said.stream));
        serve(&said);
        ck_assert_uint_eq(said.size, 3);
        ck_assert_int_eq(memcmp(said.text, "bye", 3), 0);
}
END_TEST

TEST_MAIN("stream", what_was_said_before_the_end_comes_first,
        what_was_said_is_heard_by_who_cannot_write_any_more)
