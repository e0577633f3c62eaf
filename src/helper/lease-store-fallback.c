/* SPDX-License-Identifier: MIT */
/* Without a DHCP client no lease is kept. */
#include "helper/lease-store.h"

void lease_store_rename(const Link *link, const char *old_name)
{
}
