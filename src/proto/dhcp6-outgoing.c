/* SPDX-License-Identifier: MIT */
/* What a DHCPv6 client says in which state (RFC 8415 18.2): one place. */
#include "proto/dhcp6-machine.h"
#include <assert.h>

void dhcp6_outgoing_put_lease(Dhcp6Outgoing *out, const Dhcp6Lease *lease)
{
        for (size_t i = 0; i < lease->n_addresses; i++)
                out->addresses[i] = lease->addresses[i].address;
        out->n_addresses = lease->n_addresses;
}

static void put_advertised(Dhcp6Outgoing *out, const Dhcp6Message *advertised)
{
        for (size_t i = 0; i < advertised->n_addresses; i++)
                out->addresses[i] = advertised->addresses[i].address;
        out->n_addresses = advertised->n_addresses;
        out->server = advertised->server;
}

/* What goes out in a state (RFC 8415 18.2). */
Dhcp6Outgoing dhcp6_machine_outgoing(const Dhcp6Machine *m)
{
        Dhcp6Outgoing out = { 0 };

        switch (m->state) {
        case DHCP6_STATE_SOLICITING:
                out.type = DHCP6_SOLICIT;
                break;
        case DHCP6_STATE_REQUESTING:
                out.type = DHCP6_REQUEST;
                put_advertised(&out, &m->advertised);
                break;
        case DHCP6_STATE_CONFIRMING:
                out.type = DHCP6_CONFIRM;
                dhcp6_outgoing_put_lease(&out, &m->lease);
                break;
        case DHCP6_STATE_RENEWING:
                out.type = DHCP6_RENEW;
                out.server = m->lease.server;
                dhcp6_outgoing_put_lease(&out, &m->lease);
                break;
        case DHCP6_STATE_REBINDING:
                out.type = DHCP6_REBIND;
                dhcp6_outgoing_put_lease(&out, &m->lease);
                break;
        case DHCP6_STATE_DECLINING:
        case DHCP6_STATE_RELEASING:
                out = m->farewell;
                break;
        case DHCP6_STATE_INFORMING:
                out.type = DHCP6_INFORMATION_REQUEST;
                break;
        case DHCP6_STATE_STOPPED:
        case DHCP6_STATE_DOWN:
        case DHCP6_STATE_BOUND:
        case DHCP6_STATE_INFORMED:
        case _DHCP6_STATE_MAX:
                assert(!"a state that sends nothing");
        }
        return out;
}
