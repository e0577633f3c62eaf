/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * A DHCPv4 lease: what a server promised and until when, and its text form, which a person can read
 * and the next start takes up again.
 */
#include "proto/dhcp4-message.h"
#include "proto/lease-text.h"
#include "util/clock.h"
#include "util/rng.h"

typedef struct Dhcp4Lease Dhcp4Lease;
struct Dhcp4Lease {
        struct in_addr address; /* 0: no lease */
        struct in_addr server;
        uint32_t lifetime; /* seconds; DHCP4_INFINITE */
        /* CLOCK_BOOTTIME; USEC_INFINITY: never. t1 < t2 < expires. */
        usec_t begin, t1, t2, expires;
        uint8_t gateway_mac[6]; /* of the default gateway, for DNAv4 */
        bool has_gateway_mac;
        uint32_t mtu_before; /* of the link without options.mtu; 0: not known */
        Dhcp4Options options;
};

/* The lease of an ACK whose clock began at `begin`, when its REQUEST left (RFC 2131 4.4.1). T1 and
 * T2 are a little early, by chance, so that hosts that booted together drift apart. */
Dhcp4Lease dhcp4_lease_from_message(const Dhcp4Message *m, usec_t begin, Rng *rng);
/* The gateway of its first default route; 0: none. */
struct in_addr dhcp4_lease_gateway(const Dhcp4Lease *lease);
/* A new lease keeps what is known of the link, and through the same gateway its hardware address.
 */
void dhcp4_lease_keep_known(Dhcp4Lease *lease, const Dhcp4Lease *old);

void dhcp4_lease_format(const Dhcp4Lease *lease, const LeaseClocks *at, LeaseText *t);
/* 0, or -EBADMSG for a text that is no lease (any more). In another boot the lease ends by the wall
 * clock; where that says that the lease lies in the future, the clock is not to be believed and the
 * lease counts as over. */
int dhcp4_lease_parse(const char *text, const LeaseClocks *at, Dhcp4Lease *ret);
