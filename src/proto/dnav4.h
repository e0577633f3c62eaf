/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Detecting network attachment (RFC 4436), pure: is the gateway of a known lease, with the hardware
 * address it had then, on this link? One unicast ARP request says so in one round trip. Its other
 * half learns that hardware address when a lease is new.
 */
#include "proto/arp.h"
#include "util/clock.h"

typedef enum DnaState { DNA_STATE_IDLE, DNA_STATE_LEARNING, DNA_STATE_CHECKING } DnaState;

typedef enum DnaAction {
        DNA_NOTHING,
        DNA_SEND,      /* dna_packet() says what; to dna.gateway_mac, or to all while learning */
        DNA_LEARNED,   /* dna.gateway_mac is known now */
        DNA_CONFIRMED, /* this is the network of the lease */
} DnaAction;

typedef struct Dna Dna;
struct Dna {
        DnaState state;
        struct in_addr address, gateway;
        uint8_t mac[6], gateway_mac[6];
        unsigned sent;
        usec_t next;
};

/* Both send at once: call dna_timeout() next. */
void dna_learn(Dna *dna, usec_t now, struct in_addr address, struct in_addr gateway,
        const uint8_t mac[static 6]);
void dna_check(Dna *dna, usec_t now, struct in_addr address, struct in_addr gateway,
        const uint8_t mac[static 6], const uint8_t gateway_mac[static 6]);
void dna_stop(Dna *dna);
usec_t dna_deadline(const Dna *dna);
DnaAction dna_timeout(Dna *dna, usec_t now);
DnaAction dna_receive(Dna *dna, const ArpPacket *arp);
ArpPacket dna_packet(const Dna *dna);
