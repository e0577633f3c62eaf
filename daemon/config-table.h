/* SPDX-License-Identifier: MIT */
#pragma once
/* Every section and key there is, in one table. */
#include "daemon/config-value.h"

typedef struct ConfigKey ConfigKey;
struct ConfigKey {
        const char *section, *name;
        ConfigParseFn parse;
        size_t offset, size; /* in Settings; in LinkSettings for section "Link" */
        const char *const *names;
        uint64_t low, high;
};

/* NULL when there is none. */
const ConfigKey *config_key_find(const char *section, const char *name);
bool config_section_exists(const char *section);
