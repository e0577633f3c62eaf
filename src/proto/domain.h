/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Texts as DHCP servers of both families hand them out in options: hostile until they are host
 * names or URIs. A list of names is one text with blanks between, which is how files and people
 * want it.
 */
#include "util/buf.h"

#define DOMAIN_NAME_SIZE 254 /* 253 characters and the end */

/* Letters, digits and inner hyphens, labels of 1..63; no dot at the end. */
bool domain_is_valid(const char *name);
/* Reads one name in wire form (RFC 1035 3.1, 4.1.4) as text without the last dot. Pointers must go
 * strictly backwards, which bounds the work. False when the bytes are no name; `ret` is empty for a
 * name that is well formed but no host name (the root, blanks, control characters). */
bool domain_read(Reader *r, char ret[static DOMAIN_NAME_SIZE]);
/* Reads names to the end of `r` (options 119 of DHCPv4, 24 of DHCPv6) into a list of at most
 * `size` octets. What is no host name is left out; false (and an empty list) when cut short. */
bool domain_read_list(Reader *r, char *list, size_t size);
/* Appends unless it is there already or does not fit. */
void domain_list_add(char *list, size_t size, const char *name);

/* The whole option as text without the NULs that some servers append (RFC 2132 2); false when it is
 * empty, has one inside, or does not fit. */
bool option_read_text(Reader *r, char *ret, size_t size);
/* An https URI in plain characters (RFC 8910 2); the one URN that exists there says that there is
 * no portal, and so gives false as everything else does. */
bool option_read_uri(Reader *r, char *ret, size_t size);
