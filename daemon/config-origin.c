/* SPDX-License-Identifier: MIT */
#include "daemon/config-origin.h"
#include <string.h>

static ConfigOrigin *origin_of(const ConfigOrigins *o, const ConfigKey *key)
{
        for (size_t i = 0; i < o->n; i++)
                if (o->items[i].key == key)
                        return &o->items[i];
        return NULL;
}

int config_origins_set(ConfigOrigins *o, const ConfigKey *key, const char *file, unsigned line)
{
        ConfigOrigin *origin = origin_of(o, key);
        char *copy = strdup(file);

        if (!copy)
                return -ENOMEM;
        if (!origin) {
                ConfigOrigin *items = realloc(o->items, (o->n + 1) * sizeof(*items));

                if (!items) {
                        free(copy);
                        return -ENOMEM;
                }
                o->items = items;
                origin = &items[o->n++];
                *origin = (ConfigOrigin){ .key = key };
        }
        free(origin->file);
        origin->file = copy;
        origin->line = line;
        return 0;
}

void config_origins_unset(ConfigOrigins *o, const ConfigKey *key)
{
        ConfigOrigin *origin = origin_of(o, key);

        if (!origin)
                return;
        free(origin->file);
        *origin = o->items[--o->n];
}

const ConfigOrigin *config_origins_find(
        const ConfigOrigins *o, const char *section, const char *name)
{
        const ConfigKey *key = config_key_find(section, name);

        return key ? origin_of(o, key) : NULL;
}

void config_origins_clear(ConfigOrigins *o)
{
        for (size_t i = 0; i < o->n; i++)
                free(o->items[i].file);
        free(o->items);
        *o = (ConfigOrigins){ 0 };
}
