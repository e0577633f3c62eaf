/* SPDX-License-Identifier: MIT */
#pragma once
/* Who we are to DHCP servers, the same over restarts and reboots (RFC 4361, RFC 8415 11). */
#include "helper/network.h"

enum { DUID_SIZE_MAX = 34 };

/* DUID-UUID from the machine id, which it does not disclose; DUID-LL where there is no machine id.
 * The size. */
size_t duid_get(const Link *link, uint8_t ret[static DUID_SIZE_MAX]);
/* Tells the interfaces of one machine apart, by their hardware address. */
uint32_t iaid_get(const Link *link);
