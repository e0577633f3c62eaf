/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * NTP timestamps (RFC 5905 section 6): 32 bits of seconds, 32 of fraction, in an era that is not on
 * the wire. A difference of two is taken modulo 2^64 and read as signed, which is right as long as
 * the two are less than 68 years apart, whatever the era. Our own times are nanoseconds since 1970
 * in 64 bits (until 2262); nothing here is a double, which would lose 0.2 us.
 */
#include <stdint.h>

typedef uint64_t NtpTime;

#define NTP_NSEC_PER_SEC INT64_C(1000000000)
#define NTP_ERA_HALF_SEC (INT64_C(1) << 31)

NtpTime ntp_time_from_nsec(int64_t unix_nsec);
/* a - b in nanoseconds; both within 68 years of each other. */
int64_t ntp_time_diff_nsec(NtpTime a, NtpTime b);
/* The one point in time that reads `t` and is within 68 years of `base_nsec`. */
int64_t ntp_time_to_nsec(NtpTime t, int64_t base_nsec);
/* What to take a server's era from: the local clock, unless it cannot be right (before the build or
 * more than 68 years behind it); then the build (REQ_NTP 13). */
int64_t ntp_time_base_nsec(int64_t local_nsec, int64_t build_nsec);

/* The 16.16 format of root delay and dispersion, in seconds. */
static inline double ntp_short_sec(uint32_t v)
{
        return (double) v / 65536.0;
}
