/* SPDX-License-Identifier: MIT */
#pragma once
/* The addresses that DHCPv6 servers gave, each with its own end. */
#include "proto/dhcp6-message.h"
#include "proto/lease-text.h"
#include "util/clock.h"

typedef struct Dhcp6LeaseAddress Dhcp6LeaseAddress;
struct Dhcp6LeaseAddress {
        struct in6_addr address;
        usec_t preferred_until, valid_until; /* CLOCK_BOOTTIME; USEC_INFINITY */
};

typedef struct Dhcp6Lease Dhcp6Lease;
struct Dhcp6Lease {
        Dhcp6Duid server;
        Dhcp6LeaseAddress addresses[DHCP6_ADDRESSES_MAX];
        uint8_t n_addresses; /* 0: no lease */
        usec_t t1, t2;
};

/* RFC 8415 18.2.10.1: an address that a REPLY names is added, prolonged or (valid 0) dropped; one
 * that it does not name stays as it was. `begin`: when the lifetimes began. */
void dhcp6_lease_merge(Dhcp6Lease *lease, usec_t begin, const Dhcp6Address *a);
/* T1 and T2 of a REPLY; 0 is for the client to choose (14.2). */
void dhcp6_lease_set_times(Dhcp6Lease *lease, usec_t begin, const Dhcp6Message *reply);
/* Its index, or n_addresses. */
size_t dhcp6_lease_find(const Dhcp6Lease *lease, const struct in6_addr *address);
void dhcp6_lease_drop(Dhcp6Lease *lease, size_t i);
usec_t dhcp6_lease_first_expiry(const Dhcp6Lease *lease);

/* With what came beside the addresses. */
void dhcp6_lease_format(
        const Dhcp6Lease *lease, const Dhcp6Options *options, const LeaseClocks *at, LeaseText *t);
/* 0, or -EBADMSG for a text that is no lease (any more). In another boot its times go on by the
 * wall clock; where that went backwards it is not to be believed and the lease counts as over. */
int dhcp6_lease_parse(
        const char *text, const LeaseClocks *at, Dhcp6Lease *ret, Dhcp6Options *ret_options);
