/* SPDX-License-Identifier: MIT */
#pragma once
/* Encrypted resolvers that a network names in DHCP (DNR, RFC 9463): those with DNS over TLS, by
 * address. */
#include "util/addr.h"
#include "util/buf.h"

#define DNR_MAX 4

typedef struct DnrList DnrList;
struct DnrList {
        uint8_t n;
        uint16_t priorities[DNR_MAX]; /* in order */
        Endpoint items[DNR_MAX];      /* address, port, and the name that is to be shown */
};

/* The data of option 162, or of one option 144 of DHCPv6. What is of no use or broken adds nothing.
 */
void dnr_read_v4(DnrList *list, Reader *r);
void dnr_read_v6(DnrList *list, Reader *r);
/* Behind those that are there; false when it has no place or no name. */
bool dnr_add_text(DnrList *list, const char *text);
