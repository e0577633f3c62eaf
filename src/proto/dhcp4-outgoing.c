/* SPDX-License-Identifier: MIT */
/* Which fields a message has in which state (RFC 2131 4.3.2 and table 5): one place. */
#include "proto/dhcp4-machine.h"
#include "util/error.h"
#include <assert.h>

uint16_t dhcp4_secs(usec_t begun, usec_t now)
{
        usec_t secs = usec_sub(now, begun) / USEC_PER_SEC;

        return (uint16_t) MIN(secs, UINT16_MAX);
}

static Dhcp4Outgoing make_request(const Dhcp4Machine *c, usec_t now)
{
        Dhcp4Outgoing out = { .type = DHCP4_REQUEST, .xid = c->xid, .broadcast = true };

        out.secs = dhcp4_secs(c->begun, now);
        switch (c->state) {
        case DHCP4_STATE_REQUESTING:
                out.secs = c->secs; /* that of the DISCOVER, for relays that look at it */
                out.requested = c->offered;
                out.server = c->server;
                break;
        case DHCP4_STATE_REBOOTING:
                out.requested = c->lease.address;
                break;
        case DHCP4_STATE_RENEWING:
                out.ciaddr = c->lease.address;
                out.broadcast = false;
                out.to = c->lease.server;
                break;
        case DHCP4_STATE_REBINDING:
                out.ciaddr = c->lease.address;
                break;
        case DHCP4_STATE_STOPPED:
        case DHCP4_STATE_DOWN:
        case DHCP4_STATE_INIT:
        case DHCP4_STATE_SELECTING:
        case DHCP4_STATE_PROBING:
        case DHCP4_STATE_BOUND:
        case _DHCP4_STATE_MAX:
                assert(!"a state that sends no REQUEST");
        }
        return out;
}

/* DECLINE and RELEASE are exchanges of their own, without an answer. */
static Dhcp4Outgoing make_farewell(const Dhcp4Machine *c, Dhcp4Type type)
{
        Dhcp4Outgoing out = { .type = type, .xid = rng_u32(c->rng), .server = c->lease.server };

        if (type == DHCP4_DECLINE) {
                out.broadcast = true;
                out.requested = c->lease.address;
        } else {
                out.ciaddr = c->lease.address;
                out.to = c->lease.server;
        }
        return out;
}

Dhcp4Outgoing dhcp4_machine_outgoing(const Dhcp4Machine *c, Dhcp4Type type, usec_t now)
{
        switch (type) {
        case DHCP4_DISCOVER:
                return (Dhcp4Outgoing){ .type = type,
                        .broadcast = true,
                        .xid = c->xid,
                        .secs = c->secs,
                        .requested = c->hint };
        case DHCP4_REQUEST:
                return make_request(c, now);
        case DHCP4_DECLINE:
        case DHCP4_RELEASE:
                return make_farewell(c, type);
        case DHCP4_NONE:
        case DHCP4_OFFER:
        case DHCP4_ACK:
        case DHCP4_NAK:
        case DHCP4_INFORM:
        case DHCP4_FORCERENEW:
        case _DHCP4_TYPE_MAX:
                break;
        }
        assert(!"a message that no client sends");
        return (Dhcp4Outgoing){ 0 };
}
