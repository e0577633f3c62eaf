/* SPDX-License-Identifier: MIT */
/* What a DHCPv4 machine wants done, first in, first out. */
#include "proto/dhcp4-machine.h"
#include <assert.h>
#include <string.h>

Dhcp4Event *dhcp4_machine_push(Dhcp4Machine *c, Dhcp4EventType type)
{
        Dhcp4Event *e = &c->events[(c->first_event + c->n_events) % DHCP4_EVENTS_MAX];

        /* One call makes a handful, and the owner takes all of them before the next. */
        assert(c->n_events < DHCP4_EVENTS_MAX);
        c->n_events++;
        *e = (Dhcp4Event){ .type = type };
        return e;
}

bool dhcp4_machine_pop_event(Dhcp4Machine *c, Dhcp4Event *ret)
{
        if (c->n_events == 0)
                return false;
        *ret = c->events[c->first_event];
        c->first_event = (c->first_event + 1) % DHCP4_EVENTS_MAX;
        c->n_events--;
        return true;
}

void dhcp4_machine_push_arp(Dhcp4Machine *c, ArpPacket arp, const uint8_t to[static 6])
{
        Dhcp4Event *e = dhcp4_machine_push(c, DHCP4_EVENT_ARP);

        e->arp = arp;
        memcpy(e->arp_to, to, 6);
}
