/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The policy stage: keeps the best policy that a file or a server gave (signed, valid, of the
 * highest version), stores what came from the network, and holds POLICY_VALID while there is none.
 * A change takes the ladder through POLICY_INVALID. Without File= and Url= there is no such stage.
 */
#include "helper/fetch.h"
#include "proto/policy.h"

typedef struct PolicyStage PolicyStage;
typedef struct PolicyWatch PolicyWatch;
struct PolicyWatch {
        List link;
        void (*changed)(PolicyWatch *watch);
};

/* -ENOENT or -EBADMSG when Key= cannot be used. */
int policy_stage_new(PolicyStage **ret, struct lws_context *cx, Network *network, Fetcher *fetcher,
        const Settings *settings);
PolicyStage *policy_stage_free(PolicyStage *stage);
DEFINE_CLEANUP(PolicyStage, policy_stage_free)

void policy_stage_watch_link(PolicyStage *stage, PolicyWatch *watch);
void policy_stage_watch_unlink(PolicyWatch *watch);
/* The policy in force, or NULL. */
const Policy *policy_stage_current(const PolicyStage *stage);
/* InvalidatePolicy(): read the file and ask the server again now. */
void policy_stage_refresh(PolicyStage *stage);
