/* SPDX-License-Identifier: MIT */
#pragma once
/* Our NTP machine in a simulated world: sends what is due, carries out what it asks for. */
#include "lib/ntp-world.h"
#include "proto/ntp-client.h"

#define SIM_BUILD_NSEC  (INT64_C(1790000000) * NTP_NSEC_PER_SEC)
#define SIM_PACKETS_MAX 64

typedef struct SimPacket SimPacket;
struct SimPacket {
        WorldReply reply; /* at 0: free */
        int id;
};

typedef struct Sim Sim;
struct Sim {
        World world;
        bool denied;                             /* the kernel refuses */
        const NtpKey *key_of[WORLD_SERVERS_MAX]; /* what the client asks each server with */
        int server_of[NTP_MAX_SOURCES];
        SimPacket packets[SIM_PACKETS_MAX];
        NtpClient *client;
        NtpConfig config;
        Rng rng; /* of the client */
        /* results */
        int steps;
        double synced_at, stepped_total, max_rate;
        uint8_t leap;
};

Sim sim_init(uint64_t seed, int n_servers);
void sim_start(Sim *sim);
void sim_run(Sim *sim, double until);
/* Carries out what a call into the client has led to. */
void sim_handle_events(Sim *sim);
usec_t sim_boottime(const Sim *sim);
/* Prints what came of it. */
void sim_end(Sim *sim, const char *name);
