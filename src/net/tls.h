/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * TLS as a client, over OpenSSL. Nothing is initialised and no certificate is read before the first
 * session is made.
 */
#include "util/addr.h"
#include <stdbool.h>
#include <stdint.h>

typedef struct TlsConfig TlsConfig; /* what many sessions share: store, versions, ALPN */
typedef struct Tls Tls;             /* one session on one connected socket */
typedef struct TlsTicket
        TlsTicket; /* what is kept of one session for the next to the same server */

/* `ca_file` NULL: the system's store. `alpn` is one protocol's name. Both are copied. */
int tls_config_new(TlsConfig **ret, const char *ca_file, const char *alpn);
TlsConfig *tls_config_free(TlsConfig *c);
/* No session below TLS 1.3; before the first one is made. */
void tls_config_require_1_3(TlsConfig *c);

#define TLS_PINS_MAX 16

/* How the other end is to be known. With `verify` the chain is checked against the store and then
 * the name (SAN only) or, without one or `by_addr`, the address; a pin that matches the key of the
 * server takes the place of both. */
typedef struct TlsPeer TlsPeer;
struct TlsPeer {
        bool verify;
        const char *name; /* SNI and SAN; "" or NULL for none */
        IpAddr addr;
        bool by_addr;              /* the name is only told */
        const uint8_t (*pins)[32]; /* SHA-256 of the SubjectPublicKeyInfo */
        size_t n_pins;
        /* Seconds since 1970, 0: judge the dates by the clock. Else the clock is not to be trusted
         * yet, only that it is this late: a certificate may begin later, but not end before. */
        int64_t young_until_sec;
};

int tls_new(Tls **ret, TlsConfig *config, const TlsPeer *peer, int fd, TlsTicket **ticket);
Tls *tls_free(Tls *t);

/* What a call came to: done, wait for the socket to be readable or writable, or over. */
typedef enum TlsOutcome {
        TLS_DONE,
        TLS_WANT_READ,
        TLS_WANT_WRITE,
        TLS_CLOSED,
        TLS_FAILED
} TlsOutcome;
TlsOutcome tls_handshake(Tls *t);
TlsOutcome tls_read(Tls *t, void *buf, size_t size, size_t *ret_size);
TlsOutcome tls_write(Tls *t, const void *buf, size_t size, size_t *ret_size);
/* Why it failed, in words; and whether it was for the dates of a certificate (REQ_DNS 36). */
const char *tls_why(const Tls *t);
bool tls_failed_for_time(const Tls *t);
const char *tls_alpn(const Tls *t, char buf[static 32]);
/* From when to when all certificates of the chain that was verified are good, seconds since 1970;
 * false where none was. */
bool tls_validity(const Tls *t, int64_t *ret_from_sec, int64_t *ret_until_sec);
/* Keying material (RFC 5705); 0 or -EPROTO. */
int tls_export(Tls *t, const char *label, const void *context, size_t context_size, void *out,
        size_t out_size);
TlsTicket *tls_ticket_free(TlsTicket *t);
