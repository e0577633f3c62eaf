/* SPDX-License-Identifier: MIT */
#include "libclient/level.h"

void level_init(Level *level, bool persistent)
{
        *level = (Level){ .persistent = persistent };
}

/* The level at which the edges to tell will end. */
static bool level_target(const Level *level)
{
        return level->told ^ (level->pending & 1);
}

/* Adds an edge to `holds` where there is one. Where the callbacks lag, two that undo each other are
 * left out, so that the list is bounded and ends where it should. */
static void level_move(Level *level, bool holds)
{
        if (level_target(level) == holds)
                return;
        level->pending++;
        if (level->pending > 2)
                level->pending -= 2;
}

bool level_wants_attach(const Level *level)
{
        return level->persistent || (!level->told && !level->pending);
}

void level_replied(Level *level, bool holds)
{
        if (!level->persistent)
                return;
        level->confirming = holds;
        if (!holds)
                level_move(level, false);
}

/* Left out only where it is certain that the state was left and entered again: both entries were
 * stamped by the same run of lwsd, and differ. After a restart the stamps say nothing, and a
 * restart alone must not look like a fall. */
static bool stamp_is_another_entry(const LevelStamp *a, const LevelStamp *b)
{
        return a->instance && a->instance == b->instance && a->monotonic_usec &&
               b->monotonic_usec && a->monotonic_usec != b->monotonic_usec;
}

void level_entered(Level *level, const LevelStamp *stamp)
{
        bool again = level_target(level) && level->persistent &&
                     stamp_is_another_entry(&level->stamp, stamp);

        level->confirming = false;
        if (!level->persistent && (level->told || level->pending))
                return;
        if (again && level->pending == 0)
                level->pending = 2;
        else
                level_move(level, true);
        level->stamp = *stamp;
}

void level_left(Level *level)
{
        if (!level->persistent)
                return;
        level->confirming = false;
        level_move(level, false);
}

void level_seen_down(Level *level)
{
        if (level->confirming)
                level_move(level, false);
}

void level_lost(Level *level)
{
        level->confirming = false;
}

bool level_fits(const Level *level, bool holds)
{
        return level_target(level) == holds;
}

bool level_is_due(const Level *level)
{
        return level->pending > 0;
}

LevelEdge level_take(Level *level)
{
        if (level->pending == 0)
                return LEVEL_NONE;
        level->pending--;
        level->told = !level->told;
        return level->told ? LEVEL_ENTERED : LEVEL_LEFT;
}

bool level_is_finished(const Level *level)
{
        return !level->persistent && level->told;
}
