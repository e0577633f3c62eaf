/* SPDX-License-Identifier: MIT */
#include "lib/suite.h"
#include "proto/jws.h"
#include "util/base64.h"
#include <errno.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <string.h>

/* RFC 8037 appendix A.4: Ed25519 over "Example of Ed25519 signing". */
static const char rfc8037_jws[] =
        "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
static const uint8_t rfc8037_public[] = { 0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5,
        0x4b, 0xfe, 0xd3, 0xc9, 0x64, 0x07, 0x3a, 0x0e, 0xe1, 0x72, 0xf3, 0xda, 0xa6, 0x23, 0x25,
        0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a };

static PublicKey *as_public_key(EVP_PKEY *pkey)
{
        BIO *bio = BIO_new(BIO_s_mem());
        PublicKey *key = NULL;
        char *pem;
        long size;

        ck_assert_int_eq(PEM_write_bio_PUBKEY(bio, pkey), 1);
        size = BIO_get_mem_data(bio, &pem);
        ck_assert_int_eq(public_key_new(&key, pem, (size_t) size), 0);
        BIO_free(bio);
        return key;
}

static PublicKey *rfc8037_key(void)
{
        EVP_PKEY *pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, rfc8037_public, 32);
        PublicKey *key = as_public_key(pkey);

        EVP_PKEY_free(pkey);
        return key;
}

/* Signs with P-256 as an issuer would; `raw` gets r and s. */
static void sign_es256(EVP_PKEY *pkey, const char *data, uint8_t raw[64])
{
        EVP_MD_CTX *ctx = EVP_MD_CTX_new();
        uint8_t der[80];
        const uint8_t *p = der;
        size_t n = sizeof(der);
        ECDSA_SIG *sig;

        ck_assert_int_eq(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, pkey), 1);
        ck_assert_int_eq(EVP_DigestSign(ctx, der, &n, (const uint8_t *) data, strlen(data)), 1);
        sig = d2i_ECDSA_SIG(NULL, &p, (long) n);
        ck_assert_int_eq(BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, 32), 32);
        ck_assert_int_eq(BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + 32, 32), 32);
        ECDSA_SIG_free(sig);
        EVP_MD_CTX_free(ctx);
}

START_TEST(the_rfcs_example_verifies)
{
        PublicKey *key = rfc8037_key();
        char text[sizeof(rfc8037_jws) + 4], *payload = NULL;
        size_t size;

        snprintf(text, sizeof(text), "\n%s\r\n", rfc8037_jws);
        ck_assert_int_eq(jws_verify(key, text, strlen(text), &payload, &size), 0);
        ck_assert_str_eq(payload, "Example of Ed25519 signing");
        ck_assert_uint_eq(size, 26);
        free(payload);
        public_key_free(key);
}
END_TEST

START_TEST(every_changed_character_is_noticed)
{
        PublicKey *key = rfc8037_key();
        char text[sizeof(rfc8037_jws)], *payload = NULL;
        size_t size, n = sizeof(rfc8037_jws) - 1;

        for (size_t i = 0; i < n; i++) {
                memcpy(text, rfc8037_jws, sizeof(text));
                text[i] = text[i] == 'A' ? 'B' : 'A';
                ck_assert_int_lt(jws_verify(key, text, n, &payload, &size), 0);
                ck_assert_int_lt(jws_verify(key, rfc8037_jws, i, &payload, &size), 0);
        }
        ck_assert_ptr_null(payload);
        public_key_free(key);
}
END_TEST

START_TEST(es256_verifies_with_its_own_kind_of_key_only)
{
        EVP_PKEY *pkey = EVP_EC_gen("P-256");
        PublicKey *key = as_public_key(pkey), *other = rfc8037_key();
        uint8_t raw[64];

        sign_es256(pkey, "data", raw);
        ck_assert_int_eq(
                public_key_verify(key, SIGNATURE_ECDSA_P256_SHA256, "data", 4, raw, 64), 0);
        ck_assert_int_eq(public_key_verify(key, SIGNATURE_ECDSA_P256_SHA256, "Data", 4, raw, 64),
                -EKEYREJECTED);
        ck_assert_int_eq(public_key_verify(key, SIGNATURE_ECDSA_P256_SHA256, "data", 4, raw, 63),
                -EKEYREJECTED);
        ck_assert_int_eq(
                public_key_verify(key, SIGNATURE_ED25519, "data", 4, raw, 64), -EKEYREJECTED);
        ck_assert_int_eq(public_key_verify(other, SIGNATURE_ECDSA_P256_SHA256, "data", 4, raw, 64),
                -EKEYREJECTED);
        public_key_free(other);
        public_key_free(key);
        EVP_PKEY_free(pkey);
}
END_TEST

START_TEST(keys_of_other_kinds_are_refused)
{
        EVP_PKEY *pkey = EVP_EC_gen("P-384");
        BIO *bio = BIO_new(BIO_s_mem());
        PublicKey *key = NULL;
        char *pem;
        long size;

        ck_assert_int_eq(PEM_write_bio_PUBKEY(bio, pkey), 1);
        size = BIO_get_mem_data(bio, &pem);
        ck_assert_int_eq(public_key_new(&key, pem, (size_t) size), -EBADMSG);
        ck_assert_int_eq(public_key_new(&key, "nonsense", 8), -EBADMSG);
        BIO_free(bio);
        EVP_PKEY_free(pkey);
}
END_TEST

START_TEST(base64url_has_one_text_for_a_value)
{
        uint8_t buf[BASE64_DECODED_MAX(8)];
        size_t n;

        ck_assert_int_eq(base64url_decode("-_8", 3, buf, &n), 0);
        ck_assert_uint_eq(n, 2);
        ck_assert_mem_eq(buf, "\xfb\xff", 2);
        ck_assert_int_lt(base64url_decode("-_9", 3, buf, &n), 0);
        ck_assert_int_lt(base64url_decode("A", 1, buf, &n), 0);
        ck_assert_int_lt(base64url_decode("AA==", 4, buf, &n), 0);
        ck_assert_int_lt(base64url_decode("A+AA", 4, buf, &n), 0);
        ck_assert_int_eq(base64url_decode("", 0, buf, &n), 0);
        ck_assert_uint_eq(n, 0);
}
END_TEST

START_TEST(base64_is_written_with_padding)
{
        char buf[BASE64_ENCODED_SIZE(6)];

        base64_encode("foobar", 6, buf);
        ck_assert_str_eq(buf, "Zm9vYmFy");
        base64_encode("fooba", 5, buf);
        ck_assert_str_eq(buf, "Zm9vYmE=");
        base64_encode("f", 1, buf);
        ck_assert_str_eq(buf, "Zg==");
        base64_encode("", 0, buf);
        ck_assert_str_eq(buf, "");
}
END_TEST

TEST_MAIN("jws", the_rfcs_example_verifies, every_changed_character_is_noticed,
        es256_verifies_with_its_own_kind_of_key_only, keys_of_other_kinds_are_refused,
        base64url_has_one_text_for_a_value, base64_is_written_with_padding)
