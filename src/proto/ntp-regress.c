/* SPDX-License-Identifier: MIT */
#include "proto/ntp-regress.h"
#include "util/error.h"
#include <math.h>

#define BEND_MIN   8 /* points */
#define BEND_LIMIT 2.0

/* Standard errors from so few residuals are too small by about this (Student's t at one sigma). */
static double small_sample_factor(size_t n)
{
        static const double factors[] = { 8, 8, 8, 4, 2.2, 1.6, 1.4, 1.3 };

        return n < ELEMENTSOF(factors) ? factors[n] : 1.15;
}

/* The number of runs among n random signs is (n + 1) / 2 on average with a variance of (n - 1) / 4;
 * fewer than two deviations below that is no accident. */
static bool runs_are_random(size_t n, size_t runs)
{
        double expected = ((double) n + 1) / 2, sd = sqrt(((double) n - 1) / 4);

        return n < 5 || (double) runs >= expected - 1.7 * sd;
}

static NtpLine fit(const NtpPoint *p, size_t n)
{
        double w = 0, wt = 0, wz = 0, wtt = 0, wtz = 0;
        NtpLine line = { .used = n };

        for (size_t i = 0; i < n; i++) {
                w += 1 / p[i].variance;
                wt += p[i].t / p[i].variance;
                wz += p[i].z / p[i].variance;
        }
        wt /= w;
        wz /= w;
        for (size_t i = 0; i < n; i++) {
                wtt += (p[i].t - wt) * (p[i].t - wt) / p[i].variance;
                wtz += (p[i].t - wt) * (p[i].z - wz) / p[i].variance;
        }
        line.has_slope = n >= 3 && wtt > 0;
        line.slope = line.has_slope ? wtz / wtt : 0;
        line.offset = wz - line.slope * wt;
        line.offset_sd = sqrt(1 / w + (line.has_slope ? wt * wt / wtt : 0));
        line.slope_sd = line.has_slope ? sqrt(1 / wtt) : HUGE_VAL;
        return line;
}

static size_t count_runs(const NtpPoint *p, const NtpLine *line)
{
        bool last = false;
        size_t runs = 0;

        for (size_t i = 0; i < line->used; i++) {
                bool above = p[i].z > line->offset + line->slope * p[i].t;

                if (i == 0 || above != last)
                        runs++;
                last = above;
        }
        return runs;
}

/* How many standard errors the residuals bend: the part of t squared that no line can have. A
 * frequency that wanders shows here long before the signs of the residuals tell. */
static double bend(const NtpPoint *p, const NtpLine *line)
{
        double w = 0, m1 = 0, m2 = 0, s11 = 0, s12 = 0, rq = 0, qq = 0, rr = 0;
        size_t n = line->used;

        for (size_t i = 0; i < n; i++) {
                double wi = 1 / p[i].variance;

                w += wi;
                m1 += wi * p[i].t;
                m2 += wi * p[i].t * p[i].t;
        }
        m1 /= w;
        m2 /= w;
        for (size_t i = 0; i < n; i++) {
                double wi = 1 / p[i].variance, d = p[i].t - m1;

                s11 += wi * d * d;
                s12 += wi * d * (p[i].t * p[i].t - m2);
        }
        for (size_t i = 0; i < n; i++) {
                double wi = 1 / p[i].variance;
                double q = p[i].t * p[i].t - m2 - s12 / s11 * (p[i].t - m1);
                double r = p[i].z - line->offset - line->slope * p[i].t;

                rq += wi * r * q;
                qq += wi * q * q;
                rr += wi * r * r;
        }
        if (qq <= 0 || rr <= rq * rq / qq)
                return 0;
        return fabs(rq) / sqrt(qq * (rr - rq * rq / qq) / (double) (n - 3));
}

static bool is_straight(const NtpPoint *p, const NtpLine *line)
{
        return runs_are_random(line->used, count_runs(p, line)) &&
               (line->used < BEND_MIN || bend(p, line) < BEND_LIMIT);
}

/* Scales the standard errors by how far the points really lie from the line. */
static void scale(const NtpPoint *p, NtpLine *line, double floor_sd)
{
        double chi = 0, sum = 0, factor;
        size_t n = line->used, freedom = line->has_slope ? n - 2 : n > 1 ? n - 1 : 1;

        for (size_t i = 0; i < n; i++) {
                double r = p[i].z - line->offset - line->slope * p[i].t;

                chi += r * r / p[i].variance;
                sum += r * r;
        }
        line->residual_sd = fmax(sqrt(sum / (double) freedom), floor_sd);
        factor = sqrt(fmax(chi / (double) freedom, 0.1));
        if (n < 3)
                factor = fmax(factor, 1);
        line->offset_sd *= factor * (line->has_slope ? small_sample_factor(n) : 1);
        line->slope_sd *= factor * small_sample_factor(n);
}

double ntp_regress_misfit(const NtpPoint *points, size_t n)
{
        NtpLine line = fit(points, n);
        double sum = 0;

        for (size_t i = 0; i < n; i++) {
                double r = points[i].z - line.offset - line.slope * points[i].t;

                sum += log(points[i].variance) + r * r / points[i].variance;
        }
        return sum;
}

NtpLine ntp_regress(const NtpPoint *points, size_t n, double floor_sd)
{
        NtpLine line;
        size_t first = 0;

        for (;; first++) {
                line = fit(points + first, n - first);
                if (n - first <= 4 || is_straight(points + first, &line))
                        break;
        }
        line.first = first;
        scale(points + first, &line, floor_sd);
        return line;
}
