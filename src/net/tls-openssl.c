/* SPDX-License-Identifier: MIT */
#include "net/tls.h"
#include "util/clock.h"
#include "util/error.h"
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

struct TlsConfig {
        SSL_CTX *ctx; /* NULL until the first session */
        bool store_loaded;
        char *ca_file;
        uint8_t alpn[64]; /* length and name */
        uint8_t alpn_len;
        bool only_1_3;
};

struct Tls {
        SSL *ssl;
        TlsTicket **ticket;
        const uint8_t (*pins)[32];
        size_t n_pins;
        bool verify;
        char why[160];
        bool for_time;
};

/* An SSL_SESSION by another name, so that nobody else needs OpenSSL's headers. */
static SSL_SESSION *to_session(TlsTicket *t)
{
        return (SSL_SESSION *) (void *) t;
}

TlsTicket *tls_ticket_free(TlsTicket *t)
{
        if (t)
                SSL_SESSION_free(to_session(t));
        return NULL;
}

int tls_config_new(TlsConfig **ret, const char *ca_file, const char *alpn)
{
        TlsConfig *c = calloc(1, sizeof(*c));
        size_t n = alpn ? strlen(alpn) : 0;

        if (!c)
                return -ENOMEM;
        if (n > 0 && n < sizeof(c->alpn)) {
                c->alpn[0] = (uint8_t) n;
                memcpy(c->alpn + 1, alpn, n);
                c->alpn_len = (uint8_t) (n + 1);
        }
        if (ca_file) {
                c->ca_file = strdup(ca_file);
                if (!c->ca_file) {
                        tls_config_free(c);
                        return -ENOMEM;
                }
        }
        *ret = c;
        return 0;
}

TlsConfig *tls_config_free(TlsConfig *c)
{
        if (!c)
                return NULL;
        SSL_CTX_free(c->ctx);
        free(c->ca_file);
        free(c);
        return NULL;
}

void tls_config_require_1_3(TlsConfig *c)
{
        c->only_1_3 = true;
}

/* A ticket came: it replaces the one before. The session's reference becomes ours. */
static int keep_session(SSL *ssl, SSL_SESSION *session)
{
        Tls *t = SSL_get_app_data(ssl);

        if (!t || !t->ticket)
                return 0;
        tls_ticket_free(*t->ticket);
        *t->ticket = (TlsTicket *) (void *) session;
        return 1;
}

static int make_ctx(TlsConfig *c)
{
        SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

        if (!ctx)
                return -ENOMEM;
        SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                      SSL_MODE_RELEASE_BUFFERS);
        SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
        SSL_CTX_set_session_cache_mode(
                ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
        SSL_CTX_sess_set_new_cb(ctx, keep_session);
        if (SSL_CTX_set_min_proto_version(ctx, c->only_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION) !=
                        1 ||
                (c->alpn_len > 0 && SSL_CTX_set_alpn_protos(ctx, c->alpn, c->alpn_len) != 0)) {
                SSL_CTX_free(ctx);
                return -EPROTO;
        }
        c->ctx = ctx;
        return 0;
}

static int load_store(TlsConfig *c)
{
        int r;

        if (c->store_loaded)
                return 0;
        r = c->ca_file ? SSL_CTX_load_verify_file(c->ctx, c->ca_file)
                       : SSL_CTX_set_default_verify_paths(c->ctx);
        if (r != 1)
                return -ENOENT;
        c->store_loaded = true;
        return 0;
}

static int accept_young(int ok, X509_STORE_CTX *ctx)
{
        return ok || X509_STORE_CTX_get_error(ctx) == X509_V_ERR_CERT_NOT_YET_VALID;
}

