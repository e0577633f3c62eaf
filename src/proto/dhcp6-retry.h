/* SPDX-License-Identifier: MIT */
#pragma once
/* When to send a DHCPv6 message again (RFC 8415 15). Pure. */
#include "util/clock.h"
#include "util/rng.h"
#include <stdbool.h>

typedef struct Dhcp6Retry Dhcp6Retry;
struct Dhcp6Retry {
        usec_t irt, mrt, mrd; /* mrt, mrd 0: no limit */
        unsigned mrc;         /* 0: no limit */
        bool never_short;     /* the first wait is not below irt (SOLICIT, 18.2.1) */
        unsigned sent;
        usec_t rt, first, last;
};

/* Counts a message that leaves now; when to look again. */
usec_t dhcp6_retry_sent(Dhcp6Retry *retry, usec_t now, Rng *rng);
/* Whether the wait that ends now was the last one. */
bool dhcp6_retry_is_over(const Dhcp6Retry *retry, usec_t now);
