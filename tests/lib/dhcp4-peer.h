/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * A DHCPv4 server in memory, for tests in virtual time: message bytes in, message bytes out. It
 * does what its fields say, good or bad.
 */
#include "proto/dhcp4-message.h"

typedef struct Dhcp4Peer Dhcp4Peer;
struct Dhcp4Peer {
        struct in_addr server;
        struct in_addr offers;  /* the address it gives */
        struct in_addr mask;    /* zero: 255.255.255.0 */
        uint32_t lease, t1, t2; /* seconds; t1 and t2 of 0 are left out */
        bool silent;            /* answers nothing */
        bool mute_acks;         /* answers DISCOVER only */
        bool refuses;           /* NAK to every REQUEST */
        bool rapid;             /* answers option 80 */
        bool no_options;        /* neither mask, router nor DNS */
        const char *extra;      /* options as raw bytes, behind the others */
        size_t extra_size;
        unsigned discovers, requests, declines, releases;
};

struct in_addr v4(const char *text);
/* The reply to a client's message, or 0 for none. */
size_t dhcp4_peer_answer(
        Dhcp4Peer *peer, const void *request, size_t request_size, uint8_t *buf, size_t size);
/* One reply of any type to a message, as the peer's fields say. */
size_t dhcp4_peer_reply(const Dhcp4Peer *peer, const Dhcp4Message *request, Dhcp4Type type,
        uint8_t *buf, size_t size);
