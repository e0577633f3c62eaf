/* SPDX-License-Identifier: MIT */
#pragma once
/* Memory that is about to be written from end to end. */
#include <stddef.h>

/*
 * malloc(), with all pages in place already where it is more than a few: one call instead of a
 * fault for each page, which in a virtual machine may cost more than all else that is done with it.
 * A kernel that cannot (before 5.14) does it the slow way. Free with free().
 */
void *pages_malloc(size_t size);
