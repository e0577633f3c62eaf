/* SPDX-License-Identifier: MIT */
#include "proto/ntp-client.h"
#include <stdio.h>
#include <string.h>

#define LEAP_GUARD_NSEC     (5 * NTP_NSEC_PER_SEC)
#define NETWORK_BURST_USEC  (64 * USEC_PER_SEC)
#define STEP_AGREEMENT      3
#define STEP_AGREEMENT_SOLE 2 /* the only server there is */

/* One waiting event of a kind and source is enough; a full queue loses the newest. */
static void push_event(NtpClient *c, NtpEventType type, unsigned id, int64_t offset_nsec)
{
        for (size_t i = 0; i < c->n_events; i++) {
                if (c->events[i].type != type || c->events[i].id != id)
                        continue;
                c->events[i].offset_nsec = offset_nsec;
                return;
        }
        if (c->n_events < NTP_EVENT_QUEUE)
                c->events[c->n_events++] =
                        (NtpEvent){ .type = type, .id = id, .offset_nsec = offset_nsec };
}

bool ntp_client_pop_event(NtpClient *c, NtpEvent *ret)
{
        if (c->n_events == 0)
                return false;
        *ret = c->events[0];
        memmove(&c->events[0], &c->events[1], --c->n_events * sizeof(c->events[0]));
        return true;
}

int ntp_client_new(NtpClient **ret, const NtpConfig *config, usec_t now, Rng *rng)
{
        NtpClient *c = calloc(1, sizeof(*c));

        if (!c)
                return -ENOMEM;
        c->config = *config;
        c->rng = rng;
        c->best = -1;
        ntp_discipline_init(&c->discipline, now, config->rate, config->frequency,
                config->frequency_sd, config->control);
        if (config->control)
                push_event(c, NTP_EVENT_ADJUST, 0, 0);
        *ret = c;
        return 0;
}

NtpClient *ntp_client_free(NtpClient *c)
{
        if (c)
                explicit_bzero(c, sizeof(*c));
        free(c);
        return NULL;
}

/* The only place that changes the state. */
static void set_state(NtpClient *c, NtpState state)
{
        if (c->state == state)
                return;
        c->state = state;
        push_event(c, NTP_EVENT_STATE, 0, 0);
        push_event(c, NTP_EVENT_ADJUST, 0, 0);
}

/* -- Sources -------------------------------------------------------------------------------- */

int ntp_client_add(NtpClient *c, const char *label, bool nts, usec_t now)
{
        for (unsigned id = 0; id < NTP_MAX_SOURCES; id++) {
                if (c->sources[id].used)
                        continue;
                ntp_source_init(&c->sources[id], c->config.poll_min, c->config.poll_max, now);
                c->sources[id].nts = nts;
                c->sources[id].interleave = c->config.interleaved;
                if (nts) /* nothing to ask with before the keys are there */
                        c->sources[id].next_poll = USEC_INFINITY;
                snprintf(c->labels[id], sizeof(c->labels[id]), "%s", label);
                return (int) id;
        }
        return -ENOSPC;
}

void ntp_client_remove(NtpClient *c, unsigned id)
{
        c->sources[id].used = false;
        explicit_bzero(&c->sources[id].key, sizeof(c->sources[id].key));
        if (c->best == (int) id)
                c->best = -1;
        for (size_t i = 0; i < c->n_events;) {
                bool of_source = c->events[i].id == id && c->events[i].type >= NTP_EVENT_SELECTED;

                if (!of_source) {
                        i++;
                        continue;
                }
                c->n_events--;
                memmove(&c->events[i], &c->events[i + 1], (c->n_events - i) * sizeof(c->events[0]));
        }
}

void ntp_client_set_session(NtpClient *c, unsigned id, NtsSession *session, usec_t now)
{
        c->sources[id].session = session;
        if (session && session->n_cookies > 0)
                ntp_source_burst(&c->sources[id], now);
}

void ntp_client_set_key(NtpClient *c, unsigned id, const NtpKey *key)
{
        c->sources[id].key = *key;
}

