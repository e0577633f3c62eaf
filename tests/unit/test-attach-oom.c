/* SPDX-License-Identifier: MIT */
/* Out of memory at every allocation, one later each round, and out of descriptors at each. */
#include "core/context.h"
#include "lib/oom.h"
#include "lib/suite.h"
#include "loop/loop.h"
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

enum { PLAIN = 300, EXTENDED = 100 };

/* check's own macros allocate: what goes wrong is noted and said afterwards. */
static const char *problem;

#define CHECK(condition)                                                                           \
        do {                                                                                       \
                if (!(condition))                                                                  \
                        problem = #condition;                                                      \
        } while (0)

static int plain_asked, plain_ran, ext_asked, ext_ran, ext_destroyed, entered, left_;

static void on_plain(struct lws_context *cx, int tsi, void *opaque)
{
        plain_ran++;
}

static void on_extended(struct lws_context *cx, int tsi, void *opaque)
{
        ext_ran++;
}

static void on_destroy(void *opaque)
{
        ext_destroyed++;
}

static void on_entered(struct lws_context *cx, int tsi, void *opaque)
{
        entered++;
}

static void on_left(struct lws_context *cx, int tsi, void *opaque)
{
        left_++;
}

static int on_protocol(
        struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
        return 0;
}

static const struct lws_protocols protocols[] = {
        { "test", on_protocol, 16, 0, 0, NULL, 0 },
        LWS_PROTOCOL_LIST_TERM,
};

static bool under_lock; /* the user's .attach, not the built-in one */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int locked_attach(struct lws_context *cx, int tsi, lws_attach_cb_t cb,
        lws_system_states_t state, void *opaque, struct lws_attach_item **get)
{
        int r;

        pthread_mutex_lock(&lock);
        r = __lws_system_attach(cx, tsi, cb, state, opaque, get);
        pthread_mutex_unlock(&lock);
        return r;
}

static const lws_system_ops_t locked_ops = { .attach = locked_attach };

static struct lws_context *make(uint64_t options)
{
        struct lws_context_creation_info info;

        lws_context_info_defaults(&info, NULL);
        info.options = options;
        info.count_threads = 3;
        info.protocols = protocols;
        info.system_ops = under_lock ? &locked_ops : NULL;
        return lws_create_context(&info);
}

static void attach_some(struct lws_context *cx)
{
        uint64_t handle;

        for (int i = 0; i < PLAIN; i++)
                plain_asked += lws_system_get_ops(cx)->attach(cx, 0, on_plain,
                                       (lws_system_states_t) (1 + i % 14), NULL, NULL) == 0;
        for (int i = 0; i < EXTENDED; i++) {
                if (lws_system_attach_ext(cx, i % 3, on_extended,
                            (lws_system_states_t) (1 + i % 14), NULL, on_destroy,
                            i % 2 ? lws_now_usecs() + 3600 * LWS_US_PER_SEC : 0, &handle) < 0)
                        continue;
                ext_asked++;
                if (i % 5 == 0)
                        CHECK(lws_system_attach_cancel(cx, handle) == 1);
        }
        (void) lws_system_watch(cx, 0, LWS_SYSTATE_DHCP, on_entered, on_left, NULL, NULL);
        if (lws_system_watch(cx, 0, LWS_SYSTATE_DHCP, on_entered, on_left, NULL, &handle) == 0)
                CHECK(lws_system_attach_cancel(cx, handle) == 1);
}

static void exercise(uint64_t options)
{
        struct lws_context *cx = make(options);
        lws_sock_file_fd_type fd;

        plain_asked = plain_ran = ext_asked = ext_ran = ext_destroyed = entered = left_ = 0;
        if (!cx)
                return;
        fd.filefd = dup(STDIN_FILENO);
        if (fd.filefd >= 0)
                (void) lws_adopt_descriptor_vhost(lws_get_vhost_by_name(cx, "default"),
                        LWS_ADOPT_RAW_FILE_DESC, fd, "test", NULL);
        attach_some(cx);
        /* a thread whose loop is only made now; where it cannot be, another time may do */
        lws_cancel_service(cx);
        (void) lws_service(cx, 1);
        for (int turns = 0; turns < 1000 && plain_ran < plain_asked; turns++) {
                CHECK(lws_service(cx, 0) == 0);
                lws_cancel_service(cx);
        }
        lws_context_destroy(cx);
        CHECK(plain_ran == plain_asked);
        CHECK(ext_destroyed == ext_asked);
}

static void *exercise_in_thread(void *options)
{
        exercise(*(uint64_t *) options);
        return NULL;
}

static const uint64_t loop_options[] = { 0, LWS_SERVER_OPTION_SDEVENT, LWS_SERVER_OPTION_LIBEV };

START_TEST(any_allocation_may_fail)
{
        uint64_t options = loop_options[_i / 2];
        unsigned long nth = 0;
        bool failed;
        pthread_t id;

        if (options == LWS_SERVER_OPTION_LIBEV && !loop_libev)
                return;
        lws_set_log_level(0, NULL);
        under_lock = _i % 2;
        do {
                long live = oom_live();

                oom_fail_at(++nth);
                /* a thread of its own, so that what it keeps for its next post goes with it */
                CHECK(pthread_create(&id, NULL, exercise_in_thread, &options) == 0);
                pthread_join(id, NULL);
                CHECK(oom_live() == live);
                failed = oom_failed();
                oom_fail_at(0);
                ck_assert_msg(!problem, "allocation %lu: not %s", nth, problem);
        } while (failed);
        ck_assert_uint_gt(nth, 20);
        ck_assert_int_eq(plain_asked, PLAIN);
        ck_assert_int_eq(ext_asked, EXTENDED);
        ck_assert_int_eq(entered, 1);
}
END_TEST

static int lowest_free_fd(void)
{
        int fd = dup(STDERR_FILENO);

        close(fd);
        return fd;
}

START_TEST(any_descriptor_may_be_the_one_too_many)
{
        uint64_t options = loop_options[_i];
        struct rlimit limit, old;
        int before, made = 0;

        if (options == LWS_SERVER_OPTION_LIBEV && !loop_libev)
                return;
        lws_set_log_level(0, NULL);
        exercise(options);
        before = lowest_free_fd();
        getrlimit(RLIMIT_NOFILE, &old);
        for (rlim_t more = 0; more < 20; more++) {
                limit = old;
                limit.rlim_cur = (rlim_t) before + more;
                ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
                plain_asked = 0;
                exercise(options);
                made += plain_asked == PLAIN;
                ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
                ck_assert_int_eq(lowest_free_fd(), before);
        }
        ck_assert_int_gt(made, 5);
        ck_assert_int_lt(made, 20);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("attach-oom");
        TCase *tc = tcase_create("attach-oom");
        SRunner *runner = srunner_create(suite);
        int failed;

        tcase_set_timeout(tc, 120);
        tcase_add_loop_test(tc, any_allocation_may_fail, 0, 6);
        tcase_add_loop_test(tc, any_descriptor_may_be_the_one_too_many, 0, 3);
        suite_add_tcase(suite, tc);
        srunner_run_all(runner, CK_ENV);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
