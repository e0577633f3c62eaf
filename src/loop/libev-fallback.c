/* SPDX-License-Identifier: MIT */
/* A build without libev. */
#include "loop/loop.h"

const LoopOps *const loop_libev = NULL;