void ntp_client_set_validity(
        NtpClient *c, unsigned id, int64_t from_sec, int64_t until_sec, bool doubtful)
{
        c->sources[id].doubtful = doubtful;
        c->sources[id].valid_from_sec = from_sec;
        c->sources[id].valid_until_sec = until_sec;
}

const NtpSource *ntp_client_source(const NtpClient *c, unsigned id)
{
        return id < NTP_MAX_SOURCES && c->sources[id].used ? &c->sources[id] : NULL;
}

usec_t ntp_client_deadline(const NtpClient *c)
{
        usec_t deadline = ntp_discipline_deadline(&c->discipline);

        for (unsigned id = 0; id < NTP_MAX_SOURCES; id++)
                deadline = MIN(deadline, ntp_source_deadline(&c->sources[id]));
        if (c->state == NTP_STATE_SYNCED && c->discipline.max_error < NTP_LOST_ERROR_SEC) {
                double left = (NTP_LOST_ERROR_SEC - c->discipline.max_error) / NTP_KERNEL_DRIFT;

                deadline = MIN(
                        deadline, usec_add(c->discipline.updated_at, (usec_t) (left * 1e6) + 1));
        }
        return deadline;
}

void ntp_client_timeout(NtpClient *c, usec_t now)
{
        if (ntp_discipline_timeout(&c->discipline, now))
                push_event(c, NTP_EVENT_ADJUST, 0, 0);
        if (c->state == NTP_STATE_SYNCED && c->discipline.max_error < HUGE_VAL &&
                ntp_discipline_max_error(&c->discipline, now) >= NTP_LOST_ERROR_SEC)
                set_state(c, NTP_STATE_LOST);
}

int ntp_client_due(const NtpClient *c, usec_t now)
{
        for (unsigned id = 0; id < NTP_MAX_SOURCES; id++)
                if (ntp_source_deadline(&c->sources[id]) <= now)
                        return (int) id;
        return -1;
}

void ntp_client_postpone(NtpClient *c, unsigned id, usec_t until)
{
        c->sources[id].next_poll = MAX(c->sources[id].next_poll, until);
}

int ntp_client_request(NtpClient *c, unsigned id, Writer *w, usec_t now, int64_t local_nsec)
{
        NtpSource *s = &c->sources[id];
        int r = ntp_source_request(s, w, now, local_nsec, c->rng);

        if (r == -EAGAIN) {
                s->next_poll = USEC_INFINITY;
                push_event(c, NTP_EVENT_KEYS, id, 0);
        }
        if (s->misses >= NTP_MAX_MISSES)
                push_event(c, NTP_EVENT_UNREACHABLE, id, 0);
        return r;
}

void ntp_client_send_failed(NtpClient *c, unsigned id)
{
        ntp_source_send_failed(&c->sources[id]);
}

void ntp_client_transmitted(NtpClient *c, unsigned id, int64_t handed_nsec, int64_t sent_nsec)
{
        ntp_source_transmitted(&c->sources[id], handed_nsec, sent_nsec);
}

/* -- Deciding ------------------------------------------------------------------------------- */

static bool may_be_candidate(const NtpClient *c, const NtpSource *s)
{
        return ntp_source_reachable(s) && !s->unsynchronized && s->n_samples > 0 &&
               (ntp_source_authenticated(s) || !c->config.require_authenticated);
}

static NtpTrust trust_of(const NtpSource *s)
{
        if (!ntp_source_authenticated(s))
                return NTP_TRUST_NONE;
        return s->doubtful ? NTP_TRUST_DOUBT : NTP_TRUST_FULL;
}

