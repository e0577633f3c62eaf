/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Enum names from one table. DEFINE_STRTAB(foo, Foo, foo_names) gives
 *   const char *foo_to_string(Foo v)      NULL when out of range
 *   int foo_from_string(const char *s)    the value or -EINVAL
 */
#include "util/error.h"
#include <string.h>

static inline int strtab_find(const char *const *names, size_t n, const char *s)
{
        for (size_t i = 0; s && i < n; i++)
                if (names[i] && strcmp(names[i], s) == 0)
                        return (int) i;
        return -EINVAL;
}

#define DECLARE_STRTAB(prefix, type)                                                               \
        const char *prefix##_to_string(type v);                                                    \
        int prefix##_from_string(const char *s)

#define DEFINE_STRTAB(prefix, type, names)                                                         \
        const char *prefix##_to_string(type v)                                                     \
        {                                                                                          \
                return (size_t) v < ELEMENTSOF(names) ? (names)[(size_t) v] : NULL;                \
        }                                                                                          \
        int prefix##_from_string(const char *s)                                                    \
        {                                                                                          \
                return strtab_find(names, ELEMENTSOF(names), s);                                   \
        }                                                                                          \
        extern int strtab_semicolon_##prefix
