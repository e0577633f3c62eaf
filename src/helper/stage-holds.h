/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Rungs that wait for another process: Hold=STATE:WHO, and Provider=hold of a stage. Such a state
 * is entered once somebody has taken a hold of it and let go, which may have been before anyone
 * waited. What is a hold of another process is told by its code, "held".
 */
#include "helper/settings.h"
#include "state/ladder.h"

typedef struct StageHolds StageHolds;

int stage_holds_new(StageHolds **ret, Ladder *ladder, const Settings *settings);
StageHolds *stage_holds_free(StageHolds *stages);
DEFINE_CLEANUP(StageHolds, stage_holds_free)
/* Another process has taken a hold: told at once, for it may be let go before the ladder looks. */
void stage_holds_taken(StageHolds *stages, int state, const char *who);
/* What is still expected and was done already is not asked for again. */
int stage_holds_reload(StageHolds *stages, const Settings *settings);
/* Everything up to `state` has been done. */
void stage_holds_resume(StageHolds *stages, int state);
