/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The bookkeeping of remote attachments: who waits for which state. Pure: it knows no bus, no clock
 * and no ladder. What has to be said goes out through one function, in batches.
 *
 * An attachment is 16 bytes in an array of its owner and state, in the order of its id, which is
 * the order in which it was made. A change of state touches only those who wait for the states
 * entered or left.
 */
#include "daemon/quota.h"
#include "util/clock.h"
#include <stdbool.h>

typedef struct Broker Broker;
typedef struct BrokerOwner BrokerOwner;

typedef enum BrokerSignalKind {
        BROKER_SIGNAL_ATTACHED,
        BROKER_SIGNAL_LEFT,
        BROKER_SIGNAL_EXPIRED,
} BrokerSignalKind;

/* Something to tell an owner. At most `batch_max` ids; those of Attached and Left ascend. */
typedef struct BrokerSignal BrokerSignal;
struct BrokerSignal {
        BrokerSignalKind kind;
        BrokerOwner *owner;
        int state;
        const uint64_t *ids;
        size_t n;
        usec_t monotonic_usec; /* of the entry, or of the fall */
        uint64_t serial;
};

typedef struct BrokerOps BrokerOps;
struct BrokerOps {
        /* Called from broker_process() and broker_change() only; must not call the broker. */
        void (*emit)(void *userdata, const BrokerSignal *signal);
        /* broker_process() is due at `deadline` (CLOCK_BOOTTIME; 0: next turn). */
        void (*wake)(void *userdata, usec_t deadline);
};

int broker_new(Broker **ret, Quota *quota, size_t batch_max, const BrokerOps *ops, void *userdata);
Broker *broker_free(Broker *broker);
DEFINE_CLEANUP(Broker, broker_free)

/* Delivers what attached to a state that holds already, and what ran out of time. */
void broker_process(Broker *broker, usec_t now);
/* The system is in `state` now (any of the enum's). */
void broker_change(Broker *broker, int state, uint64_t serial, usec_t monotonic_usec);
bool broker_reached(const Broker *broker, int state);
/* Attachments that wait for their state. */
size_t broker_pending(const Broker *broker);

/* -- Owners: connections ----------------------------------------------------------------------- */
/* `name` is copied: its unique name on the bus, or "private". */
int broker_owner_new(
        BrokerOwner **ret, Broker *broker, uid_t uid, pid_t pid, const char *name, void *userdata);
/* Drops all that it attached. */
BrokerOwner *broker_owner_free(BrokerOwner *owner);
DEFINE_CLEANUP(BrokerOwner, broker_owner_free)
void *broker_owner_userdata(const BrokerOwner *owner);
uid_t broker_owner_uid(const BrokerOwner *owner);
pid_t broker_owner_pid(const BrokerOwner *owner);
const char *broker_owner_name(const BrokerOwner *owner);

/* -- Attachments ------------------------------------------------------------------------------- */
typedef struct BrokerRequest BrokerRequest;
struct BrokerRequest {
        int state; /* state_is_attachable() */
        bool persistent;
        usec_t timeout_usec; /* 0: none */
};

/* All of them or none: -EDQUOT, -ENOMEM. Nothing is emitted before broker_process(). */
int broker_attach(
        BrokerOwner *owner, const BrokerRequest *requests, size_t n, usec_t now, uint64_t *ret_ids);
/* All of them or none: -ENOENT when one does not exist or belongs to another. `all` lets root end
 * those of others too. */
int broker_detach(BrokerOwner *owner, const uint64_t *ids, size_t n, bool all);

typedef struct BrokerInfo BrokerInfo;
struct BrokerInfo {
        uint64_t id;
        int state;
        bool persistent, inside;
        const BrokerOwner *owner;
};
/* Stops when `fn` returns negative, and hands that on. */
int broker_foreach(
        Broker *broker, int (*fn)(void *userdata, const BrokerInfo *info), void *userdata);
