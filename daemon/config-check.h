/* SPDX-License-Identifier: MIT */
#pragma once
/* What only all keys together can show to be wrong. */
#include "daemon/config.h"

/* 0, or -EINVAL with one sentence in `error` that names the section and the key. */
int config_check(const Settings *settings, char error[static CONFIG_ERROR_SIZE]);
