/* SPDX-License-Identifier: MIT */
#pragma once
/* Text that need not be there, and text from outside, made fit to be shown: on a terminal, in a
 * log, in a D-Bus string. */
#include <stdbool.h>
#include <stddef.h>

/* Copies `src` as valid UTF-8 without control characters ('?' stands for what is neither), cut at a
 * character's boundary to fit `size` bytes with the NUL; the rest of `dst` is zeroed. `src` may be
 * `dst`. */
void text_copy(char *dst, size_t size, const char *src);

/* NULL is no text, and equal to itself. */
bool text_equal(const char *a, const char *b);
