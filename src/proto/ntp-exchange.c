/* SPDX-License-Identifier: MIT */
#include "proto/ntp-exchange.h"
#include <math.h>

static double precision_sec(int8_t exponent)
{
        return ldexp(1, MIN(MAX(exponent, -32), -6));
}

static double nsec_to_sec(int64_t nsec)
{
        return (double) nsec * 1e-9;
}

NtpCheck ntp_exchange_check_clock(const NtpExchange *e)
{
        double elapsed = (double) usec_sub(e->received_at, e->sent_at) * 1e-6;

        if (e->received_nsec == INT64_MIN || e->received_nsec < e->sent_nsec)
                return NTP_CHECK_LOCAL_CLOCK;
        return fabs(nsec_to_sec(e->received_nsec - e->sent_nsec) - elapsed) > 1.0
                       ? NTP_CHECK_LOCAL_CLOCK
                       : NTP_CHECK_OK;
}

NtpCheck ntp_exchange_measure(const NtpExchange *e, NtpTime transmit, int8_t precision_exponent,
        int64_t build_nsec, NtpSample *ret)
{
        int64_t t1 = e->sent_nsec, t4 = e->received_nsec, base = ntp_time_base_nsec(t4, build_nsec);
        int64_t t2 = ntp_time_to_nsec(e->receive, base), t3 = ntp_time_to_nsec(transmit, base);
        double server = nsec_to_sec(t3 - t2), precision = precision_sec(precision_exponent);
        double trip, delay;
        int64_t offset;

        if (ntp_exchange_check_clock(e) != NTP_CHECK_OK)
                return NTP_CHECK_LOCAL_CLOCK;
        trip = nsec_to_sec(t4 - t1);
        /* what a server puts below its precision is noise, in either of its two stamps */
        if (server < -precision || server > trip + precision || server > NTP_MAX_ROUNDTRIP_SEC)
                return NTP_CHECK_SERVER_TIME;
        delay = trip - server;
        if (delay < -precision || delay > NTP_MAX_ROUNDTRIP_SEC)
                return NTP_CHECK_DELAY;
        /* (t2 - t1 + t3 - t4) / 2, where the sum of two centuries would be too much */
        offset = (t2 - t1) + ((t3 - t2) - (t4 - t1)) / 2;
        if (t4 + offset < build_nsec)
                return NTP_CHECK_BEFORE_BUILD;
        *ret = (NtpSample){
                .at = e->received_at,
                .offset_nsec = offset,
                .steered = e->steered,
                .delay = fmax(delay, fmax(precision, NTP_FLOOR_SD)),
                .dispersion = precision + NTP_FLOOR_SD + NTP_FREQUENCY_TOLERANCE * trip,
        };
        return NTP_CHECK_OK;
}
