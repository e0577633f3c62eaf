/* SPDX-License-Identifier: MIT */
#include "daemon/later.h"
#include "util/error.h"
#include "util/log.h"
#include <config.h>
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Beside the executable, where it is built, or where it is installed to from there. A path in the
 * executable itself would be looked through for every other library, at every start; and of who
 * calls dlopen() in our place, as a sanitizer does, it would not be known. */
static void *open_module(void)
{
        static const char *const places[] = { "", "/../lib/lwsd" };
        char exe[PATH_MAX], path[PATH_MAX + 64];
        ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
        void *module = NULL;
        char *slash;

        exe[n > 0 ? n : 0] = 0;
        slash = strrchr(exe, '/');
        if (slash)
                *slash = 0;
        for (size_t i = 0; slash && i < ELEMENTSOF(places) && !module; i++) {
                snprintf(path, sizeof(path), "%s%s/" LATER_MODULE, exe, places[i]);
                module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        }
        return module ? module : dlopen(PKGLIBDIR "/" LATER_MODULE, RTLD_NOW | RTLD_LOCAL);
}

/* Only thread 0 comes here. NULL: it is not there, which is said once. */
static const LaterTable *load(void)
{
        static const LaterTable *table;
        static bool tried;
        const LaterTable *found;
        void *module;

        if (tried)
                return table;
        tried = true;
        module = open_module();
        found = module ? dlsym(module, LATER_TABLE) : NULL;
        if (!found)
                log_error("Cannot load what TLS, keys and names of other languages need: %s",
                        dlerror());
        else if (found->size != sizeof(*found) || strcmp(found->version, PACKAGE_VERSION) != 0)
                log_error("%s was replaced by another version's: lwsd must be restarted",
                        LATER_MODULE);
        else
                table = found;
        return table;
}

/* The ones that may find nothing loaded, with what they then say. */
#define LAZY(failure, type, name, params, args)                                                    \
        type name params                                                                           \
        {                                                                                          \
                const LaterTable *table = load();                                                  \
                                                                                                   \
                return table ? table->name args : (failure);                                       \
        }

/* The ones that have nothing to do for what was never made. */
#define LAZY_FREE(type, name)                                                                      \
        type *name(type *object)                                                                   \
        {                                                                                          \
                return object ? load()->name(object) : NULL;                                       \
        }

LAZY(-ELIBACC, int, idna_to_ascii, (const char *text, char **ret), (text, ret))

LAZY(-EIO, int, hmac_md5_verify,
        (const void *key, size_t key_size, const HmacPart *parts, size_t n,
                const uint8_t code[HMAC_MD5_SIZE]),
        (key, key_size, parts, n, code))

LAZY(-EIO, int, identity_make_key, (char **ret), (ret))
LAZY(-EIO, int, identity_make_request,
        (const char *key, const char *name, const char *cert, char **ret), (key, name, cert, ret))
LAZY(-EIO, int, identity_sign_request,
        (struct evp_pkey_st * key, struct ossl_lib_ctx_st *cx, const char *query, const char *name,
                const char *cert, char **ret),
        (key, cx, query, name, cert, ret))
LAZY(-EIO, int, identity_read_request, (const char *base64, size_t size, char **ret),
        (base64, size, ret))
LAZY(-EIO, int, identity_read_answer,
        (const char *key, const char *base64, size_t size, char **ret), (key, base64, size, ret))
LAZY(-EIO, int, identity_read_authorities, (const char *base64, size_t size, char **ret),
        (base64, size, ret))
LAZY(-EIO, int, identity_verify, (const char *cert, const char *ca), (cert, ca))
LAZY(-EIO, int, identity_check,
        (const char *key, const char *cert, usec_t *ret_not_before, usec_t *ret_expires),
        (key, cert, ret_not_before, ret_expires))
LAZY(-EIO, int, identity_certificate_der, (const char *cert, uint8_t **ret, size_t *ret_size),
        (cert, ret, ret_size))
LAZY(-EIO, int, identity_split, (const char *pem, size_t size, char **ret_key, char **ret_cert),
        (pem, size, ret_key, ret_cert))

LAZY(-EIO, int, mac_compute,
        (MacType type, const void *key, size_t key_size, const void *data, size_t size,
                uint8_t ret[MAC_SIZE_MAX], size_t *ret_size),
        (type, key, key_size, data, size, ret, ret_size))
LAZY(false, bool, mac_equal, (const void *a, const void *b, size_t size), (a, b, size))

LAZY(-ENOMEM, int, public_key_new, (PublicKey * *ret, const void *pem, size_t size),
        (ret, pem, size))
LAZY_FREE(PublicKey, public_key_free)
LAZY(-EKEYREJECTED, int, public_key_verify,
        (const PublicKey *key, SignatureAlgorithm algorithm, const void *data, size_t size,
                const void *signature, size_t signature_size),
        (key, algorithm, data, size, signature, signature_size))

LAZY(-EIO, int, siv_encrypt,
        (const uint8_t key[SIV_KEY_SIZE], const SivPart *ad, size_t n_ad, const void *plain,
                size_t size, uint8_t *out),
        (key, ad, n_ad, plain, size, out))
LAZY(-EIO, int, siv_decrypt,
        (const uint8_t key[SIV_KEY_SIZE], const SivPart *ad, size_t n_ad, const void *sealed,
                size_t size, uint8_t *out),
        (key, ad, n_ad, sealed, size, out))

LAZY(-EIO, int, tls_config_new, (TlsConfig * *ret, const char *ca_file, const char *alpn),
        (ret, ca_file, alpn))
LAZY_FREE(TlsConfig, tls_config_free)
LAZY_FREE(Tls, tls_free)
LAZY_FREE(TlsTicket, tls_ticket_free)

/* Nobody has a session, or what one is made from, before it is loaded. */
#define LOADED(type, name, params, args)                                                           \
        type name params                                                                           \
        {                                                                                          \
                return load()->name args;                                                          \
        }

LOADED(void, tls_config_require_1_3, (TlsConfig * c), (c))
LOADED(int, tls_new,
        (Tls * *ret, TlsConfig *config, const TlsPeer *peer, int fd, TlsTicket **ticket),
        (ret, config, peer, fd, ticket))
LOADED(TlsOutcome, tls_handshake, (Tls * t), (t))
LOADED(TlsOutcome, tls_read, (Tls * t, void *buf, size_t size, size_t *ret_size),
        (t, buf, size, ret_size))
LOADED(TlsOutcome, tls_write, (Tls * t, const void *buf, size_t size, size_t *ret_size),
        (t, buf, size, ret_size))
LOADED(const char *, tls_why, (const Tls *t), (t))
LOADED(bool, tls_failed_for_time, (const Tls *t), (t))
LOADED(const char *, tls_alpn, (const Tls *t, char buf[static 32]), (t, buf))
LOADED(bool, tls_validity, (const Tls *t, int64_t *ret_from_sec, int64_t *ret_until_sec),
        (t, ret_from_sec, ret_until_sec))
LOADED(int, tls_export,
        (Tls * t, const char *label, const void *context, size_t context_size, void *out,
                size_t out_size),
        (t, label, context, context_size, out, out_size))
