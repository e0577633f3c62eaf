/* SPDX-License-Identifier: MIT */
#include "fetch/held-key.h"
#include "crypto/identity.h"
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/store.h>
#include <openssl/ui.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define WRAPPER       "lwsd-key"
#define WRAPPER_QUERY "provider=" WRAPPER
#define PARAM_KEY     "lwsd-held-key" /* the address of a HeldKey */

struct HeldKey {
        OSSL_LIB_CTX *cx; /* of its own, so that its provider does nothing but sign */
        OSSL_PROVIDER *provider, *defaults;
        EVP_PKEY *pkey;
        char query[96];
};

/* What EVP_PKEY calls key data: a held key, or a public one that it is compared with. */
typedef struct WrappedKey WrappedKey;
struct WrappedKey {
        HeldKey *held;
        EVP_PKEY *pkey;
};

/* -- The provider: keys ------------------------------------------------------------------------ */

static void *wrapped_new(void *provider)
{
        return calloc(1, sizeof(WrappedKey));
}

static void wrapped_free(void *data)
{
        WrappedKey *w = data;

        if (w)
                EVP_PKEY_free(w->pkey);
        free(w);
}

static int wrapped_has(const void *data, int selection)
{
        const WrappedKey *w = data;

        return w && w->pkey && (w->held || !(selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY));
}

static int wrapped_match(const void *a, const void *b, int selection)
{
        return EVP_PKEY_eq(((const WrappedKey *) a)->pkey, ((const WrappedKey *) b)->pkey) == 1;
}

static int import_public(WrappedKey *w, const char *type, const OSSL_PARAM params[])
{
        EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, "provider=default");
        int r = ctx && EVP_PKEY_fromdata_init(ctx) > 0 &&
                EVP_PKEY_fromdata(ctx, &w->pkey, EVP_PKEY_PUBLIC_KEY, (OSSL_PARAM *) params) > 0;

        EVP_PKEY_CTX_free(ctx);
        return r;
}

static int import(void *data, const char *type, const OSSL_PARAM params[])
{
        const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, PARAM_KEY);
        WrappedKey *w = data;
        const void *held;
        size_t size;

        if (!p)
                return import_public(w, type, params);
        if (!OSSL_PARAM_get_octet_ptr(p, &held, &size))
                return 0;
        w->held = (HeldKey *) held;
        w->pkey = w->held->pkey;
        return EVP_PKEY_up_ref(w->pkey);
}

static int import_ec(void *data, int selection, const OSSL_PARAM params[])
{
        return import(data, "EC", params);
}

static int import_rsa(void *data, int selection, const OSSL_PARAM params[])
{
        return import(data, "RSA", params);
}

static int wrapped_get_params(void *data, OSSL_PARAM params[])
{
        return EVP_PKEY_get_params(((WrappedKey *) data)->pkey, params);
}

static const OSSL_PARAM *wrapped_gettable(void *provider)
{
        static const OSSL_PARAM list[] = { OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
                OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
                OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
                OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0), OSSL_PARAM_END };

        return list;
}

static const OSSL_PARAM *wrapped_importable(int selection)
{
        static const OSSL_PARAM list[] = { OSSL_PARAM_octet_ptr(PARAM_KEY, NULL, 0),
                OSSL_PARAM_END };

        return list;
}

static const char *ec_operation(int operation)
{
        return operation == OSSL_OP_SIGNATURE ? "ECDSA" : "ECDH";
}

static const char *rsa_operation(int operation)
{
        return "RSA";
}

#define FUNCTION(id, f)                                                                            \
        {                                                                                          \
                OSSL_FUNC_##id, (void (*)(void))(f)                                                \
        }
/* No export: that is the point of it. */
#define KEY_FUNCTIONS(import, operation)                                                           \
        FUNCTION(KEYMGMT_NEW, wrapped_new), FUNCTION(KEYMGMT_FREE, wrapped_free),                  \
                FUNCTION(KEYMGMT_HAS, wrapped_has), FUNCTION(KEYMGMT_MATCH, wrapped_match),        \
                FUNCTION(KEYMGMT_GET_PARAMS, wrapped_get_params),                                  \
                FUNCTION(KEYMGMT_GETTABLE_PARAMS, wrapped_gettable),                               \
                FUNCTION(KEYMGMT_IMPORT, import),                                                  \
                FUNCTION(KEYMGMT_IMPORT_TYPES, wrapped_importable),                                \
                FUNCTION(KEYMGMT_QUERY_OPERATION_NAME, operation),                                 \
        {                                                                                          \
                0, NULL                                                                            \
        }

