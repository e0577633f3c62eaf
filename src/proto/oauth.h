/* SPDX-License-Identifier: MIT */
#pragma once
/* The client credentials grant (RFC 6749 section 4.4) with the client known by its certificate
 * (RFC 8705 section 2): what is asked, and what the answer says. Pure. */
#include "util/buf.h"
#include "util/clock.h"

#define OAUTH_TOKEN_MAX    (16 << 10)
#define OAUTH_LIFETIME_MIN (10 * USEC_PER_SEC) /* shorter ones cannot be renewed in time */

/* The request's form, percent-encoded; `scope` may be empty. -E2BIG when it does not fit. */
int oauth_write_request(const char *client_id, const char *scope, Writer *w);

typedef struct OauthToken OauthToken;
struct OauthToken {
        char *text;           /* visible ASCII (RFC 6750 section 2.1) */
        usec_t lifetime_usec; /* USEC_INFINITY: not said */
};

/* Of a 200 answer. -EBADMSG for anything but a bearer token that can be used; the caller clears. */
int oauth_parse_token(const void *body, size_t size, OauthToken *ret);
/* From a token's text, of unknown lifetime; -EBADMSG when it is none. */
int oauth_token_new(const char *text, size_t size, OauthToken *ret);
/* Wipes and frees the text. */
void oauth_token_clear(OauthToken *token);
/* The "error" of another answer (RFC 6749 section 5.2) into `buf`, or "" when it says none. */
void oauth_parse_error(const void *body, size_t size, char buf[static 64]);
