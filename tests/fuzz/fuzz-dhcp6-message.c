/* SPDX-License-Identifier: MIT */
/* A DHCPv6 message, and a machine in every state that hears it. */
#include "fuzz.h"
#include "proto/dhcp6-machine.h"
#include <assert.h>

#define IAID 0x01020304

static void hear(Dhcp6State state, const uint8_t *data, size_t size, const Dhcp6Message *msg)
{
        Dhcp6Identity id = { .duid = msg->client, .iaid = IAID, .rapid_commit = true };
        Rng rng = rng_seeded(1);
        Dhcp6Machine m;
        Dhcp6Event e;

        dhcp6_machine_init(&m, &id, &rng);
        dhcp6_machine_start(&m, 1, true);
        m.state = state;
        m.xid = msg->xid;
        m.advertised.server = m.lease.server = m.farewell.server = msg->server;
        m.farewell.type = DHCP6_RELEASE;
        m.reconfigure.server = msg->server;
        while (dhcp6_machine_pop_event(&m, &e))
                ;
        dhcp6_machine_receive(&m, 2, data, size);
        while (dhcp6_machine_pop_event(&m, &e))
                ;
        assert(m.lease.n_addresses <= DHCP6_ADDRESSES_MAX);
        if (m.state == DHCP6_STATE_BOUND && m.lease.n_addresses > 0)
                assert(dhcp6_machine_deadline(&m) > 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        Dhcp6Message msg;

        if (dhcp6_message_parse(data, size, IAID, &msg) < 0)
                return 0;
        assert(msg.n_addresses <= DHCP6_ADDRESSES_MAX);
        for (size_t i = 0; i < msg.n_addresses; i++)
                assert(msg.addresses[i].preferred <= msg.addresses[i].valid);
        for (int state = 0; state < _DHCP6_STATE_MAX; state++)
                hear((Dhcp6State) state, data, size, &msg);
        return 0;
}
