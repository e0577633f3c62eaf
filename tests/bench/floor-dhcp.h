/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The four packets of a first DHCPv4 lease and nothing else: no check, no state, no other work.
 * What they take between two namespaces is the floor that clients are compared with. What goes
 * wrong ends the program with a line.
 */
#include <stdint.h>

typedef struct FloorDhcp FloorDhcp;
struct FloorDhcp {
        int packet, netlink, ifindex;
        uint8_t mac[6];
};

void floor_dhcp_open(FloorDhcp *floor, const char *link);
/* Returns when the kernel has said that the link has a carrier. */
void floor_dhcp_wait_carrier(FloorDhcp *floor);
/* DISCOVER, OFFER, REQUEST, ACK with the server of the labs; the address, in host order. */
uint32_t floor_dhcp_ask(FloorDhcp *floor);
/* The address, /24, into the kernel. */
void floor_dhcp_apply(FloorDhcp *floor, uint32_t address);
