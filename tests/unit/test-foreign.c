/* SPDX-License-Identifier: MIT */
/* Contexts on loops of the caller's, and one driven through a descriptor. */
#include "core/context.h"
#include "lib/suite.h"
#include "loop/loop.h"
#include <dirent.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <systemd/sd-event.h>

static int count_fds(void)
{
        DIR *dir = opendir("/proc/self/fd");
        int n = 0;

        while (readdir(dir))
                n++;
        closedir(dir);
        return n;
}

static struct lws_context *make(uint64_t options, void **loops, struct lws_context **pcontext)
{
        struct lws_context_creation_info info;

        lws_context_info_defaults(&info, NULL);
        info.options = options;
        info.foreign_loops = loops;
        info.pcontext = pcontext;
        return lws_create_context(&info);
}

static int runs;

static void count(struct lws_context *cx, int tsi, void *opaque)
{
        runs++;
        if (opaque)
                lws_context_destroy(cx);
}

static int attach(struct lws_context *cx, void *opaque)
{
        return lws_system_get_ops(cx)->attach(cx, 0, count, LWS_SYSTATE_OPERATIONAL, opaque, NULL);
}

static int on_time(sd_event_source *s, uint64_t usec, void *userdata)
{
        (*(int *) userdata)++;
        return 0;
}

static int destroy_in_source(sd_event_source *s, uint64_t usec, void *userdata)
{
        lws_context_destroy(userdata);
        return 0;
}

static void *destroy_in_thread(void *cx)
{
        lws_context_destroy(cx);
        return NULL;
}

typedef enum How { OUTSIDE, IN_CALLBACK, IN_ANOTHER_SOURCE, IN_ANOTHER_THREAD, HOWS } How;

/* The loop's thread sees to the rest where it is not done with the call. */
static void destroy(struct lws_context **cx, sd_event *event, How how)
{
        pthread_t id;

        switch (how) {
        case IN_CALLBACK:
                break;
        case OUTSIDE:
                lws_context_destroy(*cx);
                ck_assert_ptr_null(*cx);
                break;
        case IN_ANOTHER_SOURCE:
                ck_assert_int_ge(sd_event_add_time_relative(event, NULL, CLOCK_MONOTONIC, 0, 0,
                                         destroy_in_source, *cx),
                        0);
                break;
        case IN_ANOTHER_THREAD:
                ck_assert_int_eq(pthread_create(&id, NULL, destroy_in_thread, *cx), 0);
                pthread_join(id, NULL);
                break;
        case HOWS:
                break;
        }
        while (*cx)
                ck_assert_int_ge(sd_event_run(event, UINT64_MAX), 0);
}

START_TEST(a_foreign_sd_event_is_left_as_it_was)
{
        struct lws_context *cx;
        sd_event *event;
        void *loops[1];
        int fds, ticks = 0;

        runs = 0;
        ck_assert_int_ge(sd_event_new(&event), 0);
        /* opens what sd-event itself keeps */
        ck_assert_int_ge(
                sd_event_add_time_relative(event, NULL, CLOCK_MONOTONIC, 0, 0, on_time, &ticks), 0);
        while (ticks < 1)
                ck_assert_int_ge(sd_event_run(event, UINT64_MAX), 0);
        fds = count_fds();
        loops[0] = event;
        for (How how = OUTSIDE; how < HOWS; how++) {
                runs = 0;
                cx = make(LWS_SERVER_OPTION_SDEVENT, loops, &cx);
                ck_assert_int_eq(attach(cx, how == IN_CALLBACK ? &runs : NULL), 0);
                while (!runs)
                        ck_assert_int_ge(sd_event_run(event, UINT64_MAX), 0);
                destroy(&cx, event, how);
                ck_assert_int_eq(count_fds(), fds);
                ck_assert_int_eq(sd_event_run(event, 0), 0);
        }
        /* and goes on */
        ck_assert_int_ge(
                sd_event_add_time_relative(event, NULL, CLOCK_MONOTONIC, 0, 0, on_time, &ticks), 0);
        while (ticks < 2)
                ck_assert_int_ge(sd_event_run(event, UINT64_MAX), 0);
        ck_assert_ptr_null(sd_event_unref(event));
}
END_TEST

