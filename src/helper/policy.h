/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The policy stage: keeps the best policy that a file or a server gave (signed, valid, of the
 * highest version), stores what came from the network, and holds POLICY_VALID while there is none.
 * A change takes the ladder through POLICY_INVALID. Without File= and Url= there is no such stage.
 */
#include "helper/upper.h"
#include "proto/policy.h"

#define POLICY_WHY_MAX 192

typedef struct PolicyStage PolicyStage;

/* -ENOENT or -EBADMSG when Key= cannot be used. */
int policy_stage_new(PolicyStage **ret, Upper *upper);
PolicyStage *policy_stage_free(PolicyStage *stage);
DEFINE_CLEANUP(PolicyStage, policy_stage_free)

/* The policy in force, or NULL. */
const Policy *policy_stage_current(const PolicyStage *stage);
/* With Provider=hold: a document, which is checked as any other; it is not stored. `why` says where
 * it is wrong. -EOPNOTSUPP with another provider. */
int policy_stage_put(
        PolicyStage *stage, const char *text, size_t size, char why[static POLICY_WHY_MAX]);
/* InvalidatePolicy(): read the file and ask the server again now. */
void policy_stage_refresh(PolicyStage *stage);
