/* SPDX-License-Identifier: MIT */
#include "crypto/identity.h"
#include "lib/suite.h"
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
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

/* An authority, which signs itself. */
typedef struct Authority Authority;
struct Authority {
        EVP_PKEY *key;
        X509 *cert;
};

static void add_extension(X509 *cert, int nid, const char *value)
{
        X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

        ck_assert_int_eq(X509_add_ext(cert, extension, -1), 1);
        X509_EXTENSION_free(extension);
}

static Authority authority_new(const char *name)
{
        Authority a = { .key = EVP_EC_gen("P-256"), .cert = X509_new() };
        X509_NAME *subject = X509_get_subject_name(a.cert);

        ck_assert_int_eq(X509_set_version(a.cert, 2), 1);
        ck_assert_int_eq(X509_NAME_add_entry_by_txt(
                                 subject, "CN", MBSTRING_UTF8, (const uint8_t *) name, -1, -1, 0),
                1);
        ck_assert_int_eq(X509_set_issuer_name(a.cert, subject), 1);
        ck_assert_int_eq(X509_set_pubkey(a.cert, a.key), 1);
        X509_gmtime_adj(X509_getm_notBefore(a.cert), 0);
        X509_gmtime_adj(X509_getm_notAfter(a.cert), 3600);
        add_extension(a.cert, NID_basic_constraints, "critical,CA:TRUE");
        ck_assert_int_gt(X509_sign(a.cert, a.key, EVP_sha256()), 0);
        return a;
}

static void authority_free(Authority a)
{
        EVP_PKEY_free(a.key);
        X509_free(a.cert);
}

/* A certs-only PKCS#7 in base64. */
static char *pack(X509 *cert)
{
        PKCS7 *p7 = PKCS7_new();
        uint8_t *p7_der = NULL;
        char *answer;
        int n;

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
        return answer;
}

/* What an EST server does with a request: a certificate for its key, in a certs-only PKCS#7. */
static char *issue_by(const Authority *ca, const char *request_base64, long seconds)
{
        uint8_t der[4096];
        const uint8_t *p = der;
        X509 *cert = X509_new();
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
        ck_assert_int_eq(X509_set_version(cert, 2), 1);
        ck_assert_int_eq(X509_set_issuer_name(cert, X509_get_subject_name(ca->cert)), 1);
        add_extension(cert, NID_subject_alt_name, "DNS:dev-1.test");
        ck_assert_int_gt(X509_sign(cert, ca->key, EVP_sha256()), 0);
        answer = pack(cert);
        X509_REQ_free(request);
        X509_free(cert);
        return answer;
}

static char *issue(const char *request_base64, long seconds)
{
        Authority ca = authority_new("authority");
        char *answer = issue_by(&ca, request_base64, seconds);

        authority_free(ca);
        return answer;
}

