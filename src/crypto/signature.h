/* SPDX-License-Identifier: MIT */
#pragma once
/* Public keys and the signatures made with them: Ed25519 (RFC 8032) and ECDSA on P-256 (FIPS
 * 186-5). */
#include "util/error.h"
#include <stddef.h>
#include <stdint.h>

typedef enum SignatureAlgorithm {
        SIGNATURE_ED25519,
        SIGNATURE_ECDSA_P256_SHA256, /* as 64 raw octets, r then s (RFC 7518 section 3.4) */
        _SIGNATURE_ALGORITHM_MAX,
} SignatureAlgorithm;

typedef struct PublicKey PublicKey;

/* From PEM ("BEGIN PUBLIC KEY"); -EBADMSG for what is none of the kinds above. */
int public_key_new(PublicKey **ret, const void *pem, size_t size);
PublicKey *public_key_free(PublicKey *key);
DEFINE_CLEANUP(PublicKey, public_key_free)

/* 0 when `signature` over `data` is good; -EKEYREJECTED when it is not or the key is of another
 * kind; -ENOMEM. */
int public_key_verify(const PublicKey *key, SignatureAlgorithm algorithm, const void *data,
        size_t size, const void *signature, size_t signature_size);
