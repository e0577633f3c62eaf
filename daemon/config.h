/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The configuration: files in, Settings out. /etc/lwsd/lwsd.conf, then lwsd.conf.d/ under /usr/lib,
 * /run and /etc in systemd's order and with its masking; or one named file alone.
 */
#include "daemon/config-origin.h"
#include "helper/settings.h"

/* What main's arguments say about where to read. */
typedef struct ConfigPaths ConfigPaths;
struct ConfigPaths {
        const char *file; /* --config=; NULL: the usual places */
        const char *root; /* "" but in tests; in front of the usual places */
};

#define CONFIG_ERROR_SIZE 768

/* 0, or a negative errno with one line "FILE:LINE: what is wrong" in `error`. Unknown keys and
 * sections are warned about and pass. */
int config_load(Settings **ret, const ConfigPaths *paths, char error[static CONFIG_ERROR_SIZE]);
/* One file that is in memory already; `name` is for messages. Remembers in `origins` which line of
 * it set what; what config_check() looks at is not looked at here, since other files may follow. */
int config_parse(Settings *settings, ConfigOrigins *origins, const char *name, const char *data,
        size_t size, char error[static CONFIG_ERROR_SIZE]);
