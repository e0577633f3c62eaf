/* SPDX-License-Identifier: MIT */
#pragma once
/* The parts of the remote attach benchmark: what is measured, and what it is measured against. */
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-bus.h>

/* What a method and a signal of the same shape as Attach and Attached are called in the bare
 * server. */
#define BARE_NAME      "org.lwsd1.Bare"
#define BARE_INTERFACE "org.lwsd1.Bare"
#define LWSD_PATH      "/org/lwsd1"
#define LWSD_MANAGER   "org.lwsd1.Manager"

/* A server that replies and signals, and nothing else. Runs in a child until its end of `alive` is
 * closed; address NULL: on `fd`, peer to peer. Returns its pid. */
pid_t bare_start(const char *address, int fd);
/* Echoes what it gets on `fd`. */
pid_t echo_start(int fd);

double now_usec(void);
/* Opens a bus at an address; destination NULL: peer to peer. Exits on failure. */
sd_bus *open_at(const char *address, int bus_client);
sd_bus *open_fd(int fd);

typedef struct Target Target;
struct Target {
        sd_bus *bus;
        const char *destination, *interface;
};
/* A call of Attach, its reply and the signal that follows, of two targets in turn, so that what
 * else the machine does meets both. */
typedef struct Trips Trips;
struct Trips {
        double a, b;  /* microseconds, the median of the batches */
        double ratio; /* of b to a, the median of what each pair of batches says */
};
Trips round_trips(const Target *a, const Target *b);
double echo_round_trip(int fd);
/* The same through the client library: attach to callback. */
double library_round_trip(void);
/* Attaches per second through AttachMany, all on their way at once; they stay. */
double pipelined(sd_bus *bus, const char *destination, unsigned n, const char *state);
