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
/* A signing request for `key_pem` with the common name `name`, as base64 DER (RFC 7030
 * section 4.2.1). */
int identity_make_request(const char *key_pem, const char *name, char **ret_base64);
/* The certificates of a certs-only PKCS#7 in base64 (RFC 7030 section 4.2.3): the one for `key_pem`
 * first, which must be there. */
int identity_read_answer(const char *key_pem, const char *base64, size_t size, char **ret_cert_pem);
/* Whether the first certificate of `cert_pem` is for `key_pem`, and its validity (CLOCK_REALTIME).
 */
int identity_check(
        const char *key_pem, const char *cert_pem, usec_t *ret_not_before, usec_t *ret_expires);
/* The first certificate of `cert_pem` as DER. */
int identity_certificate_der(const char *cert_pem, uint8_t **ret_der, size_t *ret_size);
/* The key and the certificates in one PEM text, in any order, each on its own. */
int identity_split(const char *pem, size_t size, char **ret_key_pem, char **ret_cert_pem);
