/* SPDX-License-Identifier: MIT */
#include "crypto/mac.h"
#include "util/error.h"
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

DEFINE_CLEANUP(EVP_MAC, EVP_MAC_free)
DEFINE_CLEANUP(EVP_MAC_CTX, EVP_MAC_CTX_free)
DEFINE_CLEANUP(EVP_MD, EVP_MD_free)
DEFINE_CLEANUP(EVP_MD_CTX, EVP_MD_CTX_free)

size_t mac_key_size(MacType type)
{
        return type == MAC_AES128 ? 16 : type == MAC_AES256 ? 32 : 0;
}

bool mac_is_weak(MacType type)
{
        return type == MAC_SHA1 || type == MAC_MD5;
}

static int cmac(const char *cipher, const void *key, size_t key_size, const void *data, size_t size,
        uint8_t *out, size_t *ret_size)
{
        _cleanup_(EVP_MAC_freep) EVP_MAC *mac = EVP_MAC_fetch(NULL, "CMAC", NULL);
        _cleanup_(EVP_MAC_CTX_freep) EVP_MAC_CTX *ctx = mac ? EVP_MAC_CTX_new(mac) : NULL;
        OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string(
                                        OSSL_MAC_PARAM_CIPHER, (char *) cipher, 0),
                OSSL_PARAM_construct_end() };

        if (!ctx || !EVP_MAC_init(ctx, key, key_size, params) || !EVP_MAC_update(ctx, data, size) ||
                !EVP_MAC_final(ctx, out, ret_size, MAC_SIZE_MAX))
                return -EIO;
        return 0;
}

static int digest(const char *name, const void *key, size_t key_size, const void *data, size_t size,
        uint8_t *out, size_t *ret_size)
{
        _cleanup_(EVP_MD_freep) EVP_MD *md = EVP_MD_fetch(NULL, name, NULL);
        _cleanup_(EVP_MD_CTX_freep) EVP_MD_CTX *ctx = md ? EVP_MD_CTX_new() : NULL;
        unsigned n = 0;

        if (!ctx || !EVP_DigestInit_ex2(ctx, md, NULL) || !EVP_DigestUpdate(ctx, key, key_size) ||
                !EVP_DigestUpdate(ctx, data, size) || !EVP_DigestFinal_ex(ctx, out, &n))
                return -EIO;
        *ret_size = n;
        return 0;
}

int mac_compute(MacType type, const void *key, size_t key_size, const void *data, size_t size,
        uint8_t ret[MAC_SIZE_MAX], size_t *ret_size)
{
        switch (type) {
        case MAC_AES128:
                return cmac("AES-128-CBC", key, key_size, data, size, ret, ret_size);
        case MAC_AES256:
                return cmac("AES-256-CBC", key, key_size, data, size, ret, ret_size);
        case MAC_SHA256:
                return digest("SHA256", key, key_size, data, size, ret, ret_size);
        case MAC_SHA384:
                return digest("SHA384", key, key_size, data, size, ret, ret_size);
        case MAC_SHA512:
                return digest("SHA512", key, key_size, data, size, ret, ret_size);
        case MAC_SHA1:
                return digest("SHA1", key, key_size, data, size, ret, ret_size);
        case MAC_MD5:
                return digest("MD5", key, key_size, data, size, ret, ret_size);
        case _MAC_TYPE_MAX:
                break;
        }
        return -EIO;
}

bool mac_equal(const void *a, const void *b, size_t size)
{
        return CRYPTO_memcmp(a, b, size) == 0;
}
