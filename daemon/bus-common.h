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

/* A state that can be attached to or held, or an error that says which those are. */
int bus_parse_state(const char *name, int *ret, sd_bus_error *error);

/* As sd_bus_message_read_array() for 'y' and 't', from a client in either byte order. What is not
 * in this machine's is put into a copy, item by item, which is the caller's to free; -E2BIG where
 * that takes more than `max` bytes. */
int bus_read_array(sd_bus_message *m, char type, size_t max, const void **ret, size_t *ret_size,
        void **ret_copy);

/* A reply that grows with what there is: it counts for the one who asks. */
typedef struct BusList BusList;
struct BusList {
        sd_bus_message *m;
        size_t size;
};
/* Appends everything, and adds what that takes to `size`. */
typedef int (*BusListFn)(Manager *manager, BusList *list);
/* Answers with an array of `contents`. */
int bus_reply_list(BusContext *context, sd_bus_message *m, const char *contents, BusListFn fn);

/* bus-attach.c */
int bus_attach(Caller *caller, sd_bus_message *m, sd_bus_error *error);
int bus_attach_many(Caller *caller, sd_bus_message *m, sd_bus_error *error);
int bus_detach(Caller *caller, sd_bus_message *m, sd_bus_error *error);
int method_list_attachments(sd_bus_message *m, void *userdata, sd_bus_error *error);
