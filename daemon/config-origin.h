/* SPDX-License-Identifier: MIT */
#pragma once
/* Where each key got the value that it has, for what only all files together show to be wrong. */
#include "daemon/config-table.h"

/* One entry for each key that was set: never more than the table of keys has. */
typedef struct ConfigOrigin ConfigOrigin;
struct ConfigOrigin {
        const ConfigKey *key;
        char *file;
        unsigned line;
};

typedef struct ConfigOrigins ConfigOrigins;
struct ConfigOrigins {
        ConfigOrigin *items;
        size_t n;
};

/* 0 or -ENOMEM. */
int config_origins_set(ConfigOrigins *o, const ConfigKey *key, const char *file, unsigned line);
/* It is at its default again. */
void config_origins_unset(ConfigOrigins *o, const ConfigKey *key);
/* NULL where it was not set. */
const ConfigOrigin *config_origins_find(
        const ConfigOrigins *o, const char *section, const char *name);
void config_origins_clear(ConfigOrigins *o);
