/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Which servers to believe (RFC 5905 section 11.2): each says that the true offset lies within its
 * root distance of its own. More than half of them must have a point in common; who does not
 * contain it is a falseticker, whatever its stratum. What is left is thinned to the servers that
 * agree best and averaged. Pure arithmetic on at most NTP_MAX_SOURCES candidates.
 *
 * Where some prove whose word theirs is, it is more than half of these that must have a point in
 * common, and the others, however many, count as far as they contain it (REQ_NTP 25).
 */
#include "proto/ntp-source.h"

#define NTP_MAX_SOURCES   16
#define NTP_MIN_SURVIVORS 3
#define NTP_MIN_DISTANCE  1e-3 /* two right servers may differ by this, whatever they claim */

typedef enum NtpTrust {
        NTP_TRUST_NONE,  /* anybody may have said it */
        NTP_TRUST_DOUBT, /* authenticated by a certificate that may not be good: neither outvoted by
                          * the others nor above them, so that they must agree */
        NTP_TRUST_FULL,  /* authenticated */
} NtpTrust;

typedef struct NtpCandidate NtpCandidate;
struct NtpCandidate {
        unsigned id;
        NtpTrust trust;
        NtpEstimate estimate;
        uint8_t leap;
        NtpVerdict verdict; /* out: FALSETICKER, NO_MAJORITY, OUTLIER or SELECTED */
};

typedef struct NtpSelection NtpSelection;
struct NtpSelection {
        size_t truechimers; /* 0: no majority */
        size_t survivors;
        size_t best; /* the candidate with the smallest root distance among the survivors */
        NtpEstimate combined;
        uint8_t leap; /* what more than half of the survivors announce, else 0 */
};

NtpSelection ntp_select(NtpCandidate *candidates, size_t n);
