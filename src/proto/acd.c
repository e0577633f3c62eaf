/* SPDX-License-Identifier: MIT */
#include "proto/acd.h"
#include <string.h>

/* RFC 5227 1.1 */
#define PROBE_WAIT        (1 * USEC_PER_SEC)
#define PROBE_NUM         3
#define PROBE_MIN         (1 * USEC_PER_SEC)
#define PROBE_MAX         (2 * USEC_PER_SEC)
#define ANNOUNCE_WAIT     (2 * USEC_PER_SEC)
#define ANNOUNCE_NUM      2
#define ANNOUNCE_INTERVAL (2 * USEC_PER_SEC)
#define DEFEND_INTERVAL   (10 * USEC_PER_SEC)

static void acd_set_state(Acd *acd, AcdState state, usec_t next)
{
        acd->state = state;
        acd->next = next;
        acd->sent = 0;
}

void acd_start(Acd *acd, usec_t now, AcdMode mode, struct in_addr address,
        const uint8_t mac[static 6], Rng *rng)
{
        usec_t wait = 0;

        *acd = (Acd){ .mode = mode, .address = address };
        memcpy(acd->mac, mac, 6);
        switch (mode) {
        case ACD_NO:
                acd_set_state(acd, ACD_STATE_IDLE, USEC_INFINITY);
                return;
        case ACD_STRICT:
                /* Keeps hosts that came up together apart (RFC 5227 2.1.1). */
                wait = rng_range(rng, 0, PROBE_WAIT);
                break;
        case ACD_FAST:
                /* The sooner a conflict shows, the less harm is done: the address is in use. */
                break;
        }
        acd_set_state(acd, ACD_STATE_PROBING, now + wait);
}

void acd_stop(Acd *acd)
{
        acd_set_state(acd, ACD_STATE_IDLE, USEC_INFINITY);
}

usec_t acd_deadline(const Acd *acd)
{
        return acd->state == ACD_STATE_IDLE ? USEC_INFINITY : acd->next;
}

static AcdAction probe(Acd *acd, usec_t now, Rng *rng)
{
        if (acd->sent == PROBE_NUM) {
                acd_set_state(acd, ACD_STATE_ANNOUNCING, now);
                return acd->mode == ACD_STRICT ? ACD_USABLE : ACD_NOTHING;
        }
        acd->sent++;
        acd->next = now +
                    (acd->sent == PROBE_NUM ? ANNOUNCE_WAIT : rng_range(rng, PROBE_MIN, PROBE_MAX));
        return ACD_SEND;
}

static AcdAction announce(Acd *acd, usec_t now)
{
        if (++acd->sent < ANNOUNCE_NUM)
                acd->next = now + ANNOUNCE_INTERVAL;
        else
                acd_set_state(acd, ACD_STATE_DEFENDING, USEC_INFINITY);
        return ACD_SEND;
}

AcdAction acd_timeout(Acd *acd, usec_t now, Rng *rng)
{
        if (now < acd_deadline(acd))
                return ACD_NOTHING;
        switch (acd->state) {
        case ACD_STATE_IDLE:
        case ACD_STATE_DEFENDING:
                return ACD_NOTHING;
        case ACD_STATE_PROBING:
                return probe(acd, now, rng);
        case ACD_STATE_ANNOUNCING:
                return announce(acd, now);
        }
        return ACD_NOTHING;
}

static AcdAction conflict(Acd *acd, const ArpPacket *arp)
{
        memcpy(acd->other_mac, arp->sender_mac, 6);
        acd_stop(acd);
        return ACD_CONFLICT;
}

/* RFC 5227 2.4 (b): defend once, give up when it happens again within DEFEND_INTERVAL. */
static AcdAction defend(Acd *acd, usec_t now, const ArpPacket *arp)
{
        if (acd->seen && now < usec_add(acd->last_seen, DEFEND_INTERVAL))
                return conflict(acd, arp);
        memcpy(acd->other_mac, arp->sender_mac, 6);
        acd->seen = true;
        acd->last_seen = now;
        return ACD_DEFEND;
}

AcdAction acd_receive(Acd *acd, usec_t now, const ArpPacket *arp)
{
        bool uses = arp->sender.s_addr == acd->address.s_addr;
        bool probes = arp->op == ARP_REQUEST && arp->sender.s_addr == 0 &&
                      arp->target.s_addr == acd->address.s_addr;

        /* Our own frames come back through a bridge that loops (REQ_DHCP 33). */
        if (memcmp(arp->sender_mac, acd->mac, 6) == 0)
                return ACD_NOTHING;
        switch (acd->state) {
        case ACD_STATE_IDLE:
                return ACD_NOTHING;
        case ACD_STATE_PROBING:
                return uses || probes ? conflict(acd, arp) : ACD_NOTHING;
        case ACD_STATE_ANNOUNCING:
        case ACD_STATE_DEFENDING:
                return uses ? defend(acd, now, arp) : ACD_NOTHING;
        }
        return ACD_NOTHING;
}

ArpPacket acd_packet(const Acd *acd)
{
        ArpPacket arp = { .op = ARP_REQUEST, .target = acd->address };

        memcpy(arp.sender_mac, acd->mac, 6);
        if (acd->state != ACD_STATE_PROBING)
                arp.sender = acd->address;
        return arp;
}
