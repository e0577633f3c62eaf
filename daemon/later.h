/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What needs OpenSSL or libidn2, as a table in a module that is loaded at its first use: most boots
 * are up before anything is authenticated, and these libraries with what they need are half of what
 * the loader has to do at the start of lwsd. later.c has the same functions for lwsd and calls
 * these; whatever else is built here links the real ones.
 */
#include "crypto/hmac.h"
#include "crypto/identity.h"
#include "crypto/mac.h"
#include "crypto/signature.h"
#include "crypto/siv.h"
#include "net/tls.h"
#include "proto/idna.h"

#define LATER_MODULE "lwsd-later.so"
#define LATER_TABLE  "lwsd_later"

#define LATER_FUNCTIONS(X)                                                                         \
        X(idna_to_ascii)                                                                           \
        X(hmac_md5_verify)                                                                         \
        X(identity_make_key)                                                                       \
        X(identity_make_request)                                                                   \
        X(identity_sign_request)                                                                   \
        X(identity_read_request)                                                                   \
        X(identity_read_answer)                                                                    \
        X(identity_read_authorities)                                                               \
        X(identity_verify)                                                                         \
        X(identity_check)                                                                          \
        X(identity_certificate_der)                                                                \
        X(identity_split)                                                                          \
        X(mac_compute)                                                                             \
        X(mac_equal)                                                                               \
        X(public_key_new)                                                                          \
        X(public_key_free)                                                                         \
        X(public_key_verify)                                                                       \
        X(siv_encrypt)                                                                             \
        X(siv_decrypt)                                                                             \
        X(tls_config_new)                                                                          \
        X(tls_config_free)                                                                         \
        X(tls_config_require_1_3)                                                                  \
        X(tls_new)                                                                                 \
        X(tls_free)                                                                                \
        X(tls_handshake)                                                                           \
        X(tls_read)                                                                                \
        X(tls_write)                                                                               \
        X(tls_why)                                                                                 \
        X(tls_failed_for_time)                                                                     \
        X(tls_alpn)                                                                                \
        X(tls_validity)                                                                            \
        X(tls_export)                                                                              \
        X(tls_ticket_free)

/* What stands first is what an update of the files under a running lwsd is noticed by. */
typedef struct LaterTable LaterTable;
struct LaterTable {
        size_t size;
        const char *version;
#define X(name) __typeof__(name) *name;
        LATER_FUNCTIONS(X)
#undef X
};
