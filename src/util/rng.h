/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Randomness, passed to pure code as an object so that a test can replay a run from its seed.
 * RNG_KERNEL draws from getrandom(2): ids, ports, cookies and keys use nothing else in production.
 */
#include <stddef.h>
#include <stdint.h>

typedef struct Rng Rng;
struct Rng {
        void (*fill)(Rng *rng, void *dst, size_t len);
        uint64_t state; /* of the seeded generator */
};

extern Rng RNG_KERNEL;

/* A reproducible generator (splitmix64) for tests and simulations; never for the wire. */
Rng rng_seeded(uint64_t seed);

uint64_t rng_u64(Rng *rng);
uint32_t rng_u32(Rng *rng);
uint16_t rng_u16(Rng *rng);
/* Uniform in [low, high], both included; no modulo bias. */
uint64_t rng_range(Rng *rng, uint64_t low, uint64_t high);
