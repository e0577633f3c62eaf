/* SPDX-License-Identifier: MIT */
#pragma once
/* A device's own key and certificate: made, asked for (PKCS#10, RFC 2986) and read (PKCS#7 and
 * PEM). All texts are NUL-terminated PEM that the caller frees; errors are -ENOMEM, -EBADMSG (not
 * what it should be), -EKEYREJECTED (not for this key) or -EIO (OpenSSL failed). */
#include "util/clock.h"
#include <stddef.h>
#include <stdint.h>

#define IDENTITY_PEM_MAX (32 << 10)

/* A new P-256 key, PKCS#8. */
int identity_make_key(char **ret_key_pem);
/* A signing request as base64 DER (RFC 7030 section 4.2.1): with the common name `name`, or where
 * `cert_pem` is given with that certificate's subject and alternative names, as a server that is to
 * renew it wants them (section 4.2.2). */
int identity_make_request(
        const char *key_pem, const char *name, const char *cert_pem, char **ret_base64);
/* The same for a key of OpenSSL's, in this of its library contexts and with this property query
 * (both NULL: the usual ones). */
struct evp_pkey_st;
struct ossl_lib_ctx_st;
int identity_sign_request(struct evp_pkey_st *key, struct ossl_lib_ctx_st *cx, const char *query,
        const char *name, const char *cert_pem, char **ret_base64);
/* The public key of a signing request that is signed with it. */
int identity_read_request(const char *base64, size_t size, char **ret_public_pem);

/* `key_pem` below is of a private key or of a public one. */

/* The certificates of a certs-only PKCS#7 in base64 (RFC 7030 section 4.2.3): the one for `key_pem`
 * first, which must be there. */
int identity_read_answer(const char *key_pem, const char *base64, size_t size, char **ret_cert_pem);
/* The authorities of a certs-only PKCS#7 in base64 (RFC 7030 section 4.1.3), of which one at least
 * signs itself. */
int identity_read_authorities(const char *base64, size_t size, char **ret_ca_pem);
/* Whether the first certificate of `cert_pem` comes from one of `ca_pem`, by way of the others;
 * dates do not matter. 0 or -EKEYREJECTED. */
int identity_verify(const char *cert_pem, const char *ca_pem);
/* Whether the first certificate of `cert_pem` is for `key_pem` (NULL: that is not asked), and its
 * validity (CLOCK_REALTIME). */
int identity_check(
        const char *key_pem, const char *cert_pem, usec_t *ret_not_before, usec_t *ret_expires);
/* The first certificate of `cert_pem` as DER. */
int identity_certificate_der(const char *cert_pem, uint8_t **ret_der, size_t *ret_size);
/* The key and the certificates in one PEM text, in any order, each on its own. */
int identity_split(const char *pem, size_t size, char **ret_key_pem, char **ret_cert_pem);
