/* SPDX-License-Identifier: MIT */
#include "proto/dns-sort.h"
#include "util/error.h"
#include <stdlib.h>
#include <string.h>

typedef struct Policy Policy;
struct Policy {
        uint8_t prefix[16];
        uint8_t length, precedence, label;
};

/* The default policy table of RFC 6724 2.1, longest prefix first. */
static const Policy policies[] = {
        { { [15] = 1 }, 128, 50, 0 },
        { { [10] = 0xff, 0xff }, 96, 35, 4 },
        { { 0 }, 96, 1, 3 },
        { { 0x20, 0x01 }, 32, 5, 5 },
        { { 0x20, 0x02 }, 16, 30, 2 },
        { { 0x3f, 0xfe }, 16, 1, 12 },
        { { 0xfe, 0xc0 }, 10, 1, 11 },
        { { 0xfc }, 7, 3, 13 },
        { { 0 }, 0, 40, 1 },
};

static unsigned common_bits(const uint8_t *a, const uint8_t *b, unsigned max)
{
        unsigned n = 0;

        while (n < max && !((a[n / 8] ^ b[n / 8]) & (0x80 >> n % 8)))
                n++;
        return n;
}

static void mapped(const IpAddr *a, uint8_t out[static 16])
{
        memset(out, 0, 16);
        if (a->family == AF_INET6) {
                memcpy(out, a->bytes, 16);
        } else {
                out[10] = out[11] = 0xff;
                memcpy(out + 12, a->bytes, 4);
        }
}

static const Policy *policy(const IpAddr *a)
{
        uint8_t bytes[16];

        mapped(a, bytes);
        for (size_t i = 0; i + 1 < ELEMENTSOF(policies); i++)
                if (common_bits(bytes, policies[i].prefix, policies[i].length) ==
                        policies[i].length)
                        return &policies[i];
        return &policies[ELEMENTSOF(policies) - 1];
}

/* RFC 4291 2.7 numbers; IPv4 by RFC 6724 3.2. */
static unsigned scope(const IpAddr *a)
{
        if (ip_is_loopback(a) || ip_is_link_local(a))
                return 2;
        if (a->family == AF_INET6) {
                if (ip_is_multicast(a))
                        return a->bytes[1] & 15;
                if (a->bytes[0] == 0xfe && (a->bytes[1] & 0xc0) == 0xc0)
                        return 5;
        }
        return 14;
}

static bool label_matches(const DnsDestination *d)
{
        return policy(&d->addr)->label == policy(&d->source)->label;
}

/* Rule 9, within one family: the longest prefix shared with the source. */
static unsigned shared_prefix(const DnsDestination *d)
{
        unsigned bits = d->addr.family == AF_INET ? 32 : 64;

        if (d->addr.family != d->source.family)
                return 0;
        if (d->source_prefix > 0)
                bits = MIN(bits, d->source_prefix);
        return common_bits(d->addr.bytes, d->source.bytes, bits);
}

/* Yes before no. */
static int prefer(bool a, bool b)
{
        return (int) b - (int) a;
}

static int destination_cmp(const void *pa, const void *pb)
{
        const DnsDestination *a = pa, *b = pb;
        bool reach_a = a->source.family != AF_UNSPEC, reach_b = b->source.family != AF_UNSPEC;
        int r = prefer(reach_a, reach_b); /* rule 1 */

        if (r == 0 && reach_a && reach_b) {
                r = prefer(scope(&a->addr) == scope(&a->source),
                        scope(&b->addr) == scope(&b->source)); /* rule 2 */
                if (r == 0)
                        r = prefer(!a->deprecated, !b->deprecated); /* rule 3 */
                if (r == 0)
                        r = prefer(label_matches(a), label_matches(b)); /* rule 5 */
        }
        if (r == 0) /* rule 6 */
                r = (int) policy(&b->addr)->precedence - (int) policy(&a->addr)->precedence;
        if (r == 0) /* rule 8 */
                r = (int) scope(&a->addr) - (int) scope(&b->addr);
        if (r == 0 && a->addr.family == AF_INET6 && b->addr.family == AF_INET6) /* rule 9 */
                r = (int) shared_prefix(b) - (int) shared_prefix(a);
        return r != 0 ? r : (a->order > b->order) - (a->order < b->order);
}

void dns_sort(DnsDestination *d, size_t n)
{
        for (size_t i = 0; i < n; i++)
                d[i].order = i;
        qsort(d, n, sizeof(*d), destination_cmp);
}