static size_t gather(NtpClient *c, usec_t now, NtpCandidate *candidates)
{
        NtpSteering steering = ntp_discipline_steering(&c->discipline, now);
        size_t n = 0;

        for (unsigned id = 0; id < NTP_MAX_SOURCES; id++) {
                NtpSource *s = &c->sources[id];

                if (s->used && s->n_samples > 0 && !ntp_source_authenticated(s) &&
                        c->config.require_authenticated)
                        s->verdict = NTP_VERDICT_UNAUTHENTICATED;
                if (!may_be_candidate(c, s))
                        continue;
                if (!ntp_source_estimate(s, now, &steering, &candidates[n].estimate))
                        continue;
                if (candidates[n].estimate.root_distance > NTP_MAX_ROOT_DISTANCE) {
                        s->verdict = NTP_VERDICT_DISTANT;
                        continue;
                }
                candidates[n].id = id;
                candidates[n].trust = trust_of(s);
                candidates[n].leap = s->last.leap;
                n++;
        }
        return n;
}

/* Whether what the selection says may move the clock (REQ_NTP 24): more than half of the servers
 * we asked, or one that said the same often enough. */
static bool is_trusted(
        const NtpClient *c, const NtpCandidate *candidates, size_t n, const NtpSelection *sel)
{
        size_t asked = 0, agreeing = 0;

        for (unsigned id = 0; id < NTP_MAX_SOURCES; id++) {
                const NtpSource *s = &c->sources[id];

                asked += s->used && !s->dead && s->misses < NTP_MAX_MISSES;
        }
        if (sel->truechimers >= 2 && 2 * sel->truechimers > asked)
                return true;
        for (size_t i = 0; i < n; i++) {
                const NtpSource *s = &c->sources[candidates[i].id];

                if (candidates[i].verdict != NTP_VERDICT_SELECTED)
                        continue;
                if (ntp_source_authenticated(s))
                        return true;
                agreeing = MAX(agreeing, ntp_source_agreeing(s));
        }
        return agreeing >= (asked == 1 ? STEP_AGREEMENT_SOLE : STEP_AGREEMENT);
}

static bool all_authenticated(const NtpClient *c, const NtpCandidate *candidates, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (candidates[i].verdict == NTP_VERDICT_SELECTED &&
                        !ntp_source_authenticated(&c->sources[candidates[i].id]))
                        return false;
        return true;
}

/* Where anybody has set the clock so far, the first who proves whose word his is may still step it:
 * the updates before were no better than none (REQ_NTP 25). */
static void note_bound(NtpClient *c, const NtpCandidate *candidates, size_t n)
{
        bool bounded = c->bounded;

        for (size_t i = 0; i < n; i++)
                bounded |= candidates[i].trust == NTP_TRUST_FULL &&
                           candidates[i].verdict == NTP_VERDICT_SELECTED;
        if (bounded && !c->bounded && fabs((double) c->estimate.offset_nsec * 1e-9) >= NTP_STEP_SEC)
                c->discipline.updates = 0;
        c->bounded = bounded;
}

static void take_leap(NtpClient *c, uint8_t leap, int64_t true_nsec)
{
        int64_t at;
        uint8_t today = ntp_leap_today(leap, true_nsec, &at);

        c->leap = today;
        if (today)
                c->leap_at = at;
}

/* Around the leap itself servers and clock jump within moments of each other. */
static bool near_leap(const NtpClient *c, int64_t true_nsec)
{
        int64_t d = true_nsec - c->leap_at;

        return c->leap_at != 0 && d > -LEAP_GUARD_NSEC && d < LEAP_GUARD_NSEC;
}

static void lead(NtpClient *c, const NtpCandidate *candidates, size_t n, const NtpSelection *sel)
{
        int best = (int) candidates[sel->best].id;

        /* The one that leads goes on doing so unless another is clearly nearer. */
        for (size_t i = 0; i < n && c->best >= 0; i++) {
                if ((int) candidates[i].id == c->best &&
                        candidates[i].verdict == NTP_VERDICT_SELECTED &&
                        candidates[i].estimate.root_distance <
                                1.5 * candidates[sel->best].estimate.root_distance + 1e-3)
                        best = c->best;
        }
        if (best == c->best)
                return;
        c->best = best;
        push_event(c, NTP_EVENT_SELECTED, (unsigned) best, 0);
}

