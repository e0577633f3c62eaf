/* SPDX-License-Identifier: MIT */
#pragma once
/* Locks this process in where no unit file does: no new privileges, no files but certificates and
 * a TPM, no writing (Landlock, where the kernel has it), no new programs, no other processes
 * (seccomp). 0 or a negative errno. */
int sandbox_enter(void);
