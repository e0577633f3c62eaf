/* SPDX-License-Identifier: MIT */
/*
 * The NTP machine in a simulated world: an oscillator that is off and wanders, a network that
 * delays and loses, servers that are right, wrong, or change their mind. Each scenario prints how
 * far the clock was off.
 */
#include "lib/suite.h"
#include "proto/ntp-client.h"
#include <string.h>

#define START_NSEC  (INT64_C(1800000000) * NTP_NSEC_PER_SEC) /* 2027 */
#define BUILD_NSEC  (INT64_C(1790000000) * NTP_NSEC_PER_SEC)
#define PACKETS_MAX 64

typedef struct SimServer SimServer;
struct SimServer {
        double error, delay, jitter, asymmetry, loss; /* seconds; asymmetry and loss 0..1 */
        double step_at, step;                         /* changes its mind by `step` */
        double dead_from, dead_to;
        double root_delay, root_dispersion;
        uint8_t stratum, leap;
        bool restless; /* every six hours another stratum and root delay */
        const char *kiss;
        uint64_t requests;
        double last_request, closest;
};

typedef struct SimPacket SimPacket;
struct SimPacket {
        double at; /* arrival of the answer; 0: free */
        int id;
        uint8_t data[NTP_PACKET_MAX];
        size_t size;
};

typedef struct Sim Sim;
struct Sim {
        double now;               /* true seconds since the start */
        double clock_error;       /* our clock minus true time */
        double frequency;         /* of the oscillator */
        double wander;            /* random walk per root second */
        double change_at, change; /* a temperature step */
        double daily;             /* by day and night: how far the frequency goes up and down */
        double rate;
        bool denied; /* the kernel refuses */
        SimServer servers[8];
        int n_servers;
        int server_of[NTP_MAX_SOURCES];
        SimPacket packets[PACKETS_MAX];
        NtpClient *client;
        NtpConfig config;
        Rng rng;
        /* results */
        int steps;
        double synced_at, within_50ms_at, stepped_total;
        double worst_late, sum2_late;
        unsigned n_late;
        double late_from;
        uint8_t leap;
        double max_rate;
};

static double uniform(Sim *sim)
{
        return (double) (rng_u64(&sim->rng) >> 11) / 9007199254740992.0;
}

static double gauss(Sim *sim)
{
        double sum = 0;

        for (int i = 0; i < 12; i++)
                sum += uniform(sim);
        return sum - 6;
}

static usec_t boot(const Sim *sim)
{
        return (usec_t) (sim->now * 1e6) + 1000 * USEC_PER_SEC;
}

static int64_t true_nsec(double at)
{
        return START_NSEC + (int64_t) (at * 1e9);
}

static int64_t local_nsec(const Sim *sim)
{
        return true_nsec(sim->now) + llrint(sim->clock_error * 1e9);
}

static void advance(Sim *sim, double to)
{
        while (sim->now < to) {
                double dt = fmin(1.0, to - sim->now);

                sim->clock_error += dt * (sim->frequency + sim->rate +
                                                 sim->daily * sin(2 * M_PI * sim->now / 86400));
                sim->frequency += sim->wander * sqrt(dt) * gauss(sim);
                if (sim->change_at > sim->now && sim->change_at <= sim->now + dt)
                        sim->frequency += sim->change;
                sim->now += dt;
                if (fabs(sim->clock_error) >= 0.05)
                        sim->within_50ms_at = sim->now;
                if (sim->now >= sim->late_from) {
                        sim->worst_late = fmax(sim->worst_late, fabs(sim->clock_error));
                        sim->sum2_late += sim->clock_error * sim->clock_error;
                        sim->n_late++;
                }
        }
        sim->now = to;
}

static double network_delay(Sim *sim, const SimServer *s, double share)
{
        double u = uniform(sim);

        /* mostly quick, sometimes queued: an exponential tail */
        return s->delay * share + s->jitter * -log(1 - u * 0.999999);
}

