/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The DHCPv4 client (RFC 2131 4.4, figure 5) of one link, pure: packets and time in, packets and
 * facts out. Address conflict detection and the check for a known network run inside it, so that
 * the whole behaviour of a link is one machine that a test can drive.
 *
 *   INIT        a pause before DISCOVER (after a NAK, a DECLINE, or "IPv6 only")
 *   SELECTING   DISCOVER sent, the first OFFER that fits wins
 *   REQUESTING  REQUEST sent to the chosen server
 *   PROBING     strict conflict detection between ACK and use
 *   REBOOTING   REQUEST for a known address sent (INIT-REBOOT), its gateway asked by ARP beside it
 *   BOUND, RENEWING, REBINDING
 *   DOWN        no carrier; the lease is kept for as long as the owner wants
 *
 * After every call, take all events with dhcp4_machine_pop_event() and set the timer to
 * dhcp4_machine_deadline().
 */
#include "proto/acd.h"
#include "proto/dhcp4-lease.h"
#include "proto/dhcp4-retry.h"
#include "proto/dnav4.h"

typedef enum Dhcp4State {
        DHCP4_STATE_STOPPED,
        DHCP4_STATE_DOWN,
        DHCP4_STATE_INIT,
        DHCP4_STATE_SELECTING,
        DHCP4_STATE_REQUESTING,
        DHCP4_STATE_PROBING,
        DHCP4_STATE_REBOOTING,
        DHCP4_STATE_BOUND,
        DHCP4_STATE_RENEWING,
        DHCP4_STATE_REBINDING,
        _DHCP4_STATE_MAX,
} Dhcp4State;
/* "selecting" */
const char *dhcp4_state_to_string(Dhcp4State state);

typedef enum Dhcp4EventType {
        DHCP4_EVENT_SEND,     /* .send: build it and send it */
        DHCP4_EVENT_ARP,      /* .arp: send it to .arp_to */
        DHCP4_EVENT_LEASE,    /* use dhcp4_machine_lease(): new, changed, longer or known again */
        DHCP4_EVENT_LOST,     /* stop using it; .why */
        DHCP4_EVENT_SAVE,     /* nothing to apply, but the lease is worth saving again */
        DHCP4_EVENT_FORGET,   /* a lease that is not in use is not worth keeping any more */
        DHCP4_EVENT_DEFENDED, /* .mac used our address; it was told that it is ours */
} Dhcp4EventType;

typedef enum Dhcp4Lost {
        DHCP4_LOST_EXPIRED,
        DHCP4_LOST_REFUSED, /* NAK */
        DHCP4_LOST_CONFLICT,
        DHCP4_LOST_RELEASED,
        DHCP4_LOST_UNCONFIRMED, /* nobody on this link knows it; remembered */
        DHCP4_LOST_REMOVED,     /* somebody took it out of the kernel; remembered */
        DHCP4_LOST_V6ONLY,
        DHCP4_LOST_REPLACED, /* strict: another address was given and is probed for */
} Dhcp4Lost;
/* "expired" */
const char *dhcp4_lost_to_string(Dhcp4Lost why);
/* Whether the lease may still be asked for at the next start: no NAK, no conflict, no release. */
bool dhcp4_lost_is_remembered(Dhcp4Lost why);

typedef struct Dhcp4Event Dhcp4Event;
struct Dhcp4Event {
        Dhcp4EventType type;
        Dhcp4Lost why;
        Dhcp4Outgoing send;
        ArpPacket arp;
        uint8_t arp_to[6];
        uint8_t mac[6];
};

typedef struct Dhcp4Config Dhcp4Config;
struct Dhcp4Config {
        Dhcp4Identity identity;
        AcdMode conflict; /* ACD_NO on links without ARP */
};

/* What the link did with our lease, as far as the kernel and we know. */
typedef enum Dhcp4Use {
        DHCP4_USE_NONE,
        DHCP4_USE_KNOWN,  /* remembered, not in use */
        DHCP4_USE_ACTIVE, /* given out by an event and not lost since */
} Dhcp4Use;

