/* SPDX-License-Identifier: MIT */
#pragma once
/* File descriptors: closing by scope, and files that are either old or new, never half. */
#include "util/error.h"
#include <stddef.h>

/* Closes `fd` unless negative, keeps errno, returns -EBADF to be assigned back. */
int fd_close(int fd);

static inline _unused_ void fd_closep(int *fd)
{
        *fd = fd_close(*fd);
}

/* Fills those of 0, 1 and 2 that are closed, so that no socket of ours gets such a number and is
 * written to as stdout or stderr; what is written to these fails. At the start of a program. */
void fd_fill_standard(void);

#define _cleanup_fd_ _cleanup_(fd_closep)

/* Moves a descriptor out of a variable that a cleanup would otherwise close. */
static inline int fd_take(int *fd)
{
        int taken = *fd;

        *fd = -EBADF;
        return taken;
}

/* Makes a folder with its parents, or finds it there; what kept the first of them away is what
 * there is to say. */
int dir_make(const char *path);

/* Writes to a new name in `dirfd`, syncs, renames over `name` and syncs the folder. On failure
 * the old file is untouched and the new name is gone. */
int file_write_atomic(int dirfd, const char *name, const void *data, size_t size, unsigned mode);

/* Reads a whole file, NUL-terminated for convenience; -EFBIG when it is over `max` bytes.
 * The caller frees *ret_data. */
int file_read(int dirfd, const char *name, size_t max, char **ret_data, size_t *ret_size);
