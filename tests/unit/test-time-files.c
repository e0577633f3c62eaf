/* SPDX-License-Identifier: MIT */
#include "helper/time-nts-file.h"
#include "lib/suite.h"
#include "proto/ntp-time.h"
#include "util/fd.h"
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64];
static TimeFiles files;

static void open_files(void)
{
        /* a folder for each test, which done() takes away: sanitizers run them in one process */
        if (!dir[0]) {
                strcpy(dir, "/tmp/lwsd-time-files-XXXXXX");
                ck_assert_ptr_nonnull(mkdtemp(dir));
        }
        time_files_init(&files, dir);
}

static void put(const char *name, const char *text)
{
        ck_assert_int_eq(file_write_atomic(files.dirfd, name, text, strlen(text), 0644), 0);
}

static void done(void)
{
        const char *names[] = { "clock", "drift", "time-servers", "nts-ntp.example-4460" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                (void) unlinkat(files.dirfd, names[i], 0);
        time_files_deinit(&files);
        ck_assert_int_eq(rmdir(dir), 0);
        dir[0] = 0;
}

START_TEST(the_floor_is_the_last_saved_time)
{
        struct timespec future[2] = { { .tv_sec = 4000000000 }, { .tv_sec = 4000000000 } };
        int64_t before;

        open_files();
        before = time_files_floor_nsec(&files);
        ck_assert_int_ge(before, time_files_build_nsec());
        time_files_save_clock(&files, 1, false);
        ck_assert_int_ge(time_files_floor_nsec(&files), before);
        ck_assert_int_eq(utimensat(files.dirfd, "clock", future, 0), 0);
        ck_assert_int_eq(time_files_floor_nsec(&files), INT64_C(4000000000) * NTP_NSEC_PER_SEC);
        time_files_save_clock(&files, 2, false); /* too soon */
        ck_assert_int_eq(time_files_floor_nsec(&files), INT64_C(4000000000) * NTP_NSEC_PER_SEC);
        time_files_save_clock(&files, 3, true);
        ck_assert_int_lt(time_files_floor_nsec(&files), INT64_C(4000000000) * NTP_NSEC_PER_SEC);
        done();
}
END_TEST

START_TEST(drift_comes_back_and_nonsense_does_not)
{
        const char *nonsense[] = { "", "x", "1.5", "nan 1", "900 1", "1 -1", "inf inf", "1 1e9" };
        double frequency = 7, sd = 7;

        open_files();
        ck_assert(!time_files_drift(&files, &frequency, &sd));
        time_files_save_drift(&files, 1, -23.456e-6, 0.01e-6, false);
        ck_assert(time_files_drift(&files, &frequency, &sd));
        ck_assert_double_eq_tol(frequency, -23.456e-6, 1e-12);
        ck_assert_double_eq_tol(sd, 0.01e-6, 1e-12);
        for (size_t i = 0; i < ELEMENTSOF(nonsense); i++) {
                put("drift", nonsense[i]);
                ck_assert(!time_files_drift(&files, &frequency, &sd));
        }
        done();
}
END_TEST

START_TEST(servers_come_back)
{
        TimeRemembered items[2] = { { .host = "ntp.example" }, { .host = "other.example" } };
        TimeFiles again;

        open_files();
        ck_assert_int_eq(endpoint_parse("192.0.2.1", &items[0].endpoint), 0);
        ck_assert_int_eq(endpoint_parse("[2001:db8::1]:1234", &items[1].endpoint), 0);
        time_files_remember(&files, items, 2);
        time_files_init(&again, dir);
        time_files_load_servers(&again);
        ck_assert_uint_eq(again.n_remembered, 2);
        ck_assert_str_eq(again.remembered[1].host, "other.example");
        ck_assert(endpoint_equal(&again.remembered[1].endpoint, &items[1].endpoint));
        time_files_deinit(&again);
        put("time-servers", "nonsense\n\n a b c\nhost 1.2.3.4.5\nok 192.0.2.7 rest\n");
        time_files_load_servers(&files);
        ck_assert_uint_eq(files.n_remembered, 1);
        done();
}
END_TEST

START_TEST(keys_come_back_without_the_cookies_that_may_be_spent)
{
        NtsStored s, back;
        uint8_t cookie[100];
        struct stat st;

        open_files();
        nts_stored_init(&s);
        ck_assert(!nts_stored_load(&files, "ntp.example", 0, &back));
        memset(s.session.c2s, 0xc2, sizeof(s.session.c2s));
        memset(s.session.s2c, 0x2c, sizeof(s.session.s2c));
        for (int i = 0; i < 8; i++) {
                memset(cookie, i, sizeof(cookie));
                ck_assert_int_eq(nts_session_add_cookie(&s.session, cookie, sizeof(cookie)), 0);
        }
        ck_assert_int_eq(endpoint_parse("192.0.2.1:123", &s.server), 0);
        s.session.unsaved = 5;
        s.backoff.tries = 3;
        s.not_before_sec = 1234567890123;
        s.valid_from_sec = 1;
        s.valid_until_sec = INT64_C(4000000000);
        nts_stored_save(&files, "ntp.example", 0, &s);
        ck_assert_int_eq(fstatat(files.dirfd, "nts-ntp.example-4460", &st, 0), 0);
        ck_assert_uint_eq(st.st_mode & 07777, 0600);
        ck_assert(nts_stored_load(&files, "ntp.example", 4460, &back));
        ck_assert_uint_eq(back.session.n_cookies, 3);
        ck_assert_uint_eq(back.session.cookies[0].size, 100);
        ck_assert_uint_eq(back.session.cookies[0].data[99], 5);
        ck_assert_mem_eq(back.session.c2s, s.session.c2s, SIV_KEY_SIZE);
        ck_assert_mem_eq(back.session.s2c, s.session.s2c, SIV_KEY_SIZE);
        ck_assert(endpoint_equal(&back.server, &s.server));
        ck_assert_uint_eq(back.backoff.tries, 3);
        ck_assert_int_eq(back.not_before_sec, 1234567890123);
        ck_assert_int_eq(back.valid_from_sec, 1);
        ck_assert_int_eq(back.valid_until_sec, 4000000000);
        ck_assert(!back.relaxed);
        s.relaxed = true;
        nts_stored_save(&files, "ntp.example", 0, &s);
        ck_assert(nts_stored_load(&files, "ntp.example", 0, &back));
        ck_assert(back.relaxed && back.session.n_cookies == 3);
        /* with a key missing cookies are worth nothing */
        put("nts-ntp.example-4460", "tries 2\ncookie 00112233445566778899\nserver 192.0.2.1\n");
        ck_assert(nts_stored_load(&files, "ntp.example", 0, &back));
        ck_assert_uint_eq(back.session.n_cookies, 0);
        ck_assert_uint_eq(back.backoff.tries, 2);
        done();
}
END_TEST

TEST_MAIN("time-files", the_floor_is_the_last_saved_time, drift_comes_back_and_nonsense_does_not,
        servers_come_back, keys_come_back_without_the_cookies_that_may_be_spent)
