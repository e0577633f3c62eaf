/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What lwsd and its fetching process say to each other: one request, one answer, each one message
 * on a SOCK_SEQPACKET socket; the answer's body follows as a sealed memory descriptor. Redirects
 * are never followed over there: the one who asks resolves each name itself. Pure; both ends are
 * hostile to each other, for the fetching process talks to the world.
 */
#include "util/addr.h"
#include "util/buf.h"
#include "util/clock.h"
#include <stdbool.h>

#define FETCH_MESSAGE_MAX   (96 << 10)
#define FETCH_STRING_MAX    (32 << 10)
#define FETCH_ADDRESSES_MAX 8
#define FETCH_BODY_MAX      (1 << 20)

typedef enum FetchMethod {
        FETCH_GET,
        FETCH_POST,
        /* Asks nobody: makes a signing request (crypto/identity.h) with `key` for the common name
         * in `body`, or for the names in `cert_pem`. The answer's body is that. */
        FETCH_SIGN,
        _FETCH_METHOD_MAX
} FetchMethod;

typedef enum FetchError {
        FETCH_OK,          /* an HTTP answer came, whatever its status */
        FETCH_BAD_REQUEST, /* our own mistake, or a version that does not match */
        FETCH_CONNECT,
        FETCH_TLS,
        FETCH_TLS_DATE, /* the chain is good but for its dates */
        FETCH_TIMEOUT,
        FETCH_TOO_BIG,
        FETCH_PROTOCOL,
        FETCH_KEY,  /* our key or certificate cannot be used */
        FETCH_GONE, /* the fetching process died; never on the wire */
        _FETCH_ERROR_MAX,
} FetchError;

enum {
        FETCH_IGNORE_DATES = 1 << 0, /* before TIME_VALID; the answer says what they are */
        _FETCH_FLAGS_ALL = (1 << 1) - 1,
};

/* Strings are never NULL after parsing; they point into the message. Empty: not given. */
typedef struct FetchRequest FetchRequest;
struct FetchRequest {
        FetchMethod method;
        uint32_t flags;
        uint32_t timeout_msec;
        uint32_t body_max;
        const char *url;
        const char *interface; /* to bind to */
        const char *accept;
        const char *if_none_match;
        const char *content_type;
        const char *authorization;
        const char *ca_pem;       /* whom to believe; empty: the system's store */
        const char *cert_pem;     /* who we are, with its key: no file of ours is read over there */
        const char *key;          /* PEM, or the URI of one that an OpenSSL provider holds */
        const char *key_provider; /* which provider; empty: those that openssl.cnf activates */
        bool plain_names; /* this side only: look the host up without TLS, for a portal's sake */
        IpAddr addresses[FETCH_ADDRESSES_MAX]; /* of the URL's host, best first */
        size_t n_addresses;
        const uint8_t *body;
        size_t body_size;
};

#define FETCH_NO_AGE UINT32_MAX

typedef struct FetchAnswer FetchAnswer;
struct FetchAnswer {
        FetchError error;
        uint16_t status;          /* HTTP status, with FETCH_OK */
        uint32_t max_age_sec;     /* Cache-Control; FETCH_NO_AGE: not said; no-store is 0 */
        uint32_t retry_after_sec; /* FETCH_NO_AGE: not said */
        uint32_t body_size;       /* of the descriptor that comes along, 0: none does */
        /* When all certificates of the server's chain are valid (CLOCK_REALTIME), with
         * FETCH_IGNORE_DATES; otherwise always. */
        usec_t valid_from_usec, valid_until_usec;
        const char *message; /* words for a person, when it failed */
        const char *content_type;
        const char *etag;
        const char *location;
};

/* -E2BIG when it does not fit. */
int fetch_request_write(const FetchRequest *request, Writer *w);
int fetch_answer_write(const FetchAnswer *answer, Writer *w);
/* -EBADMSG for anything not written by the above. `ret` points into the reader's buffer. */
int fetch_request_parse(Reader *r, FetchRequest *ret);
int fetch_answer_parse(Reader *r, FetchAnswer *ret);
