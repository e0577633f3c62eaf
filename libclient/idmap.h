/* SPDX-License-Identifier: MIT */
#pragma once
/* Attachment ids to objects: open addressing, no node to allocate, constant time. Id 0 is fine. */
#include <stddef.h>
#include <stdint.h>

typedef struct IdMapSlot IdMapSlot;
struct IdMapSlot {
        uint64_t id;
        void *value; /* NULL: empty */
};

typedef struct IdMap IdMap;
struct IdMap {
        IdMapSlot *slots;
        size_t size; /* a power of two, or 0 */
        size_t used;
};

/* Makes room for `n` more, so that as many idmap_put() cannot fail. 0 or -ENOMEM. */
int idmap_reserve(IdMap *map, size_t n);
/* Adds or replaces. 0 or -ENOMEM. */
int idmap_put(IdMap *map, uint64_t id, void *value);
/* The object, or NULL. */
void *idmap_get(const IdMap *map, uint64_t id);
/* Removes and returns the object, or NULL. */
void *idmap_take(IdMap *map, uint64_t id);
/* Empties and frees. */
void idmap_deinit(IdMap *map);
