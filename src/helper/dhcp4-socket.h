/* SPDX-License-Identifier: MIT */
#pragma once
/* The three sockets of a DHCPv4 client: descriptors, their filters, and sending on them. */
#include "helper/network.h"
#include "proto/arp.h"
#include "proto/dhcp4-message.h"

/* Hears DHCP replies made out to this hardware address, before there is any IP address. */
int dhcp4_socket_packet(const Link *link);
/* To everyone on the link, from `out->ciaddr` (0.0.0.0 unless rebinding). */
int dhcp4_socket_send_broadcast(
        int fd, const Link *link, const Dhcp4Outgoing *out, const void *payload, size_t size);

/* Port 68 of the leased address, for what the kernel shall route (REQ_DHCP 9). */
int dhcp4_socket_udp(const Link *link, struct in_addr address);
/* Whether something sent by it still waits for the hardware address of its next hop. */
bool dhcp4_socket_is_sending(int fd);
int dhcp4_socket_send_unicast(int fd, struct in_addr to, const void *payload, size_t size);

/* Hears ARP that is about `address`, or from `gateway` (0: nobody). */
int dhcp4_socket_arp(const Link *link, struct in_addr address, struct in_addr gateway);
int dhcp4_socket_arp_filter(int fd, struct in_addr address, struct in_addr gateway);
int dhcp4_socket_send_arp(
        int fd, const Link *link, const ArpPacket *arp, const uint8_t to[static 6]);
