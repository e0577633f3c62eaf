/* SPDX-License-Identifier: MIT */
#include "proto/dnav4.h"
#include <string.h>

#define TRIES    3
#define INTERVAL (1 * USEC_PER_SEC)

static void dna_start(Dna *dna, DnaState state, usec_t now, struct in_addr address,
        struct in_addr gateway, const uint8_t mac[static 6])
{
        *dna = (Dna){ .state = state, .address = address, .gateway = gateway, .next = now };
        memcpy(dna->mac, mac, 6);
}

void dna_learn(Dna *dna, usec_t now, struct in_addr address, struct in_addr gateway,
        const uint8_t mac[static 6])
{
        dna_start(dna, DNA_STATE_LEARNING, now, address, gateway, mac);
}

void dna_check(Dna *dna, usec_t now, struct in_addr address, struct in_addr gateway,
        const uint8_t mac[static 6], const uint8_t gateway_mac[static 6])
{
        dna_start(dna, DNA_STATE_CHECKING, now, address, gateway, mac);
        memcpy(dna->gateway_mac, gateway_mac, 6);
}

void dna_stop(Dna *dna)
{
        dna->state = DNA_STATE_IDLE;
}

usec_t dna_deadline(const Dna *dna)
{
        return dna->state == DNA_STATE_IDLE ? USEC_INFINITY : dna->next;
}

DnaAction dna_timeout(Dna *dna, usec_t now)
{
        if (now < dna_deadline(dna))
                return DNA_NOTHING;
        if (dna->sent == TRIES) {
                dna_stop(dna);
                return DNA_NOTHING;
        }
        dna->sent++;
        dna->next = now + INTERVAL;
        return DNA_SEND;
}

DnaAction dna_receive(Dna *dna, const ArpPacket *arp)
{
        if (dna->sent == 0 || arp->op != ARP_REPLY || arp->sender.s_addr != dna->gateway.s_addr ||
                arp->target.s_addr != dna->address.s_addr ||
                memcmp(arp->target_mac, dna->mac, 6) != 0)
                return DNA_NOTHING;
        switch (dna->state) {
        case DNA_STATE_IDLE:
                return DNA_NOTHING;
        case DNA_STATE_LEARNING:
                memcpy(dna->gateway_mac, arp->sender_mac, 6);
                dna_stop(dna);
                return DNA_LEARNED;
        case DNA_STATE_CHECKING:
                /* Another box at the same private address is another network. */
                if (memcmp(arp->sender_mac, dna->gateway_mac, 6) != 0)
                        return DNA_NOTHING;
                dna_stop(dna);
                return DNA_CONFIRMED;
        }
        return DNA_NOTHING;
}

ArpPacket dna_packet(const Dna *dna)
{
        ArpPacket arp = { .op = ARP_REQUEST, .sender = dna->address, .target = dna->gateway };

        memcpy(arp.sender_mac, dna->mac, 6);
        memcpy(arp.target_mac, dna->gateway_mac, 6);
        return arp;
}
