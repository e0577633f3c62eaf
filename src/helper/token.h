/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * A token stage (AUTH1, AUTH2). With Provider=oauth: client credentials with the registration's
 * certificate (RFC 8705), renewed before they end. With Provider=hold another process hands tokens
 * over. In memory and in LWS_SYSBLOB_TYPE_AUTH only; the ladder falls when one ends and there is no
 * other.
 */
#include "helper/registration.h"

typedef struct TokenStage TokenStage;

/* `index` 0 is AUTH1, 1 is AUTH2. `registration` may be NULL: no client certificate then. */
int token_stage_new(TokenStage **ret, Upper *upper, Registration *registration, unsigned index);
TokenStage *token_stage_free(TokenStage *stage);
DEFINE_CLEANUP(TokenStage, token_stage_free)

/* The token in force and its end (CLOCK_REALTIME; USEC_INFINITY: not known), or NULL. */
const char *token_stage_current(const TokenStage *stage, usec_t *ret_expires);
/* With Provider=hold: a token that ends at `expires` (CLOCK_REALTIME; USEC_INFINITY: not known);
 * `size` 0 takes back what was given. -EOPNOTSUPP with another provider, -EBADMSG for what is no
 * token, -ETIME for one that has ended. */
int token_stage_put(TokenStage *stage, const char *text, size_t size, usec_t expires);
