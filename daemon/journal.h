/* SPDX-License-Identifier: MIT */
#pragma once
/* Where log lines go: the journal with their fields where stderr is connected to it, else stderr.
 */

/* Installs the sink that fits. */
void journal_init(void);
/* "journal", "console" or "auto"; -EINVAL for another. */
int journal_set_target(const char *target);
const char *journal_target(void);
