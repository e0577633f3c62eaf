/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The reconfigure key authentication protocol (RFC 8415 20.4), pure: a server gives a key with a
 * REPLY, in the clear, and signs each RECONFIGURE with it. Whoever was not on the link then cannot
 * make us ask.
 */
#include "proto/dhcp6-message.h"

typedef struct Dhcp6ReconfigureKey Dhcp6ReconfigureKey;
struct Dhcp6ReconfigureKey {
        Dhcp6Duid server; /* empty: no key yet */
        uint8_t key[DHCP6_AUTH_SIZE];
        uint64_t replay; /* of the last message that was authentic */
};

/* Takes the key of a REPLY that was accepted, if it has one. */
void dhcp6_reconfigure_learn(Dhcp6ReconfigureKey *key, const Dhcp6Message *reply);
/* What an authentic RECONFIGURE that was not heard before asks for: DHCP6_RENEW, DHCP6_REBIND or
 * DHCP6_INFORMATION_REQUEST; DHCP6_NONE for any other. `data` is what `msg` was parsed from. */
Dhcp6Type dhcp6_reconfigure_check(
        Dhcp6ReconfigureKey *key, const Dhcp6Message *msg, const void *data, size_t size);
