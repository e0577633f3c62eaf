/* SPDX-License-Identifier: MIT */
/* What an update leaves where a running lwsd looks for its module: that of another version. */
#include "daemon/later.h"
#include "util/error.h"

extern const LaterTable lwsd_later;
_public_ const LaterTable lwsd_later = { .size = sizeof(LaterTable), .version = "0.0.0-other" };
