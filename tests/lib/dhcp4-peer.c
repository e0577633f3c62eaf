/* SPDX-License-Identifier: MIT */
#include "lib/dhcp4-peer.h"
#include <arpa/inet.h>
#include <stdlib.h>

struct in_addr v4(const char *text)
{
        struct in_addr a;

        if (inet_pton(AF_INET, text, &a) != 1)
                abort();
        return a;
}

static void put(Writer *w, uint8_t code, const void *value, uint8_t size)
{
        writer_u8(w, code);
        writer_u8(w, size);
        writer_bytes(w, value, size);
}

static void put_u32(Writer *w, uint8_t code, uint32_t v)
{
        writer_u8(w, code);
        writer_u8(w, 4);
        writer_u32(w, v);
}

static void put_lease(Writer *w, const Dhcp4Peer *peer)
{
        put_u32(w, DHCP4_OPTION_LEASE_TIME, peer->lease);
        if (peer->t1)
                put_u32(w, DHCP4_OPTION_T1, peer->t1);
        if (peer->t2)
                put_u32(w, DHCP4_OPTION_T2, peer->t2);
        if (!peer->no_options) {
                put(w, DHCP4_OPTION_SUBNET_MASK,
                        peer->mask.s_addr ? (const void *) &peer->mask : "\xff\xff\xff\x00", 4);
                put(w, DHCP4_OPTION_ROUTER, &peer->server, 4);
                put(w, DHCP4_OPTION_DNS, &peer->server, 4);
        }
        writer_bytes(w, peer->extra, peer->extra_size);
}

size_t dhcp4_peer_reply(const Dhcp4Peer *peer, const Dhcp4Message *request, Dhcp4Type type,
        uint8_t *buf, size_t size)
{
        Writer w = WRITER_INIT(buf, size);
        uint8_t code = (uint8_t) type;

        writer_u8(&w, 2);
        writer_u8(&w, request->htype);
        writer_u8(&w, request->hlen);
        writer_u8(&w, 0);
        writer_u32(&w, request->xid);
        writer_u16(&w, 0);
        writer_u16(&w, request->flags);
        writer_bytes(&w, &request->ciaddr, 4);
        writer_bytes(&w, type == DHCP4_NAK ? "\0\0\0" : (const char *) &peer->offers, 4);
        writer_zero(&w, 8);
        writer_bytes(&w, request->chaddr, 16);
        writer_zero(&w, 192);
        writer_u32(&w, 0x63825363);
        put(&w, DHCP4_OPTION_TYPE, &code, 1);
        put(&w, DHCP4_OPTION_SERVER, &peer->server, 4);
        if (type != DHCP4_NAK)
                put_lease(&w, peer);
        if (type == DHCP4_ACK && peer->rapid && request->type == DHCP4_DISCOVER)
                put(&w, DHCP4_OPTION_RAPID_COMMIT, NULL, 0);
        writer_u8(&w, DHCP4_OPTION_END);
        return w.failed ? 0 : w.pos;
}

/* RFC 2131 4.3.2: not ours to answer. */
static bool names_another_server(const Dhcp4Peer *peer, const Dhcp4Message *m)
{
        return m->server.s_addr != 0 && m->server.s_addr != peer->server.s_addr;
}

static Dhcp4Type answer_request(const Dhcp4Peer *peer, const Dhcp4Message *m)
{
        struct in_addr wanted = m->ciaddr.s_addr ? m->ciaddr : m->requested;

        if (peer->mute_acks || names_another_server(peer, m))
                return DHCP4_NONE;
        return peer->refuses || wanted.s_addr != peer->offers.s_addr ? DHCP4_NAK : DHCP4_ACK;
}

size_t dhcp4_peer_answer(
        Dhcp4Peer *peer, const void *request, size_t request_size, uint8_t *buf, size_t size)
{
        Dhcp4Type answer = DHCP4_NONE;
        Dhcp4Message m;

        if (dhcp4_message_parse(request, request_size, &m) < 0)
                abort();
        if (m.type == DHCP4_DISCOVER) {
                peer->discovers++;
                answer = peer->rapid && m.rapid_commit ? DHCP4_ACK : DHCP4_OFFER;
        } else if (m.type == DHCP4_REQUEST) {
                peer->requests++;
                answer = answer_request(peer, &m);
        } else if (m.type == DHCP4_DECLINE) {
                peer->declines++;
        } else if (m.type == DHCP4_RELEASE) {
                peer->releases++;
        }
        if (answer == DHCP4_NONE || peer->silent)
                return 0;
        return dhcp4_peer_reply(peer, &m, answer, buf, size);
}
