/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * A token stage (AUTH1, AUTH2) with Provider=oauth: client credentials with the registration's
 * certificate (RFC 8705), renewed before they end, in memory and in LWS_SYSBLOB_TYPE_AUTH only. The
 * ladder falls when one cannot be renewed in time.
 */
#include "helper/registration.h"

typedef struct TokenStage TokenStage;

/* `index` 0 is AUTH1, 1 is AUTH2. `registration` may be NULL: no client certificate then. */
int token_stage_new(TokenStage **ret, struct lws_context *cx, Fetcher *fetcher,
        Registration *registration, const Settings *settings, unsigned index);
TokenStage *token_stage_free(TokenStage *stage);
DEFINE_CLEANUP(TokenStage, token_stage_free)

/* The token in force and its end (CLOCK_REALTIME; USEC_INFINITY: not known), or NULL. */
const char *token_stage_current(const TokenStage *stage, usec_t *ret_expires);
