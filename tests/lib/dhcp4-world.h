/* SPDX-License-Identifier: MIT */
#pragma once
/* One DHCPv4 machine, one server (or none) and time that passes when it is told to. */
#include "lib/dhcp4-peer.h"
#include "proto/dhcp4-machine.h"

#define WORLD_SENT_MAX 512

typedef struct Sent Sent;
struct Sent {
        usec_t at;
        Dhcp4Outgoing out;
        Dhcp4Message m; /* as the server reads it */
};

typedef struct World World;
struct World {
        Dhcp4Machine m;
        Rng rng;
        usec_t now;
        Dhcp4Peer peer;
        bool gateway_answers; /* to ARP, with gateway_mac */
        uint8_t gateway_mac[6];
        Sent sent[WORLD_SENT_MAX]; /* the oldest go when it is full */
        unsigned n_sent;
        ArpPacket arps[64];
        usec_t arps_at[64];
        unsigned n_arps;
        unsigned leases, losts, saves, forgets, defended;
        Dhcp4Lost why;
};

extern const uint8_t world_mac[6];

/* A peer at 10.0.0.1 that gives 10.0.0.5 for an hour; conflict detection fast; now is 1000 s. */
void world_init(World *w, uint64_t seed);
/* Takes all events and delivers what they bring about at once. */
void world_settle(World *w);
/* Lets time pass, timer by timer. */
void world_run(World *w, usec_t usec);
void world_start(World *w, const Dhcp4Lease *known, bool in_place);
/* A reply of the peer to the last message that was sent. */
void world_reply(World *w, const Dhcp4Peer *peer, Dhcp4Type type);
void world_arp(World *w, uint16_t op, struct in_addr sender, struct in_addr target);
const Sent *world_last(const World *w);
