/* SPDX-License-Identifier: MIT */
#pragma once
/* Who we are to a server that asks: a key, from PEM or where a provider holds it, and the
 * certificates for it. */
#include "util/error.h"
#include <openssl/ssl.h>

typedef struct ClientKey ClientKey;

/* `key` is PEM or a URI (fetch/held-key.h). -ENOENT: it is not there, -EBADMSG: it is no key. */
int client_key_new(ClientKey **ret, const char *key, const char *provider);
ClientKey *client_key_free(ClientKey *key);
DEFINE_CLEANUP(ClientKey, client_key_free)

/* A signing request (crypto/identity.h), for `name` or for the names of `cert_pem`. */
int client_key_sign(
        const ClientKey *key, const char *name, const char *cert_pem, char **ret_base64);
/* The certificates that client_key_show() shows, this key's first. -EKEYREJECTED: it is for another
 * key. */
int client_key_set_certificates(ClientKey *key, const char *pem);
int client_key_show(const ClientKey *key, SSL_CTX *ssl_ctx);