static void discipline(NtpClient *c, NtpSource *s, usec_t now, bool trusted)
{
        const NtpEstimate *e = &c->estimate;
        double offset = (double) e->offset_nsec * 1e-9;
        bool was_panicked = c->panicked;

        c->panicked = false;
        switch (ntp_discipline_update(&c->discipline, now, e, s->last_wait, trusted)) {
        case NTP_ACTION_STEP:
                c->stepping = true;
                push_event(c, NTP_EVENT_STEP, 0, e->offset_nsec);
                return;
        case NTP_ACTION_PANIC:
                c->panicked = true;
                if (!was_panicked)
                        push_event(c, NTP_EVENT_PANIC, 0, e->offset_nsec);
                return;
        case NTP_ACTION_STEER:
        case NTP_ACTION_NONE:
                break;
        }
        ntp_source_adapt_poll(s, offset, e->jitter);
        set_state(c, NTP_STATE_SYNCED);
        push_event(c, NTP_EVENT_ADJUST, 0, 0);
}

static void note_dispute(NtpClient *c, bool disputed)
{
        if (disputed && !c->disputed)
                push_event(c, NTP_EVENT_NO_MAJORITY, 0, 0);
        c->disputed = disputed;
        /* What one answer confirmed at first is what the others contradict now. */
        if (disputed && c->discipline.updates == 0 && c->state == NTP_STATE_SYNCED) {
                c->discipline.max_error = HUGE_VAL;
                set_state(c, NTP_STATE_STARTING);
        }
}

/* A new sample of `s` is in. */
static void evaluate(NtpClient *c, NtpSource *s, usec_t now, int64_t local_nsec)
{
        NtpCandidate candidates[NTP_MAX_SOURCES] = { 0 };
        size_t n = gather(c, now, candidates);
        NtpSelection sel = ntp_select(candidates, n);
        double error;
        bool trusted;

        for (size_t i = 0; i < n; i++)
                c->sources[candidates[i].id].verdict = candidates[i].verdict;
        note_dispute(c, n > 0 && sel.truechimers == 0);
        if (s->verdict != NTP_VERDICT_SELECTED || sel.truechimers < c->config.min_sources)
                return;
        lead(c, candidates, n, &sel);
        c->estimate = sel.combined;
        c->estimated_at = now;
        c->estimated_steered = ntp_discipline_steering(&c->discipline, now).steered;
        if (near_leap(c, local_nsec + sel.combined.offset_nsec))
                return;
        take_leap(c, sel.leap, local_nsec + sel.combined.offset_nsec);
        trusted = is_trusted(c, candidates, n, &sel);
        c->confirmed_authenticated = all_authenticated(c, candidates, n);
        note_bound(c, candidates, n);
        if (trusted) {
                discipline(c, s, now, trusted);
                return;
        }
        /* One sample that says what the clock says needs no second one. */
        error = fabs((double) sel.combined.offset_nsec * 1e-9) + sel.combined.root_distance;
        if (error < NTP_STEP_SEC && local_nsec >= c->config.floor_nsec &&
                c->state != NTP_STATE_SYNCED) {
                c->discipline.max_error = error;
                c->discipline.est_error = error;
                c->discipline.updated_at = now;
                set_state(c, NTP_STATE_SYNCED);
        }
}

static void take_kiss(NtpClient *c, unsigned id, NtpKiss kiss)
{
        switch (kiss) {
        case NTP_KISS_DENY:
                push_event(c, NTP_EVENT_KISS, id, 0);
                push_event(c, NTP_EVENT_GONE, id, 0);
                break;
        case NTP_KISS_RATE:
                push_event(c, NTP_EVENT_KISS, id, 0);
                break;
        case NTP_KISS_NTSN:
                push_event(c, NTP_EVENT_KEYS, id, 0);
                break;
        case NTP_KISS_OTHER:
        case NTP_KISS_NONE:
                break;
        }
}

