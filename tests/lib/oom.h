/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * An allocator that fails when it is told to, and counts. Link tests/lib/oom.c with
 * -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=aligned_alloc,--wrap=strdup,--wrap=free:
 * it then stands behind everything that is linked statically, not behind the shared libraries.
 */
#include <stdbool.h>

/* From here on the `nth` allocation (1: the next) fails, once; 0: none does. */
void oom_fail_at(unsigned long nth);
/* Whether the failure has happened. */
bool oom_failed(void);
/* Allocations that were not freed. */
long oom_live(void);
