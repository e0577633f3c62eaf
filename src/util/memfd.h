/* SPDX-License-Identifier: MIT */
#pragma once
/* Memory that travels as a descriptor and that nobody can change any more. */
#include <stddef.h>

/* A descriptor with `size` bytes at offset 0, or a negative errno. */
int memfd_new_sealed(const char *name, const void *data, size_t size);
/* Maps what somebody else sealed; -EBADF when it could still change, -EFBIG over `max`. `ret` is
 * NULL when it is empty; the caller unmaps. */
int memfd_map_sealed(int fd, size_t max, const void **ret, size_t *ret_size);
void memfd_unmap(const void *data, size_t size);
