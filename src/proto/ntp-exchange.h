/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * One request and its answer as four times (RFC 5905 section 8): when it went and came by our
 * clock, when it came and went by the server's. The fourth may come in a later answer (RFC 9769),
 * so an exchange can wait for it. Pure.
 */
#include "proto/ntp-message.h"
#include "util/clock.h"

#define NTP_FREQUENCY_TOLERANCE 15e-6
#define NTP_FLOOR_SD            1e-6 /* nothing we time is better than a microsecond */

typedef struct NtpExchange NtpExchange;
struct NtpExchange {
        usec_t sent_at, received_at; /* CLOCK_BOOTTIME */
        int64_t sent_nsec;           /* T1 */
        int64_t received_nsec;       /* T4; INT64_MIN: the kernel gave no time stamp */
        NtpTime receive;             /* T2 */
        double steered;              /* of our clock until it came */
        double way_out;              /* of the request through our kernel; 0: not known */
};

typedef struct NtpSample NtpSample;
struct NtpSample {
        usec_t at;
        int64_t offset_nsec;
        double steered; /* of our clock until then */
        double delay, dispersion;
        double way_out; /* of the request, where the server's of the answer is not seen; 0: it is */
};

/* Check 15: our clock went on as it should, and there is a time stamp. */
NtpCheck ntp_exchange_check_clock(const NtpExchange *e);
/* Checks 13 to 16. `transmit` is T3, `precision` that of the server. */
NtpCheck ntp_exchange_measure(const NtpExchange *e, NtpTime transmit, int8_t precision,
        int64_t build_nsec, NtpSample *ret);