START_TEST(bad_loops_are_refused)
{
        sd_event *event;
        void *loops[1];

        ck_assert_int_ge(sd_event_new(&event), 0);
        loops[0] = event;
        /* whose loop is it? */
        ck_assert_ptr_null(make(0, loops, NULL));
        ck_assert_ptr_null(make(LWS_SERVER_OPTION_SDEVENT | LWS_SERVER_OPTION_LIBEV, loops, NULL));
        ck_assert_ptr_null(sd_event_unref(event));
}
END_TEST

START_TEST(a_context_is_driven_through_a_descriptor)
{
        struct lws_context *cx = make(0, NULL, NULL), *sd;
        lws_sorted_usec_list_t sul = { 0 };
        int turns = 0, fds = count_fds();

        runs = 0;
        ck_assert_int_eq(attach(cx, NULL), 0);
        while (runs < 1) {
                struct pollfd p = { .fd = lws_context_get_fd(cx, 0),
                        .events = (short) lws_context_get_events(cx, 0) };

                ck_assert_int_ge(poll(&p, 1, lws_context_get_timeout(cx, 0)), 0);
                ck_assert_int_eq(lws_context_dispatch(cx, 0), 0);
                turns++;
        }
        ck_assert_int_lt(turns, 10);
        /* at rest: no timeout, and nothing to read */
        while (lws_context_get_timeout(cx, 0) == 0)
                ck_assert_int_eq(lws_context_dispatch(cx, 0), 0);
        ck_assert_int_eq(lws_context_get_timeout(cx, 0), -1);
        ck_assert_int_eq(poll(&(struct pollfd){ lws_context_get_fd(cx, 0), POLLIN, 0 }, 1, 20), 0);
        /* a post makes it readable */
        ck_assert_int_eq(attach(cx, cx), 0);
        ck_assert_int_eq(
                poll(&(struct pollfd){ lws_context_get_fd(cx, 0), POLLIN, 0 }, 1, 1000), 1);
        while (lws_context_dispatch(cx, 0) == 0)
                ;
        ck_assert_int_eq(runs, 2);
        ck_assert_int_lt(count_fds(), fds);
        lws_sul_cancel(&sul);

        sd = make(LWS_SERVER_OPTION_SDEVENT, NULL, NULL);
        ck_assert_int_eq(lws_context_get_fd(sd, 0), -1);
        ck_assert_int_eq(lws_context_get_fd(sd, 1), -1);
        lws_context_destroy(sd);
}
END_TEST

static struct whose {
        char letter;
        lws_sorted_usec_list_t sul;
} timers[] = { { .letter = 'a' }, { .letter = 'b' }, { .letter = 'c' } };
static char fired[4];

/* Timers are found by what they are inside of. */
static void on_sul(lws_sorted_usec_list_t *sul)
{
        struct whose *whose = lws_container_of(sul, struct whose, sul);

        fired[strlen(fired)] = whose->letter;
}

START_TEST(libwebsockets_timers_fire_on_a_driven_context)
{
        struct lws_context *cx = make(0, NULL, NULL);

        memset(fired, 0, sizeof(fired));
        lws_sul_schedule(cx, 0, &timers[0].sul, on_sul, 30 * LWS_US_PER_MS);
        lws_sul_schedule(cx, 0, &timers[1].sul, on_sul, 10 * LWS_US_PER_MS);
        lws_sul_schedule(cx, 0, &timers[2].sul, on_sul, 20 * LWS_US_PER_MS);
        lws_sul_cancel(&timers[2].sul);
        while (strlen(fired) < 2) {
                struct pollfd p = { lws_context_get_fd(cx, 0), POLLIN, 0 };

                ck_assert_int_ge(poll(&p, 1, lws_context_get_timeout(cx, 0)), 0);
                ck_assert_int_eq(lws_context_dispatch(cx, 0), 0);
        }
        ck_assert_str_eq(fired, "ba");
        lws_context_destroy(cx);
}
END_TEST

TEST_MAIN("foreign", a_foreign_sd_event_is_left_as_it_was, bad_loops_are_refused,
        a_context_is_driven_through_a_descriptor, libwebsockets_timers_fire_on_a_driven_context)
