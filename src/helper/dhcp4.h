/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * DHCPv4 on one link: proto/dhcp4-* bound to a packet socket, a UDP socket and timers.
 * helper/link.c owns the client and tells it about the link; the client answers through
 * network_set_facts() (DNS, NTP, domains, lease), apply_set(FACT_SOURCE_DHCP4) (address, routes,
 * MTU) and the dhcp_state and wait_* fields of the link followed by network_touch().
 */
#include "helper/network.h"

typedef struct Dhcp4Client Dhcp4Client;

/* For a link with settings that say DHCP=ipv4 or yes. -EOPNOTSUPP when it is not built in or the
 * link's type knows no DHCP. */
int dhcp4_client_new(Dhcp4Client **ret, Link *link);
/* Ends it silently: what it put into the kernel stays and is found again by the next start. */
Dhcp4Client *dhcp4_client_free(Dhcp4Client *client);
DEFINE_CLEANUP(Dhcp4Client, dhcp4_client_free)

/* Called when the link has carrier for the first time: from INIT, or INIT-REBOOT with a stored
 * lease. */
void dhcp4_client_start(Dhcp4Client *client);
/* The link is no longer for it: lease, address and facts go (no RELEASE). */
void dhcp4_client_stop(Dhcp4Client *client);
/* Carrier lost or back. A loss for longer than CarrierLossSec is told with stop(). */
void dhcp4_client_carrier(Dhcp4Client *client, bool up);
/* The MAC address, the MTU or the name changed. */
void dhcp4_client_link_changed(Dhcp4Client *client);
/* Somebody took the leased address out of the kernel. */
void dhcp4_client_address_lost(Dhcp4Client *client);
int dhcp4_client_renew(Dhcp4Client *client);
int dhcp4_client_release(Dhcp4Client *client);
