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

/* One that a server leaves to us, or that lies behind the end of an address; "never" is its right.
 */
static usec_t usable_time(const Dhcp6Lease *lease, usec_t begin, uint32_t told, usec_t usual)
{
        usec_t t = until(begin, told);

        if (told > 0 && (t < dhcp6_lease_first_expiry(lease) || told == DHCP6_INFINITE))
                return t;
        return usual == USEC_INFINITY ? usual : begin + usual;
}

void dhcp6_lease_set_times(Dhcp6Lease *lease, usec_t begin, const Dhcp6Message *reply)
{
        usec_t life = shortest_life(lease, begin);
        usec_t half = life == USEC_INFINITY ? life : life / 2;
        usec_t most = life == USEC_INFINITY ? life : life / 5 * 4;

        lease->t1 = usable_time(lease, begin, reply->t1, half);
        lease->t2 = usable_time(lease, begin, reply->t2, most);
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