static void answer(Sim *sim, int id, const uint8_t *request, size_t size)
{
        SimServer *s = &sim->servers[sim->server_of[id]];
        SimPacket *p = NULL;
        double there, error, back;
        bool moved;
        NtpMessage m, q;
        Reader r = READER_INIT(request, size);
        Writer w;

        ck_assert_int_eq(ntp_message_read(&r, &q), 0);
        s->requests++;
        s->closest = s->requests > 1 ? fmin(s->closest, sim->now - s->last_request) : 1e9;
        s->last_request = sim->now;
        if (uniform(sim) < s->loss || (sim->now >= s->dead_from && sim->now < s->dead_to))
                return;
        for (size_t i = 0; i < PACKETS_MAX && !p; i++)
                if (sim->packets[i].at == 0)
                        p = &sim->packets[i];
        ck_assert_ptr_nonnull(p);
        there = sim->now + network_delay(sim, s, s->asymmetry > 0 ? s->asymmetry : 0.5);
        back = there + 20e-6 + network_delay(sim, s, s->asymmetry > 0 ? 1 - s->asymmetry : 0.5);
        error = s->error + (s->step_at > 0 && there >= s->step_at ? s->step : 0);
        moved = s->restless && fmod(sim->now, 43200) >= 21600;
        m = (NtpMessage){ .leap = s->leap,
                .version = 4,
                .mode = NTP_MODE_SERVER,
                .stratum = s->kiss ? 0 : (uint8_t) ((s->stratum ? s->stratum : 2) + moved),
                .precision = -23,
                .root_delay = (uint32_t) ((s->root_delay + (moved ? 0.05 : 0)) * 65536),
                .root_dispersion = (uint32_t) (s->root_dispersion * 65536),
                .origin = q.transmit,
                .receive = ntp_time_from_nsec(true_nsec(there + error)),
                .transmit = ntp_time_from_nsec(true_nsec(there + error + 20e-6)) };
        if (s->kiss)
                for (int i = 0; i < 4; i++)
                        m.reference_id = m.reference_id << 8 | (uint8_t) s->kiss[i];
        w = WRITER_INIT(p->data, sizeof(p->data));
        ntp_message_write(&w, &m);
        p->size = w.pos;
        p->id = id;
        p->at = back;
}

static void handle_events(Sim *sim)
{
        NtpEvent e;

        while (ntp_client_pop_event(sim->client, &e)) {
                NtpAdjustment a = ntp_client_adjustment(sim->client);

                switch (e.type) {
                case NTP_EVENT_STEP:
                        if (!sim->denied) {
                                sim->clock_error += (double) e.offset_nsec * 1e-9;
                                sim->stepped_total += (double) e.offset_nsec * 1e-9;
                                sim->steps++;
                        }
                        ntp_client_stepped(sim->client, boot(sim), e.offset_nsec, !sim->denied);
                        break;
                case NTP_EVENT_ADJUST:
                        if (sim->config.control && !sim->denied)
                                sim->rate = a.rate;
                        sim->leap = a.leap;
                        sim->max_rate = fmax(sim->max_rate, fabs(a.rate));
                        break;
                case NTP_EVENT_STATE:
                        if (sim->client->state == NTP_STATE_SYNCED && sim->synced_at < 0)
                                sim->synced_at = sim->now;
                        break;
                case NTP_EVENT_GONE:
                        ntp_client_remove(sim->client, e.id);
                        break;
                case NTP_EVENT_SELECTED:
                case NTP_EVENT_NO_MAJORITY:
                case NTP_EVENT_PANIC:
                case NTP_EVENT_KISS:
                case NTP_EVENT_UNREACHABLE:
                case NTP_EVENT_KEYS:
                        break;
                }
        }
}

static void send_due(Sim *sim)
{
        uint8_t buf[NTP_PACKET_MAX];
        int id;

        ntp_client_timeout(sim->client, boot(sim));
        while ((id = ntp_client_due(sim->client, boot(sim))) >= 0) {
                Writer w = WRITER_INIT(buf, sizeof(buf));

                ck_assert_int_eq(ntp_client_request(sim->client, (unsigned) id, &w, boot(sim),
                                         local_nsec(sim)),
                        0);
                answer(sim, id, buf, w.pos);
        }
}

static void run(Sim *sim, double until)
{
        while (sim->now < until) {
                usec_t deadline = ntp_client_deadline(sim->client);
                double next = until;
                SimPacket *first = NULL;

                if (deadline != USEC_INFINITY)
                        next = fmin(next, ((double) deadline - 1e9) * 1e-6 + 1e-6);
                for (size_t i = 0; i < PACKETS_MAX; i++)
                        if (sim->packets[i].at > 0 && (!first || sim->packets[i].at < first->at))
                                first = &sim->packets[i];
                if (first && first->at <= next) {
                        advance(sim, first->at);
                        first->at = 0;
                        if (ntp_client_source(sim->client, (unsigned) first->id))
                                (void) ntp_client_receive(sim->client, (unsigned) first->id,
                                        first->data, first->size, boot(sim), local_nsec(sim));
                } else {
                        advance(sim, fmax(next, sim->now));
                        send_due(sim);
                }
                handle_events(sim);
        }
}

