/* SPDX-License-Identifier: MIT */
#pragma once
/* HMAC-MD5 (RFC 2104), for the one protocol that has nothing better: DHCPv6's Reconfigure. */
#include <stddef.h>
#include <stdint.h>

#define HMAC_MD5_SIZE 16

typedef struct HmacPart HmacPart;
struct HmacPart {
        const void *data;
        size_t size;
};

/* Whether `code` is that of the parts, one behind the other; takes the same time wherever it
 * differs. 0; -EBADMSG when it is not, -EIO when the library fails. */
int hmac_md5_verify(const void *key, size_t key_size, const HmacPart *parts, size_t n,
        const uint8_t code[HMAC_MD5_SIZE]);
