/* SPDX-License-Identifier: MIT */
#include "libclient/idmap.h"
#include <errno.h>
#include <stdlib.h>

static size_t idmap_home(const IdMap *map, uint64_t id)
{
        return (size_t) ((id * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (map->size - 1);
}

/* The slot of `id`, or the empty one where it would go. */
static IdMapSlot *idmap_find(const IdMap *map, uint64_t id)
{
        size_t i = idmap_home(map, id);

        while (map->slots[i].value && map->slots[i].id != id)
                i = (i + 1) & (map->size - 1);
        return &map->slots[i];
}

int idmap_reserve(IdMap *map, size_t n)
{
        size_t size = map->size ? map->size : 16;
        IdMap bigger;

        while (size / 4 * 3 < map->used + n)
                size *= 2;
        if (size == map->size)
                return 0;
        bigger = (IdMap){ .size = size, .used = map->used };
        bigger.slots = calloc(size, sizeof *bigger.slots);
        if (!bigger.slots)
                return -ENOMEM;
        for (size_t i = 0; i < map->size; i++)
                if (map->slots[i].value)
                        *idmap_find(&bigger, map->slots[i].id) = map->slots[i];
        free(map->slots);
        *map = bigger;
        return 0;
}

int idmap_put(IdMap *map, uint64_t id, void *value)
{
        int r = idmap_reserve(map, 1);
        IdMapSlot *slot;

        if (r < 0)
                return r;
        slot = idmap_find(map, id);
        if (!slot->value)
                map->used++;
        *slot = (IdMapSlot){ .id = id, .value = value };
        return 0;
}

void *idmap_get(const IdMap *map, uint64_t id)
{
        return map->size ? idmap_find(map, id)->value : NULL;
}

void *idmap_take(IdMap *map, uint64_t id)
{
        IdMapSlot *slot = map->size ? idmap_find(map, id) : NULL;
        size_t hole, i;
        void *value;

        if (!slot || !slot->value)
                return NULL;
        value = slot->value;
        /* Close the gap: what stands behind it may have been pushed there by it. */
        hole = i = (size_t) (slot - map->slots);
        for (;;) {
                i = (i + 1) & (map->size - 1);
                if (!map->slots[i].value)
                        break;
                if (((i - idmap_home(map, map->slots[i].id)) & (map->size - 1)) >=
                        ((i - hole) & (map->size - 1))) {
                        map->slots[hole] = map->slots[i];
                        hole = i;
                }
        }
        map->slots[hole].value = NULL;
        map->used--;
        return value;
}

void idmap_deinit(IdMap *map)
{
        free(map->slots);
        *map = (IdMap){ 0 };
}
