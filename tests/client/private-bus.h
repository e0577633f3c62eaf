/* SPDX-License-Identifier: MIT */
#pragma once
/* A bus of the test's own, which may be killed. */
#include "lib/netns.h"
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

typedef struct PrivateBus PrivateBus;
struct PrivateBus {
        Server server;
        char path[96], config[96], address[128];
};

/* Writes its configuration, with `more` in it. 0 or -1. */
static inline int private_bus_configure(PrivateBus *bus, const char *more)
{
        FILE *f = fopen(bus->config, "w");

        if (!f)
                return -1;
        fprintf(f,
                "<busconfig><type>session</type><listen>%s</listen><auth>EXTERNAL</auth>"
                "<policy context='default'><allow send_destination='*'/><allow own='*'/>"
                "<allow receive_sender='*'/></policy>%s</busconfig>",
                bus->address, more);
        return fclose(f);
}

/* Its files are in the folder. 0 or -1. */
static inline int private_bus_init(PrivateBus *bus, const char *folder)
{
        bus->server = (Server) SERVER_NULL;
        snprintf(bus->path, sizeof bus->path, "%s/bus", folder);
        snprintf(bus->config, sizeof bus->config, "%s/bus.conf", folder);
        snprintf(bus->address, sizeof bus->address, "unix:path=%s", bus->path);
        return private_bus_configure(bus, "");
}

static inline int private_bus_start(PrivateBus *bus)
{
        char option[128];
        /* it would wait for somebody to read of each message that it drops */
        const char *const argv[] = { "sh", "-c", "exec dbus-daemon \"$@\" 2>/dev/null", "sh",
                "--nofork", "--nopidfile", option, "--print-address=1", NULL };

        snprintf(option, sizeof option, "--config-file=%s", bus->config);
        return server_start(&bus->server, NULL, "unix:", argv);
}

static inline void private_bus_kill(PrivateBus *bus)
{
        if (bus->server.pid > 0)
                kill(bus->server.pid, SIGKILL);
        server_stop(&bus->server);
}

static inline void private_bus_deinit(PrivateBus *bus)
{
        private_bus_kill(bus);
        unlink(bus->path);
        unlink(bus->config);
}
