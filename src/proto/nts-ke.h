/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * NTS key establishment (RFC 8915 section 4): the records that client and server exchange once over
 * TLS. Pure: bytes in, a verdict out; the keys themselves come from the TLS session.
 */
#include "proto/nts-fields.h"
#include <stdbool.h>

#define NTS_KE_PORT        4460
#define NTS_KE_ALPN        "ntske/1"
#define NTS_KE_MESSAGE_MAX 16384
#define NTS_KE_SERVER_MAX  256
#define NTS_KE_LABEL       "EXPORTER-network-time-security"

enum { NTS_AEAD_AES_SIV_CMAC_256 = 15 };

typedef enum NtsKeStatus { NTS_KE_MORE, NTS_KE_DONE, NTS_KE_FAILED } NtsKeStatus;

typedef struct NtsKe NtsKe;
struct NtsKe {
        NtsKeStatus status;
        const char *why; /* of a failure; a literal */
        uint8_t header[4];
        size_t header_size;
        uint8_t body[NTS_COOKIE_MAX + 1]; /* longer ones are counted, not kept */
        size_t body_size, body_left;
        size_t total;
        bool have_protocol, have_aead;
        /* the answer */
        NtsCookie cookies[NTS_COOKIES];
        size_t n_cookies;
        char server[NTS_KE_SERVER_MAX]; /* "": the one we talk to */
        uint16_t port;                  /* 0: NTP's own */
};

void nts_ke_init(NtsKe *ke);
void nts_ke_write_request(Writer *w);
NtsKeStatus nts_ke_feed(NtsKe *ke, const uint8_t *data, size_t size);
/* The server is done talking. */
NtsKeStatus nts_ke_end(NtsKe *ke);
/* What the exporter is asked with for each key. */
void nts_ke_context(bool s2c, uint8_t ret[5]);
