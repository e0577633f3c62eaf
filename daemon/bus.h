/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What others see and call: the same objects on the connection to the system bus and on each
 * connection to the private socket. bus-*.c hold the vtables; this puts them on connections, sends
 * signals to all, and tells once per turn of the loop which properties have changed.
 */
#include "daemon/broker.h"
#include "daemon/conn.h"

typedef struct Manager Manager;
typedef struct Bus Bus;

/* The userdata of every vtable. */
typedef struct BusContext BusContext;
struct BusContext {
        Manager *manager;
        Conn *conn; /* NULL where no one asks and a value is made for all */
};

/* Which interfaces may have other values now. */
enum {
        BUS_DIRTY_MANAGER = 1 << 0,
        BUS_DIRTY_RESOLVER = 1 << 1,
        BUS_DIRTY_TIME = 1 << 2,
        BUS_DIRTY_LINKS = 1 << 3,
        BUS_DIRTY_ALL = (1 << 4) - 1,
};

int bus_new(Bus **ret, Manager *manager);
Bus *bus_free(Bus *bus);
/* Connects to the system bus and stays connected. */
int bus_connect(Bus *bus);
/* A peer of the private socket. */
int bus_accept(Bus *bus, int fd);
/* Writes what can be written at once; for the end. */
void bus_flush(Bus *bus);

/* At the end of this turn, tells what has changed. */
void bus_dirty(Bus *bus, unsigned interfaces);

typedef int (*BusBuildFn)(sd_bus_message *m, const void *arg);
/* A signal to all: every authenticated peer, and whoever listens on the bus. */
void bus_broadcast(Bus *bus, const char *path, const char *interface, const char *member,
        BusBuildFn build, const void *arg);
/* A signal of the broker to its owner. */
void bus_tell_owner(const BrokerSignal *signal);

/* -- For bus-*.c ------------------------------------------------------------------------------- */
extern const sd_bus_vtable bus_manager_vtable[];
extern const sd_bus_vtable bus_resolver_vtable[];
extern const sd_bus_vtable bus_time_vtable[];
extern const sd_bus_vtable bus_link_vtable[];
extern const sd_bus_vtable bus_log_control_vtable[];
extern const sd_bus_vtable bus_driver_vtable[];
extern const sd_bus_vtable bus_monitoring_vtable[];
/* Writes of LogControl1's properties wait for the caller to be known, which a vtable's setter
 * cannot. */
int bus_log_control_filter(sd_bus_message *m, void *userdata, sd_bus_error *error);
int bus_link_find(sd_bus *bus, const char *path, const char *interface, void *userdata,
        void **ret_found, sd_bus_error *error);
int bus_link_enumerate(
        sd_bus *bus, const char *prefix, void *userdata, char ***ret_nodes, sd_bus_error *error);
/* Drops look-ups of a caller that goes. */
typedef struct Caller Caller;
void bus_resolver_forget(Caller *caller);

/* `/org/lwsd1/link/_32` of 2. */
#define BUS_LINK_PATH_SIZE 64
void bus_link_path(int ifindex, char ret[static BUS_LINK_PATH_SIZE]);
struct IpAddr;
/* Appends (iay) or, without `outer`, i and ay to a container that is open. */
int bus_append_address(sd_bus_message *m, const struct IpAddr *addr, bool outer);
