/* SPDX-License-Identifier: MIT */
#include "proto/ntp-source.h"
#include <string.h>

#define SURE               4 /* samples before a line foretells anything */
#define INTERLEAVED_MISSES 4

/* What a packet takes through a kernel at most; longer, and somebody else had the processor. */
#define WAY_OUT_MAX 50e-6

/* So many samples before a line may be better for taking what they were late to one side, how much
 * better it must be, and what of that is still uncertain. */
#define ONE_SIDE_MIN    6
#define ONE_SIDE_MISFIT 6.0
#define ONE_SIDE_SD     0.25

/* As long as the line is this many samples long the clock is steadier than we look at it; where it
 * is this short it is not. At first the line cannot be long, and fewer will do. */
#define POLL_GROW       20
#define POLL_GROW_FIRST 12
#define POLL_SHRINK     10

static const char *const verdict_names[] = {
        [NTP_VERDICT_UNKNOWN] = "unknown",
        [NTP_VERDICT_WAITING] = "no-reply",
        [NTP_VERDICT_UNREACHABLE] = "unreachable",
        [NTP_VERDICT_BAD_REPLY] = "bad-reply",
        [NTP_VERDICT_UNSYNCHRONIZED] = "not-synchronized",
        [NTP_VERDICT_KISS] = "kiss",
        [NTP_VERDICT_UNAUTHENTICATED] = "unauthenticated",
        [NTP_VERDICT_DISTANT] = "distant",
        [NTP_VERDICT_FALSETICKER] = "falseticker",
        [NTP_VERDICT_NO_MAJORITY] = "no-majority",
        [NTP_VERDICT_OUTLIER] = "outlier",
        [NTP_VERDICT_SELECTED] = "selected",
};
DEFINE_STRTAB(ntp_verdict, NtpVerdict, verdict_names);

void ntp_source_init(NtpSource *s, unsigned poll_min, unsigned poll_max, usec_t now)
{
        *s = (NtpSource){ .used = true };
        s->poll_min = MIN(MAX(poll_min, NTP_POLL_MIN), NTP_POLL_MAX);
        s->poll_max = MIN(MAX(poll_max, s->poll_min), NTP_POLL_MAX);
        s->poll = s->poll_min;
        s->burst_left = NTP_BURST;
        s->next_poll = s->not_before = now;
}

void ntp_source_burst(NtpSource *s, usec_t now)
{
        bool recent = s->requests > 0 && !s->unsent;
        usec_t soonest = recent ? usec_add(s->last_request, NTP_BURST_USEC) : s->not_before;

        /* A server that told us to slow down gets no burst, and one that has just begun is all
         * there is to be had. */
        if (s->dead || s->kiss_code[0] ||
                (recent && s->burst_left == NTP_BURST - 1 && now < soonest))
                return;
        s->burst_left = NTP_BURST;
        s->next_poll = MAX(now, soonest);
        s->misses = 0;
}

void ntp_source_forget(NtpSource *s)
{
        s->n_samples = 0;
        s->has_suspect = false;
        s->pending = false;
        s->previous = (NtpExchange){ 0 };
        s->line = (NtpLine){ 0 };
        s->poll_score = 0;
        s->poll = s->poll_min;
}

void ntp_source_stepped(NtpSource *s, int64_t step_nsec)
{
        for (size_t i = 0; i < s->n_samples; i++)
                s->samples[i].offset_nsec -= step_nsec;
        s->suspect.offset_nsec -= step_nsec;
        /* What is half done would mix the clock before the step with the one after it. */
        s->pending = false;
        s->previous = (NtpExchange){ 0 };
}

usec_t ntp_source_deadline(const NtpSource *s)
{
        return s->used && !s->dead ? s->next_poll : USEC_INFINITY;
}

usec_t ntp_source_poll_usec(const NtpSource *s)
{
        return (USEC_PER_SEC << s->poll);
}

/* -- Asking --------------------------------------------------------------------------------- */

/* The wait behind a burst. A server that has never answered is tried at 16 s first, one that has
 * stopped goes on from its poll interval; both get to 1024 s (REQ_NTP 17). */
