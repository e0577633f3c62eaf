/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * DHCPv6 on one link, owned by helper/link.c, which starts it by the M and O flags of router
 * advertisements. Answers as helper/dhcp4.h does, with FACT_SOURCE_DHCP6.
 */
#include "helper/network.h"

typedef struct Dhcp6Client Dhcp6Client;

typedef enum Dhcp6Mode {
        DHCP6_MODE_OFF,         /* neither flag */
        DHCP6_MODE_INFORMATION, /* O: everything but addresses */
        DHCP6_MODE_STATEFUL,    /* M */
} Dhcp6Mode;

int dhcp6_client_new(Dhcp6Client **ret, Link *link);
Dhcp6Client *dhcp6_client_free(Dhcp6Client *client);
DEFINE_CLEANUP(Dhcp6Client, dhcp6_client_free)

/* Told when the link has carrier and a link-local address that passed DAD (`source`), and each time
 * a router says otherwise. */
int dhcp6_client_set_mode(Dhcp6Client *client, Dhcp6Mode mode, const IpAddr *source);
/* Whether a server has answered: what it gave holds for its time, whatever routers say. */
bool dhcp6_client_has_answer(const Dhcp6Client *client);
/* Carrier lost or back: on return CONFIRM or REBIND. */
void dhcp6_client_carrier(Dhcp6Client *client, bool up);
/* The kernel's DAD found one of our addresses to be another's: DECLINE. */
void dhcp6_client_dad_failed(Dhcp6Client *client, const IpAddr *addr);
/* Somebody removed an address that is leased. */
void dhcp6_client_address_lost(Dhcp6Client *client);
int dhcp6_client_renew(Dhcp6Client *client);
int dhcp6_client_release(Dhcp6Client *client);
