/* SPDX-License-Identifier: MIT */
#include "fetch/client-key.h"
#include "crypto/identity.h"
#include "fetch/held-key.h"
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <string.h>

struct ClientKey {
        HeldKey *held; /* NULL: it came as PEM */
        EVP_PKEY *tls;
        X509 *certificate;
        STACK_OF(X509) * chain;
};

static EVP_PKEY *read_pem(const char *pem)
{
        BIO *bio = BIO_new_mem_buf(pem, -1);
        /* An empty pass phrase, so that an encrypted key is refused and nobody is asked for one. */
        EVP_PKEY *key =
                bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *) (uintptr_t) "") : NULL;

        BIO_free(bio);
        return key;
}

static int open_held(ClientKey *k, const char *uri, const char *provider)
{
        int r = held_key_new(&k->held, uri, provider);

        return r < 0 ? r : held_key_wrap(k->held, &k->tls);
}

int client_key_new(ClientKey **ret, const char *key, const char *provider)
{
        _cleanup_(client_key_freep) ClientKey *k = calloc(1, sizeof(*k));
        int r = 0;

        if (!k || !(k->chain = sk_X509_new_null()))
                return -ENOMEM;
        if (strstr(key, "-----BEGIN ")) {
                k->tls = read_pem(key);
                if (!k->tls)
                        r = -EBADMSG;
        } else {
                r = open_held(k, key, provider);
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(k);
        return 0;
}

ClientKey *client_key_free(ClientKey *k)
{
        if (!k)
                return NULL;
        EVP_PKEY_free(k->tls);
        held_key_free(k->held);
        X509_free(k->certificate);
        sk_X509_pop_free(k->chain, X509_free);
        free(k);
        return NULL;
}

int client_key_sign(const ClientKey *k, const char *name, const char *cert_pem, char **ret_base64)
{
        return k->held ? held_key_sign(k->held, name, cert_pem, ret_base64)
                       : identity_sign_request(k->tls, NULL, NULL, name, cert_pem, ret_base64);
}

int client_key_set_certificates(ClientKey *k, const char *pem)
{
        BIO *bio = BIO_new_mem_buf(pem, -1);
        X509 *cert;

        while (bio && (cert = PEM_read_bio_X509(bio, NULL, NULL, NULL)))
                if (!k->certificate)
                        k->certificate = cert;
                else if (sk_X509_push(k->chain, cert) <= 0)
                        X509_free(cert);
        BIO_free(bio);
        if (!k->certificate)
                return -EBADMSG;
        return X509_check_private_key(k->certificate, k->tls) == 1 ? 0 : -EKEYREJECTED;
}

int client_key_show(const ClientKey *k, SSL_CTX *ssl_ctx)
{
        if (SSL_CTX_use_certificate(ssl_ctx, k->certificate) != 1 ||
                SSL_CTX_use_PrivateKey(ssl_ctx, k->tls) != 1 ||
                SSL_CTX_set1_chain(ssl_ctx, k->chain) != 1)
                return -EIO;
        return 0;
}
