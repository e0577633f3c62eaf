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

static const char *const algorithms[_MAC_TYPE_MAX] = {
        [MAC_AES128] = "AES-128-CBC",
        [MAC_AES256] = "AES-256-CBC",
        [MAC_SHA256] = "SHA256",
        [MAC_SHA384] = "SHA384",
        [MAC_SHA512] = "SHA512",
        [MAC_SHA1] = "SHA1",
        [MAC_MD5] = "MD5",
};

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
        bool is_cmac = type == MAC_AES128 || type == MAC_AES256;

        return (is_cmac ? cmac : digest)(
                algorithms[type], key, key_size, data, size, ret, ret_size);
}

bool mac_equal(const void *a, const void *b, size_t size)
{
        return CRYPTO_memcmp(a, b, size) == 0;
}
