/* SPDX-License-Identifier: MIT */
#include "crypto/identity.h"
#include "util/error.h"
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
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
DEFINE_OSSL_CLEANUP(X509_STORE, X509_STORE_free)
DEFINE_OSSL_CLEANUP(X509_STORE_CTX, X509_STORE_CTX_free)

typedef STACK_OF(X509) Certificates;
static void certificates_freep(Certificates **certs)
{
        sk_X509_pop_free(*certs, X509_free);
}

typedef STACK_OF(X509_EXTENSION) Extensions;
static void extensions_freep(Extensions **extensions)
{
        sk_X509_EXTENSION_pop_free(*extensions, X509_EXTENSION_free);
}

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

static EVP_PKEY *load_any_key(const char *pem)
{
        _cleanup_(BIO_free_allp) BIO *bio = BIO_new_mem_buf(pem, -1);
        EVP_PKEY *key = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;

        return key ? key : load_key(pem);
}

static X509 *load_certificate(const char *pem)
{
        _cleanup_(BIO_free_allp) BIO *bio = BIO_new_mem_buf(pem, -1);

        return bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
}

/* All certificates of a PEM text; NULL when there is none. */
static Certificates *load_certificates(const char *pem)
{
        _cleanup_(BIO_free_allp) BIO *bio = BIO_new_mem_buf(pem, -1);
        _cleanup_(certificates_freep) Certificates *certs = sk_X509_new_null();
        X509 *cert;

        while (bio && certs && (cert = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
                if (sk_X509_push(certs, cert) > 0)
                        continue;
                X509_free(cert);
                return NULL;
        }
        return certs && sk_X509_num(certs) > 0 ? TAKE_PTR(certs) : NULL;
}

/* The subject is built beside the request, for OpenSSL 3 does not let it be changed inside. */
static int set_common_name(X509_REQ *request, const char *common_name)
{
        _cleanup_(X509_NAME_freep) X509_NAME *name = X509_NAME_new();

        if (!name || X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                             (const unsigned char *) common_name, -1, -1, 0) != 1)
                return -EIO;
        return X509_REQ_set_subject_name(request, name) == 1 ? 0 : -EIO;
}

static int set_names_of(X509_REQ *request, const char *cert_pem)
{
        _cleanup_(X509_freep) X509 *cert = load_certificate(cert_pem);
        _cleanup_(extensions_freep) Extensions *extensions = NULL;
        const X509_EXTENSION *names;
        X509_EXTENSION *copy;
        int at;

        if (!cert)
                return -EBADMSG;
        if (X509_REQ_set_subject_name(request, X509_get_subject_name(cert)) != 1)
                return -EIO;
        at = X509_get_ext_by_NID(cert, NID_subject_alt_name, -1);
        names = at < 0 ? NULL : X509_get_ext(cert, at);
        if (!names)
                return 0;
        extensions = sk_X509_EXTENSION_new_null();
        copy = X509_EXTENSION_dup(names);
        if (!extensions || !copy || sk_X509_EXTENSION_push(extensions, copy) <= 0) {
                X509_EXTENSION_free(copy);
                return -ENOMEM;
        }
        return X509_REQ_add_extensions(request, extensions) == 1 ? 0 : -EIO;
}