static const OSSL_DISPATCH ec_key_functions[] = { KEY_FUNCTIONS(import_ec, ec_operation) };
static const OSSL_DISPATCH rsa_key_functions[] = { KEY_FUNCTIONS(import_rsa, rsa_operation) };

static const OSSL_ALGORITHM key_algorithms[] = {
        { "EC:id-ecPublicKey:1.2.840.10045.2.1", WRAPPER_QUERY, ec_key_functions, NULL },
        { "RSA:rsaEncryption:1.2.840.113549.1.1.1", WRAPPER_QUERY, rsa_key_functions, NULL },
        { NULL, NULL, NULL, NULL },
};

/* -- The provider: signatures ------------------------------------------------------------------ */

typedef struct Signing Signing;
struct Signing {
        EVP_MD_CTX *md;
        EVP_PKEY_CTX *key; /* of md */
};

static void *signing_new(void *provider, const char *query)
{
        Signing *s = calloc(1, sizeof(*s));

        if (s && !(s->md = EVP_MD_CTX_new())) {
                free(s);
                s = NULL;
        }
        return s;
}

static void signing_free(void *ctx)
{
        Signing *s = ctx;

        if (s)
                EVP_MD_CTX_free(s->md);
        free(s);
}

static int signing_set(void *ctx, const OSSL_PARAM params[])
{
        Signing *s = ctx;

        return !params || EVP_PKEY_CTX_set_params(s->key, params) > 0;
}

static int signing_init(void *ctx, const char *digest, void *data, const OSSL_PARAM params[])
{
        Signing *s = ctx;
        WrappedKey *w = data;

        return w->held && EVP_DigestSignInit_ex(s->md, &s->key, digest, w->held->cx, w->held->query,
                                  w->pkey, params) > 0;
}

static int signing_sign(void *ctx, unsigned char *signature, size_t *size, size_t room,
        const unsigned char *text, size_t text_size)
{
        Signing *s = ctx;

        if (signature)
                *size = room;
        return EVP_DigestSign(s->md, signature, size, text, text_size) > 0;
}

/* What TLS sets for an RSA key. */
static const OSSL_PARAM *signing_settable(void *ctx, void *provider)
{
        static const OSSL_PARAM list[] = { OSSL_PARAM_utf8_string(
                                                   OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
                OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL, 0),
                OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_DIGEST, NULL, 0), OSSL_PARAM_END };

        return list;
}

static const OSSL_DISPATCH signature_functions[] = { FUNCTION(SIGNATURE_NEWCTX, signing_new),
        FUNCTION(SIGNATURE_FREECTX, signing_free),
        FUNCTION(SIGNATURE_DIGEST_SIGN_INIT, signing_init),
        FUNCTION(SIGNATURE_DIGEST_SIGN, signing_sign),
        FUNCTION(SIGNATURE_SET_CTX_PARAMS, signing_set),
        FUNCTION(SIGNATURE_SETTABLE_CTX_PARAMS, signing_settable), { 0, NULL } };

static const OSSL_ALGORITHM signature_algorithms[] = {
        { "ECDSA", WRAPPER_QUERY, signature_functions, NULL },
        { "RSA:rsaEncryption:1.2.840.113549.1.1.1", WRAPPER_QUERY, signature_functions, NULL },
        { NULL, NULL, NULL, NULL },
};

static const OSSL_ALGORITHM *query(void *provider, int operation, int *no_cache)
{
        *no_cache = 0;
        if (operation == OSSL_OP_KEYMGMT)
                return key_algorithms;
        return operation == OSSL_OP_SIGNATURE ? signature_algorithms : NULL;
}

