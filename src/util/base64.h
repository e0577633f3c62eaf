/* SPDX-License-Identifier: MIT */
#pragma once
/* base64 (RFC 4648): with padding to write, base64url without to read, strict. */
#include <stddef.h>
#include <stdint.h>

#define BASE64_DECODED_MAX(n) ((n) / 4 * 3 + 2)

/* `dst` has room for BASE64_DECODED_MAX(size); -EBADMSG for anything that an encoder would not
 * write. */
int base64url_decode(const char *text, size_t size, uint8_t *dst, size_t *ret_size);

#define BASE64_ENCODED_SIZE(n) (((n) + 2) / 3 * 4 + 1)

/* `dst` has room for BASE64_ENCODED_SIZE(size), the terminating NUL included. */
void base64_encode(const void *src, size_t size, char *dst);
