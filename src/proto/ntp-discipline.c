/* SPDX-License-Identifier: MIT */
#include "proto/ntp-discipline.h"

#define AGING          1e-9 /* how much less a known frequency is worth, per second */
#define ACQUIRE_SEC    8.0  /* a first offset is slewed away within this */
#define ACQUIRE_ENOUGH 1e-3
#define ACQUIRE_MIN    8 /* updates */
#define CERTAIN_SD     1.0
#define CERTAIN_SEC    16.0

static double seconds(usec_t from, usec_t to)
{
        return (double) usec_sub(to, from) * 1e-6;
}

static double clamp(double v, double limit)
{
        return fmax(-limit, fmin(limit, v));
}

void ntp_discipline_init(NtpDiscipline *d, usec_t now, double rate, double frequency,
        double frequency_sd, bool control)
{
        *d = (NtpDiscipline){
                .control = control,
                .acquiring = true,
                .rate = control ? clamp(frequency, NTP_MAX_FREQUENCY) : rate,
                .frequency = clamp(frequency, NTP_MAX_FREQUENCY),
                .frequency_sd = frequency_sd,
                .prior = clamp(frequency, NTP_MAX_FREQUENCY),
                .prior_sd = frequency_sd,
                .prior_at = now,
                .steered_at = now,
                .slew_until = USEC_INFINITY,
                .max_error = HUGE_VAL,
                .updated_at = now,
        };
}

/* Books what was steered at the old rate; the new one counts from here. */
static void set_rate(NtpDiscipline *d, usec_t now, double rate)
{
        d->steered += d->rate * seconds(d->steered_at, now);
        d->steered_at = now;
        d->rate = rate;
}

NtpSteering ntp_discipline_steering(const NtpDiscipline *d, usec_t now)
{
        return (NtpSteering){
                .steered = d->steered + d->rate * seconds(d->steered_at, now),
                .frequency = d->frequency,
                .frequency_sd = d->frequency_sd,
        };
}

/* What was known before is independent of the samples at hand, so the two may be weighed. */
static void learn_frequency(NtpDiscipline *d, usec_t now, const NtpEstimate *e)
{
        double known_sd = d->prior_sd + AGING * seconds(d->prior_at, now);
        double w = 1 / (known_sd * known_sd), we = 0;

        if (e->frequency_sd < HUGE_VAL)
                we = 1 / fmax(e->frequency_sd * e->frequency_sd, 1e-20);
        d->frequency = clamp((w * d->prior + we * e->frequency) / (w + we), NTP_MAX_FREQUENCY);
        d->frequency_sd = sqrt(1 / (w + we));
}

static void keep_frequency(NtpDiscipline *d, usec_t now)
{
        d->prior = d->frequency;
        d->prior_sd = fmax(d->frequency_sd, 0.2e-6);
        d->prior_at = now;
}

void ntp_discipline_reset(NtpDiscipline *d, usec_t now)
{
        keep_frequency(d, now);
        d->updates = 0;
        d->acquiring = true;
        d->max_error = HUGE_VAL;
        d->slew_until = USEC_INFINITY;
        if (d->control)
                set_rate(d, now, d->frequency);
}

static void steer(NtpDiscipline *d, usec_t now, double offset, double offset_sd, usec_t interval)
{
        double span, slew, limit;

        if (d->acquiring) {
                span = ACQUIRE_SEC;
                slew = clamp(offset / span, NTP_MAX_FAST_SLEW);
        } else {
                /* Just done when the next answer comes: no extra wake-up, and no overshoot. What is
                 * no noise is not kept for so long. */
                span = (double) interval * 1.1e-6;
                if (fabs(offset) > CERTAIN_SD * offset_sd)
                        span = fmin(span, CERTAIN_SEC);
                limit = NTP_MAX_FREQUENCY -
                        clamp(offset > 0 ? d->frequency : -d->frequency, NTP_MAX_FREQUENCY);
                slew = clamp(offset / span, limit);
        }
        set_rate(d, now, d->frequency + slew);
        d->slew_until = USEC_INFINITY;
        if (slew != 0)
                d->slew_until = usec_add(now, (usec_t) fmin(offset / slew * 1e6, 1e12));
}

NtpAction ntp_discipline_update(
        NtpDiscipline *d, usec_t now, const NtpEstimate *e, usec_t interval, bool may_step)
{
        double offset = (double) e->offset_nsec * 1e-9, size = fabs(offset);
        bool far = size >= NTP_STEP_SEC, in_doubt = far && size <= e->root_distance;

        if (far && !in_doubt && d->control) {
                if (size >= NTP_PANIC_SEC && d->updates > 0)
                        return NTP_ACTION_PANIC;
                if (d->updates < NTP_STEP_UPDATES && may_step)
                        return NTP_ACTION_STEP;
                if (d->updates < NTP_STEP_UPDATES)
                        return NTP_ACTION_NONE;
        }
        learn_frequency(d, now, e);
        d->updates++;
        d->updated_at = now;
        d->distance = e->root_distance;
        d->max_error = e->root_distance + size;
        d->est_error = fmax(e->offset_sd, e->jitter);
        if (!d->control)
                return NTP_ACTION_NONE;
        /* The clock may be right, and only the network slow, on purpose even: nothing sudden. */
        if (in_doubt || (d->updates >= ACQUIRE_MIN && (far || size < ACQUIRE_ENOUGH)))
                d->acquiring = false;
        steer(d, now, offset, e->offset_sd, interval);
        return NTP_ACTION_STEER;
}

void ntp_discipline_stepped(NtpDiscipline *d, usec_t now)
{
        d->updates++;
        d->updated_at = now;
        d->slew_until = USEC_INFINITY;
        set_rate(d, now, d->frequency);
}

usec_t ntp_discipline_deadline(const NtpDiscipline *d)
{
        return d->slew_until;
}

bool ntp_discipline_timeout(NtpDiscipline *d, usec_t now)
{
        if (now < d->slew_until)
                return false;
        d->slew_until = USEC_INFINITY;
        set_rate(d, now, d->frequency);
        /* What was off is gone; what was uncertain is not, and has grown since. */
        d->max_error = fmin(
                d->max_error, d->distance + NTP_FREQUENCY_TOLERANCE * seconds(d->updated_at, now));
        d->updated_at = now;
        return true;
}

double ntp_discipline_max_error(const NtpDiscipline *d, usec_t now)
{
        return d->max_error + NTP_KERNEL_DRIFT * seconds(d->updated_at, now);
}

/* -- Leap seconds --------------------------------------------------------------------------- */

/* Month and day of a day counted from 1970-01-01, by the 400-year cycle of the calendar. */
static void civil_from_days(int64_t days, unsigned *ret_month, unsigned *ret_day)
{
        int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097;
        unsigned doe = (unsigned) (z - era * 146097);
        unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
        unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;

        *ret_day = doy - (153 * mp + 2) / 5 + 1;
        *ret_month = mp < 10 ? mp + 3 : mp - 9;
}

uint8_t ntp_leap_today(uint8_t leap, int64_t true_nsec, int64_t *ret_at)
{
        int64_t day_nsec = 86400 * NTP_NSEC_PER_SEC, days = true_nsec / day_nsec;
        unsigned month, day;

        *ret_at = (days + 1) * day_nsec;
        if (leap != 1 && leap != 2)
                return 0;
        civil_from_days(days, &month, &day);
        return (month == 6 && day == 30) || (month == 12 && day == 31) ? leap : 0;
}
