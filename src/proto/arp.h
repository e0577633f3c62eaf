/* SPDX-License-Identifier: MIT */
#pragma once
/* ARP for IPv4 over Ethernet (RFC 826): the 28 octets behind the link header. */
#include "util/buf.h"
#include <netinet/in.h>

#define ARP_SIZE 28

enum { ARP_REQUEST = 1, ARP_REPLY = 2 };

typedef struct ArpPacket ArpPacket;
struct ArpPacket {
        uint16_t op;
        uint8_t sender_mac[6], target_mac[6];
        struct in_addr sender, target;
};

/* 0 or -EBADMSG for anything but IPv4 over Ethernet; padding behind it is ignored. */
int arp_parse(const void *data, size_t size, ArpPacket *ret);
void arp_build(const ArpPacket *arp, uint8_t ret[static ARP_SIZE]);
