/* SPDX-License-Identifier: MIT */
#pragma once
/* A DHCPv4 lease as addresses, routes and MTU for the kernel and as facts for everyone else. */
#include "helper/network.h"
#include "proto/dhcp4-lease.h"

int dhcp4_apply(Link *link, const Dhcp4Lease *lease);
void dhcp4_unapply(Link *link);