#define DHCP4_EVENTS_MAX 16

typedef struct Dhcp4Machine Dhcp4Machine;
struct Dhcp4Machine {
        Dhcp4Config config;
        Rng *rng;
        Dhcp4State state;
        usec_t next; /* what the state does next; USEC_INFINITY: nothing */

        Dhcp4Lease lease;
        Dhcp4Use use;
        bool in_place;       /* ACTIVE since before this start, and no carrier was lost since */
        bool confirmed;      /* the gateway answered since the link came up */
        struct in_addr hint; /* to ask for in DISCOVER */

        uint32_t xid;
        usec_t begun;  /* `secs` counts from here */
        uint16_t secs; /* of the last DISCOVER */
        bool eager;
        Dhcp4Retry retry;
        struct in_addr server, offered; /* chosen while REQUESTING */
        /* Who offered and did not keep it; its next offer is taken when nobody else makes one. */
        struct in_addr avoided;
        bool has_spare;

        Acd acd;
        Dna dna;

        unsigned naks, conflicts; /* since the last lease that held */
        char pause_code[24];      /* why INIT waits */
        char pause_why[160];

        Dhcp4Event events[DHCP4_EVENTS_MAX];
        unsigned first_event, n_events;
};

void dhcp4_machine_init(Dhcp4Machine *c, const Dhcp4Config *config, Rng *rng);

/* The link has carrier. `known` (or NULL) is a lease of an earlier run; `in_place`: its address is
 * still in the kernel and no carrier was lost since it was checked. */
void dhcp4_machine_start(Dhcp4Machine *c, usec_t now, const Dhcp4Lease *known, bool in_place);
/* Silence; what is in the kernel stays there and ends with its lifetime. */
void dhcp4_machine_stop(Dhcp4Machine *c);
void dhcp4_machine_carrier(Dhcp4Machine *c, usec_t now, bool up);
/* After a suspend: is this still the network that it was? */
void dhcp4_machine_resume(Dhcp4Machine *c, usec_t now);
/* The address in use is gone from the link: whether the server still gives it, and nobody else has
 * it, is found out before it is used again. False when none is in use. */
bool dhcp4_machine_address_lost(Dhcp4Machine *c, usec_t now);
/* On request: renew now; give the lease back. False when there is none. */
bool dhcp4_machine_renew(Dhcp4Machine *c, usec_t now);
bool dhcp4_machine_release(Dhcp4Machine *c, usec_t now);

/* UDP payload of a datagram to port 68. */
void dhcp4_machine_receive(Dhcp4Machine *c, usec_t now, const void *data, size_t size);
void dhcp4_machine_receive_arp(Dhcp4Machine *c, usec_t now, const void *data, size_t size);
usec_t dhcp4_machine_deadline(const Dhcp4Machine *c);
void dhcp4_machine_timeout(Dhcp4Machine *c, usec_t now);
bool dhcp4_machine_pop_event(Dhcp4Machine *c, Dhcp4Event *ret);

/* For the parts of the machine: an event to fill in. */
Dhcp4Event *dhcp4_machine_push(Dhcp4Machine *c, Dhcp4EventType type);
void dhcp4_machine_push_arp(Dhcp4Machine *c, ArpPacket arp, const uint8_t to[static 6]);
/* The message of a type that the client sends in its present state. */
Dhcp4Outgoing dhcp4_machine_outgoing(const Dhcp4Machine *c, Dhcp4Type type, usec_t now);
uint16_t dhcp4_secs(usec_t begun, usec_t now);
/* NULL unless in use. */
const Dhcp4Lease *dhcp4_machine_lease(const Dhcp4Machine *c);
/* What it waits for: a stable code ("" when it has a lease) and a sentence without running clock;
 * `ret_next` is when it tries again. */
const char *dhcp4_machine_waiting(const Dhcp4Machine *c, char *why, size_t size, usec_t *ret_next);
void dhcp4_words_conflict(const Dhcp4Machine *c, char *why, size_t size);
void dhcp4_words_refused(const Dhcp4Message *nak, char *why, size_t size);
