/* SPDX-License-Identifier: MIT */
/* Without -Ddhcpclient: no link has a client. */
#include "helper/dhcp4.h"

int dhcp4_client_new(Dhcp4Client **ret, Link *link)
{
        return -EOPNOTSUPP;
}

Dhcp4Client *dhcp4_client_free(Dhcp4Client *client)
{
        return NULL;
}

void dhcp4_client_start(Dhcp4Client *client)
{
}

void dhcp4_client_stop(Dhcp4Client *client)
{
}

void dhcp4_client_carrier(Dhcp4Client *client, bool up)
{
}

void dhcp4_client_link_changed(Dhcp4Client *client)
{
}

void dhcp4_client_address_lost(Dhcp4Client *client)
{
}

int dhcp4_client_renew(Dhcp4Client *client)
{
        return -EOPNOTSUPP;
}

int dhcp4_client_release(Dhcp4Client *client)
{
        return -EOPNOTSUPP;
}
