/* SPDX-License-Identifier: MIT */
#pragma once
/* The extension fields of NTS (RFC 8915 section 5) on NTP packets: building, sealing, checking. */
#include "crypto/siv.h"
#include "util/buf.h"
#include "util/rng.h"

#define NTS_UNIQUE_ID_SIZE 32
#define NTS_COOKIES        8
#define NTS_COOKIE_MAX     1024 /* chrony's have 100, ntpd-rs's 104; one must fit a request */
#define NTS_NONCE_SIZE     16

enum {
        NTS_FIELD_UNIQUE_ID = 0x0104,
        NTS_FIELD_COOKIE = 0x0204,
        NTS_FIELD_PLACEHOLDER = 0x0304,
        NTS_FIELD_AUTHENTICATOR = 0x0404,
};

typedef struct NtsCookie NtsCookie;
struct NtsCookie {
        uint16_t size;
        uint8_t data[NTS_COOKIE_MAX];
};

/* What a key exchange gave: two keys and cookies, each used once, oldest first. */
typedef struct NtsSession NtsSession;
struct NtsSession {
        uint8_t c2s[SIV_KEY_SIZE], s2c[SIV_KEY_SIZE];
        NtsCookie cookies[NTS_COOKIES];
        size_t n_cookies;
        size_t unsaved; /* so many at the front are in no file; for whoever keeps one */
};

/* -EINVAL for a size that no cookie of ours has; a ninth pushes out the oldest. */
int nts_session_add_cookie(NtsSession *s, const void *data, size_t size);

/* Appends the fields to the request in `w` and seals it: unique id, one cookie (gone from the
 * session afterwards), placeholders for what is missing to 8, authenticator. -EAGAIN without a
 * cookie. */
int nts_request_write(
        NtsSession *s, Writer *w, const uint8_t unique_id[NTS_UNIQUE_ID_SIZE], Rng *rng);

/* Whether a reply answers this request and is sealed with our keys; new cookies are then taken from
 * its sealed part. 0 or -EBADMSG. */
int nts_reply_check(NtsSession *s, const void *packet, size_t size,
        const uint8_t unique_id[NTS_UNIQUE_ID_SIZE]);
/* Whether it carries our unique id at all, as an NTSN kiss must (it cannot be sealed). */
bool nts_reply_has_unique_id(
        const void *packet, size_t size, const uint8_t unique_id[NTS_UNIQUE_ID_SIZE]);
