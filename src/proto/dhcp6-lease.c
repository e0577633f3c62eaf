/* SPDX-License-Identifier: MIT */
#include "proto/dhcp6-lease.h"
#include "util/error.h"
#include <string.h>

/* However little a server allows, it is not asked more often than this. */
#define RENEW_MIN (1 * USEC_PER_SEC)

static usec_t until(usec_t begin, uint32_t seconds)
{
        return seconds == DHCP6_INFINITE ? USEC_INFINITY : begin + seconds * USEC_PER_SEC;
}

void dhcp6_lease_drop(Dhcp6Lease *lease, size_t i)
{
        lease->n_addresses--;
        memmove(lease->addresses + i, lease->addresses + i + 1,
                (lease->n_addresses - i) * sizeof(*lease->addresses));
}

size_t dhcp6_lease_find(const Dhcp6Lease *lease, const struct in6_addr *address)
{
        size_t i = 0;

        while (i < lease->n_addresses &&
                memcmp(&lease->addresses[i].address, address, sizeof(*address)) != 0)
                i++;
        return i;
}

void dhcp6_lease_merge(Dhcp6Lease *lease, usec_t begin, const Dhcp6Address *a)
{
        size_t i = dhcp6_lease_find(lease, &a->address);

        if (a->valid == 0) {
                if (i < lease->n_addresses)
                        dhcp6_lease_drop(lease, i);
                return;
        }
        if (i == DHCP6_ADDRESSES_MAX)
                return;
        if (i == lease->n_addresses)
                lease->n_addresses++;
        lease->addresses[i] = (Dhcp6LeaseAddress){ .address = a->address,
                .preferred_until = until(begin, a->preferred),
                .valid_until = until(begin, a->valid) };
}

/* The shortest preferred lifetime; where all are 0 (deprecated), the shortest valid one. */
static usec_t shortest_life(const Dhcp6Lease *lease, usec_t begin)
{
        usec_t preferred = USEC_INFINITY, valid = USEC_INFINITY;
        bool any = false;

        for (size_t i = 0; i < lease->n_addresses; i++) {
                usec_t life = usec_sub(lease->addresses[i].preferred_until, begin);

                valid = MIN(valid, usec_sub(lease->addresses[i].valid_until, begin));
                if (life > 0) {
                        preferred = MIN(preferred, life);
                        any = true;
                }
        }
        return any ? preferred : valid;
}

void dhcp6_lease_set_times(Dhcp6Lease *lease, usec_t begin, const Dhcp6Message *reply)
{
        usec_t life = shortest_life(lease, begin);

        lease->t1 = until(begin, reply->t1);
        lease->t2 = until(begin, reply->t2);
        if (reply->t1 == 0)
                lease->t1 = life == USEC_INFINITY ? life : begin + life / 2;
        if (reply->t2 == 0)
                lease->t2 = life == USEC_INFINITY ? life : begin + life / 5 * 4;
        lease->t1 = MAX(lease->t1, begin + RENEW_MIN);
        lease->t2 = MAX(lease->t1, lease->t2);
}

usec_t dhcp6_lease_first_expiry(const Dhcp6Lease *lease)
{
        usec_t first = USEC_INFINITY;

        for (size_t i = 0; i < lease->n_addresses; i++)
                first = MIN(first, lease->addresses[i].valid_until);
        return first;
}
