/* SPDX-License-Identifier: MIT */
/* Built without policy, registration and tokens: their rungs pass. */
#include "helper/policy.h"
#include "helper/token.h"

int policy_stage_new(PolicyStage **ret, struct lws_context *cx, Network *network, Fetcher *fetcher,
        const Settings *settings)
{
        *ret = NULL;
        return 0;
}

PolicyStage *policy_stage_free(PolicyStage *s)
{
        return NULL;
}

void policy_stage_watch_link(PolicyStage *s, PolicyWatch *watch)
{
}

void policy_stage_watch_unlink(PolicyWatch *watch)
{
}

const Policy *policy_stage_current(const PolicyStage *s)
{
        return NULL;
}

void policy_stage_refresh(PolicyStage *s)
{
}

int registration_new(
        Registration **ret, struct lws_context *cx, Fetcher *fetcher, const Settings *settings)
{
        *ret = NULL;
        return 0;
}

Registration *registration_free(Registration *g)
{
        return NULL;
}

int token_stage_new(TokenStage **ret, struct lws_context *cx, Fetcher *fetcher,
        Registration *registration, const Settings *settings, unsigned index)
{
        *ret = NULL;
        return 0;
}

TokenStage *token_stage_free(TokenStage *s)
{
        return NULL;
}

const char *token_stage_current(const TokenStage *s, usec_t *ret_expires)
{
        return NULL;
}
