/* SPDX-License-Identifier: MIT */
#include "lib/dhcp6-peer.h"
#include <stdlib.h>

static void put(Writer *w, uint16_t code, const void *value, size_t size)
{
        writer_u16(w, code);
        writer_u16(w, (uint16_t) size);
        writer_bytes(w, value, size);
}

static void put_u32(Writer *w, uint16_t code, uint32_t v)
{
        writer_u16(w, code);
        writer_u16(w, 4);
        writer_u32(w, v);
}

static void put_status(Writer *w, Dhcp6Status status)
{
        writer_u16(w, DHCP6_OPTION_STATUS);
        writer_u16(w, 2);
        writer_u16(w, (uint16_t) status);
}

static void put_ia(Writer *w, const Dhcp6Peer *peer)
{
        size_t start = w->pos;

        writer_u16(w, DHCP6_OPTION_IA_NA);
        writer_u16(w, 0);
        writer_u32(w, peer->iaid);
        writer_u32(w, peer->t1);
        writer_u32(w, peer->t2);
        if (peer->has_address) {
                writer_u16(w, DHCP6_OPTION_IA_ADDRESS);
                writer_u16(w, 24);
                writer_bytes(w, &peer->address, 16);
                writer_u32(w, peer->preferred);
                writer_u32(w, peer->valid);
        }
        if (peer->ia_status != DHCP6_STATUS_SUCCESS)
                put_status(w, peer->ia_status);
        writer_patch_u16(w, start + 2, (uint16_t) (w->pos - start - 4));
}

size_t dhcp6_peer_reply(const Dhcp6Peer *peer, Dhcp6Type type, uint32_t xid,
        const Dhcp6Duid *client, uint8_t *buf, size_t size)
{
        Writer w = WRITER_INIT(buf, size);

        writer_u32(&w, (uint32_t) type << 24 | xid);
        put(&w, DHCP6_OPTION_CLIENT_ID, client->bytes, client->size);
        put(&w, DHCP6_OPTION_SERVER_ID, peer->duid.bytes, peer->duid.size);
        put_ia(&w, peer);
        if (peer->preference)
                put(&w, DHCP6_OPTION_PREFERENCE, &peer->preference, 1);
        if (peer->status != DHCP6_STATUS_SUCCESS)
                put_status(&w, peer->status);
        if (peer->rapid && type == DHCP6_REPLY)
                put(&w, DHCP6_OPTION_RAPID_COMMIT, NULL, 0);
        if (peer->sol_max_rt)
                put_u32(&w, DHCP6_OPTION_SOL_MAX_RT, peer->sol_max_rt);
        if (peer->refresh)
                put_u32(&w, DHCP6_OPTION_REFRESH_TIME, peer->refresh);
        put(&w, DHCP6_OPTION_DNS, &peer->address, 16);
        return w.failed ? 0 : w.pos;
}

size_t dhcp6_peer_answer(
        const Dhcp6Peer *peer, const void *request, size_t request_size, uint8_t *buf, size_t size)
{
        Dhcp6Type type = DHCP6_REPLY;
        Dhcp6Message m;

        if (dhcp6_message_parse(request, request_size, peer->iaid, &m) < 0)
                abort();
        if (m.type == DHCP6_SOLICIT && !(peer->rapid && m.rapid_commit))
                type = DHCP6_ADVERTISE;
        if (peer->silent || (peer->mute_replies && type == DHCP6_REPLY))
                return 0;
        return dhcp6_peer_reply(peer, type, m.xid, &m.client, buf, size);
}
