/* SPDX-License-Identifier: MIT */
#include "crypto/identity.h"
#include "util/error.h"
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <openssl/x509.h>
#include <string.h>
#include <time.h>

#define DEFINE_OSSL_CLEANUP(type, fn)                                                              \
        static inline void fn##p(type **p)                                                         \
        {                                                                                          \
                fn(*p);                                                                            \
        }
DEFINE_OSSL_CLEANUP(BIO, BIO_free_all)
DEFINE_OSSL_CLEANUP(EVP_PKEY, EVP_PKEY_free)
DEFINE_OSSL_CLEANUP(X509_REQ, X509_REQ_free)
DEFINE_OSSL_CLEANUP(X509_NAME, X509_NAME_free)
DEFINE_OSSL_CLEANUP(X509, X509_free)
DEFINE_OSSL_CLEANUP(PKCS7, PKCS7_free)

/* What was written to a memory BIO, as a string of the caller's. */
static int bio_to_string(BIO *bio, char **ret)
{
        char *data, *copy;
        long size = BIO_get_mem_data(bio, &data);

        if (size <= 0 || size > IDENTITY_PEM_MAX)
                return -EIO;
        copy = malloc((size_t) size + 1); /* the BIO ends without a NUL */
        if (!copy)
                return -ENOMEM;
        memcpy(copy, data, (size_t) size);
        copy[size] = 0;
        *ret = copy;
        return 0;
}

static int write_key(EVP_PKEY *key, char **ret_key_pem)
{
        _cleanup_(BIO_free_allp) BIO *bio = BIO_new(BIO_s_mem());

        if (!key || !bio || PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1)
                return -EIO;
        return bio_to_string(bio, ret_key_pem);
}

int identity_make_key(char **ret_key_pem)
{
        _cleanup_(EVP_PKEY_freep) EVP_PKEY *key = EVP_EC_gen("P-256");

        return write_key(key, ret_key_pem);
}

static EVP_PKEY *load_key(const char *pem)
{
        _cleanup_(BIO_free_allp) BIO *bio = BIO_new_mem_buf(pem, -1);

        /* An empty pass phrase, so that an encrypted key is refused and nobody is asked for one. */
        return bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *) (uintptr_t) "") : NULL;
}

static X509 *load_certificate(const char *pem)
{
        _cleanup_(BIO_free_allp) BIO *bio = BIO_new_mem_buf(pem, -1);

        return bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
}

/* The subject is built beside the request, for OpenSSL 3 does not let it be changed inside. */
static int set_subject(X509_REQ *request, const char *common_name)
{
        _cleanup_(X509_NAME_freep) X509_NAME *name = X509_NAME_new();

        if (!name || X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                             (const unsigned char *) common_name, -1, -1, 0) != 1)
                return -EIO;
        return X509_REQ_set_subject_name(request, name) == 1 ? 0 : -EIO;
}

int identity_make_request(const char *key_pem, const char *common_name, char **ret_base64)
{
        _cleanup_(EVP_PKEY_freep) EVP_PKEY *key = load_key(key_pem);
        _cleanup_(X509_REQ_freep) X509_REQ *request = X509_REQ_new();
        _cleanup_(freep) unsigned char *der = NULL;
        unsigned char *p;
        char *text;
        int n;

        if (!key)
                return -EBADMSG;
        if (!request || X509_REQ_set_pubkey(request, key) != 1 ||
                set_subject(request, common_name) < 0 ||
                X509_REQ_sign(request, key, EVP_sha256()) <= 0)
                return -EIO;
        n = i2d_X509_REQ(request, NULL);
        if (n <= 0 || n > IDENTITY_PEM_MAX / 2)
                return -EIO;
        p = der = malloc((size_t) n);
        text = malloc((size_t) (n + 2) / 3 * 4 + 1);
        if (!der || !text) {
                free(text);
                return -ENOMEM;
        }
        (void) i2d_X509_REQ(request, &p);
        (void) EVP_EncodeBlock((unsigned char *) text, der, n);
        *ret_base64 = text;
        return 0;
}

/* base64 with line ends anywhere, as mail and EST servers write it. */
static PKCS7 *load_pkcs7(const char *base64, size_t size)
{
        _cleanup_(freep) unsigned char *der = NULL;
        EVP_ENCODE_CTX *ctx = EVP_ENCODE_CTX_new();
        const unsigned char *p;
        int n = 0, tail = 0, r = -1;

        if (ctx && size > 0 && size <= IDENTITY_PEM_MAX && (der = malloc(size + 3))) {
                EVP_DecodeInit(ctx);
                r = EVP_DecodeUpdate(ctx, der, &n, (const unsigned char *) base64, (int) size);
                if (r >= 0)
                        r = EVP_DecodeFinal(ctx, der + n, &tail);
        }
        EVP_ENCODE_CTX_free(ctx);
        p = der;
        return r >= 0 ? d2i_PKCS7(NULL, &p, n + tail) : NULL;
}

