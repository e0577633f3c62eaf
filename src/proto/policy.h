/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The policy document: what a device is told about how to operate. A JSON object
 *
 *   { "version": 7, "nbf": 1767225600, "exp": 1798761600, "properties": { "channel": "stable" } }
 *
 * `version` counts up and never down; `nbf` and `exp` (RFC 7519 sections 4.1.4, 4.1.5: seconds
 * since the epoch) bound its validity and may be left out; `properties` are handed to clients as
 * they stand. Other members are for whoever knows them. Pure.
 */
#include "util/clock.h"
#include "util/error.h"
#include <stdbool.h>
#include <stddef.h>

#define POLICY_SIZE_MAX       (256 << 10)
#define POLICY_PROPERTIES_MAX 256
#define POLICY_NAME_MAX       64
#define POLICY_VALUE_MAX      4096

typedef enum PolicyType {
        POLICY_TEXT,
        POLICY_INTEGER,
        POLICY_REAL,
        POLICY_BOOLEAN,
} PolicyType;

typedef struct PolicyProperty PolicyProperty;
struct PolicyProperty {
        char *name; /* [a-z0-9._-], sorted */
        PolicyType type;
        char *text; /* UTF-8 without NUL and noncharacters: a D-Bus string; NULL for other types */
        union {
                int64_t integer;
                double real;
                bool boolean;
        };
};

typedef struct Policy Policy;
struct Policy {
        uint64_t version;
        usec_t not_before_usec; /* CLOCK_REALTIME; 0: always */
        usec_t expires_usec;    /* USEC_INFINITY: never */
        PolicyProperty *properties;
        size_t n_properties;
};

/* Where a document is wrong, and how. */
typedef struct PolicyError PolicyError;
struct PolicyError {
        int line, column; /* from 1 */
        char text[160];
};

/* -EBADMSG with `ret_error` filled (it may be NULL). */
int policy_parse(const char *text, size_t size, Policy **ret, PolicyError *ret_error);
Policy *policy_free(Policy *policy);
DEFINE_CLEANUP(Policy, policy_free)
