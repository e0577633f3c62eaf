/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The values of the configuration file, from text. Each parser writes one field of Settings; an
 * empty text brings back the field as it was before any file (a list: empty). On -EINVAL the field
 * is as it was and `why` says what is wrong, in words that fit behind "KEY=VALUE: ".
 */
#include "helper/settings.h"
#include "util/error.h"

typedef struct ConfigValue ConfigValue;
struct ConfigValue {
        void *field;
        const void *initial; /* the same field in untouched settings */
        size_t size;
        const char *const *names; /* of an enum, NULL at the end */
        uint64_t low, high;       /* of a number; of a time in microseconds, where 0 is no limit */
        const char *text;
        char why[160];
};

typedef int (*ConfigParseFn)(ConfigValue *v);

int config_parse_bool(ConfigValue *v);
int config_parse_enum(ConfigValue *v);
/* unsigned, 32 bits */
int config_parse_unsigned(ConfigValue *v);
/* size_t with K, M, G */
int config_parse_size(ConfigValue *v);
int config_parse_usec(ConfigValue *v);
int config_parse_state(ConfigValue *v);
int config_parse_string(ConfigValue *v);
int config_parse_strings(ConfigValue *v);
int config_parse_domains(ConfigValue *v);
int config_parse_endpoints(ConfigValue *v);
/* ADDRESS[:PORT]..., or "no". */
int config_parse_listeners_or_no(ConfigValue *v);
/* ADDRESS... */
int config_parse_gateways(ConfigValue *v);
int config_parse_prefixes(ConfigValue *v);
/* NAME[:PORT][#KEY]... */
int config_parse_hosts(ConfigValue *v);
/* STATE:WHO... */
int config_parse_holds(ConfigValue *v);

/* A span of time in systemd's units: "5" (seconds), "1min 20s", "300ms", "infinity". */
int usec_parse(const char *text, usec_t *ret);
