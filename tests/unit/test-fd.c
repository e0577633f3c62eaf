/* SPDX-License-Identifier: MIT */
#include "lib/suite.h"
#include "util/fd.h"
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* A folder of its own, gone with fd_folder_end(). */
static int fd_folder(char path[static 64])
{
        snprintf(path, 64, "/tmp/lwsd-test-fd.XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(path));
        return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void fd_folder_end(int dirfd, const char *path)
{
        (void) unlinkat(dirfd, "file", 0);
        ck_assert_int_eq(rmdir(path), 0); /* nothing else was left there */
        fd_close(dirfd);
}

static void expect(int dirfd, const char *text)
{
        _cleanup_(freep) char *data = NULL;
        size_t size;

        ck_assert_int_eq(file_read(dirfd, "file", 100, &data, &size), 0);
        ck_assert_uint_eq(size, strlen(text));
        ck_assert_str_eq(data, text);
}

START_TEST(a_file_is_replaced_whole)
{
        char path[64];
        int dirfd = fd_folder(path);
        struct stat st;

        ck_assert_int_eq(file_write_atomic(dirfd, "file", "one", 3, 0600), 0);
        expect(dirfd, "one");
        ck_assert_int_eq(file_write_atomic(dirfd, "file", "", 0, 0644), 0);
        expect(dirfd, "");
        ck_assert_int_eq(fstatat(dirfd, "file", &st, 0), 0);
        ck_assert_uint_eq(st.st_mode & 07777, 0644);
        fd_folder_end(dirfd, path);
}
END_TEST

START_TEST(a_failure_leaves_the_old_file)
{
        char path[64], name[300];
        int dirfd = fd_folder(path);

        ck_assert_int_eq(file_write_atomic(dirfd, "file", "one", 3, 0600), 0);
        /* where the new name should go there is a folder */
        ck_assert_int_eq(mkdirat(dirfd, ".file.new", 0700), 0);
        ck_assert_int_lt(file_write_atomic(dirfd, "file", "two", 3, 0600), 0);
        expect(dirfd, "one");
        ck_assert_int_eq(unlinkat(dirfd, ".file.new", AT_REMOVEDIR), 0);
        memset(name, 'x', sizeof(name) - 1);
        name[sizeof(name) - 1] = 0;
        ck_assert_int_eq(file_write_atomic(dirfd, name, "two", 3, 0600), -ENAMETOOLONG);
        ck_assert_int_lt(file_write_atomic(-EBADF, "file", "two", 3, 0600), 0);
        fd_folder_end(dirfd, path);
}
END_TEST

START_TEST(a_link_under_the_new_name_is_not_followed)
{
        char path[64];
        int dirfd = fd_folder(path);

        ck_assert_int_eq(file_write_atomic(dirfd, "file", "one", 3, 0600), 0);
        ck_assert_int_eq(symlinkat("file", dirfd, ".file.new"), 0);
        ck_assert_int_lt(file_write_atomic(dirfd, "file", "two", 3, 0600), 0);
        expect(dirfd, "one");
        fd_folder_end(dirfd, path);
}
END_TEST

START_TEST(reading_has_a_limit)
{
        char path[64], *data = (char *) "untouched";
        int dirfd = fd_folder(path);
        size_t size = 7;

        ck_assert_int_eq(file_read(dirfd, "file", 10, &data, &size), -ENOENT);
        ck_assert_int_eq(file_write_atomic(dirfd, "file", "0123456789", 10, 0600), 0);
        ck_assert_int_eq(file_read(dirfd, "file", 9, &data, &size), -EFBIG);
        ck_assert_str_eq(data, "untouched");
        ck_assert_uint_eq(size, 7);
        ck_assert_int_eq(file_read(dirfd, "file", 10, &data, NULL), 0);
        ck_assert_str_eq(data, "0123456789");
        free(data);
        /* a file that says that it has no size */
        ck_assert_int_eq(file_read(AT_FDCWD, "/proc/self/stat", 4096, &data, &size), 0);
        ck_assert_uint_gt(size, 0);
        free(data);
        ck_assert_int_eq(file_read(AT_FDCWD, "/proc/self/stat", 3, &data, &size), -EFBIG);
        fd_folder_end(dirfd, path);
}
END_TEST

START_TEST(closing_keeps_errno)
{
        int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), copy = fd;

        errno = ENOANO;
        ck_assert_int_eq(fd_take(&copy), fd);
        ck_assert_int_eq(copy, -EBADF);
        ck_assert_int_eq(fd_close(fd), -EBADF);
        ck_assert_int_eq(fd_close(-EBADF), -EBADF);
        ck_assert_int_eq(errno, ENOANO);
        ck_assert_int_lt(fcntl(fd, F_GETFD), 0);
}
END_TEST

START_TEST(no_standard_descriptor_is_left_to_others)
{
        pid_t child = fork();
        int status;

        if (child == 0) {
                int other;

                (void) close(STDIN_FILENO);
                (void) close(STDERR_FILENO);
                fd_fill_standard();
                other = open("/", O_RDONLY | O_CLOEXEC);
                _exit(other > STDERR_FILENO && write(STDERR_FILENO, "x", 1) < 0 &&
                                        fcntl(STDIN_FILENO, F_GETFD) == 0
                                ? 0
                                : 1);
        }
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert_int_eq(status, 0);
}
END_TEST

TEST_MAIN("fd", a_file_is_replaced_whole, a_failure_leaves_the_old_file,
        a_link_under_the_new_name_is_not_followed, reading_has_a_limit, closing_keeps_errno,
        no_standard_descriptor_is_left_to_others)
