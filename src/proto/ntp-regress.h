/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * A weighted straight line through offset samples. When the signs of its residuals come in too few
 * runs, the line is not straight: the oldest samples go until it is, so that the window is long on
 * a quiet clock and short on one that wanders or warms up.
 */
#include <stdbool.h>
#include <stddef.h>

#define NTP_REGRESS_MAX 64

typedef struct NtpPoint NtpPoint;
struct NtpPoint {
        double t; /* seconds, the newest at 0, rising */
        double z; /* seconds */
        double variance;
};

typedef struct NtpLine NtpLine;
struct NtpLine {
        size_t first, used; /* points[first .. first + used) */
        bool has_slope;     /* three points or more */
        double offset;      /* at t = 0 */
        double slope;
        double offset_sd, slope_sd;
        double residual_sd; /* of a single sample, as seen */
};

/* How badly a line through all of them does: minus twice the logarithm of the likelihood. n >= 1.
 */
double ntp_regress_misfit(const NtpPoint *points, size_t n);

/* `floor_sd` is what no sample can be better than. n >= 1. */
NtpLine ntp_regress(const NtpPoint *points, size_t n, double floor_sd);
