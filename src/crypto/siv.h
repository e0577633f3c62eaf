/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * AES-SIV-CMAC-256 (RFC 5297), the AEAD that NTS requires. S2V is ours on OpenSSL's CMAC: OpenSSL
 * 3.0's own AES-SIV gives an all-zero tag for an empty plaintext, which is what most NTS packets
 * have.
 */
#include <stddef.h>
#include <stdint.h>

#define SIV_KEY_SIZE 32
#define SIV_TAG_SIZE 16

typedef struct SivPart SivPart;
struct SivPart {
        const void *data;
        size_t size;
};

/* `out` gets SIV_TAG_SIZE + size octets: the tag, then the ciphertext. A nonce is the last part of
 * `ad`. 0, or -EIO when the library fails. */
int siv_encrypt(const uint8_t key[SIV_KEY_SIZE], const SivPart *ad, size_t n_ad, const void *plain,
        size_t size, uint8_t *out);
/* `out` gets size - SIV_TAG_SIZE octets. -EBADMSG when it is not authentic; `out` is then zeros. */
int siv_decrypt(const uint8_t key[SIV_KEY_SIZE], const SivPart *ad, size_t n_ad, const void *sealed,
        size_t size, uint8_t *out);
