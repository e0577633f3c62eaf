/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * A target is fuzz-NAME.c that defines LLVMFuzzerTestOneInput() and a folder corpus/NAME. With
 * -Dfuzz=true libFuzzer drives it; without, fuzz-replay.c does, over the corpus and over
 * mutations of it that a seed determines.
 */
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
