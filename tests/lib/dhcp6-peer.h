/* SPDX-License-Identifier: MIT */
#pragma once
/* A DHCPv6 server in memory: message bytes in, message bytes out, as its fields say. */
#include "proto/dhcp6-message.h"

typedef struct Dhcp6Peer Dhcp6Peer;
struct Dhcp6Peer {
        Dhcp6Duid duid;
        uint32_t iaid;
        bool silent, mute_replies; /* answers nothing; answers SOLICIT only */
        bool rapid;                /* answers option 14 */
        bool has_address;
        struct in6_addr address;
        uint32_t preferred, valid, t1, t2;
        uint8_t preference;
        Dhcp6Status status, ia_status;
        uint32_t sol_max_rt, refresh; /* 0: left out */
};

size_t dhcp6_peer_answer(
        const Dhcp6Peer *peer, const void *request, size_t request_size, uint8_t *buf, size_t size);
size_t dhcp6_peer_reply(const Dhcp6Peer *peer, Dhcp6Type type, uint32_t xid,
        const Dhcp6Duid *client, uint8_t *buf, size_t size);
