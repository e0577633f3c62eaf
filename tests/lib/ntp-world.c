/* SPDX-License-Identifier: MIT */
#include "lib/ntp-world.h"

static double uniform(Rng *rng)
{
        return (double) (rng_u64(rng) >> 11) / 9007199254740992.0;
}

static double gauss(Rng *rng)
{
        double sum = 0;

        for (int i = 0; i < 12; i++)
                sum += uniform(rng);
        return sum - 6;
}

World world_init(uint64_t seed, int n_servers)
{
        World w = { .network_rng = rng_seeded(seed),
                .oscillator_rng = rng_seeded(~seed),
                .n_servers = n_servers };

        for (int i = 0; i < n_servers; i++)
                w.servers[i] = (WorldServer){ .delay = 200e-6,
                        .jitter = 10e-6,
                        .root_delay = 1e-3,
                        .root_dispersion = 1e-3,
                        .closest = 1e9 };
        return w;
}

static int64_t true_nsec(double at)
{
        return WORLD_START_NSEC + (int64_t) (at * 1e9);
}

int64_t world_local_nsec(const World *w)
{
        return true_nsec(w->now) + llrint(w->clock_error * 1e9);
}

/* Once a second, whoever asks in between. */
static void tick(World *w)
{
        w->frequency += w->wander * gauss(&w->oscillator_rng);
        if (w->change_at > w->now - 1 && w->change_at <= w->now)
                w->frequency += w->change;
        if (w->now < w->late_from)
                return;
        w->worst_late = fmax(w->worst_late, fabs(w->clock_error));
        w->sum2_late += w->clock_error * w->clock_error;
        w->n_late++;
}

void world_advance(World *w, double to)
{
        while (w->now < to) {
                double second = floor(w->now) + 1, next = fmin(second, to);

                w->clock_error +=
                        (next - w->now) *
                        (w->frequency + w->rate + w->daily * sin(2 * M_PI * w->now / 86400));
                w->now = next;
                if (fabs(w->clock_error) >= 0.05)
                        w->within_50ms_at = w->now;
                if (next == second)
                        tick(w);
        }
}

double world_rms_late(const World *w)
{
        return w->n_late > 0 ? sqrt(w->sum2_late / w->n_late) : 0;
}

static double network_delay(World *w, const WorldServer *s, double share)
{
        /* mostly quick, sometimes queued: an exponential tail */
        double delay = s->delay * share + s->jitter * -log(1 - uniform(&w->network_rng) * 0.999999);

        /* What a busy machine does to it has no mean to speak of: Pareto's tail, cut at a second.
         */
        if (s->busy > 0 && uniform(&w->network_rng) < s->busy)
                delay += fmin(s->stall * (pow(1 - uniform(&w->network_rng), -1 / 1.2) - 1), 1);
        return delay;
}

bool world_ask(World *w, int server, const void *request, size_t size, WorldReply *ret)
{
        WorldServer *s = &w->servers[server];
        double there, error, left;
        bool moved = s->restless && fmod(w->now, 43200) >= 21600;
        Reader r = READER_INIT(request, size);
        NtpMessage m, q;
        Writer out = WRITER_INIT(ret->data, sizeof(ret->data));

        if (ntp_message_read(&r, &q) < 0)
                return false;
        s->requests++;
        s->closest = s->requests > 1 ? fmin(s->closest, w->now - s->last_request) : 1e9;
        s->last_request = w->now;
        if (uniform(&w->network_rng) < s->loss || (w->now >= s->dead_from && w->now < s->dead_to))
                return false;
        there = w->now + network_delay(w, s, s->asymmetry > 0 ? s->asymmetry : 0.5);
        left = there + 20e-6 + s->way_out;
        if (s->late > 0)
                left += s->late * -log(1 - uniform(&w->network_rng) * 0.999999);
        ret->at = left + network_delay(w, s, s->asymmetry > 0 ? 1 - s->asymmetry : 0.5);
        error = s->error + (s->step_at > 0 && there >= s->step_at ? s->step : 0);
        m = (NtpMessage){ .leap = s->leap,
                .version = 4,
                .mode = NTP_MODE_SERVER,
                .stratum = s->kiss ? 0 : (uint8_t) ((s->stratum ? s->stratum : 2) + moved),
                .poll = q.poll,
                .precision = -23,
                .root_delay = (uint32_t) ((s->root_delay + (moved ? 0.05 : 0)) * 65536),
                .root_dispersion = (uint32_t) (s->root_dispersion * 65536),
                .reference_id = 0x0a000001u + (uint32_t) server,
                .reference = ntp_time_from_nsec(true_nsec(there + error - 1)),
                .origin = q.transmit,
                .receive = ntp_time_from_nsec(true_nsec(there + error)),
                .transmit = ntp_time_from_nsec(true_nsec(there + error + 20e-6)) };
        if (s->interleaved && q.origin != 0 && q.origin == s->answered_receive &&
                q.receive != q.transmit) {
                m.origin = q.receive;
                m.transmit = s->answered_left;
        }
        s->answered_receive = m.receive;
        s->answered_left = ntp_time_from_nsec(true_nsec(left + error));
        if (s->kiss)
                for (int i = 0; i < 4; i++)
                        m.reference_id = m.reference_id << 8 | (uint8_t) s->kiss[i];
        ntp_message_write(&out, &m);
        if (s->key && ntp_mac_write(&out, s->key) < 0)
                return false;
        ret->size = out.pos;
        return true;
}