static usec_t long_wait(NtpSource *s, Rng *rng)
{
        unsigned exponent = s->poll;
        usec_t wait;

        if (s->replies == 0) {
                exponent = NTP_POLL_MIN + (s->misses > NTP_BURST ? s->misses - NTP_BURST : 0);
                exponent = MIN(exponent, s->poll_max);
        } else if (s->misses >= NTP_MAX_MISSES && s->poll < s->poll_max) {
                exponent = ++s->poll;
        }
        wait = USEC_PER_SEC << exponent;
        return rng_range(rng, wait - wait / 20, wait + wait / 20);
}

static void schedule(NtpSource *s, usec_t now, Rng *rng)
{
        if (s->burst_left > 0)
                s->burst_left--;
        s->last_wait = s->burst_left > 0 ? NTP_BURST_USEC : long_wait(s, rng);
        s->last_request = now;
        s->next_poll = usec_add(now, s->last_wait);
}

/* Zero is what a reply to nobody would carry. */
static NtpTime new_cookie(Rng *rng, NtpTime other)
{
        NtpTime cookie;

        do
                cookie = rng_u64(rng);
        while (cookie == 0 || cookie == other);
        return cookie;
}

/* Whether to name the last answer that counted, so that the next one tells when it left (RFC 9769).
 * Not at first, where an answer late would be a decision late, and not for ever where nothing comes
 * back: the server may have dropped what it knew. */
static bool may_interleave(const NtpSource *s)
{
        return s->interleave && s->previous.receive != 0 && s->n_samples >= SURE &&
               s->misses < INTERLEAVED_MISSES;
}

int ntp_source_request(NtpSource *s, Writer *w, usec_t now, int64_t local_nsec, Rng *rng)
{
        if (s->reach == 0 && s->misses < UINT16_MAX && s->requests > 0)
                s->misses++;
        else if (s->reach & 1)
                s->misses = 0;
        else if (s->requests > 0)
                s->misses++;
        s->reach = (uint8_t) (s->reach << 1);
        s->requests++;
        s->unsent = false;
        schedule(s, now, rng);
        if (s->misses >= NTP_MAX_MISSES)
                s->verdict = NTP_VERDICT_UNREACHABLE;
        else if (s->verdict == NTP_VERDICT_UNKNOWN)
                s->verdict = NTP_VERDICT_WAITING;

        s->pending = false;
        s->cookie = new_cookie(rng, 0);
        s->interleaved_cookie = may_interleave(s) ? new_cookie(rng, s->cookie) : 0;
        rng->fill(rng, s->unique_id, sizeof(s->unique_id));
        ntp_message_write_request(w, s->interleaved_cookie ? s->previous.receive : 0,
                s->interleaved_cookie, s->cookie);
        if (s->nts) {
                int r = s->session ? nts_request_write(s->session, w, s->unique_id, rng) : -EAGAIN;

                if (r < 0)
                        return r;
        }
        if (s->key.id) {
                int r = ntp_mac_write(w, &s->key);

                if (r < 0)
                        return r;
        }
        if (w->failed)
                return -ENOBUFS;
        s->pending = true;
        s->out = (NtpExchange){ .sent_at = now, .sent_nsec = local_nsec };
        return 0;
}

void ntp_source_send_failed(NtpSource *s)
{
        s->pending = false;
        s->unsent = true; /* nobody was troubled: no distance to keep */
}

void ntp_source_transmitted(NtpSource *s, int64_t handed_nsec, int64_t sent_nsec)
{
        if (!s->pending)
                return;
        s->out.sent_nsec = sent_nsec;
        s->out.way_out = (double) (sent_nsec - handed_nsec) * 1e-9;
}

/* -- Answers -------------------------------------------------------------------------------- */

/* It does not know the time, and what it said before is as old as that (RFC 5905 11.2: unfit).
 * Nothing else comes of it. */
static void set_unsynchronized(NtpSource *s)
{
        s->unsynchronized = true;
        s->verdict = NTP_VERDICT_UNSYNCHRONIZED;
}

