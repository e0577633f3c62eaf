/* SPDX-License-Identifier: MIT */
/* A frame from the wire: IP, UDP, DHCPv4, and a machine in every state that hears it. */
#include "fuzz.h"
#include "proto/dhcp4-machine.h"
#include "proto/domain.h"
#include "proto/ipudp.h"
#include <assert.h>
#include <string.h>

static void check_options(const Dhcp4Options *o)
{
        char list[DHCP4_SEARCH_SIZE], *save = NULL;

        assert(o->prefix_length <= 32);
        assert(o->n_dns <= DHCP4_SERVERS_MAX && o->n_ntp <= DHCP4_SERVERS_MAX);
        assert(o->n_routes <= DHCP4_ROUTES_MAX);
        for (size_t i = 0; i < o->n_routes; i++) {
                const Dhcp4Route *r = &o->routes[i];

                assert(r->prefix_length <= 32);
                assert((r->destination.s_addr & ~dhcp4_length_to_mask(r->prefix_length).s_addr) ==
                        0);
        }
        assert(strlen(o->captive_portal) < sizeof(o->captive_portal));
        assert(strlen(o->search) < sizeof(list));
        strcpy(list, o->search);
        for (char *name = strtok_r(list, " ", &save); name; name = strtok_r(NULL, " ", &save))
                assert(domain_is_valid(name));
}

static void hear(Dhcp4State state, const uint8_t *data, size_t size, const Dhcp4Message *m)
{
        Dhcp4Config config = { .identity = { .htype = 1, .mac_size = 6, .rapid_commit = true } };
        Rng rng = rng_seeded(1);
        Dhcp4Machine machine;
        Dhcp4Event e;

        /* what it takes for the message to be looked at */
        memcpy(config.identity.mac, m->chaddr, 6);
        memcpy(config.identity.client_id, "\1id", 3);
        config.identity.client_id_size = 3;
        dhcp4_machine_init(&machine, &config, &rng);
        dhcp4_machine_start(&machine, 1, NULL, false);
        machine.state = state;
        machine.xid = m->xid;
        machine.server = machine.lease.server = m->server;
        machine.lease.expires = 1000 * USEC_PER_SEC;
        while (dhcp4_machine_pop_event(&machine, &e))
                ;
        dhcp4_machine_receive(&machine, 2, data, size);
        while (dhcp4_machine_pop_event(&machine, &e))
                ;
        if (dhcp4_machine_lease(&machine)) {
                assert(dhcp4_address_is_valid(machine.lease.address));
                assert(machine.lease.expires > 2);
        }
        assert(dhcp4_machine_deadline(&machine) > 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const uint8_t *payload;
        size_t payload_size;
        Dhcp4Message m;
        IpUdp h;

        if (ipudp_parse(data, size, false, &h, &payload, &payload_size) < 0) {
                payload = data;
                payload_size = size;
        }
        if (dhcp4_message_parse(payload, payload_size, &m) < 0)
                return 0;
        check_options(&m.options);
        for (int state = 0; state < _DHCP4_STATE_MAX; state++)
                hear((Dhcp4State) state, payload, payload_size, &m);
        return 0;
}