/* REQ_DNS 35: the subject alternative name, never the common name. */
static int expect_peer(Tls *t, const TlsPeer *peer)
{
        X509_VERIFY_PARAM *param = SSL_get0_param(t->ssl);
        bool named = peer->name && *peer->name;

        if (named && SSL_set_tlsext_host_name(t->ssl, peer->name) != 1)
                return -EINVAL;
        if (!peer->verify || peer->n_pins > 0) {
                SSL_set_verify(t->ssl, SSL_VERIFY_NONE, NULL);
                return 0;
        }
        SSL_set_verify(t->ssl, SSL_VERIFY_PEER, peer->young_until_sec ? accept_young : NULL);
        /* OpenSSL's own idea of now is time(), which need not be the clock that we keep. */
        X509_VERIFY_PARAM_set_time(
                param, peer->young_until_sec ? (time_t) peer->young_until_sec
                                             : (time_t) (clock_realtime_usec() / USEC_PER_SEC));
        X509_VERIFY_PARAM_set_hostflags(
                param, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        if (named && !peer->by_addr)
                return X509_VERIFY_PARAM_set1_host(param, peer->name, 0) == 1 ? 0 : -EINVAL;
        return X509_VERIFY_PARAM_set1_ip(param, peer->addr.bytes, ip_size(peer->addr.family)) == 1
                       ? 0
                       : -EINVAL;
}

int tls_new(Tls **ret, TlsConfig *config, const TlsPeer *peer, int fd, TlsTicket **ticket)
{
        Tls *t = calloc(1, sizeof(*t));
        int r = 0;

        if (!t)
                return -ENOMEM;
        if (!config->ctx)
                r = make_ctx(config);
        if (r >= 0 && peer->verify && peer->n_pins == 0)
                r = load_store(config);
        if (r >= 0) {
                t->ssl = SSL_new(config->ctx);
                r = t->ssl && SSL_set_fd(t->ssl, fd) == 1 ? expect_peer(t, peer) : -ENOMEM;
        }
        if (r < 0) {
                tls_free(t);
                return r;
        }
        t->ticket = ticket;
        t->verify = peer->verify;
        t->pins = peer->pins;
        t->n_pins = peer->verify ? peer->n_pins : 0;
        SSL_set_app_data(t->ssl, t);
        SSL_set_connect_state(t->ssl);
        if (ticket && *ticket)
                (void) SSL_set_session(t->ssl, to_session(*ticket));
        *ret = t;
        return 0;
}

Tls *tls_free(Tls *t)
{
        if (!t)
                return NULL;
        if (t->ssl) {
                SSL_set_app_data(t->ssl, NULL);
                /* says goodbye if that does not block, so that the ticket stays good */
                if (SSL_is_init_finished(t->ssl))
                        (void) SSL_shutdown(t->ssl);
                ERR_clear_error();
                SSL_free(t->ssl);
        }
        free(t);
        return NULL;
}

static void explain(Tls *t)
{
        long verdict = SSL_get_verify_result(t->ssl);
        unsigned long e = ERR_peek_last_error();

        if (t->why[0])
                return;
        if (t->verify && t->n_pins == 0 && verdict != X509_V_OK) {
                t->for_time = verdict == X509_V_ERR_CERT_NOT_YET_VALID ||
                              verdict == X509_V_ERR_CERT_HAS_EXPIRED;
                snprintf(t->why, sizeof(t->why), "certificate: %s",
                        X509_verify_cert_error_string(verdict));
        } else {
                snprintf(t->why, sizeof(t->why), "%s",
                        e ? ERR_reason_error_string(e) : "connection closed");
        }
}

static TlsOutcome outcome(Tls *t, int r)
{
        switch (SSL_get_error(t->ssl, r)) {
        case SSL_ERROR_NONE:
                return TLS_DONE;
        case SSL_ERROR_WANT_READ:
                return TLS_WANT_READ;
        case SSL_ERROR_WANT_WRITE:
                return TLS_WANT_WRITE;
        case SSL_ERROR_ZERO_RETURN:
                return TLS_CLOSED;
        default:
                explain(t);
                return TLS_FAILED;
        }
}

/* Whether the key of the server's certificate is one of those we know. */
static bool pin_matches(const Tls *t)
{
        X509 *cert = SSL_get0_peer_certificate(t->ssl);
        uint8_t *spki = NULL, digest[32];
        int n = cert ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &spki) : -1;
        bool found = false;

        if (n > 0 && EVP_Digest(spki, (size_t) n, digest, NULL, EVP_sha256(), NULL) == 1)
                for (size_t i = 0; i < t->n_pins; i++)
                        found = found || memcmp(t->pins[i], digest, sizeof(digest)) == 0;
        OPENSSL_free(spki);
        return found;
}

TlsOutcome tls_handshake(Tls *t)
{
        TlsOutcome o;

        ERR_clear_error();
        o = outcome(t, SSL_do_handshake(t->ssl));
        if (o == TLS_DONE && t->n_pins > 0 && !pin_matches(t)) {
                snprintf(t->why, sizeof(t->why), "certificate: no pinned key matches");
                return TLS_FAILED;
        }
        return o;
}

TlsOutcome tls_read(Tls *t, void *buf, size_t size, size_t *ret_size)
{
        size_t n = 0;
        int r;

        ERR_clear_error();
        r = SSL_read_ex(t->ssl, buf, size, &n);
        if (r != 1)
                return outcome(t, r);
        *ret_size = n;
        return TLS_DONE;
}

TlsOutcome tls_write(Tls *t, const void *buf, size_t size, size_t *ret_size)
{
        size_t n = 0;
        int r;

        ERR_clear_error();
        r = SSL_write_ex(t->ssl, buf, size, &n);
        if (r != 1)
                return outcome(t, r);
        *ret_size = n;
        return TLS_DONE;
}

const char *tls_why(const Tls *t)
{
        return t->why[0] ? t->why : "connection closed";
}

bool tls_failed_for_time(const Tls *t)
{
        return t->for_time;
}

const char *tls_alpn(const Tls *t, char buf[static 32])
{
        const unsigned char *p = NULL;
        unsigned n = 0;

        SSL_get0_alpn_selected(t->ssl, &p, &n);
        snprintf(buf, 32, "%.*s", (int) MIN(n, 31u), p ? (const char *) p : "");
        return buf;
}

static bool to_seconds(const ASN1_TIME *t, int64_t *ret)
{
        struct tm tm;

        if (ASN1_TIME_to_tm(t, &tm) != 1)
                return false;
        *ret = timegm(&tm);
        return true;
}

bool tls_validity(const Tls *t, int64_t *ret_from_sec, int64_t *ret_until_sec)
{
        STACK_OF(X509) *chain = SSL_get0_verified_chain(t->ssl);
        int64_t from = INT64_MIN, until = INT64_MAX, first, last;

        for (int i = 0; i < sk_X509_num(chain); i++) {
                const X509 *cert = sk_X509_value(chain, i);

                if (!to_seconds(X509_get0_notBefore(cert), &first) ||
                        !to_seconds(X509_get0_notAfter(cert), &last))
                        return false;
                from = MAX(from, first);
                until = MIN(until, last);
        }
        if (sk_X509_num(chain) <= 0)
                return false;
        *ret_from_sec = from;
        *ret_until_sec = until;
        return true;
}

int tls_export(Tls *t, const char *label, const void *context, size_t context_size, void *out,
        size_t out_size)
{
        return SSL_export_keying_material(
                       t->ssl, out, out_size, label, strlen(label), context, context_size, 1) == 1
                       ? 0
                       : -EPROTO;
}
