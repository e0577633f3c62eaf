/* SPDX-License-Identifier: MIT */
#include "proto/ntp-time.h"

#define UNIX_EPOCH_NTP UINT64_C(2208988800)

NtpTime ntp_time_from_nsec(int64_t unix_nsec)
{
        int64_t sec = unix_nsec / NTP_NSEC_PER_SEC, nsec = unix_nsec % NTP_NSEC_PER_SEC;

        if (nsec < 0) {
                nsec += NTP_NSEC_PER_SEC;
                sec--;
        }
        return ((uint64_t) sec + UNIX_EPOCH_NTP) << 32 |
               (((uint64_t) nsec << 32) + (uint64_t) NTP_NSEC_PER_SEC / 2) /
                       (uint64_t) NTP_NSEC_PER_SEC;
}

int64_t ntp_time_diff_nsec(NtpTime a, NtpTime b)
{
        int64_t d = (int64_t) (a - b);
        int64_t sec = d >> 32;
        uint64_t fraction = (uint64_t) d & UINT32_MAX;

        return sec * NTP_NSEC_PER_SEC +
               (int64_t) ((fraction * (uint64_t) NTP_NSEC_PER_SEC + (UINT64_C(1) << 31)) >> 32);
}

int64_t ntp_time_to_nsec(NtpTime t, int64_t base_nsec)
{
        return base_nsec + ntp_time_diff_nsec(t, ntp_time_from_nsec(base_nsec));
}

int64_t ntp_time_base_nsec(int64_t local_nsec, int64_t build_nsec)
{
        if (local_nsec < build_nsec ||
                local_nsec - build_nsec > NTP_ERA_HALF_SEC * NTP_NSEC_PER_SEC)
                return build_nsec;
        return local_nsec;
}