NtpCheck ntp_client_receive(
        NtpClient *c, unsigned id, const void *data, size_t size, usec_t now, int64_t received_nsec)
{
        NtpSource *s = &c->sources[id];
        NtpSteering steering = ntp_discipline_steering(&c->discipline, now);
        NtpReply reply = ntp_source_receive(
                s, data, size, now, received_nsec, c->config.build_nsec, steering.steered);
        bool counts;

        if (reply.check == NTP_CHECK_KISS)
                take_kiss(c, id, reply.kiss);
        if (reply.check != NTP_CHECK_OK || c->stepping)
                return reply.check;
        if (s->nts && s->session && s->session->n_cookies == 0)
                push_event(c, NTP_EVENT_KEYS, id, 0);
        counts = ntp_source_add(s, &reply.sample, steering.frequency);
        if (reply.has_latest)
                counts = ntp_source_add(s, &reply.latest, steering.frequency);
        if (counts)
                evaluate(c, s, now, received_nsec);
        return reply.check;
}

/* -- What happens to the clock -------------------------------------------------------------- */

void ntp_client_stepped(NtpClient *c, usec_t now, int64_t step_nsec, bool done)
{
        c->stepping = false;
        if (!done) {
                ntp_client_set_control(c, now, false, c->discipline.rate);
                return;
        }
        for (unsigned id = 0; id < NTP_MAX_SOURCES; id++)
                ntp_source_stepped(&c->sources[id], step_nsec);
        c->estimate.offset_nsec -= step_nsec;
        ntp_discipline_stepped(&c->discipline, now);
        c->discipline.max_error =
                c->estimate.root_distance + fabs((double) c->estimate.offset_nsec * 1e-9);
        c->discipline.est_error = c->estimate.jitter;
        set_state(c, NTP_STATE_SYNCED);
        push_event(c, NTP_EVENT_ADJUST, 0, 0);
}

void ntp_client_set_control(NtpClient *c, usec_t now, bool control, double rate)
{
        NtpDiscipline *d = &c->discipline;

        /* The samples so far were taken of a clock that moved as it was told. */
        d->steered = ntp_discipline_steering(d, now).steered;
        d->steered_at = now;
        d->rate = rate;
        d->control = control;
        d->slew_until = USEC_INFINITY;
        if (!control && c->best >= 0 && c->state != NTP_STATE_SYNCED) {
                d->max_error = c->estimate.root_distance;
                d->updated_at = now;
                set_state(c, NTP_STATE_SYNCED);
        }
}

void ntp_client_disturbed(NtpClient *c, usec_t now)
{
        ntp_discipline_reset(&c->discipline, now);
        c->stepping = c->panicked = c->disputed = c->bounded = false;
        c->best = -1;
        for (unsigned id = 0; id < NTP_MAX_SOURCES; id++) {
                if (!c->sources[id].used)
                        continue;
                ntp_source_forget(&c->sources[id]);
                if (c->sources[id].next_poll != USEC_INFINITY)
                        ntp_source_burst(&c->sources[id], now);
        }
        set_state(c, NTP_STATE_STARTING);
        push_event(c, NTP_EVENT_ADJUST, 0, 0);
}

void ntp_client_burst(NtpClient *c, usec_t now)
{
        for (unsigned id = 0; id < NTP_MAX_SOURCES; id++)
                if (c->sources[id].used && c->sources[id].next_poll != USEC_INFINITY)
                        ntp_source_burst(&c->sources[id], now);
}

void ntp_client_network_changed(NtpClient *c, usec_t now)
{
        if (c->state == NTP_STATE_SYNCED && c->last_network_burst != 0 &&
                now < usec_add(c->last_network_burst, NETWORK_BURST_USEC))
                return;
        c->last_network_burst = now;
        ntp_client_burst(c, now);
}

bool ntp_client_is_proven(const NtpClient *c)
{
        return c->state == NTP_STATE_SYNCED && (c->bounded || c->confirmed_authenticated);
}

