/* SPDX-License-Identifier: MIT */
#pragma once
/* When to send a DHCPv4 message again. Pure. */
#include "util/clock.h"
#include "util/rng.h"
#include <stdbool.h>

/*
 * RFC 2131 4.1: after 4, 8, 16, 32 and then every 64 s, each +-1 s. On a link that just came up
 * (eager) a first row comes before it: 0.5 s, then each second up to 8 s. A switch port that is not
 * forwarding yet and a server that starts with us cost one second then, not sixty.
 */
typedef struct Dhcp4Retry Dhcp4Retry;
struct Dhcp4Retry {
        bool eager;
        unsigned sent;      /* packets of this exchange */
        unsigned slow;      /* waits of the RFC's row so far */
        usec_t first, last; /* when the first and the last packet left */
};

void dhcp4_retry_start(Dhcp4Retry *retry, bool eager);
/* Counts a packet that leaves now; when the next one is due. */
usec_t dhcp4_retry_sent(Dhcp4Retry *retry, usec_t now, Rng *rng);
/* RENEWING and REBINDING (RFC 2131 4.4.5): half of what is left until `end`, but 60 s at least. */
usec_t dhcp4_retry_half(usec_t now, usec_t end);
