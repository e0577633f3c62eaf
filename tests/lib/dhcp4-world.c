/* SPDX-License-Identifier: MIT */
#include "lib/dhcp4-world.h"
#include <stdlib.h>
#include <string.h>

const uint8_t world_mac[6] = { 2, 0, 0, 0, 0, 1 };

void world_init(World *w, uint64_t seed)
{
        Dhcp4Config config = { .identity = { .htype = 1,
                                       .mac_size = 6,
                                       .client_id = { 1, 2, 0, 0, 0, 0, 1 },
                                       .client_id_size = 7 } };

        memset(w, 0, sizeof(*w));
        memcpy(config.identity.mac, world_mac, 6);
        w->rng = rng_seeded(seed);
        w->now = 1000 * USEC_PER_SEC;
        w->peer = (Dhcp4Peer){ .server = v4("10.0.0.1"), .offers = v4("10.0.0.5"), .lease = 3600 };
        memcpy(w->gateway_mac, "\2\0\0\0\0\x11", 6);
        dhcp4_machine_init(&w->m, &config, &w->rng);
}

static void deliver(World *w, const Dhcp4Event *e)
{
        uint8_t bytes[DHCP4_SIZE_MAX], reply[1500];
        int size = dhcp4_message_build(&e->send, &w->m.config.identity, bytes, sizeof(bytes));
        size_t answer;
        Sent *s;

        if (size < 0)
                abort();
        if (w->n_sent == WORLD_SENT_MAX)
                memmove(w->sent, w->sent + 1, --w->n_sent * sizeof(*w->sent));
        s = &w->sent[w->n_sent++];
        s->at = w->now;
        s->out = e->send;
        if (dhcp4_message_parse(bytes, (size_t) size, &s->m) < 0)
                abort();
        answer = dhcp4_peer_answer(&w->peer, bytes, (size_t) size, reply, sizeof(reply));
        if (answer > 0)
                dhcp4_machine_receive(&w->m, w->now, reply, answer);
}

static void gateway(World *w, const ArpPacket *arp)
{
        ArpPacket reply = { .op = ARP_REPLY, .sender = arp->target, .target = arp->sender };
        uint8_t bytes[ARP_SIZE];

        if (w->n_arps < 64) {
                w->arps_at[w->n_arps] = w->now;
                w->arps[w->n_arps++] = *arp;
        }
        if (!w->gateway_answers || arp->target.s_addr != w->peer.server.s_addr)
                return;
        memcpy(reply.sender_mac, w->gateway_mac, 6);
        memcpy(reply.target_mac, arp->sender_mac, 6);
        arp_build(&reply, bytes);
        dhcp4_machine_receive_arp(&w->m, w->now, bytes, sizeof(bytes));
}

void world_settle(World *w)
{
        Dhcp4Event e;

        while (dhcp4_machine_pop_event(&w->m, &e)) {
                switch (e.type) {
                case DHCP4_EVENT_SEND:
                        deliver(w, &e);
                        break;
                case DHCP4_EVENT_ARP:
                        gateway(w, &e.arp);
                        break;
                case DHCP4_EVENT_LEASE:
                        w->leases++;
                        break;
                case DHCP4_EVENT_LOST:
                        w->losts++;
                        w->why = e.why;
                        break;
                case DHCP4_EVENT_SAVE:
                        w->saves++;
                        break;
                case DHCP4_EVENT_FORGET:
                        w->forgets++;
                        break;
                case DHCP4_EVENT_DEFENDED:
                        w->defended++;
                        break;
                }
        }
}

void world_run(World *w, usec_t usec)
{
        usec_t until = w->now + usec;

        while (dhcp4_machine_deadline(&w->m) <= until) {
                /* a deadline in the past is due now, once */
                if (dhcp4_machine_deadline(&w->m) > w->now)
                        w->now = dhcp4_machine_deadline(&w->m);
                dhcp4_machine_timeout(&w->m, w->now);
                world_settle(w);
        }
        w->now = until;
}

void world_start(World *w, const Dhcp4Lease *known, bool in_place)
{
        dhcp4_machine_start(&w->m, w->now, known, in_place);
        world_settle(w);
}

void world_reply(World *w, const Dhcp4Peer *peer, Dhcp4Type type)
{
        uint8_t reply[1500];
        size_t size = dhcp4_peer_reply(peer, &world_last(w)->m, type, reply, sizeof(reply));

        dhcp4_machine_receive(&w->m, w->now, reply, size);
        world_settle(w);
}

void world_arp(World *w, uint16_t op, struct in_addr sender, struct in_addr target)
{
        ArpPacket arp = {
                .op = op, .sender_mac = { 2, 0, 0, 0, 0, 9 }, .sender = sender, .target = target
        };
        uint8_t bytes[ARP_SIZE];

        arp_build(&arp, bytes);
        dhcp4_machine_receive_arp(&w->m, w->now, bytes, sizeof(bytes));
        world_settle(w);
}

const Sent *world_last(const World *w)
{
        if (w->n_sent == 0)
                abort();
        return &w->sent[w->n_sent - 1];
}
