/* SPDX-License-Identifier: MIT */
#pragma once
/* Message authentication with a key that two sides share, as NTP does it: AES-CMAC (RFC 8573), and
 * for those who still have such keys the digest of key and message (RFC 5905 section 7.3). */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAC_SIZE_MAX 64

typedef enum MacType {
        MAC_AES128,
        MAC_AES256,
        MAC_SHA256,
        MAC_SHA384,
        MAC_SHA512,
        MAC_SHA1,
        MAC_MD5,
        _MAC_TYPE_MAX,
} MacType;

/* The only size a key may have, or 0: any. */
size_t mac_key_size(MacType type);
/* What is known to be weak: it may be used, but proves little. */
bool mac_is_weak(MacType type);
/* 0, or -EIO when the library fails or has no such algorithm. */
int mac_compute(MacType type, const void *key, size_t key_size, const void *data, size_t size,
        uint8_t ret[MAC_SIZE_MAX], size_t *ret_size);
/* In a time that tells nothing about where they differ. */
bool mac_equal(const void *a, const void *b, size_t size);
