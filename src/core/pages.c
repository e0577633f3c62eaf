/* SPDX-License-Identifier: MIT */
#include "core/pages.h"
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { WORTH_IT = 32 * 1024 };

void *pages_malloc(size_t size)
{
        void *memory = malloc(size);
        uintptr_t page, from, to;

        if (!memory || size < WORTH_IT)
                return memory;
        page = (uintptr_t) sysconf(_SC_PAGESIZE);
        from = ((uintptr_t) memory + page - 1) & ~(page - 1);
        to = ((uintptr_t) memory + size) & ~(page - 1);
        if (to > from)
                (void) madvise((void *) from, to - from, MADV_POPULATE_WRITE);
        return memory;
}