START_TEST(a_request_becomes_a_certificate)
{
        char *key = NULL, *request = NULL, *answer, *cert = NULL;
        usec_t from, to;
        uint8_t *der;
        size_t size;

        ck_assert_int_eq(identity_make_key(&key), 0);
        ck_assert_int_eq(identity_make_request(key, "dev-1", NULL, &request), 0);
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
        ck_assert_int_eq(identity_make_request(key, "dev-1", NULL, &request), 0);
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

static X509_REQ *read_request(const char *base64)
{
        uint8_t der[4096];
        const uint8_t *p = der;
        int n = EVP_DecodeBlock(der, (const uint8_t *) base64, (int) strlen(base64));
        X509_REQ *request = d2i_X509_REQ(NULL, &p, n);

        ck_assert_ptr_nonnull(request);
        return request;
}

/* RFC 7030 section 4.2.2: subject and alternative names are those of the certificate. */
START_TEST(a_renewal_asks_for_the_names_it_has)
{
        char *key = NULL, *request = NULL, *again = NULL, *answer, *cert = NULL, *public = NULL;
        STACK_OF(X509_EXTENSION) * extensions;
        X509_REQ *first, *second;
        usec_t from, to;

        ck_assert_int_eq(identity_make_key(&key), 0);
        ck_assert_int_eq(identity_make_request(key, "dev-1", NULL, &request), 0);
        answer = issue(request, 60);
        ck_assert_int_eq(identity_read_answer(key, answer, strlen(answer), &cert), 0);
        ck_assert_int_eq(identity_make_request(key, "another", cert, &again), 0);
        first = read_request(request);
        second = read_request(again);
        ck_assert_int_eq(
                X509_NAME_cmp(X509_REQ_get_subject_name(first), X509_REQ_get_subject_name(second)),
                0);
        extensions = X509_REQ_get_extensions(second);
        ck_assert_int_eq(X509v3_get_ext_by_NID(extensions, NID_subject_alt_name, -1), 0);
        sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
        ck_assert_int_eq(identity_make_request(key, "x", "no certificate", &public), -EBADMSG);

        /* the public half does for what is compared */
        ck_assert_int_eq(identity_read_request(again, strlen(again), &public), 0);
        ck_assert_int_eq(identity_check(public, cert, &from, &to), 0);
        X509_REQ_free(first);
        X509_REQ_free(second);
        free(public);
        free(cert);
        free(answer);
        free(again);
        free(request);
        free(key);
}
END_TEST

START_TEST(a_request_that_another_key_signed_is_refused)
{
        char *key = NULL, *request = NULL, *public = NULL;

        ck_assert_int_eq(identity_make_key(&key), 0);
        ck_assert_int_eq(identity_make_request(key, "dev-1", NULL, &request), 0);
        request[30] = request[30] == 'A' ? 'B' : 'A'; /* in its subject */
        ck_assert_int_eq(identity_read_request(request, strlen(request), &public), -EBADMSG);
        ck_assert_ptr_null(public);
        free(request);
        free(key);
}
END_TEST

START_TEST(a_certificate_comes_from_an_authority_or_not)
{
        Authority one = authority_new("one"), two = authority_new("two");
        char *key = NULL, *request = NULL, *answer, *cert = NULL, *ones, *twos, *ca = NULL,
             *other = NULL, *none = NULL;

        ck_assert_int_eq(identity_make_key(&key), 0);
        ck_assert_int_eq(identity_make_request(key, "dev-1", NULL, &request), 0);
        answer = issue_by(&one, request, 60);
        ck_assert_int_eq(identity_read_answer(key, answer, strlen(answer), &cert), 0);
        ones = pack(one.cert);
        twos = pack(two.cert);
        ck_assert_int_eq(identity_read_authorities(ones, strlen(ones), &ca), 0);
        ck_assert_int_eq(identity_read_authorities(twos, strlen(twos), &other), 0);
        ck_assert_int_eq(identity_verify(cert, ca), 0);
        ck_assert_int_eq(identity_verify(cert, other), -EKEYREJECTED);
        ck_assert_int_eq(identity_verify(cert, "none"), -EKEYREJECTED);
        /* a device is no authority, and neither is nonsense */
        ck_assert_int_eq(identity_read_authorities(answer, strlen(answer), &none), -EBADMSG);
        ck_assert_int_eq(identity_read_authorities("AAAA", 4, &none), -EBADMSG);
        free(ca);
        free(other);
        free(ones);
        free(twos);
        free(cert);
        free(answer);
        free(request);
        free(key);
        authority_free(one);
        authority_free(two);
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
        ck_assert_int_eq(identity_make_request("no key", "x", NULL, &out), -EBADMSG);
        ck_assert_int_eq(identity_check(key, key, &from, &to), -EBADMSG);
        ck_assert_ptr_null(out);
        EVP_PKEY_free(read_key(key));
        free(key);
}
END_TEST

TEST_MAIN("identity", a_request_becomes_a_certificate, a_certificate_for_another_key_is_refused,
        a_renewal_asks_for_the_names_it_has, a_request_that_another_key_signed_is_refused,
        a_certificate_comes_from_an_authority_or_not, nonsense_is_refused)
