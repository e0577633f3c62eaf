/* SPDX-License-Identifier: MIT */
#pragma once
/* The context as the rest of src sees it. Its members are private to src/core. */
#include "core/thread.h"
#include "state/ladder.h"

Ladder *context_ladder(struct lws_context *cx);
int context_n_threads(struct lws_context *cx);
/* Where the context's resolver is remembered (helper/resolver.h); thread 0 only. */
void **context_resolver(struct lws_context *cx);
