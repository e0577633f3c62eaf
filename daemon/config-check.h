/* SPDX-License-Identifier: MIT */
#pragma once
/* What only all keys together can show to be wrong. */
#include "helper/settings.h"

typedef struct ConfigFault ConfigFault;
struct ConfigFault {
        const char *section;
        const char *keys[2]; /* whose value it is, the first that was set at all; or NULL */
        const char *why;     /* a sentence that names the key */
};

/* 0, or -EINVAL and what is wrong. */
int config_check(const Settings *settings, ConfigFault *ret_fault);
