/* SPDX-License-Identifier: MIT */
#include "proto/ntp-select.h"
#include <assert.h>

typedef struct Edge Edge;
struct Edge {
        double at;
        int type; /* +1 lower end, -1 upper end */
        NtpTrust trust;
};

/* Of a point, how many candidates contain it. */
typedef struct Depth Depth;
struct Depth {
        size_t all, doubted, trusted;
};

static double distance_of(const NtpCandidate *c)
{
        return fmax(c->estimate.root_distance, NTP_MIN_DISTANCE);
}

/* Offsets relative to the first candidate's: years in nanoseconds do not fit a double. */
static double relative(const NtpCandidate *candidates, size_t i)
{
        return (double) (candidates[i].estimate.offset_nsec - candidates[0].estimate.offset_nsec) *
               1e-9;
}

static void sort_edges(Edge *edges, size_t n)
{
        for (size_t i = 1; i < n; i++) {
                Edge e = edges[i];
                size_t j = i;

                /* At the same place lower ends come first, so that touching counts as meeting. */
                for (; j > 0 && (edges[j - 1].at > e.at ||
                                        (edges[j - 1].at == e.at && edges[j - 1].type < e.type));
                        j--)
                        edges[j] = edges[j - 1];
                edges[j] = e;
        }
}

static void enter(Depth *d, NtpTrust trust)
{
        d->all++;
        d->doubted += trust == NTP_TRUST_DOUBT;
        d->trusted += trust == NTP_TRUST_FULL;
}

static void leave(Depth *d, NtpTrust trust)
{
        d->all--;
        d->doubted -= trust == NTP_TRUST_DOUBT;
        d->trusted -= trust == NTP_TRUST_FULL;
}

/* Marzullo: a point contained in the most candidates, the trusted ones first. */
static Depth intersect(const NtpCandidate *candidates, size_t n, double *ret_at)
{
        Edge edges[2 * NTP_MAX_SOURCES];
        Depth depth = { 0 }, best = { 0 };

        for (size_t i = 0; i < n; i++) {
                double at = relative(candidates, i), d = distance_of(&candidates[i]);

                edges[2 * i] = (Edge){ at - d, 1, candidates[i].trust };
                edges[2 * i + 1] = (Edge){ at + d, -1, candidates[i].trust };
        }
        sort_edges(edges, 2 * n);
        for (size_t i = 0; i < 2 * n; i++) {
                if (edges[i].type < 0) {
                        leave(&depth, edges[i].trust);
                        continue;
                }
                enter(&depth, edges[i].trust);
                if (depth.trusted > best.trusted ||
                        (depth.trusted == best.trusted && depth.all > best.all)) {
                        best = depth;
                        *ret_at = edges[i].at;
                }
        }
        return best;
}

/* The trusted ones decide among themselves; without any, all do, those in doubt included. */
static bool is_majority(const Depth *d, const Depth *there_are)
{
        if (there_are->trusted > 0)
                return 2 * d->trusted > there_are->trusted;
        return 2 * d->all > there_are->all &&
               (there_are->doubted == 0 || 2 * d->doubted > there_are->doubted);
}

static size_t mark_truechimers(NtpCandidate *candidates, size_t n)
{
        Depth there_are = { 0 }, depth;
        double point = 0;
        size_t count = 0;
        bool majority;

        for (size_t i = 0; i < n; i++)
                enter(&there_are, candidates[i].trust);
        depth = intersect(candidates, n, &point);
        majority = is_majority(&depth, &there_are);
        for (size_t i = 0; i < n; i++) {
                double at = relative(candidates, i), d = distance_of(&candidates[i]);
                bool contains = at - d <= point && at + d >= point;

                candidates[i].verdict = !majority  ? NTP_VERDICT_NO_MAJORITY
                                        : contains ? NTP_VERDICT_SELECTED
                                                   : NTP_VERDICT_FALSETICKER;
                count += majority && contains;
        }
        return count;
}

static double selection_jitter(const NtpCandidate *candidates, size_t n, size_t i)
{
        double sum = 0;
        size_t others = 0;

        for (size_t j = 0; j < n; j++) {
                double d = relative(candidates, j) - relative(candidates, i);

                if (j == i || candidates[j].verdict != NTP_VERDICT_SELECTED)
                        continue;
                sum += d * d;
                others++;
        }
        return others > 0 ? sqrt(sum / (double) others) : 0;
}