static NtpKiss take_kiss(NtpSource *s, uint32_t reference_id, usec_t now)
{
        char *code = s->kiss_code;

        for (unsigned i = 0; i < 4; i++) {
                char c = (char) (reference_id >> (24 - 8 * i));

                code[i] = c > ' ' && c < 127 ? c : '?';
        }
        code[4] = 0;
        if (strcmp(code, "DENY") == 0 || strcmp(code, "RSTR") == 0) {
                s->dead = true;
                s->verdict = NTP_VERDICT_KISS;
                return NTP_KISS_DENY;
        }
        if (strcmp(code, "RATE") == 0) {
                s->burst_left = 0;
                s->poll = MIN(s->poll + 1, NTP_POLL_MAX);
                s->poll_max = MAX(s->poll_max, s->poll);
                s->poll_min = s->poll;
                s->last_wait = MAX(4 * s->last_wait, ntp_source_poll_usec(s));
                s->next_poll = usec_add(now, s->last_wait);
                s->verdict = NTP_VERDICT_KISS;
                return NTP_KISS_RATE;
        }
        if (strcmp(code, "NTSN") == 0 && s->nts) {
                code[0] = 0;
                return NTP_KISS_NTSN;
        }
        /* a server has stratum 0, and one of these codes or none, until it is synchronised */
        if (strchr(code, '?') || strcmp(code, "INIT") == 0 || strcmp(code, "STEP") == 0)
                set_unsynchronized(s);
        code[0] = 0;
        return NTP_KISS_OTHER;
}

/* Whether it comes from who has the keys that were asked for (REQ_NTP 36, 40). */
static bool is_authentic(NtpSource *s, const void *data, size_t size, size_t end)
{
        if (s->nts && (!s->session || nts_reply_check(s->session, data, size, s->unique_id) < 0))
                return false;
        /* Who got no MAC in the request has no reason for one. */
        return s->key.id ? ntp_mac_valid(data, size, end, &s->key) : end == size;
}

/* Checks 1 to 8; a reply that fails 1 to 7 leaves the request waiting. */
static NtpCheck check_reply(NtpSource *s, const void *data, size_t size, NtpMessage *m)
{
        Reader r = READER_INIT(data, size);
        size_t end;

        if (ntp_message_read(&r, m) < 0)
                return NTP_CHECK_LENGTH;
        if (!ntp_fields_valid(data, size, &end))
                return NTP_CHECK_FIELDS;
        if (m->mode != NTP_MODE_SERVER)
                return NTP_CHECK_MODE;
        if (m->version != NTP_VERSION && m->version != NTP_VERSION - 1)
                return NTP_CHECK_VERSION;
        if (!s->pending || m->origin == 0 ||
                (m->origin != s->cookie && m->origin != s->interleaved_cookie))
                return NTP_CHECK_COOKIE;
        if (s->nts && m->stratum == 0 && m->reference_id == 0x4e54534e) { /* NTSN */
                if (!nts_reply_has_unique_id(data, size, s->unique_id))
                        return NTP_CHECK_AUTHENTICATION;
                return NTP_CHECK_KISS;
        }
        if (!is_authentic(s, data, size, end))
                return NTP_CHECK_AUTHENTICATION;
        if (m->stratum == 0)
                return NTP_CHECK_KISS;
        if (m->receive == 0 || m->transmit == 0)
                return NTP_CHECK_TIMESTAMPS;
        return NTP_CHECK_OK;
}

static double nsec_to_sec(int64_t nsec)
{
        return (double) nsec * 1e-9;
}

/* A server whose certificate is not good at the time it tells is wrong about one of the two. */
static bool vouched_for(const NtpSource *s, int64_t true_nsec, double distance)
{
        int64_t sec = true_nsec / NTP_NSEC_PER_SEC, slack = (int64_t) distance + 1;

        return s->valid_until_sec == 0 ||
               (sec + slack >= s->valid_from_sec && sec - slack <= s->valid_until_sec);
}

/* The server takes as long for an answer as it took for the one before, more or less. What it was
 * not seen to take counts as delay, so that this weighs as little as it is known. */
static bool foretell(const NtpMessage *m, const NtpExchange *before, const NtpExchange *now,
        int64_t build_nsec, NtpSample *ret)
{
        int64_t took = (int64_t) (m->transmit - before->receive);

        if (took < 0) /* by less than its precision */
                took = 0;
        if (ntp_exchange_measure(now, now->receive + (NtpTime) took, m->precision, build_nsec,
                    ret) != NTP_CHECK_OK)
                return false;
        ret->delay += ldexp((double) took, -32);
        return true;
}