NtpAdjustment ntp_client_adjustment(const NtpClient *c)
{
        return (NtpAdjustment){
                .rate = c->discipline.rate,
                .max_error = fmin(c->discipline.max_error, NTP_LOST_ERROR_SEC),
                .est_error = fmin(c->discipline.est_error, NTP_LOST_ERROR_SEC),
                .leap = c->leap,
                .synced = c->state == NTP_STATE_SYNCED,
        };
}

double ntp_client_offset(const NtpClient *c, usec_t now)
{
        const NtpDiscipline *d = &c->discipline;
        double moved = ntp_discipline_steering(d, now).steered - c->estimated_steered;
        double age = (double) usec_sub(now, c->estimated_at) * 1e-6;

        return (double) c->estimate.offset_nsec * 1e-9 + d->frequency * age - moved;
}

const char *ntp_client_waiting(const NtpClient *c, char *why, size_t size)
{
        size_t used = 0, answered = 0, kissed = 0, sampled = 0, proven = 0;
        const NtpSource *bad = NULL, *some = NULL;
        const char *name = "", *bad_name = "", *unproven = NULL;
        uint64_t requests = 0;

        for (unsigned id = 0; id < NTP_MAX_SOURCES; id++) {
                const NtpSource *s = &c->sources[id];

                if (!s->used)
                        continue;
                used++;
                requests += s->requests;
                answered += s->replies > 0;
                kissed += s->verdict == NTP_VERDICT_KISS;
                sampled += may_be_candidate(c, s);
                proven += may_be_candidate(c, s) && ntp_source_authenticated(s);
                if (s->verdict == NTP_VERDICT_BAD_REPLY ||
                        s->verdict == NTP_VERDICT_UNSYNCHRONIZED || s->kiss_code[0]) {
                        bad = s;
                        bad_name = c->labels[id];
                }
                if (s->replies == 0 && s->last_check == NTP_CHECK_AUTHENTICATION)
                        unproven = c->labels[id];
                if (!some || s->n_samples > some->n_samples) {
                        some = s;
                        name = c->labels[id];
                }
        }
        if (used == 0) {
                snprintf(why, size, "no time server has an address yet");
                return "no-server";
        }
        if (c->panicked) {
                snprintf(why, size, "%s: the offset is over %.0f s, which is refused", name,
                        NTP_PANIC_SEC);
                return "panic";
        }
        if (c->disputed) {
                snprintf(why, size, "%zu servers answer, and no majority of them%s agrees", sampled,
                        proven > 0 && proven < sampled ? ", the authenticated ones included," : "");
                return "no-majority";
        }
        if (sampled > 0 && sampled < c->config.min_sources) {
                snprintf(why, size, "%zu of the %u servers that MinSources asks for answer",
                        sampled, c->config.min_sources);
                return "too-few-servers";
        }
        if (sampled > 0) {
                snprintf(why, size, "%s: confirming what it says, %zu samples so far", name,
                        ntp_source_agreeing(some));
                return "confirming";
        }
        if (kissed == used) {
                snprintf(why, size, "%s: asked us to stay away (%s)", bad_name, bad->kiss_code);
                return "kiss";
        }
        if (bad && bad->verdict == NTP_VERDICT_BAD_REPLY) {
                snprintf(why, size, "%s: its answer is refused (%s)", bad_name,
                        ntp_check_to_string(bad->last_check));
                return "bad-reply";
        }
        if (bad && bad->verdict == NTP_VERDICT_UNSYNCHRONIZED) {
                snprintf(why, size, "%s: says that it is not synchronized itself", bad_name);
                return "not-synchronized";
        }
        if (answered > 0 && c->config.require_authenticated) {
                snprintf(why, size, "%s: not authenticated", name);
                return "not-authenticated";
        }
        if (unproven) {
                snprintf(why, size, "%s: its answers do not prove to be its own", unproven);
                return "not-authenticated";
        }
        snprintf(why, size, "%s%s: no answer after %llu request%s", name,
                used > 1 ? " and others" : "", (unsigned long long) requests,
                requests == 1 ? "" : "s");
        return "no-reply";
}
