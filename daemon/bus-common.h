/* SPDX-License-Identifier: MIT */
#pragma once
/* What the vtables of bus-*.c have in common. */
#include "daemon/bus.h"
#include "daemon/caller.h"
#include "daemon/manager.h"
#include "dbus/names.h"

/* Every method is "unprivileged" for sd-bus: who may do what is decided in caller.c. */
#define UNPRIVILEGED SD_BUS_VTABLE_UNPRIVILEGED
#define CHANGES      SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE
#define CONST        SD_BUS_VTABLE_PROPERTY_CONST

/* A method that needs to know its caller; `fn` is a CallFn. */
#define METHOD(name, fn)                                                                           \
        static int method_##name(sd_bus_message *m, void *userdata, sd_bus_error *error)           \
        {                                                                                          \
                BusContext *context = userdata;                                                    \
                                                                                                   \
                return callers_dispatch(context->manager->callers, context->conn, m, error, fn);   \
        }                                                                                          \
        extern int method_semicolon_##name
/* One for root and group lwsd. */
#define METHOD_PRIVILEGED(name, fn)                                                                \
        static int method_##name(sd_bus_message *m, void *userdata, sd_bus_error *error)           \
        {                                                                                          \
                BusContext *context = userdata;                                                    \
                                                                                                   \
                return callers_dispatch_privileged(                                                \
                        context->manager->callers, context->conn, m, error, fn);                   \
        }                                                                                          \
        extern int method_semicolon_##name

#define GETTER(name)                                                                               \
        static int get_##name(sd_bus *bus, const char *path, const char *interface,                \
                const char *property, sd_bus_message *m, void *userdata, sd_bus_error *error)
#define MANAGER(userdata) (((BusContext *) (userdata))->manager)