static int wrapper_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
        const OSSL_DISPATCH **ret_functions, void **ret_provider)
{
        static const OSSL_DISPATCH functions[] = { FUNCTION(PROVIDER_QUERY_OPERATION, query),
                { 0, NULL } };

        *ret_functions = functions;
        *ret_provider = (void *) handle;
        return 1;
}

/* -- Opening a key ----------------------------------------------------------------------------- */

static int load_providers(HeldKey *k, const char *provider)
{
        k->cx = OSSL_LIB_CTX_new();
        if (!k->cx)
                return -ENOMEM;
        if (!provider || !*provider) {
                (void) OSSL_LIB_CTX_load_config(k->cx, NULL);
                return 0;
        }
        if ((size_t) snprintf(k->query, sizeof(k->query), "?provider=%s", provider) >=
                sizeof(k->query))
                return -EINVAL;
        k->provider = OSSL_PROVIDER_load(k->cx, provider);
        k->defaults = OSSL_PROVIDER_load(k->cx, "default");
        return k->provider && k->defaults ? 0 : -ENOENT;
}

static int load_key(HeldKey *k, const char *uri)
{
        OSSL_STORE_CTX *store =
                OSSL_STORE_open_ex(uri, k->cx, k->query, UI_null(), NULL, NULL, NULL, NULL);

        if (!store)
                return -ENOENT;
        (void) OSSL_STORE_expect(store, OSSL_STORE_INFO_PKEY);
        while (!k->pkey && !OSSL_STORE_eof(store)) {
                OSSL_STORE_INFO *info = OSSL_STORE_load(store);

                if (info && OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PKEY)
                        k->pkey = OSSL_STORE_INFO_get1_PKEY(info);
                OSSL_STORE_INFO_free(info);
                if (!info && OSSL_STORE_error(store))
                        break;
        }
        OSSL_STORE_close(store);
        return k->pkey ? 0 : -ENOENT;
}

int held_key_new(HeldKey **ret, const char *uri, const char *provider)
{
        _cleanup_(held_key_freep) HeldKey *k = calloc(1, sizeof(*k));
        int r;

        if (!k)
                return -ENOMEM;
        r = load_providers(k, provider);
        if (r >= 0)
                r = load_key(k, uri);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(k);
        return 0;
}

HeldKey *held_key_free(HeldKey *k)
{
        if (!k)
                return NULL;
        EVP_PKEY_free(k->pkey);
        if (k->provider)
                OSSL_PROVIDER_unload(k->provider);
        if (k->defaults)
                OSSL_PROVIDER_unload(k->defaults);
        OSSL_LIB_CTX_free(k->cx);
        free(k);
        return NULL;
}

int held_key_sign(const HeldKey *k, const char *name, const char *cert_pem, char **ret_base64)
{
        return identity_sign_request(k->pkey, k->cx, k->query, name, cert_pem, ret_base64);
}

/* The wrapper is loaded once; "default" with it, which is there by itself only until another is. */
static bool wrapper_load(void)
{
        static bool loaded;

        if (!loaded)
                loaded = OSSL_PROVIDER_add_builtin(NULL, WRAPPER, wrapper_init) == 1 &&
                         OSSL_PROVIDER_load(NULL, "default") && OSSL_PROVIDER_load(NULL, WRAPPER);
        return loaded;
}

int held_key_wrap(HeldKey *k, EVP_PKEY **ret)
{
        const char *type = EVP_PKEY_is_a(k->pkey, "EC") ? "EC" : "RSA";
        void *address = k;
        OSSL_PARAM params[] = { OSSL_PARAM_octet_ptr(PARAM_KEY, &address, 0), OSSL_PARAM_END };
        EVP_PKEY_CTX *ctx;
        int r;

        if (!EVP_PKEY_is_a(k->pkey, type))
                return -EOPNOTSUPP;
        if (!wrapper_load())
                return -EIO;
        ctx = EVP_PKEY_CTX_new_from_name(NULL, type, WRAPPER_QUERY);
        r = ctx && EVP_PKEY_fromdata_init(ctx) > 0 &&
                            EVP_PKEY_fromdata(ctx, ret, EVP_PKEY_KEYPAIR, params) > 0
                    ? 0
                    : -EIO;
        EVP_PKEY_CTX_free(ctx);
        return r;
}
