/* SPDX-License-Identifier: MIT */
#pragma once
/* RFC 6724 section 6: in which order to try addresses. Which source the kernel would take for each
 * is found out by the caller. */
#include "util/addr.h"

typedef struct DnsDestination DnsDestination;
struct DnsDestination {
        IpAddr addr;
        IpAddr source;         /* AF_UNSPEC: unreachable */
        bool deprecated;       /* the source is (rule 3) */
        uint8_t source_prefix; /* its length on the link, for rule 9; 0: 64 or 32 */
        size_t order;          /* place in the answer; filled by dns_sort() */
};

/* Stable; `n` is what a look-up gave. */
void dns_sort(DnsDestination *d, size_t n);