/* What the answer says of our clock: of this exchange, or of the one before, whose answer the
 * server has seen leave in the meantime. */
static NtpCheck measure(NtpSource *s, const NtpMessage *m, const NtpExchange *now,
        int64_t build_nsec, NtpReply *reply)
{
        const NtpExchange *e = s->interleaved ? &s->previous : now;
        NtpTime made = s->interleaved ? m->receive : m->transmit;
        NtpCheck check = ntp_message_check_header(m, made, NTP_MAX_ROOT_DISTANCE);
        NtpSample *sample = &reply->sample;
        double distance;

        if (check == NTP_CHECK_OK)
                check = ntp_exchange_check_clock(now);
        if (check == NTP_CHECK_OK && s->interleaved && (int64_t) (m->receive - m->transmit) <= 0)
                check = NTP_CHECK_SERVER_TIME;
        if (check == NTP_CHECK_OK)
                check = ntp_exchange_measure(e, m->transmit, m->precision, build_nsec, sample);
        if (check != NTP_CHECK_OK)
                return check;
        if (!s->interleaved) {
                sample->way_out = fmin(e->way_out, WAY_OUT_MAX);
                sample->dispersion += fmin(sample->way_out, sample->delay) / 4;
        }
        distance = sample->delay / 2 + sample->dispersion + ntp_short_sec(m->root_delay) / 2 +
                   ntp_short_sec(m->root_dispersion);
        if (!vouched_for(s, e->received_nsec + sample->offset_nsec, distance))
                return NTP_CHECK_CERTIFICATE;
        reply->has_latest = s->interleaved && foretell(m, e, now, build_nsec, &reply->latest);
        return NTP_CHECK_OK;
}

NtpReply ntp_source_receive(NtpSource *s, const void *data, size_t size, usec_t now,
        int64_t received_nsec, int64_t build_nsec, double steered)
{
        NtpExchange exchange = s->out;
        NtpReply reply = { 0 };
        NtpMessage m;

        reply.check = check_reply(s, data, size, &m);
        if (reply.check != NTP_CHECK_OK && reply.check != NTP_CHECK_KISS) {
                s->last_check = reply.check;
                return reply;
        }
        s->pending = false;
        s->replies++;
        if (reply.check == NTP_CHECK_KISS) { /* what else is in it says nothing (REQ_NTP 14) */
                s->last_check = reply.check;
                reply.kiss = take_kiss(s, m.reference_id, now);
                return reply;
        }
        s->last = m;
        s->interleaved = m.origin != s->cookie;
        exchange.received_at = now;
        exchange.received_nsec = received_nsec;
        exchange.receive = m.receive;
        exchange.steered = steered;
        reply.check = measure(s, &m, &exchange, build_nsec, &reply);
        s->previous = reply.check == NTP_CHECK_OK ? exchange : (NtpExchange){ 0 };
        s->last_check = reply.check;
        if (reply.check == NTP_CHECK_STRATUM || reply.check == NTP_CHECK_LEAP) {
                set_unsynchronized(s);
                return reply;
        }
        if (reply.check != NTP_CHECK_OK) {
                s->verdict = NTP_VERDICT_BAD_REPLY;
                return reply;
        }
        s->unsynchronized = false;
        s->kiss_code[0] = 0;
        s->reach |= 1;
        s->misses = 0;
        return reply;
}

/* -- Measuring ------------------------------------------------------------------------------ */

static double smallest_delay(const NtpSource *s, size_t window)
{
        size_t first = s->n_samples > window ? s->n_samples - window : 0;
        double min = HUGE_VAL;

        for (size_t i = first; i < s->n_samples; i++)
                min = fmin(min, s->samples[i].delay);
        return min;
}

/* The offset of `a` against that of `b`, both as the free oscillator would have shown them. */
static double offset_between(const NtpSample *a, const NtpSample *b)
{
        return nsec_to_sec(a->offset_nsec - b->offset_nsec) + a->steered - b->steered;
}

static double seconds_between(const NtpSample *a, const NtpSample *b)
{
        return ((double) a->at - (double) b->at) * 1e-6;
}

static void drop_oldest(NtpSource *s, size_t n)
{
        memmove(s->samples, s->samples + n, (s->n_samples - n) * sizeof(s->samples[0]));
        s->n_samples -= n;
}

