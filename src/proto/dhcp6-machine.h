/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The DHCPv6 client (RFC 8415 18.2) of one link, pure: messages and time in, messages and facts
 * out. It asks for one address association, or for nothing but information, as routers say.
 *
 * After every call, take all events with dhcp6_machine_pop_event() and set the timer to
 * dhcp6_machine_deadline(). All messages go to ff02::1:2.
 */
#include "proto/dhcp6-lease.h"
#include "proto/dhcp6-reconfigure.h"
#include "proto/dhcp6-retry.h"

typedef enum Dhcp6State {
        DHCP6_STATE_STOPPED,
        DHCP6_STATE_DOWN, /* no carrier; the lease is kept */
        DHCP6_STATE_SOLICITING,
        DHCP6_STATE_REQUESTING,
        DHCP6_STATE_CONFIRMING,
        DHCP6_STATE_BOUND,
        DHCP6_STATE_RENEWING,
        DHCP6_STATE_REBINDING,
        DHCP6_STATE_DECLINING,
        DHCP6_STATE_RELEASING,
        DHCP6_STATE_INFORMING, /* INFORMATION-REQUEST sent */
        DHCP6_STATE_INFORMED,
        _DHCP6_STATE_MAX,
} Dhcp6State;
const char *dhcp6_state_to_string(Dhcp6State state);

typedef enum Dhcp6EventType {
        DHCP6_EVENT_SEND,  /* .send: build it and send it */
        DHCP6_EVENT_LEASE, /* the addresses changed, or live longer; none left: lost */
        DHCP6_EVENT_INFO,  /* the options changed */
} Dhcp6EventType;

typedef struct Dhcp6Event Dhcp6Event;
struct Dhcp6Event {
        Dhcp6EventType type;
        Dhcp6Outgoing send;
};

#define DHCP6_EVENTS_MAX 8

typedef struct Dhcp6Machine Dhcp6Machine;
struct Dhcp6Machine {
        Dhcp6Identity identity;
        Rng *rng;
        Dhcp6State state;
        usec_t next;
        uint32_t xid;
        Dhcp6Retry retry;
        bool stateful; /* addresses, or INFORMATION-REQUEST only */

        Dhcp6Lease lease;
        bool remembered; /* of an earlier run, and not to be used before it is confirmed */
        Dhcp6Options options;
        Dhcp6Message advertised; /* the best ADVERTISE so far; type DHCP6_NONE: none */
        Dhcp6Duid avoided;       /* who advertised and did not keep it: comes last */
        Dhcp6Outgoing farewell;  /* what is declined or released */
        Dhcp6ReconfigureKey reconfigure;
        uint32_t sol_max_rt, inf_max_rt; /* seconds */
        Dhcp6Status refused;             /* what the last server that answered said */
        unsigned restarts;               /* SOLICITs begun since a lease held */
        usec_t held_since; /* when the lease was first given; 0: not since the last SOLICIT */

        Dhcp6Event events[DHCP6_EVENTS_MAX];
        unsigned first_event, n_events;
};

void dhcp6_machine_init(Dhcp6Machine *m, const Dhcp6Identity *identity, Rng *rng);
/* Before the start: what an earlier run was given. `in_use`: the link has the addresses still. */
void dhcp6_machine_restore(
        Dhcp6Machine *m, const Dhcp6Lease *lease, const Dhcp6Options *options, bool in_use);
/* The link has carrier and an address to send from: CONFIRM with a lease that is known, else
 * SOLICIT or INFORMATION-REQUEST. A change of mind starts over. */
void dhcp6_machine_start(Dhcp6Machine *m, usec_t now, bool stateful);
/* Silence. Addresses and options are forgotten without an event. */
void dhcp6_machine_stop(Dhcp6Machine *m);
/* Back: CONFIRM, or ask again. */
void dhcp6_machine_carrier(Dhcp6Machine *m, usec_t now, bool up);
/* The address is another's (DAD): DECLINE. False for an address that is not leased. */
bool dhcp6_machine_decline(Dhcp6Machine *m, usec_t now, const struct in6_addr *address);
bool dhcp6_machine_renew(Dhcp6Machine *m, usec_t now);
/* Gives the addresses back; stops once the server knows, or after four tries. */
bool dhcp6_machine_release(Dhcp6Machine *m, usec_t now);

void dhcp6_machine_receive(Dhcp6Machine *m, usec_t now, const void *data, size_t size);
usec_t dhcp6_machine_deadline(const Dhcp6Machine *m);
void dhcp6_machine_timeout(Dhcp6Machine *m, usec_t now);
bool dhcp6_machine_pop_event(Dhcp6Machine *m, Dhcp6Event *ret);
/* For the parts of the machine: what it sends in its present state; the addresses of a lease into a
 * message. */
Dhcp6Outgoing dhcp6_machine_outgoing(const Dhcp6Machine *m);
void dhcp6_outgoing_put_lease(Dhcp6Outgoing *out, const Dhcp6Lease *lease);
/* As dhcp4_machine_waiting(). */
const char *dhcp6_machine_waiting(const Dhcp6Machine *m, char *why, size_t size, usec_t *ret_next);
