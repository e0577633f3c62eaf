/* SPDX-License-Identifier: MIT */
#pragma once
/* FNV-1a: to tell values apart that nobody chooses against us. */
#include <stddef.h>
#include <stdint.h>

#define HASH_INIT UINT64_C(0xcbf29ce484222325)

static inline uint64_t hash_mix(uint64_t hash, const void *data, size_t size)
{
        const uint8_t *p = (const uint8_t *) data;

        for (size_t i = 0; i < size; i++)
                hash = (hash ^ p[i]) * UINT64_C(0x100000001b3);
        return hash;
}
