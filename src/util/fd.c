/* SPDX-License-Identifier: MIT */
#include "util/fd.h"
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int fd_close(int fd)
{
        if (fd >= 0) {
                int saved = errno;

                (void) close(fd);
                errno = saved;
        }
        return -EBADF;
}

void fd_fill_standard(void)
{
        int fd;

        do
                fd = open("/dev/null", O_RDONLY); /* no O_CLOEXEC: a child needs them as well */
        while (fd >= 0 && fd <= STDERR_FILENO);
        fd_close(fd);
}

static int write_all(int fd, const uint8_t *p, size_t size)
{
        while (size > 0) {
                ssize_t n = write(fd, p, size);

                if (n < 0) {
                        if (errno == EINTR)
                                continue;
                        return -errno;
                }
                p += n;
                size -= (size_t) n;
        }
        return 0;
}

static int write_synced(int dirfd, const char *name, const void *data, size_t size, unsigned mode)
{
        _cleanup_fd_ int fd = -EBADF;
        int r;

        fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
        if (fd < 0)
                return -errno;
        if (fchmod(fd, mode) < 0)
                return -errno;
        r = write_all(fd, data, size);
        if (r < 0)
                return r;
        return fsync(fd) < 0 ? -errno : 0;
}

int dir_make(const char *path)
{
        char copy[PATH_MAX];
        int first = 0;

        if (!*path)
                return -ENOENT;
        if (mkdir(path, 0755) == 0 || errno == EEXIST)
                return 0;
        if ((size_t) snprintf(copy, sizeof(copy), "%s", path) >= sizeof(copy))
                return -ENAMETOOLONG;
        for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
                *slash = 0;
                if (mkdir(copy, 0755) < 0 && errno != EEXIST && first == 0)
                        first = -errno;
                *slash = '/';
        }
        if (mkdir(copy, 0755) == 0 || errno == EEXIST)
                return 0;
        return first < 0 ? first : -errno;
}

int file_write_atomic(int dirfd, const char *name, const void *data, size_t size, unsigned mode)
{
        char tmp[256];
        int r;

        if ((size_t) snprintf(tmp, sizeof(tmp), ".%s.new", name) >= sizeof(tmp))
                return -ENAMETOOLONG;
        r = write_synced(dirfd, tmp, data, size, mode);
        if (r >= 0 && renameat(dirfd, tmp, dirfd, name) < 0)
                r = -errno;
        if (r < 0) {
                (void) unlinkat(dirfd, tmp, 0);
                return r;
        }
        /* The rename lasts only once the folder is on disk too; a file system that cannot sync
         * a folder has nothing to offer here. */
        if (dirfd >= 0)
                (void) fsync(dirfd);
        return 0;
}

static int read_up_to(int fd, char *buf, size_t size, size_t *ret_size)
{
        size_t pos = 0;

        while (pos < size) {
                ssize_t n = read(fd, buf + pos, size - pos);

                if (n < 0) {
                        if (errno == EINTR)
                                continue;
                        return -errno;
                }
                if (n == 0)
                        break;
                pos += (size_t) n;
        }
        *ret_size = pos;
        return 0;
}

int file_read(int dirfd, const char *name, size_t max, char **ret_data, size_t *ret_size)
{
        _cleanup_(freep) char *buf = NULL;
        _cleanup_fd_ int fd = -EBADF;
        struct stat st;
        size_t size = 0, want;
        int r;

        fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (fd < 0)
                return -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        /* Files in /proc and /sys say 0; allow those `max` at once. */
        want = st.st_size > 0 ? (size_t) st.st_size + 1 : max + 1;
        if (want > max + 1)
                return -EFBIG;
        buf = malloc(want + 1);
        if (!buf)
                return -ENOMEM;
        r = read_up_to(fd, buf, want, &size);
        if (r < 0)
                return r;
        if (size > max)
                return -EFBIG;
        buf[size] = 0;
        *ret_data = TAKE_PTR(buf);
        if (ret_size)
                *ret_size = size;
        return 0;
}
