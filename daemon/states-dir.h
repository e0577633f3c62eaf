/* SPDX-License-Identifier: MIT */
#pragma once
/* What the runtime directory says of the state: one file in states/ for each state that holds,
 * which is what the path units watch, and the file that a restart reads. */
#include "daemon/view.h"

typedef struct StatesDir StatesDir;

/* Takes the directory, which must exist, by its descriptor; keeps a copy. */
int states_dir_new(StatesDir **ret, int runtime_dirfd);
StatesDir *states_dir_free(StatesDir *dir);

/* Makes the files say what the view says. A file that cannot be written is told once. */
void states_dir_update(StatesDir *dir, const View *view);
/* Begins to resume what the last run left; a view that is new when there is nothing. */
void states_dir_load(StatesDir *dir, View *view);