/* What a reply that met with nothing in particular took longer than the fastest. The lower
 * quartile: a busy machine and a busy network have tails that say all of a mean and nothing of the
 * others. */
static double ordinary_excess(const NtpSource *s, double fastest)
{
        double smallest[NTP_REGRESS_MAX];

        for (size_t i = 0; i < s->n_samples; i++) {
                double excess = fmax(s->samples[i].delay - fastest, 0);
                size_t k = i;

                for (; k > 0 && smallest[k - 1] > excess; k--)
                        smallest[k] = smallest[k - 1];
                smallest[k] = excess;
        }
        return smallest[MIN((s->n_samples + 3) / 4, s->n_samples - 1)];
}

/* Our request was stamped by the kernel as it left, the answer by its server before it was sent.
 * How long that one took to leave we cannot see: between nothing and what ours take, and no longer
 * than the fastest were under way. In the middle of this we are least wrong at worst. */
static double unseen_way_out(const NtpSource *s, double fastest)
{
        double shortest = fastest;

        for (size_t i = 0; i < s->n_samples; i++)
                if (s->samples[i].way_out > 0)
                        shortest = fmin(shortest, s->samples[i].way_out);
        return shortest / 2;
}

/* Half of what a reply took longer than the fastest is how wrong it may be; that is its weight.
 * With a `side` of -1 all of it was on the way back, with 1 on the way there: then it is how wrong.
 */
static void make_points(const NtpSource *s, double frequency, double side, NtpPoint *points)
{
        const NtpSample *newest = &s->samples[s->n_samples - 1];
        double fastest = smallest_delay(s, 2 * NTP_FILTER), unseen = unseen_way_out(s, fastest);
        double ordinary = side != 0 ? 0 : ordinary_excess(s, fastest) / 4;
        double base = fmax(ordinary, NTP_FLOOR_SD);

        for (size_t i = 0; i < s->n_samples; i++) {
                const NtpSample *p = &s->samples[i];
                double late = fmax(p->delay - fastest, 0) / 2;
                double unsure = side != 0 ? late * ONE_SIDE_SD : late;

                points[i].t = seconds_between(p, newest);
                points[i].z = offset_between(p, newest) - frequency * points[i].t - side * late;
                points[i].z += p->way_out > 0 ? unseen / 2 : 0;
                points[i].variance = base * base + unsure * unsure;
        }
}

/* Whether the samples lie better on a line when all that they were late is taken to one side. */
static double find_side(const NtpSource *s, double frequency)
{
        NtpPoint points[NTP_REGRESS_MAX];
        double side = 0, best;

        if (s->n_samples < ONE_SIDE_MIN)
                return 0;
        make_points(s, frequency, 0, points);
        best = ntp_regress_misfit(points, s->n_samples) - ONE_SIDE_MISFIT;
        for (int i = -1; i <= 1; i += 2) {
                double misfit;

                make_points(s, frequency, i, points);
                misfit = ntp_regress_misfit(points, s->n_samples);
                if (misfit < best) {
                        best = misfit;
                        side = i;
                }
        }
        return side;
}

static void fit(NtpSource *s, double frequency)
{
        NtpPoint points[NTP_REGRESS_MAX];

        make_points(s, frequency, find_side(s, frequency), points);
        s->line = ntp_regress(points, s->n_samples, NTP_FLOOR_SD);
        s->line.slope += frequency;
        drop_oldest(s, s->line.first);
}

/* How far a sample lies from what the line foretells beyond what noise and a slow network can do;
 * positive: it does not belong (REQ_NTP 20). */
static double strangeness(const NtpSource *s, const NtpSample *p)
{
        const NtpSample *newest = &s->samples[s->n_samples - 1];
        double dt = seconds_between(p, newest), tolerance, expected;
        bool sure = s->line.has_slope && s->n_samples >= SURE;

        expected = s->line.offset + s->line.slope * dt;
        tolerance = 4 * s->line.residual_sd + fmax(p->delay - smallest_delay(s, NTP_FILTER), 0) / 2;
        tolerance +=
                sure ? 3 * (s->line.slope_sd + 1e-6) * dt + 50e-6 : NTP_AGREE_SEC + 500e-6 * dt;
        return fabs(offset_between(p, newest) - expected) - tolerance;
}

