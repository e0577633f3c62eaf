/* SPDX-License-Identifier: MIT */
#pragma once
/* base64url without padding (RFC 4648 section 5), strict: one text for each value and no other. */
#include <stddef.h>
#include <stdint.h>

#define BASE64_DECODED_MAX(n) ((n) / 4 * 3 + 2)

/* `dst` has room for BASE64_DECODED_MAX(size); -EBADMSG for anything that an encoder would not
 * write. */
int base64url_decode(const char *text, size_t size, uint8_t *dst, size_t *ret_size);
