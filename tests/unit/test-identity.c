/* SPDX-License-Identifier: MIT */
#include "crypto/identity.h"
#include "lib/suite.h"
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <openssl/x509.h>
#include <string.h>
#include <time.h>

static EVP_PKEY *read_key(const char *pem)
{
        BIO *bio = BIO_new_mem_buf(pem, -1);
        EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);

        BIO_free(bio);
        ck_assert_ptr_nonnull(key);
        return key;
}

/* What an EST server does with a request: a certificate for its key, in a certs-only PKCS#7. */
static char *issue(const char *request_base64, long seconds)
{
        EVP_PKEY *ca_key = EVP_EC_gen("P-256");
        uint8_t der[4096], *p7_der = NULL;
        const uint8_t *p = der;
        X509 *cert = X509_new();
        PKCS7 *p7 = PKCS7_new();
        time_t now = time(NULL);
        X509_REQ *request;
        char *answer;
        int n;

        n = EVP_DecodeBlock(der, (const uint8_t *) request_base64, (int) strlen(request_base64));
        ck_assert_int_gt(n, 0);
        request = d2i_X509_REQ(NULL, &p, n);
        ck_assert_ptr_nonnull(request);
        ck_assert_int_eq(X509_REQ_verify(request, X509_REQ_get0_pubkey(request)), 1);
        ck_assert_int_eq(X509_set_subject_name(cert, X509_REQ_get_subject_name(request)), 1);
        ck_assert_int_eq(X509_set_pubkey(cert, X509_REQ_get0_pubkey(request)), 1);
        ck_assert_ptr_nonnull(X509_time_adj(X509_getm_notBefore(cert), 0, &now));
        ck_assert_ptr_nonnull(X509_time_adj(X509_getm_notAfter(cert), seconds, &now));
        ck_assert_int_gt(X509_sign(cert, ca_key, EVP_sha256()), 0);
        ck_assert_int_eq(PKCS7_set_type(p7, NID_pkcs7_signed), 1);
        ck_assert_int_eq(PKCS7_content_new(p7, NID_pkcs7_data), 1);
        ck_assert_int_eq(PKCS7_add_certificate(p7, cert), 1);
        n = i2d_PKCS7(p7, &p7_der);
        ck_assert_int_gt(n, 0);
        answer = malloc((size_t) n * 2 + 8);
        answer[0] = '\n';
        (void) EVP_EncodeBlock((uint8_t *) answer + 1, p7_der, n);
        OPENSSL_free(p7_der);
        PKCS7_free(p7);
        X509_REQ_free(request);
        X509_free(cert);
        EVP_PKEY_free(ca_key);
        return answer;
}

START_TEST(a_request_becomes_a_certificate)
{
        char *key = NULL, *request = NULL, *answer, *cert = NULL;
        usec_t from, to;
        uint8_t *der;
        size_t size;

        ck_assert_int_eq(identity_make_key(&key), 0);
        ck_assert_int_eq(identity_make_request(key, "dev-1", &request), 0);
        answer = issue(request, 3600);
        ck_assert_int_eq(identity_read_answer(key, answer, strlen(answer), &cert), 0);
        ck_assert_int_eq(identity_check(key, cert, &from, &to), 0);
        ck_assert_uint_eq(to - from, USEC_PER_HOUR);
        ck_assert_int_eq(identity_certificate_der(cert, &der, &size), 0);
        ck_assert_uint_eq(der[0], 0x30);
        free(der);
        free(cert);
        free(answer);
        free(request);
        free(key);
}
END_TEST

START_TEST(a_certificate_for_another_key_is_refused)
{
        char *key = NULL, *other = NULL, *request = NULL, *answer, *cert = NULL;
        usec_t from, to;

        ck_assert_int_eq(identity_make_key(&key), 0);
        ck_assert_int_eq(identity_make_key(&other), 0);
        ck_assert_str_ne(key, other);
        ck_assert_int_eq(identity_make_request(key, "dev-1", &request), 0);
        answer = issue(request, 60);
        ck_assert_int_eq(identity_read_answer(other, answer, strlen(answer), &cert), -EKEYREJECTED);
        ck_assert_ptr_null(cert);
        ck_assert_int_eq(identity_read_answer(key, answer, strlen(answer), &cert), 0);
        ck_assert_int_eq(identity_check(other, cert, &from, &to), -EKEYREJECTED);
        free(cert);
        free(answer);
        free(request);
        free(other);
        free(key);
}
END_TEST

START_TEST(nonsense_is_refused)
{
        static const char *const bad[] = { "", "!!!!", "AAAA", "MAA=", "MIIBCgKCAQEA",
                "MAkGBSsOAwIaBQA=" };
        char *key = NULL, *out = NULL;
        usec_t from, to;

        ck_assert_int_eq(identity_make_key(&key), 0);
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
                ck_assert_int_eq(identity_read_answer(key, bad[i], strlen(bad[i]), &out), -EBADMSG);
        ck_assert_int_eq(identity_make_request("no key", "x", &out), -EBADMSG);
        ck_assert_int_eq(identity_check(key, key, &from, &to), -EBADMSG);
        ck_assert_ptr_null(out);
        EVP_PKEY_free(read_key(key));
        free(key);
}
END_TEST

TEST_MAIN("identity", a_request_becomes_a_certificate, a_certificate_for_another_key_is_refused,
        nonsense_is_refused)
