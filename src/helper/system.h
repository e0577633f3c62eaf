/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * All helpers of a context, started in one written order (the three calls below) and stopped in its
 * reverse. A helper that is not built in is its *-fallback.c file, so that nobody asks with #if.
 */
#include "helper/network.h"

typedef struct System System;
typedef struct PortalCheck PortalCheck;   /* helper/portal.h */
typedef struct PolicyStage PolicyStage;   /* helper/policy.h */
typedef struct Registration Registration; /* helper/registration.h */
typedef struct TokenStage TokenStage;     /* helper/token.h */
typedef struct UpperWatch UpperWatch;     /* helper/upper.h */
typedef struct Resolver Resolver;         /* helper/resolver.h */
typedef struct TimeClient TimeClient;     /* helper/time.h */

/* What needs nothing but an address goes out: requests to time servers. `settings` must stay until
 * system_reload() or system_free(). */
int system_new(System **ret, struct lws_context *cx, const Settings *settings);
/* Looks at the network. */
int system_start_network(System *system);
/* The rest: names, and the stages above. */
int system_start(System *system);
System *system_free(System *system);
int system_reload(System *system, const Settings *settings);
/* The system stood at `state` a moment ago, before a restart: what had to be done once to get there
 * has been done. */
void system_resume(System *system, int state);

/* Another process has taken a hold of a state. */
void system_hold_taken(System *system, int state, const char *who);

Network *system_network(System *system);
Resolver *system_resolver(System *system); /* NULL when not built in */
TimeClient *system_time(System *system);   /* NULL when not built in */
/* NULL when not built in or not configured. What they show changed: system_watch(). A reload makes
 * them anew. */
PortalCheck *system_portal(System *system);
/* What to show: also where a provider of the user's own looks for portals. */
const char *system_portal_result(const System *system);
PolicyStage *system_policy(System *system);
Registration *system_registration(System *system);
TokenStage *system_token(System *system, unsigned index); /* 0 for AUTH1, 1 for AUTH2 */
void system_watch(System *system, UpperWatch *watch);
/* Fetches the policy again and climbs again from below POLICY_VALID. */
void system_invalidate_policy(System *system);
