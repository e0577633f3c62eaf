/* SPDX-License-Identifier: MIT */
#include "util/memfd.h"
#include "util/fd.h"
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

int memfd_new_sealed(const char *name, const void *data, size_t size)
{
        _cleanup_fd_ int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

        if (fd < 0)
                return -errno;
        if (write(fd, data, size) != (ssize_t) size)
                return -EIO;
        if (lseek(fd, 0, SEEK_SET) < 0 ||
                fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) <
                        0)
                return -errno;
        return fd_take(&fd);
}

int memfd_map_sealed(int fd, size_t max, const void **ret, size_t *ret_size)
{
        int wanted = F_SEAL_SHRINK | F_SEAL_WRITE, seals = fcntl(fd, F_GET_SEALS);
        void *p = NULL;
        off_t size;

        if (seals < 0 || (seals & wanted) != wanted)
                return -EBADF;
        size = lseek(fd, 0, SEEK_END);
        if (size < 0)
                return -errno;
        if ((size_t) size > max)
                return -EFBIG;
        if (size > 0)
                p = mmap(NULL, (size_t) size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (p == MAP_FAILED)
                return -errno;
        *ret = p;
        *ret_size = (size_t) size;
        return 0;
}

void memfd_unmap(const void *data, size_t size)
{
        if (data)
                (void) munmap((void *) (uintptr_t) data, size);
}
