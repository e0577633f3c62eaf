/* SPDX-License-Identifier: MIT */
#pragma once
/* The file of symmetric keys that KeyFile= names: part of the configuration, and refused like it.
 */
#include "daemon/config.h"

/* 0, or a negative errno with one line "FILE:LINE: what is wrong". Every #KEY of a server must be
 * in the file. */
int config_keys_load(
        Settings *settings, const ConfigOrigins *origins, char error[static CONFIG_ERROR_SIZE]);
