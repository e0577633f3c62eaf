/* SPDX-License-Identifier: MIT */
#include "daemon/later.h"
#include "util/error.h"
#include <config.h>

extern const LaterTable lwsd_later;
_public_ const LaterTable lwsd_later = { .size = sizeof(LaterTable),
        .version = PACKAGE_VERSION,
#define X(name) .name = (name),
        LATER_FUNCTIONS(X)
#undef X
};
