/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What to do about a clock that is off: nothing, step it, or steer it (RFC 5905 section 12 in
 * purpose, not in means). Steering is one number, the rate the kernel adds to the oscillator: the
 * frequency correction, and for as long as a phase error is being removed, the slew on top. There
 * is no integral that could wind up: the frequency comes from the slope of the samples, the slew
 * from the offset left. Pure.
 */
#include "proto/ntp-source.h"

#define NTP_STEP_SEC       0.128
#define NTP_PANIC_SEC      1000.0
#define NTP_STEP_UPDATES   3      /* the first updates may step (REQ_NTP 25) */
#define NTP_MAX_FREQUENCY  500e-6 /* what a crystal may be off */
#define NTP_MAX_FAST_SLEW  20e-3  /* only while the first offset is removed */
#define NTP_LOST_ERROR_SEC 16.0   /* where the kernel too calls itself unsynchronised */
#define NTP_KERNEL_DRIFT   500e-6 /* how fast it lets maxerror grow */

typedef enum NtpAction {
        NTP_ACTION_NONE, /* not ours to touch */
        NTP_ACTION_STEP,
        NTP_ACTION_STEER,
        NTP_ACTION_PANIC, /* too far off to believe */
} NtpAction;

typedef struct NtpDiscipline NtpDiscipline;
struct NtpDiscipline {
        bool control; /* false: measure only */
        bool acquiring;
        unsigned updates;
        double rate; /* what the kernel applies now */
        double frequency, frequency_sd;
        double prior, prior_sd; /* known from before: the drift file, or the last run of samples */
        usec_t prior_at;
        double steered;
        usec_t steered_at;
        usec_t slew_until; /* USEC_INFINITY: none under way */
        double distance, max_error, est_error;
        usec_t updated_at;
};

/* `rate` is what the kernel applies at the moment; `frequency` and its uncertainty what is known
 * of the oscillator, and with `control` what the kernel is to apply from here on. */
void ntp_discipline_init(NtpDiscipline *d, usec_t now, double rate, double frequency,
        double frequency_sd, bool control);
/* Somebody moved the clock, or we slept: the frequency is kept, the rest starts over. */
void ntp_discipline_reset(NtpDiscipline *d, usec_t now);
NtpSteering ntp_discipline_steering(const NtpDiscipline *d, usec_t now);
/* A new combined estimate; `interval` until the next one. On STEER `rate` is what to apply. A STEP
 * is by estimate->offset_nsec and is reported with ntp_discipline_stepped(). */
NtpAction ntp_discipline_update(
        NtpDiscipline *d, usec_t now, const NtpEstimate *e, usec_t interval, bool may_step);
void ntp_discipline_stepped(NtpDiscipline *d, usec_t now);
/* The slew is over at this time; true when the rate changed. */
usec_t ntp_discipline_deadline(const NtpDiscipline *d);
bool ntp_discipline_timeout(NtpDiscipline *d, usec_t now);
/* Bound of our error now, seconds; HUGE_VAL before the first update. */
double ntp_discipline_max_error(const NtpDiscipline *d, usec_t now);

/* The leap second a server announces, if its day is today: 1 (59 -> 60), 2 (59 left out) or 0.
 * *ret_at is the midnight it happens at. Only the last day of June or December can have one. */
uint8_t ntp_leap_today(uint8_t leap, int64_t true_nsec, int64_t *ret_at);