static bool any_selected(const NtpCandidate *candidates, size_t n, bool trusted)
{
        for (size_t i = 0; i < n; i++)
                if (candidates[i].verdict == NTP_VERDICT_SELECTED &&
                        (candidates[i].trust == NTP_TRUST_FULL) == trusted)
                        return true;
        return false;
}

/* Leaves out, one by one, who is farthest from the others, as long as that explains more than the
 * noise of the steadiest one (RFC 5905 11.2.2). Those that bound the others stay. */
static size_t cluster(NtpCandidate *candidates, size_t n, size_t survivors)
{
        while (survivors > NTP_MIN_SURVIVORS) {
                bool others = any_selected(candidates, n, false);
                double worst_jitter = -1, steadiest = HUGE_VAL;
                size_t worst = 0;

                for (size_t i = 0; i < n; i++) {
                        double jitter;

                        if (candidates[i].verdict != NTP_VERDICT_SELECTED)
                                continue;
                        steadiest = fmin(steadiest, candidates[i].estimate.jitter);
                        jitter = selection_jitter(candidates, n, i) * distance_of(&candidates[i]);
                        if (jitter <= worst_jitter ||
                                (others && candidates[i].trust == NTP_TRUST_FULL))
                                continue;
                        worst_jitter = jitter;
                        worst = i;
                }
                if (selection_jitter(candidates, n, worst) <= steadiest)
                        break;
                candidates[worst].verdict = NTP_VERDICT_OUTLIER;
                survivors--;
        }
        return survivors;
}

/* Offsets weigh by root distance, frequencies by how well each is known. */
static void combine(NtpCandidate *candidates, size_t n, NtpSelection *sel)
{
        double w = 0, offset = 0, sd = 0, jitter = 0, fw = 0, frequency = 0;
        const NtpCandidate *best = &candidates[sel->best];
        size_t leaps[4] = { 0 };

        for (size_t i = 0; i < n; i++) {
                const NtpEstimate *e = &candidates[i].estimate;
                double d = distance_of(&candidates[i]) + 4 * e->offset_sd, wi = 1 / (d * d);

                if (candidates[i].verdict != NTP_VERDICT_SELECTED)
                        continue;
                w += wi;
                offset += wi * (relative(candidates, i) - relative(candidates, sel->best));
                sd += wi * wi * e->offset_sd * e->offset_sd;
                jitter += wi * e->jitter * e->jitter;
                leaps[candidates[i].leap & 3]++;
                if (e->frequency_sd < HUGE_VAL && e->frequency_sd > 0) {
                        double wf = 1 / (e->frequency_sd * e->frequency_sd);

                        fw += wf;
                        frequency += wf * e->frequency;
                }
        }
        sel->combined = best->estimate;
        sel->combined.offset_nsec += llrint(offset / w * 1e9);
        sel->combined.offset_sd = sqrt(sd) / w;
        sel->combined.jitter = sqrt(jitter / w);
        sel->combined.frequency = fw > 0 ? frequency / fw : 0;
        sel->combined.frequency_sd = fw > 0 ? sqrt(1 / fw) : HUGE_VAL;
        for (uint8_t leap = 1; leap <= 2; leap++)
                if (2 * leaps[leap] > sel->survivors)
                        sel->leap = leap;
}

NtpSelection ntp_select(NtpCandidate *candidates, size_t n)
{
        NtpSelection sel = { 0 };
        double best = HUGE_VAL;

        assert(n <= NTP_MAX_SOURCES);
        if (n == 0)
                return sel;
        sel.truechimers = mark_truechimers(candidates, n);
        if (sel.truechimers == 0)
                return sel;
        sel.survivors = cluster(candidates, n, sel.truechimers);
        for (size_t i = 0; i < n; i++) {
                if (candidates[i].verdict != NTP_VERDICT_SELECTED ||
                        distance_of(&candidates[i]) >= best)
                        continue;
                best = distance_of(&candidates[i]);
                sel.best = i;
        }
        combine(candidates, n, &sel);
        return sel;
}
