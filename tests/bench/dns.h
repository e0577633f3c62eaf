/* SPDX-License-Identifier: MIT */
#pragma once
/* One way to look names up, for tests/bench/dns: asks `total` names, `parallel` at a time, at the
 * server on 127.0.0.1:port. Gives the number that were answered. */
#include <stdint.h>

typedef struct DnsBench DnsBench;
struct DnsBench {
        const char *name;
        unsigned (*run)(uint16_t port, unsigned total, unsigned parallel);
};

/* "n123-45.bench.test", different in every run. */
void bench_name(char *buf, unsigned i);

/* Microseconds for a name that is in the cache; negative when it failed. */
double bench_lwsd_cached(uint16_t port);

extern const DnsBench bench_raw, bench_lwsd, bench_lwsd_sd_event, bench_lwsd_libev, bench_cares,
        bench_unbound, bench_getaddrinfo;
