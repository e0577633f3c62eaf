/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * IPv4 address conflict detection (RFC 5227) for one address, pure.
 *
 * ACD_STRICT probes before the address may be used, ACD_FAST uses it at once and sends the same
 * probes alongside, ACD_NO does nothing. After the probes the address is announced twice and then
 * defended once per 10 s. Every call gives back at most one thing to do; call acd_timeout() again
 * while acd_deadline() is not in the future.
 */
#include "proto/arp.h"
#include "util/clock.h"
#include "util/rng.h"

typedef enum AcdMode { ACD_FAST, ACD_STRICT, ACD_NO } AcdMode;

typedef enum AcdState {
        ACD_STATE_IDLE,
        ACD_STATE_PROBING,
        ACD_STATE_ANNOUNCING,
        ACD_STATE_DEFENDING,
} AcdState;

typedef enum AcdAction {
        ACD_NOTHING,
        ACD_SEND,     /* acd_packet() says what, to the broadcast address */
        ACD_DEFEND,   /* the same, because another host uses the address */
        ACD_USABLE,   /* strict: nobody answered, use it */
        ACD_CONFLICT, /* stop using it; the machine is idle again. acd.other_mac says whose it is */
} AcdAction;

typedef struct Acd Acd;
struct Acd {
        AcdState state;
        AcdMode mode;
        struct in_addr address;
        uint8_t mac[6], other_mac[6];
        unsigned sent;    /* probes or announcements of this state */
        usec_t next;      /* USEC_INFINITY: no timer */
        usec_t last_seen; /* the last conflicting packet that was defended against */
        bool seen;
};

void acd_start(Acd *acd, usec_t now, AcdMode mode, struct in_addr address,
        const uint8_t mac[static 6], Rng *rng);
void acd_stop(Acd *acd);
usec_t acd_deadline(const Acd *acd);
AcdAction acd_timeout(Acd *acd, usec_t now, Rng *rng);
AcdAction acd_receive(Acd *acd, usec_t now, const ArpPacket *arp);
/* The packet of the last ACD_SEND or ACD_DEFEND. */
ArpPacket acd_packet(const Acd *acd);