const Week weeks[WEEKS] = {
        { "a quiet LAN", 1, { .delay = 200e-6, .jitter = 10e-6 }, .wander = 1e-9, .bound = 3e-3 },
        { "a busy LAN", 1, { .delay = 500e-6, .jitter = 500e-6 }, .wander = 1e-9, .bound = 10e-3 },
        { "the internet", 4, { .delay = 30e-3, .jitter = 1e-3 }, .wander = 2e-9, .bound = 10e-3 },
        { "a mobile network", 3, { .delay = 80e-3, .jitter = 15e-3, .loss = 0.1 }, .wander = 2e-9,
                .bound = 60e-3 },
        { "a third is lost", 3, { .delay = 10e-3, .jitter = 1e-3, .loss = 0.33 }, .wander = 2e-9,
                .bound = 10e-3 },
        { "two thirds of the way one way", 1,
                { .delay = 20e-3, .jitter = 200e-6, .asymmetry = 0.667 }, .wander = 1e-9,
                .bound = 10e-3 },
        { "day and night", 3, { .delay = 5e-3, .jitter = 200e-6 }, .wander = 1e-9, .daily = 1e-6,
                .bound = 10e-3 },
        { "a step of temperature", 3, { .delay = 5e-3, .jitter = 200e-6 }, .wander = 1e-9,
                .change = 3e-6, .bound = 40e-3 },
        { "one liar of four", 4, { .delay = 5e-3, .jitter = 200e-6 }, .wander = 1e-9,
                .first_error = 0.2, .bound = 10e-3 },
        { "servers of changing stratum", 3, { .delay = 5e-3, .jitter = 200e-6, .restless = true },
                .wander = 1e-9, .bound = 10e-3 },
        { "a busy machine", 1, { .delay = 100e-6, .jitter = 10e-6, .busy = 0.3, .stall = 1e-3 },
                .wander = 1e-9, .bound = 100e-3 },
        { "a busy machine, the beginning", 1,
                { .delay = 100e-6, .jitter = 10e-6, .busy = 0.3, .stall = 1e-3 }, .wander = 1e-9,
                .bound = 100e-3, .lasts = 150 },
        { "a quiet LAN, the beginning", 1, { .delay = 200e-6, .jitter = 10e-6 }, .wander = 1e-9,
                .bound = 3e-3, .lasts = 150 },
        { "beside the server, the beginning", 1,
                { .delay = 3e-6, .jitter = 150e-9, .way_out = 5.5e-6, .late = 2.7e-6 },
                .wander = 1e-9, .bound = 1e-3, .lasts = 150, .way_out = 15e-6 },
};

double week_sec(const Week *week)
{
        return week->lasts > 0 ? week->lasts : 7 * 86400.0;
}

World week_begin(const Week *week, uint64_t seed)
{
        World w = world_init(seed, week->servers);

        for (int i = 0; i < week->servers; i++) {
                w.servers[i] = week->server;
                w.servers[i].root_delay = w.servers[i].root_dispersion = 1e-3;
                w.servers[i].delay *= 1 + 0.2 * i;
        }
        w.servers[0].error = week->first_error;
        w.clock_error = 0.02;
        w.frequency = 12e-6;
        w.wander = week->wander;
        w.daily = week->daily;
        w.change_at = 3 * 86400;
        w.change = week->change;
        w.way_out = week->way_out;
        w.late_from = week->lasts > 0 ? week->lasts - 60 : 3600;
        return w;
}