/* What an interleaved answer tells takes the place of what its exchange was taken to say. */
static void drop_same(NtpSource *s, const NtpSample *sample, double frequency)
{
        if (s->has_suspect && s->suspect.at == sample->at) {
                s->has_suspect = false;
        } else if (s->n_samples > 1 && s->samples[s->n_samples - 1].at == sample->at) {
                s->n_samples--;
                fit(s, frequency);
        }
}

bool ntp_source_add(NtpSource *s, const NtpSample *sample, double frequency)
{
        drop_same(s, sample, frequency);
        if (s->n_samples > 0 && strangeness(s, sample) > 0) {
                bool again =
                        s->has_suspect && fabs(offset_between(sample, &s->suspect)) <
                                                  NTP_AGREE_SEC / 10 + 4 * s->line.residual_sd +
                                                          (sample->delay + s->suspect.delay) / 2;

                if (!again) {
                        s->suspect = *sample;
                        s->has_suspect = true;
                        return false;
                }
                /* Twice the same: it is what came before that no longer holds. */
                s->samples[0] = s->suspect;
                s->n_samples = 1;
        } else if (s->has_suspect && s->n_samples < SURE) {
                /* Who says this, that and this again has not said the same twice (REQ_NTP 24). */
                s->n_samples = 0;
        }
        s->has_suspect = false;
        if (s->n_samples == NTP_REGRESS_MAX)
                drop_oldest(s, 1);
        s->samples[s->n_samples++] = *sample;
        fit(s, frequency);
        return true;
}

size_t ntp_source_agreeing(const NtpSource *s)
{
        size_t n = 0;

        while (n < s->n_samples && fabs(offset_between(&s->samples[s->n_samples - 1 - n],
                                           &s->samples[s->n_samples - 1])) < NTP_AGREE_SEC)
                n++;
        return n;
}

bool ntp_source_estimate(
        const NtpSource *s, usec_t now, const NtpSteering *steering, NtpEstimate *ret)
{
        const NtpSample *newest;
        double age, slope, slope_sd, moved;
        NtpEstimate e;
        bool own;

        if (s->n_samples == 0)
                return false;
        newest = &s->samples[s->n_samples - 1];
        age = (double) usec_sub(now, newest->at) * 1e-6;
        /* A line through few samples points anywhere; then what the discipline knows is better. */
        own = s->line.has_slope && s->line.slope_sd < 2 * steering->frequency_sd;
        slope = own ? s->line.slope : steering->frequency;
        slope_sd = own ? s->line.slope_sd : steering->frequency_sd;
        moved = s->line.offset + slope * age - (steering->steered - newest->steered);
        e = (NtpEstimate){
                .offset_nsec = newest->offset_nsec + llrint(moved * 1e9),
                .offset_sd = hypot(s->line.offset_sd, slope_sd * age),
                .jitter = s->line.residual_sd,
                .frequency = slope,
                .frequency_sd = s->line.slope_sd,
                .delay = smallest_delay(s, NTP_FILTER),
        };
        e.root_distance = e.delay / 2 + ntp_short_sec(s->last.root_delay) / 2 +
                          ntp_short_sec(s->last.root_dispersion) + newest->dispersion +
                          e.offset_sd + NTP_FREQUENCY_TOLERANCE * age;
        *ret = e;
        return true;
}

void ntp_source_adapt_poll(NtpSource *s, double offset, double jitter)
{
        size_t enough = s->replies < 2 * POLL_GROW ? POLL_GROW_FIRST : POLL_GROW;

        if (s->burst_left > 0)
                return;
        if (fabs(offset) < 4 * jitter && s->n_samples >= enough)
                s->poll_score += (int) s->poll;
        else if (fabs(offset) >= 4 * jitter || s->n_samples < POLL_SHRINK)
                s->poll_score -= 2 * (int) s->poll;
        if (s->poll == s->poll_min) /* it cannot shrink: no debt */
                s->poll_score = MAX(s->poll_score, 0);
        if (s->poll_score >= 30) {
                s->poll = MIN(s->poll + 1, s->poll_max);
                s->poll_score = 0;
        } else if (s->poll_score <= -30) {
                s->poll = MAX(s->poll - 1, s->poll_min);
                s->poll_score = 0;
        }
}
