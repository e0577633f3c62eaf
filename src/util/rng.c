/* SPDX-License-Identifier: MIT */
#include "util/rng.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static void kernel_fill(Rng *rng, void *dst, size_t len)
{
        uint8_t *p = dst;

        (void) rng;
        while (len > 0) {
                ssize_t n = getrandom(p, len, 0);

                if (n < 0) {
                        if (errno == EINTR)
                                continue;
                        abort(); /* nothing that needs a secret may go on without one */
                }
                p += n;
                len -= (size_t) n;
        }
}

Rng RNG_KERNEL = { .fill = kernel_fill };

static uint64_t splitmix64(uint64_t *state)
{
        uint64_t z = (*state += 0x9e3779b97f4a7c15u);

        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        return z ^ (z >> 31);
}

static void seeded_fill(Rng *rng, void *dst, size_t len)
{
        uint8_t *p = dst;

        while (len > 0) {
                uint64_t v = splitmix64(&rng->state);
                size_t n = len < sizeof(v) ? len : sizeof(v);

                memcpy(p, &v, n);
                p += n;
                len -= n;
        }
}

Rng rng_seeded(uint64_t seed)
{
        return (Rng){ .fill = seeded_fill, .state = seed };
}

uint64_t rng_u64(Rng *rng)
{
        uint64_t v;

        rng->fill(rng, &v, sizeof(v));
        return v;
}

uint32_t rng_u32(Rng *rng)
{
        uint32_t v;

        rng->fill(rng, &v, sizeof(v));
        return v;
}

uint16_t rng_u16(Rng *rng)
{
        uint16_t v;

        rng->fill(rng, &v, sizeof(v));
        return v;
}

uint64_t rng_range(Rng *rng, uint64_t low, uint64_t high)
{
        uint64_t span = high - low + 1, limit, v;

        if (span == 0)
                return rng_u64(rng);
        limit = UINT64_MAX - UINT64_MAX % span;
        do
                v = rng_u64(rng);
        while (v >= limit);
        return low + v % span;
}
