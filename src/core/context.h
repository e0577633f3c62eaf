/* SPDX-License-Identifier: MIT */
#pragma once
/* The context as the rest of src sees it. Its members are private to src/core. */
#include "core/thread.h"
#include "state/ladder.h"

Ladder *context_ladder(struct lws_context *cx);
