/* SPDX-License-Identifier: MIT */
#include "crypto/signature.h"
#include <openssl/bio.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <string.h>

struct PublicKey {
        EVP_PKEY *pkey;
        SignatureAlgorithm algorithm;
};

static void bio_freep(BIO **b)
{
        BIO_free(*b);
}

static void md_ctx_freep(EVP_MD_CTX **c)
{
        EVP_MD_CTX_free(*c);
}

static void ecdsa_sig_freep(ECDSA_SIG **s)
{
        ECDSA_SIG_free(*s);
}

static int key_algorithm(const EVP_PKEY *pkey)
{
        char group[32];

        if (EVP_PKEY_is_a(pkey, "ED25519"))
                return SIGNATURE_ED25519;
        if (EVP_PKEY_is_a(pkey, "EC") &&
                EVP_PKEY_get_group_name(pkey, group, sizeof(group), NULL) == 1 &&
                strcmp(group, "prime256v1") == 0)
                return SIGNATURE_ECDSA_P256_SHA256;
        return -EBADMSG;
}

int public_key_new(PublicKey **ret, const void *pem, size_t size)
{
        _cleanup_(public_key_freep) PublicKey *key = NULL;
        _cleanup_(bio_freep) BIO *bio = NULL;
        int r;

        if (size > 16 << 10)
                return -EBADMSG;
        key = calloc(1, sizeof(*key));
        bio = BIO_new_mem_buf(pem, (int) size);
        if (!key || !bio)
                return -ENOMEM;
        key->pkey = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
        if (!key->pkey)
                return -EBADMSG;
        r = key_algorithm(key->pkey);
        if (r < 0)
                return r;
        key->algorithm = (SignatureAlgorithm) r;
        *ret = TAKE_PTR(key);
        return 0;
}

PublicKey *public_key_free(PublicKey *key)
{
        if (!key)
                return NULL;
        EVP_PKEY_free(key->pkey);
        free(key);
        return NULL;
}

/* OpenSSL wants ECDSA signatures in DER. Returns its size, or -EKEYREJECTED. */
static int raw_to_der(const uint8_t *raw, size_t size, uint8_t *der, size_t der_size)
{
        _cleanup_(ecdsa_sig_freep) ECDSA_SIG *sig = NULL;
        BIGNUM *r, *s;
        int n;

        if (size != 64)
                return -EKEYREJECTED;
        sig = ECDSA_SIG_new();
        r = BN_bin2bn(raw, 32, NULL);
        s = BN_bin2bn(raw + 32, 32, NULL);
        if (!sig || !r || !s || ECDSA_SIG_set0(sig, r, s) != 1) {
                BN_free(r);
                BN_free(s);
                return -ENOMEM;
        }
        n = i2d_ECDSA_SIG(sig, NULL);
        if (n <= 0 || (size_t) n > der_size)
                return -EKEYREJECTED;
        return i2d_ECDSA_SIG(sig, &der);
}

int public_key_verify(const PublicKey *key, SignatureAlgorithm algorithm, const void *data,
        size_t size, const void *signature, size_t signature_size)
{
        _cleanup_(md_ctx_freep) EVP_MD_CTX *ctx = NULL;
        uint8_t der[80];
        const EVP_MD *md = NULL;

        if (algorithm != key->algorithm)
                return -EKEYREJECTED;
        if (algorithm == SIGNATURE_ECDSA_P256_SHA256) {
                int n = raw_to_der(signature, signature_size, der, sizeof(der));

                if (n < 0)
                        return n;
                md = EVP_sha256();
                signature = der;
                signature_size = (size_t) n;
        }
        ctx = EVP_MD_CTX_new();
        if (!ctx)
                return -ENOMEM;
        if (EVP_DigestVerifyInit(ctx, NULL, md, NULL, key->pkey) != 1)
                return -EKEYREJECTED;
        return EVP_DigestVerify(ctx, signature, signature_size, data, size) == 1 ? 0
                                                                                 : -EKEYREJECTED;
}
