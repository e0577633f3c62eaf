/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Who calls: a peer of the private socket or a name on the bus, with what the kernel or the bus
 * says of its user and groups, never /proc. The bus is asked without waiting; calls of a name that
 * is not known yet stand in line until the answer is there. Attachments and look-ups belong to a
 * caller and end with it.
 */
#include "daemon/broker.h"
#include "daemon/conn.h"
#include "util/list.h"

typedef struct Caller Caller;
typedef struct Callers Callers;
typedef struct Manager Manager;

struct Caller {
        Manager *manager;
        Callers *callers;
        Conn *conn;
        uid_t uid;
        pid_t pid;
        bool privileged;       /* root or of group lwsd */
        BrokerOwner *owner;    /* its userdata is the Caller */
        List lookups;          /* bus-resolver.c's */
        usec_t report_usec;    /* of its last ReportConnectivity() that did something */
        const char *name;      /* unique name on the bus, NULL for a peer */
        struct Peer *peer;     /* bus.c's, NULL for a name on the bus */
        struct CallerBus *bus; /* what only a name on the bus needs */
};

/* Does a call: replies and returns 1, or a negative errno or a set `error`, which is sent. */
typedef int (*CallFn)(Caller *caller, sd_bus_message *m, sd_bus_error *error);

/* `gone` is told before a caller is freed; `manager` is what each caller carries. */
int callers_new(Callers **ret, Manager *manager, Broker *broker, Quota *quota,
        void (*gone)(Caller *caller));
Callers *callers_free(Callers *callers);
/* Which group may do more: looked up right after the start, before the first who is not root gets
 * to know what he may, and on Reload(), never for a call, since a group database on the network may
 * take its time, and everyone would wait. Callers keep what they are. */
void callers_find_group(Callers *callers);

/* A peer that was accepted, with the connection's quota taken. -EDQUOT: too many of its uid. */
int caller_new_peer(Caller **ret, Callers *callers, int fd);
void caller_set_conn(Caller *caller, Conn *conn);
Caller *caller_free(Caller *caller);
/* Every caller of a connection to the bus; it is gone. */
void callers_drop_bus(Callers *callers, Conn *conn);

/* From a vtable's method: finds the caller and does the call, now or once it is known. */
int callers_dispatch(
        Callers *callers, Conn *conn, sd_bus_message *m, sd_bus_error *error, CallFn fn);
/* The same for root and group lwsd only; others get AccessDenied. */
int callers_dispatch_privileged(
        Callers *callers, Conn *conn, sd_bus_message *m, sd_bus_error *error, CallFn fn);
