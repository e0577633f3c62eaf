/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * A key that stays where another OpenSSL provider keeps it (a TPM, a smart card), named by a URI.
 * Signing a request is that provider's own work. TLS is not: it takes the first provider that knows
 * the algorithm, and hands it the public half of the key. So for TLS the key is wrapped into one
 * that cannot be handed on, of a small provider of ours which asks the other one to sign.
 */
#include "util/error.h"
#include <openssl/evp.h>

typedef struct HeldKey HeldKey;

/* `provider` is loaded for this key and preferred over OpenSSL's own; NULL or empty: those that
 * openssl.cnf activates have it. Nobody is asked for a PIN: it is part of the URI, if there is one.
 * -ENOENT: no such provider, or no private key there. */
int held_key_new(HeldKey **ret, const char *uri, const char *provider);
HeldKey *held_key_free(HeldKey *key);
DEFINE_CLEANUP(HeldKey, held_key_free)

/* A signing request (crypto/identity.h). */
int held_key_sign(const HeldKey *key, const char *name, const char *cert_pem, char **ret_base64);
/* The key for TLS, which the caller frees before `key`. -EOPNOTSUPP for what is neither an EC nor
 * an RSA key. */
int held_key_wrap(HeldKey *key, EVP_PKEY **ret);