static Sim sim_init(uint64_t seed, int n_servers)
{
        Sim sim = { .rng = rng_seeded(seed), .n_servers = n_servers, .synced_at = -1 };

        sim.config = (NtpConfig){ .build_nsec = BUILD_NSEC,
                .floor_nsec = BUILD_NSEC,
                .poll_min = 6,
                .poll_max = 10,
                .min_sources = 1,
                .control = true,
                .frequency_sd = 100e-6 };
        for (int i = 0; i < n_servers; i++)
                sim.servers[i] = (SimServer){ .delay = 200e-6,
                        .jitter = 10e-6,
                        .root_delay = 1e-3,
                        .root_dispersion = 1e-3,
                        .closest = 1e9 };
        return sim;
}

static void sim_start(Sim *sim)
{
        char name[24];

        ck_assert_int_eq(ntp_client_new(&sim->client, &sim->config, boot(sim), &sim->rng), 0);
        for (int i = 0; i < sim->n_servers; i++) {
                int id;

                snprintf(name, sizeof(name), "server-%d", i);
                id = ntp_client_add(sim->client, name, false, boot(sim));
                ck_assert_int_ge(id, 0);
                sim->server_of[id] = i;
        }
}

static void sim_end(Sim *sim, const char *name)
{
        printf("%-32s synced %6.2f s, under 50 ms after %7.2f s, steps %d, end %9.1f us, "
               "late worst %9.1f us, rms %8.1f us, freq %+.3f ppm (true %+.3f)\n",
                name, sim->synced_at, sim->within_50ms_at, sim->steps, sim->clock_error * 1e6,
                sim->worst_late * 1e6, sim->n_late ? sqrt(sim->sum2_late / sim->n_late) * 1e6 : 0,
                sim->client->discipline.frequency * 1e6, -sim->frequency * 1e6);
        sim->client = ntp_client_free(sim->client);
}

START_TEST(a_right_clock_is_confirmed_by_the_first_answer)
{
        Sim sim = sim_init(test_seed(), 1);

        sim.clock_error = 0.02;
        sim_start(&sim);
        run(&sim, 0.01);
        ck_assert_double_lt(sim.synced_at, 0.005);
        ck_assert_double_ge(sim.synced_at, 0);
        sim_end(&sim, "confirm");
}
END_TEST

START_TEST(ten_seconds_off_is_stepped)
{
        for (int n = 1; n <= 4; n++) {
                for (int sign = -1; sign <= 1; sign += 2) {
                        Sim sim = sim_init(test_seed() + (uint64_t) n, n);

                        sim.clock_error = 10 * sign;
                        sim_start(&sim);
                        run(&sim, 40);
                        ck_assert_int_eq(sim.steps, 1);
                        ck_assert_double_lt(sim.within_50ms_at, n >= 2 ? 1.0 : 5.0);
                        ck_assert_double_lt(fabs(sim.clock_error), 1e-3);
                        sim_end(&sim, "ten seconds off");
                }
        }
}
END_TEST

START_TEST(sixty_milliseconds_and_40_ppm_are_slewed)
{
        for (int n = 1; n <= 3; n += 2) {
                Sim sim = sim_init(test_seed(), n);

                sim.clock_error = 0.06;
                sim.frequency = 40e-6;
                sim_start(&sim);
                run(&sim, 75);
                ck_assert_int_eq(sim.steps, 0);
                ck_assert_double_lt(fabs(sim.clock_error), 2e-3);
                sim_end(&sim, "60 ms and 40 ppm");
        }
}
END_TEST

START_TEST(a_quiet_lan_settles_well_below_a_millisecond)
{
        Sim sim = sim_init(test_seed(), 1);

        sim.clock_error = 0.01;
        sim.frequency = -23e-6;
        sim.wander = 1e-9;
        sim.late_from = 600;
        sim_start(&sim);
        run(&sim, 86400);
        ck_assert_double_lt(sim.worst_late, 500e-6);
        sim_end(&sim, "quiet LAN, a day");
}
END_TEST