int identity_sign_request(EVP_PKEY *key, OSSL_LIB_CTX *cx, const char *query,
        const char *common_name, const char *cert_pem, char **ret_base64)
{
        _cleanup_(X509_REQ_freep) X509_REQ *request = X509_REQ_new_ex(cx, query);
        _cleanup_(freep) unsigned char *der = NULL;
        unsigned char *p;
        char *text;
        int n, r;

        if (!request || X509_REQ_set_pubkey(request, key) != 1)
                return -EIO;
        r = cert_pem ? set_names_of(request, cert_pem) : set_common_name(request, common_name);
        if (r < 0)
                return r;
        if (X509_REQ_sign(request, key, EVP_sha256()) <= 0)
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

int identity_make_request(
        const char *key_pem, const char *name, const char *cert_pem, char **ret_base64)
{
        _cleanup_(EVP_PKEY_freep) EVP_PKEY *key = load_key(key_pem);

        return key ? identity_sign_request(key, NULL, NULL, name, cert_pem, ret_base64) : -EBADMSG;
}

/* base64 with line ends anywhere, as mail and EST servers write it; NULL when it is none. */
static unsigned char *decode(const char *base64, size_t size, long *ret_size)
{
        _cleanup_(freep) unsigned char *der = NULL;
        EVP_ENCODE_CTX *ctx = EVP_ENCODE_CTX_new();
        int n = 0, tail = 0, r = -1;

        if (ctx && size > 0 && size <= IDENTITY_PEM_MAX && (der = malloc(size + 3))) {
                EVP_DecodeInit(ctx);
                r = EVP_DecodeUpdate(ctx, der, &n, (const unsigned char *) base64, (int) size);
                if (r >= 0)
                        r = EVP_DecodeFinal(ctx, der + n, &tail);
        }
        EVP_ENCODE_CTX_free(ctx);
        *ret_size = n + tail;
        return r >= 0 ? TAKE_PTR(der) : NULL;
}

int identity_read_request(const char *base64, size_t size, char **ret_public_pem)
{
        long der_size;
        _cleanup_(freep) unsigned char *der = decode(base64, size, &der_size);
        const unsigned char *p = der;
        _cleanup_(X509_REQ_freep) X509_REQ *request = der ? d2i_X509_REQ(NULL, &p, der_size) : NULL;
        _cleanup_(BIO_free_allp) BIO *bio = BIO_new(BIO_s_mem());
        EVP_PKEY *key = request ? X509_REQ_get0_pubkey(request) : NULL;

        if (!key || X509_REQ_verify(request, key) != 1)
                return -EBADMSG;
        if (!bio || PEM_write_bio_PUBKEY(bio, key) != 1)
                return -EIO;
        return bio_to_string(bio, ret_public_pem);
}

static PKCS7 *load_pkcs7(const char *base64, size_t size)
{
        long der_size;
        _cleanup_(freep) unsigned char *der = decode(base64, size, &der_size);
        const unsigned char *p = der;
        _cleanup_(PKCS7_freep) PKCS7 *p7 = der ? d2i_PKCS7(NULL, &p, der_size) : NULL;

        if (!p7 || !PKCS7_type_is_signed(p7) || !p7->d.sign || !p7->d.sign->cert)
                return NULL;
        return TAKE_PTR(p7);
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
        _cleanup_(EVP_PKEY_freep) EVP_PKEY *key = load_any_key(key_pem);
        _cleanup_(PKCS7_freep) PKCS7 *p7 = load_pkcs7(base64, size);
        _cleanup_(BIO_free_allp) BIO *bio = BIO_new(BIO_s_mem());
        int r;

        if (!key || !p7)
                return -EBADMSG;
        if (!bio)
                return -ENOMEM;
        r = write_certificates(key, p7->d.sign->cert, bio);
        if (r < 0)
                return r;
        return bio_to_string(bio, ret_cert_pem);
}

int identity_read_authorities(const char *base64, size_t size, char **ret_ca_pem)
{
        _cleanup_(PKCS7_freep) PKCS7 *p7 = load_pkcs7(base64, size);
        _cleanup_(BIO_free_allp) BIO *bio = BIO_new(BIO_s_mem());
        bool has_root = false;

        for (int i = 0; p7 && i < sk_X509_num(p7->d.sign->cert); i++) {
                X509 *cert = sk_X509_value(p7->d.sign->cert, i);

                has_root |= X509_self_signed(cert, 1) == 1;
                if (!bio || PEM_write_bio_X509(bio, cert) != 1)
                        return -EIO;
        }
        return has_root ? bio_to_string(bio, ret_ca_pem) : -EBADMSG;
}

int identity_verify(const char *cert_pem, const char *ca_pem)
{
        _cleanup_(certificates_freep) Certificates *chain = load_certificates(cert_pem);
        _cleanup_(certificates_freep) Certificates *authorities = load_certificates(ca_pem);
        _cleanup_(X509_STORE_freep) X509_STORE *store = X509_STORE_new();
        _cleanup_(X509_STORE_CTX_freep) X509_STORE_CTX *ctx = X509_STORE_CTX_new();

        if (!chain || !authorities || !store || !ctx)
                return -EKEYREJECTED;
        for (int i = 0; i < sk_X509_num(authorities); i++)
                (void) X509_STORE_add_cert(store, sk_X509_value(authorities, i));
        (void) X509_STORE_set_flags(store, X509_V_FLAG_NO_CHECK_TIME);
        if (X509_STORE_CTX_init(ctx, store, sk_X509_value(chain, 0), chain) != 1)
                return -EKEYREJECTED;
        return X509_verify_cert(ctx) == 1 ? 0 : -EKEYREJECTED;
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
        _cleanup_(EVP_PKEY_freep) EVP_PKEY *key = key_pem ? load_any_key(key_pem) : NULL;
        _cleanup_(X509_freep) X509 *cert = load_certificate(cert_pem);
        usec_t not_before, expires;

        if ((key_pem && !key) || !cert)
                return -EBADMSG;
        if (key && X509_check_private_key(cert, key) != 1)
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
