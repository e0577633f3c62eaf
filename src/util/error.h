/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Errors and cleanup.
 *
 * A function that can fail returns 0 (or a positive count) or a negative errno. What it hands out
 * goes through arguments named ret_, which stay untouched on failure.
 */
#include <errno.h>
#include <stdlib.h>

#define _cleanup_(fn)    __attribute__((cleanup(fn)))
#define _printf_(fmt, n) __attribute__((format(printf, fmt, n)))
#define _public_         __attribute__((visibility("default")))
#define _unused_         __attribute__((unused))
#define _fallthrough_    __attribute__((fallthrough))
#define _cold_           __attribute__((cold, noinline)) /* kept out of the way of what is called often */

#define ELEMENTSOF(array)               (sizeof(array) / sizeof((array)[0]))
#define container_of(ptr, type, member) ((type *) ((char *) (ptr) -offsetof(type, member)))
#define MIN(a, b)                       ((a) < (b) ? (a) : (b)) /* evaluates twice */
#define MAX(a, b)                       ((a) > (b) ? (a) : (b))

/* Move a pointer out of a variable that a cleanup would otherwise free. */
#define TAKE_PTR(ptr)                                                                              \
        __extension__({                                                                            \
                __auto_type take_pptr = &(ptr);                                                    \
                __auto_type take_value = *take_pptr;                                               \
                *take_pptr = NULL;                                                                 \
                take_value;                                                                        \
        })

/* Defines the cleanup for a destructor that takes NULL and returns NULL: _cleanup_(foo_freep). */
#define DEFINE_CLEANUP(type, fn)                                                                   \
        static inline _unused_ void fn##p(type **p)                                                \
        {                                                                                          \
                if (*p)                                                                            \
                        fn(*p);                                                                    \
        }

static inline void freep(void *p)
{
        free(*(void **) p);
}
