/* SPDX-License-Identifier: MIT */
/* Without -Ddhcpclient: no link has a client. */
#include "helper/dhcp6.h"

int dhcp6_client_new(Dhcp6Client **ret, Link *link)
{
        return -EOPNOTSUPP;
}

Dhcp6Client *dhcp6_client_free(Dhcp6Client *client)
{
        return NULL;
}

int dhcp6_client_set_mode(Dhcp6Client *client, Dhcp6Mode mode, const IpAddr *source)
{
        return -EOPNOTSUPP;
}

bool dhcp6_client_has_answer(const Dhcp6Client *client)
{
        return false;
}

void dhcp6_client_carrier(Dhcp6Client *client, bool up)
{
}

void dhcp6_client_dad_failed(Dhcp6Client *client, const IpAddr *addr)
{
}

void dhcp6_client_address_lost(Dhcp6Client *client)
{
}

int dhcp6_client_renew(Dhcp6Client *client)
{
        return -EOPNOTSUPP;
}

int dhcp6_client_release(Dhcp6Client *client)
{
        return -EOPNOTSUPP;
}
