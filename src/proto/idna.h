/* SPDX-License-Identifier: MIT */
#pragma once
/* Names in the letters of all languages (IDNA2008, non-transitional), as DNS has them. */

/* -EINVAL for what no name can be, else what the caller frees. */
int idna_to_ascii(const char *text, char **ret);
