/* SPDX-License-Identifier: MIT */
/* Built without policy, registration and tokens: their rungs pass. */
#include "helper/policy.h"
#include "helper/token.h"

int policy_stage_new(PolicyStage **ret, Upper *upper)
{
        *ret = NULL;
        return 0;
}

PolicyStage *policy_stage_free(PolicyStage *s)
{
        return NULL;
}

const Policy *policy_stage_current(const PolicyStage *s)
{
        return NULL;
}

int policy_stage_put(PolicyStage *s, const char *text, size_t size, char why[static POLICY_WHY_MAX])
{
        return -EOPNOTSUPP;
}

void policy_stage_refresh(PolicyStage *s)
{
}

int registration_new(Registration **ret, Upper *upper)
{
        *ret = NULL;
        return 0;
}

Registration *registration_free(Registration *g)
{
        return NULL;
}

int registration_put(Registration *g, const char *pem, size_t size)
{
        return -EOPNOTSUPP;
}

int token_stage_new(TokenStage **ret, Upper *upper, Registration *registration, unsigned index)
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

int token_stage_put(TokenStage *s, const char *text, size_t size, usec_t expires)
{
        return -EOPNOTSUPP;
}
