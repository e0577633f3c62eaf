/* SPDX-License-Identifier: MIT */
#include "daemon/later.h"
#include "util/error.h"

extern const LaterTable lwsd_later;
_public_ const LaterTable lwsd_later = {
#define X(name) .name = (name),
        LATER_FUNCTIONS(X)
#undef X
};