START_TEST(one_liar_among_four_moves_nothing)
{
        const double lies[] = { 0.05, 5, 3600, -1e8 };

        for (size_t i = 0; i < ELEMENTSOF(lies); i++) {
                Sim sim = sim_init(test_seed() + i, 4);

                sim.servers[2].error = lies[i];
                sim.servers[2].stratum = 1;
                sim.servers[2].root_delay = sim.servers[2].root_dispersion = 0;
                sim.servers[2].delay = 50e-6; /* and the quickest to answer */
                sim.late_from = 1;
                sim.clock_error = 0.001;
                sim_start(&sim);
                run(&sim, 3600);
                ck_assert_int_eq(sim.steps, 0);
                ck_assert_double_lt(sim.worst_late, 3e-3);
                if (lies[i] > -1e6) /* that one is before the build: not even a candidate */
                        ck_assert_int_eq(sim.client->sources[2].verdict, NTP_VERDICT_FALSETICKER);
                sim_end(&sim, "one liar of four");
        }
}
END_TEST

START_TEST(two_that_differ_move_nothing)
{
        Sim sim = sim_init(test_seed(), 2);
        char why[128];

        sim.servers[1].error = 5;
        sim.clock_error = 20;
        sim_start(&sim);
        run(&sim, 3600);
        ck_assert_int_eq(sim.steps, 0);
        ck_assert_double_eq(sim.rate, 0);
        ck_assert_double_lt(sim.synced_at, 0);
        ck_assert_str_eq(ntp_client_waiting(sim.client, why, sizeof(why)), "no-majority");
        sim_end(&sim, "two that differ");
}
END_TEST

START_TEST(one_that_confirms_is_contradicted)
{
        for (int liar = 0; liar < 2; liar++) {
                Sim sim = sim_init(test_seed(), 2);

                sim.servers[liar].error = 5;
                sim.servers[!liar].delay = 50e-6; /* the first to answer */
                sim_start(&sim);
                run(&sim, 3600);
                ck_assert_int_eq(sim.client->state, NTP_STATE_STARTING);
                ck_assert(!ntp_client_adjustment(sim.client).synced);
                ck_assert_int_eq(sim.steps, 0);
                ck_assert_double_eq(sim.rate, 0);
                sim_end(&sim, "one of two confirms");
        }
}
END_TEST

START_TEST(a_server_that_jumps_is_refused_or_slewed)
{
        const double jumps[] = { 0.5, 20, 2000, -2000 };

        for (size_t i = 0; i < ELEMENTSOF(jumps); i++) {
                Sim sim = sim_init(test_seed(), 1);

                sim.servers[0].step_at = 1000;
                sim.servers[0].step = jumps[i];
                sim_start(&sim);
                run(&sim, 4000);
                ck_assert_int_eq(sim.steps, 0);
                ck_assert_double_lt(fabs(sim.rate), 501e-6);
                if (fabs(jumps[i]) > NTP_PANIC_SEC) {
                        ck_assert(sim.client->panicked);
                        ck_assert_double_lt(fabs(sim.clock_error), 1e-3);
                }
                sim_end(&sim, "server jumps");
        }
}
END_TEST

START_TEST(the_network_may_be_bad)
{
        Sim sim = sim_init(test_seed(), 4);

        for (int i = 0; i < 4; i++) {
                sim.servers[i].delay = 40e-3 + 10e-3 * i;
                sim.servers[i].jitter = 2e-3;
                sim.servers[i].loss = 0.3;
        }
        sim.clock_error = -0.05;
        sim.frequency = 60e-6;
        sim.wander = 2e-9;
        sim.late_from = 7200;
        sim_start(&sim);
        run(&sim, 2 * 86400);
        ck_assert_double_lt(sim.worst_late, 5e-3);
        ck_assert_double_ge(sim.servers[0].closest, 1);
        sim_end(&sim, "bad network, two days");
}
END_TEST

/* A week each: how far off the clock was from the second hour on, printed with the seed. */
typedef struct Week Week;
struct Week {
        const char *name;
        int servers;
        SimServer server;
        double wander, daily, change;
        double first_error; /* of the first server */
        double bound;       /* of the worst error; generous: the figure is what is printed */
};

static const Week weeks[] = {
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
};

