/* SPDX-License-Identifier: MIT */
#pragma once
/* A Network without a kernel behind it, for programs that try one helper alone. Link it before the
 * library. */
#include "helper/network.h"

int fake_network_new(Network **ret, struct lws_context *cx, const Settings *settings);
void fake_network_free(Network *network);
