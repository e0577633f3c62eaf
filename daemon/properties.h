/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Which properties of a vtable have changed: each value is made as it would be sent, and what it
 * hashes to is compared with what it hashed to last time. So there is one place that says what a
 * property is, its getter, and none can be forgotten.
 */
#include "util/error.h"
#include <stdint.h>
#include <systemd/sd-bus.h>

#define PROPERTIES_MAX 24

typedef struct PropertiesChanged PropertiesChanged;
struct PropertiesChanged {
        const char *path, *interface;
        const sd_bus_vtable *vtable;
        void *context;
        const sd_bus_vtable *changed[PROPERTIES_MAX];
        size_t n_changed;
};

/* Fills `changed` with those that differ from `digests`, which are brought up to date. `bus` is any
 * connection, for making messages. Returns how many. */
size_t properties_diff(sd_bus *bus, PropertiesChanged *c, uint64_t digests[static PROPERTIES_MAX]);
/* The body of PropertiesChanged; `arg` is a PropertiesChanged. */
int properties_build_changed(sd_bus_message *m, const void *arg);
/* a{sv} of all of them. */
int properties_append_all(sd_bus_message *m, const PropertiesChanged *c);