static int write_certificates(const EVP_PKEY *key, const STACK_OF(X509) * certs, BIO *bio)
{
        X509 *own = NULL;

        for (int i = 0; i < sk_X509_num(certs) && !own; i++)
                if (X509_check_private_key(sk_X509_value(certs, i), key) == 1)
                        own = sk_X509_value(certs, i);
        if (!own)
                return -EKEYREJECTED;
        if (PEM_write_bio_X509(bio, own) != 1)
                return -EIO;
        for (int i = 0; i < sk_X509_num(certs); i++) {
                X509 *cert = sk_X509_value(certs, i);

                if (cert != own && PEM_write_bio_X509(bio, cert) != 1)
                        return -EIO;
        }
        return 0;
}

int identity_read_answer(const char *key_pem, const char *base64, size_t size, char **ret_cert_pem)
{
        _cleanup_(EVP_PKEY_freep) EVP_PKEY *key = load_key(key_pem);
        _cleanup_(PKCS7_freep) PKCS7 *p7 = load_pkcs7(base64, size);
        _cleanup_(BIO_free_allp) BIO *bio = BIO_new(BIO_s_mem());
        int r;

        if (!key || !p7 || !PKCS7_type_is_signed(p7) || !p7->d.sign || !p7->d.sign->cert)
                return -EBADMSG;
        if (!bio)
                return -ENOMEM;
        r = write_certificates(key, p7->d.sign->cert, bio);
        if (r < 0)
                return r;
        return bio_to_string(bio, ret_cert_pem);
}

static int to_usec(const ASN1_TIME *t, usec_t *ret)
{
        struct tm tm = { 0 };
        time_t v;

        if (!t || ASN1_TIME_to_tm(t, &tm) != 1)
                return -EBADMSG;
        v = timegm(&tm);
        *ret = v < 0 ? 0 : (usec_t) v * USEC_PER_SEC;
        return 0;
}

int identity_check(
        const char *key_pem, const char *cert_pem, usec_t *ret_not_before, usec_t *ret_expires)
{
        _cleanup_(EVP_PKEY_freep) EVP_PKEY *key = load_key(key_pem);
        _cleanup_(X509_freep) X509 *cert = load_certificate(cert_pem);
        usec_t not_before, expires;

        if (!key || !cert)
                return -EBADMSG;
        if (X509_check_private_key(cert, key) != 1)
                return -EKEYREJECTED;
        if (to_usec(X509_get0_notBefore(cert), &not_before) < 0 ||
                to_usec(X509_get0_notAfter(cert), &expires) < 0 || expires <= not_before)
                return -EBADMSG;
        *ret_not_before = not_before;
        *ret_expires = expires;
        return 0;
}

int identity_certificate_der(const char *cert_pem, uint8_t **ret_der, size_t *ret_size)
{
        _cleanup_(X509_freep) X509 *cert = load_certificate(cert_pem);
        uint8_t *der, *p;
        int n;

        if (!cert)
                return -EBADMSG;
        n = i2d_X509(cert, NULL);
        if (n <= 0)
                return -EIO;
        p = der = malloc((size_t) n);
        if (!der)
                return -ENOMEM;
        (void) i2d_X509(cert, &p);
        *ret_der = der;
        *ret_size = (size_t) n;
        return 0;
}

int identity_split(const char *pem, size_t size, char **ret_key_pem, char **ret_cert_pem)
{
        _cleanup_(BIO_free_allp) BIO *in = BIO_new_mem_buf(pem, (int) MIN(size, IDENTITY_PEM_MAX));
        _cleanup_(BIO_free_allp) BIO *again =
                BIO_new_mem_buf(pem, (int) MIN(size, IDENTITY_PEM_MAX));
        _cleanup_(BIO_free_allp) BIO *out = BIO_new(BIO_s_mem());
        _cleanup_(EVP_PKEY_freep) EVP_PKEY *key = NULL;
        _cleanup_(freep) char *certificates = NULL;
        X509 *cert;
        int r = 0;

        if (size > IDENTITY_PEM_MAX)
                return -EBADMSG;
        if (!in || !again || !out)
                return -ENOMEM;
        key = PEM_read_bio_PrivateKey(in, NULL, NULL, (void *) (uintptr_t) "");
        while (r >= 0 && (cert = PEM_read_bio_X509(again, NULL, NULL, NULL))) {
                r = PEM_write_bio_X509(out, cert) == 1 ? 0 : -EIO;
                X509_free(cert);
        }
        if (r < 0)
                return r;
        if (!key || bio_to_string(out, &certificates) < 0)
                return -EBADMSG;
        r = write_key(key, ret_key_pem);
        if (r >= 0)
                *ret_cert_pem = TAKE_PTR(certificates);
        return r;
}
