/* SPDX-License-Identifier: MIT */
#include "crypto/hmac.h"
#include "util/error.h"
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

DEFINE_CLEANUP(EVP_MAC, EVP_MAC_free)
DEFINE_CLEANUP(EVP_MAC_CTX, EVP_MAC_CTX_free)

int hmac_md5_verify(const void *key, size_t key_size, const HmacPart *parts, size_t n,
        const uint8_t code[HMAC_MD5_SIZE])
{
        char digest[] = "MD5";
        OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                OSSL_PARAM_construct_end() };
        _cleanup_(EVP_MAC_freep) EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
        _cleanup_(EVP_MAC_CTX_freep) EVP_MAC_CTX *ctx = mac ? EVP_MAC_CTX_new(mac) : NULL;
        uint8_t right[HMAC_MD5_SIZE];
        size_t size = 0;

        if (!ctx || !EVP_MAC_init(ctx, key, key_size, params))
                return -EIO;
        for (size_t i = 0; i < n; i++)
                if (parts[i].size > 0 && !EVP_MAC_update(ctx, parts[i].data, parts[i].size))
                        return -EIO;
        if (!EVP_MAC_final(ctx, right, &size, sizeof(right)) || size != sizeof(right))
                return -EIO;
        return CRYPTO_memcmp(right, code, sizeof(right)) == 0 ? 0 : -EBADMSG;
}
