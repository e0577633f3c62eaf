/* SPDX-License-Identifier: MIT */
/* c-ares is not there. */
#include "dns.h"

const DnsBench bench_cares = { 0 };
