/* SPDX-License-Identifier: MIT */
#include "crypto/siv.h"
#include "util/error.h"
#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#define BLOCK 16

DEFINE_CLEANUP(EVP_MAC, EVP_MAC_free)
DEFINE_CLEANUP(EVP_MAC_CTX, EVP_MAC_CTX_free)
DEFINE_CLEANUP(EVP_CIPHER_CTX, EVP_CIPHER_CTX_free)

static EVP_MAC_CTX *cmac_new(void)
{
        _cleanup_(EVP_MAC_freep) EVP_MAC *mac = EVP_MAC_fetch(NULL, "CMAC", NULL);

        return mac ? EVP_MAC_CTX_new(mac) : NULL;
}

/* CMAC over two pieces; the second may be empty. */
static int cmac(EVP_MAC_CTX *ctx, const uint8_t *key, const void *a, size_t a_size, const void *b,
        size_t b_size, uint8_t out[BLOCK])
{
        char cipher[] = "AES-128-CBC";
        OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, cipher, 0),
                OSSL_PARAM_construct_end() };
        size_t size = 0;

        if (!EVP_MAC_init(ctx, key, BLOCK, params))
                return -EIO;
        if (a_size > 0 && !EVP_MAC_update(ctx, a, a_size))
                return -EIO;
        if (b_size > 0 && !EVP_MAC_update(ctx, b, b_size))
                return -EIO;
        return EVP_MAC_final(ctx, out, &size, BLOCK) && size == BLOCK ? 0 : -EIO;
}

/* Multiplication by x in GF(2^128). */
static void dbl(uint8_t d[BLOCK])
{
        uint8_t carry = d[0] >> 7;

        for (size_t i = 0; i < BLOCK - 1; i++)
                d[i] = (uint8_t) (d[i] << 1 | d[i + 1] >> 7);
        d[BLOCK - 1] = (uint8_t) (d[BLOCK - 1] << 1 ^ (carry ? 0x87 : 0));
}

static void xor_block(uint8_t d[BLOCK], const uint8_t *b)
{
        for (size_t i = 0; i < BLOCK; i++)
                d[i] ^= b[i];
}

/* RFC 5297 section 2.4. */
static int s2v(const uint8_t *key, const SivPart *ad, size_t n_ad, const void *plain, size_t size,
        uint8_t out[BLOCK])
{
        static const uint8_t zero[BLOCK];
        _cleanup_(EVP_MAC_CTX_freep) EVP_MAC_CTX *ctx = cmac_new();
        uint8_t d[BLOCK], t[BLOCK];

        if (!ctx || cmac(ctx, key, zero, BLOCK, NULL, 0, d) < 0)
                return -EIO;
        for (size_t i = 0; i < n_ad; i++) {
                if (cmac(ctx, key, ad[i].data, ad[i].size, NULL, 0, t) < 0)
                        return -EIO;
                dbl(d);
                xor_block(d, t);
        }
        if (size >= BLOCK) {
                xor_block(d, (const uint8_t *) plain + size - BLOCK);
                return cmac(ctx, key, plain, size - BLOCK, d, BLOCK, out);
        }
        dbl(d);
        memset(t, 0, sizeof(t));
        if (size > 0)
                memcpy(t, plain, size);
        t[size] = 0x80;
        xor_block(d, t);
        return cmac(ctx, key, d, BLOCK, NULL, 0, out);
}

static int ctr(
        const uint8_t *key, const uint8_t tag[BLOCK], const void *in, size_t size, uint8_t *out)
{
        _cleanup_(EVP_CIPHER_CTX_freep) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
        uint8_t iv[BLOCK];
        int n = 0;

        if (size == 0)
                return 0;
        memcpy(iv, tag, BLOCK);
        iv[8] &= 0x7f;
        iv[12] &= 0x7f;
        if (!ctx || size > INT_MAX || !EVP_EncryptInit_ex(ctx, EVP_aes_128_ctr(), NULL, key, iv) ||
                !EVP_EncryptUpdate(ctx, out, &n, in, (int) size))
                return -EIO;
        return (size_t) n == size ? 0 : -EIO;
}

int siv_encrypt(const uint8_t key[SIV_KEY_SIZE], const SivPart *ad, size_t n_ad, const void *plain,
        size_t size, uint8_t *out)
{
        uint8_t tag[BLOCK];

        if (s2v(key, ad, n_ad, plain, size, tag) < 0 ||
                ctr(key + BLOCK, tag, plain, size, out + BLOCK) < 0)
                return -EIO;
        memcpy(out, tag, BLOCK);
        return 0;
}

int siv_decrypt(const uint8_t key[SIV_KEY_SIZE], const SivPart *ad, size_t n_ad, const void *sealed,
        size_t size, uint8_t *out)
{
        const uint8_t *tag = sealed;
        uint8_t expected[BLOCK];

        if (size < BLOCK)
                return -EBADMSG;
        if (ctr(key + BLOCK, tag, tag + BLOCK, size - BLOCK, out) < 0)
                return -EIO;
        if (s2v(key, ad, n_ad, out, size - BLOCK, expected) < 0 ||
                CRYPTO_memcmp(expected, tag, BLOCK) != 0) {
                OPENSSL_cleanse(out, size - BLOCK);
                return -EBADMSG;
        }
        return 0;
}
