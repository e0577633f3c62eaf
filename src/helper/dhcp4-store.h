/* SPDX-License-Identifier: MIT */
#pragma once
/* The lease of a link, kept in a file that a person can read: STATE_DIR/dhcp4-NAME.lease. */
#include "helper/network.h"
#include "proto/dhcp4-lease.h"

/* 0, or -ENOENT when there is none for this client identifier. */
int dhcp4_store_load(const Link *link, const Dhcp4Identity *id, Dhcp4Lease *ret);
int dhcp4_store_save(const Link *link, const Dhcp4Identity *id, const Dhcp4Lease *lease);
void dhcp4_store_remove(const Link *link);
