/* SPDX-License-Identifier: MIT */
/* libunbound is not there. */
#include "dns.h"

const DnsBench bench_unbound = { 0 };
