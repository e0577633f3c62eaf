/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Owns everything the daemon has, starts it in one written order and stops it in its reverse. The
 * ladder, the helpers and the files know nothing of the bus; what connects them is here.
 */
#include "core/context.h"
#include "core/timer.h"
#include "daemon/broker.h"
#include "daemon/config.h"
#include "daemon/notify.h"
#include "daemon/states-dir.h"
#include "helper/system.h"
#include "helper/time.h"
#include "helper/upper.h"
#include <systemd/sd-event.h>
#include <systemd/sd-id128.h>

typedef struct Manager Manager;
typedef struct Bus Bus;
typedef struct Callers Callers;
typedef struct Holds Holds;
typedef struct PrivateSocket PrivateSocket;
typedef struct Resolved Resolved;

/* What main's arguments say. */
typedef struct ManagerOptions ManagerOptions;
struct ManagerOptions {
        ConfigPaths config;
        const char *runtime_dir, *state_dir, *private_socket;
        bool no_bus;
};

struct Manager {
        ManagerOptions options;
        Settings *settings;
        sd_event *event;
        struct lws_context *cx;
        Thread *thread;
        Ladder *ladder;
        LadderWatch ladder_watch;
        StoredFd *fds; /* from systemd; until the start is over */
        size_t n_fds;
        Hold *start;            /* the ladder waits for the start to be over */
        sd_event_source *steps; /* of the start that are left, when nothing else is to be done */
        size_t next_step;
        int runtime_fd;
        StatesDir *states;
        View view;
        char instance_id[SD_ID128_STRING_MAX];
        Quota quota;
        Broker *broker;
        Callers *callers;
        Holds *holds;
        System *system;
        NetworkWatch network_watch;
        TimeWatch time_watch;
        UpperWatch upper_watch;
        Resolved *resolved;
        Bus *bus;
        PrivateSocket *socket;
        Timer start_timer;  /* the steps wait for nothing any more */
        Timer broker_timer; /* broker_process() */
        Timer resume_timer; /* the end of what a restart may show from memory */
        Timer turn_timer;   /* what is done once a turn: files, status */
        Timer settle_timer; /* it has stopped climbing: say what it waits for */
        bool resume_network_checked;
        bool files_dirty, servers_dirty;
        char waiting_logged[256], servers_logged[512]; /* what was said last */
};

/* Takes over `settings`. */
int manager_new(Manager **ret, const ManagerOptions *options, Settings *settings);
Manager *manager_free(Manager *manager);
DEFINE_CLEANUP(Manager, manager_free)

/* The rest of the start, and then until SIGTERM or SIGINT. */
int manager_run(Manager *manager);
/* Reads the configuration again. -EINVAL with the words in `error`; all stays as it was then. */
int manager_reload(Manager *manager, char error[static CONFIG_ERROR_SIZE]);
