/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The parts of an http or https URL that we decide by (RFC 3986 section 3): who is asked, on which
 * port, with or without TLS. The rest is handed on as it stands. Pure.
 */
#include <stdbool.h>
#include <stdint.h>

#define URL_MAX 2048 /* longer ones are refused */

typedef struct Url Url;
struct Url {
        bool https;
        char host[254]; /* lower case; an IPv6 literal without its brackets */
        uint16_t port;  /* the scheme's own where the URL names none */
};

/* -EINVAL for anything that is not an absolute http(s) URL without user information, made of
 * printable ASCII; -E2BIG over URL_MAX. */
int url_parse(const char *text, Url *ret);