static void run_week(const Week *w)
{
        Sim sim = sim_init(test_seed(), w->servers);

        for (int i = 0; i < w->servers; i++) {
                sim.servers[i] = w->server;
                sim.servers[i].root_delay = sim.servers[i].root_dispersion = 1e-3;
                sim.servers[i].delay *= 1 + 0.2 * i;
        }
        sim.servers[0].error = w->first_error;
        sim.clock_error = 0.02;
        sim.frequency = 12e-6;
        sim.wander = w->wander;
        sim.daily = w->daily;
        sim.change_at = 3 * 86400;
        sim.change = w->change;
        sim.late_from = 3600;
        sim_start(&sim);
        run(&sim, 7 * 86400);
        ck_assert_double_lt(sim.worst_late, w->bound);
        ck_assert_int_eq(sim.steps, 0);
        sim_end(&sim, w->name);
}

START_TEST(weeks_of_every_kind)
{
        for (size_t i = 0; i < ELEMENTSOF(weeks); i++)
                run_week(&weeks[i]);
}
END_TEST

START_TEST(a_crystal_beyond_500_ppm_does_not_wind_up)
{
        Sim sim = sim_init(test_seed(), 1);

        sim.frequency = 700e-6;
        sim.change_at = 4000;
        sim.change = -690e-6;
        sim_start(&sim);
        run(&sim, 4000);
        ck_assert_double_le(fabs(sim.client->discipline.frequency), 500.0001e-6);
        run(&sim, 16000);
        ck_assert_double_lt(fabs(sim.clock_error), 5e-3);
        sim_end(&sim, "700 ppm, then 10");
}
END_TEST

START_TEST(denied_by_the_kernel_it_measures)
{
        Sim sim = sim_init(test_seed(), 3);

        sim.denied = true;
        sim.clock_error = 10;
        sim.frequency = 5e-6;
        sim_start(&sim);
        run(&sim, 600);
        ck_assert_int_eq(sim.client->state, NTP_STATE_SYNCED);
        ck_assert_int_eq(sim.steps, 0);
        ck_assert_double_eq_tol(ntp_client_offset(sim.client, boot(&sim)), -sim.clock_error, 1e-3);
        sim_end(&sim, "measured only");
}
END_TEST

START_TEST(kisses_are_obeyed)
{
        Sim sim = sim_init(test_seed(), 2);

        sim.servers[0].kiss = "DENY";
        sim.servers[1].kiss = "RATE";
        sim_start(&sim);
        run(&sim, 3600);
        ck_assert_uint_eq(sim.servers[0].requests, 1);
        ck_assert_uint_le(sim.servers[1].requests, 6);
        ck_assert_double_ge(sim.servers[1].closest, 100);
        sim_end(&sim, "kisses");
}
END_TEST

START_TEST(silence_keeps_the_frequency_and_at_last_the_word)
{
        Sim sim = sim_init(test_seed(), 1);

        sim.frequency = 30e-6;
        sim.servers[0].dead_from = 3600;
        sim.servers[0].dead_to = 1e9;
        sim_start(&sim);
        run(&sim, 7200);
        ck_assert_int_eq(sim.client->state, NTP_STATE_SYNCED);
        ck_assert_double_lt(fabs(sim.clock_error), 2e-3);
        run(&sim, 43200);
        ck_assert_int_eq(sim.client->state, NTP_STATE_LOST);
        ck_assert_double_lt(fabs(sim.clock_error), 40e-3);
        sim_end(&sim, "silence");
}
END_TEST

START_TEST(somebody_else_sets_the_clock)
{
        Sim sim = sim_init(test_seed(), 1);

        sim_start(&sim);
        run(&sim, 2000);
        sim.clock_error += 4000;
        ntp_client_disturbed(sim.client, boot(&sim));
        handle_events(&sim);
        ck_assert_int_eq(sim.client->state, NTP_STATE_STARTING);
        run(&sim, 2010);
        ck_assert_int_eq(sim.client->state, NTP_STATE_SYNCED);
        ck_assert_double_lt(fabs(sim.clock_error), 1e-3);
        sim_end(&sim, "foreign step");
}
END_TEST

TEST_MAIN("ntp-sim", a_right_clock_is_confirmed_by_the_first_answer, ten_seconds_off_is_stepped,
        sixty_milliseconds_and_40_ppm_are_slewed, a_quiet_lan_settles_well_below_a_millisecond,
        one_liar_among_four_moves_nothing, two_that_differ_move_nothing,
        one_that_confirms_is_contradicted, a_server_that_jumps_is_refused_or_slewed,
        the_network_may_be_bad, weeks_of_every_kind, a_crystal_beyond_500_ppm_does_not_wind_up,
        denied_by_the_kernel_it_measures, kisses_are_obeyed,
        silence_keeps_the_frequency_and_at_last_the_word, somebody_else_sets_the_clock)
