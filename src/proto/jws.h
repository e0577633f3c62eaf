/* SPDX-License-Identifier: MIT */
#pragma once
/* JSON Web Signature, compact serialisation (RFC 7515 section 7.1), with EdDSA or ES256. Pure. */
#include "crypto/signature.h"

/* Checks `text` (white space around it is fine) with `key` and gives its payload, NUL-terminated
 * for convenience; the caller frees. -EBADMSG: not a JWS that we can read; -EKEYREJECTED: not
 * signed by `key`. What the header says of keys (jwk, x5c, kid, ...) is not looked at: the key is
 * ours. */
int jws_verify(
        const PublicKey *key, const char *text, size_t size, char **ret_payload, size_t *ret_size);
