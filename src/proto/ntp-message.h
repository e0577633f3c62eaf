/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * NTP packets (RFC 5905 section 7.3, extension fields RFC 7822): bytes to values and back, and the
 * tests a reply must pass. What is tested against the state of one server is in ntp-source.
 */
#include "proto/ntp-time.h"
#include "util/buf.h"
#include "util/strtab.h"

#define NTP_PORT              123
#define NTP_HEADER_SIZE       48
#define NTP_VERSION           4
#define NTP_MODE_CLIENT       3
#define NTP_MODE_SERVER       4
#define NTP_LEAP_UNSYNC       3
#define NTP_MAX_STRATUM       15
#define NTP_MAX_DISTANCE_SEC  16.0 /* hard */
#define NTP_MAX_ROUNDTRIP_SEC 4.0
#define NTP_FIELD_MIN         16
#define NTP_FIELD_LAST_MIN    28

typedef struct NtpMessage NtpMessage;
struct NtpMessage {
        uint8_t leap, version, mode, stratum;
        int8_t poll, precision;
        uint32_t root_delay, root_dispersion; /* 16.16 s */
        uint32_t reference_id;
        NtpTime reference, origin, receive, transmit;
};

/* An extension field in place: type, and its body without the 4 octets in front of it. */
typedef struct NtpField NtpField;
struct NtpField {
        uint16_t type;
        size_t start; /* of the field in the packet */
        Reader body;
};

/* The checks a reply passes in this order, numbered for logs, tests and statistics. What fails one
 * of the first seven changes nothing: the request goes on waiting. */
typedef enum NtpCheck {
        NTP_CHECK_OK = 0,
        NTP_CHECK_LENGTH = 1,         /* 48 octets at least (REQ_NTP 5) */
        NTP_CHECK_FIELDS = 2,         /* what follows is extension fields or a MAC (5, 12) */
        NTP_CHECK_MODE = 3,           /* mode 4 (7) */
        NTP_CHECK_VERSION = 4,        /* the version asked, or 3 (7) */
        NTP_CHECK_COOKIE = 5,         /* origin is the random number sent, and unanswered (6) */
        NTP_CHECK_AUTHENTICATION = 6, /* NTS or the MAC of a key, where asked for (36, 40) */
        NTP_CHECK_TIMESTAMPS = 7,     /* receive and transmit are there (7) */
        NTP_CHECK_KISS = 8,           /* stratum 0, whatever LI says (8, 14, 15) */
        NTP_CHECK_STRATUM = 9,        /* 1..15 (9) */
        NTP_CHECK_LEAP = 10,          /* the server is synchronised itself (9) */
        NTP_CHECK_DISTANCE = 11,      /* root delay / 2 + root dispersion under the limit (9) */
        NTP_CHECK_REFERENCE = 12,     /* not set after the reply was sent (10) */
        NTP_CHECK_SERVER_TIME = 13,   /* 0 <= T3 - T2 <= round trip (10) */
        NTP_CHECK_DELAY = 14,         /* -precision <= delay, a few seconds at most (10) */
        NTP_CHECK_LOCAL_CLOCK = 15,   /* no step of our clock, and a receive time stamp (31) */
        NTP_CHECK_BEFORE_BUILD = 16,  /* a time before this program was made (26) */
        NTP_CHECK_CERTIFICATE = 17,   /* at that time its own certificate would not be good (38) */
        _NTP_CHECK_MAX,
} NtpCheck;
DECLARE_STRTAB(ntp_check, NtpCheck);

void ntp_message_write(Writer *w, const NtpMessage *m);
/* 0, or -EBADMSG when it is cut short. */
int ntp_message_read(Reader *r, NtpMessage *ret);

/* A mode 3 request that tells nothing about us: all zero but version, mode and the 64 random bits
 * in place of a time (REQ_NTP 1, 2). One that asks for an interleaved answer names a former one by
 * its receive time stamp, as `origin`, and has other random bits to be answered to (RFC 9769). */
void ntp_message_write_request(Writer *w, NtpTime origin, NtpTime receive, NtpTime transmit);

/* Whether the octets behind the header are extension fields, with or without a MAC of 20 or 24
 * octets; *ret_end is where the fields end. */
bool ntp_fields_valid(const void *packet, size_t size, size_t *ret_end);
/* The next field; false at the end. Only for what ntp_fields_valid() let through. */
bool ntp_field_next(Reader *r, NtpField *ret);

/* Checks 9 to 12: what the header alone says. `made` is when the answer was. */
NtpCheck ntp_message_check_header(const NtpMessage *m, NtpTime made, double max_distance_sec);
