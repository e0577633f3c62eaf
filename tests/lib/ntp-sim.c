/* SPDX-License-Identifier: MIT */
#include "lib/ntp-sim.h"
#include <stdio.h>
#include <stdlib.h>

usec_t sim_boottime(const Sim *sim)
{
        return (usec_t) (sim->world.now * 1e6) + 1000 * USEC_PER_SEC;
}

void sim_handle_events(Sim *sim)
{
        NtpEvent e;

        while (ntp_client_pop_event(sim->client, &e)) {
                NtpAdjustment a = ntp_client_adjustment(sim->client);

                switch (e.type) {
                case NTP_EVENT_STEP:
                        if (!sim->denied) {
                                sim->world.clock_error += (double) e.offset_nsec * 1e-9;
                                sim->stepped_total += (double) e.offset_nsec * 1e-9;
                                sim->steps++;
                        }
                        ntp_client_stepped(
                                sim->client, sim_boottime(sim), e.offset_nsec, !sim->denied);
                        break;
                case NTP_EVENT_ADJUST:
                        if (sim->config.control && !sim->denied)
                                sim->world.rate = a.rate;
                        sim->leap = a.leap;
                        sim->max_rate = fmax(sim->max_rate, fabs(a.rate));
                        break;
                case NTP_EVENT_STATE:
                        if (sim->client->state == NTP_STATE_SYNCED && sim->synced_at < 0)
                                sim->synced_at = sim->world.now;
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

static void ask(Sim *sim, int id)
{
        uint8_t buf[NTP_PACKET_MAX];
        Writer w = WRITER_INIT(buf, sizeof(buf));
        SimPacket *p = NULL;
        int r = ntp_client_request(
                sim->client, (unsigned) id, &w, sim_boottime(sim), world_local_nsec(&sim->world));

        for (size_t i = 0; i < SIM_PACKETS_MAX && !p; i++)
                if (sim->packets[i].reply.at == 0)
                        p = &sim->packets[i];
        if (r < 0 || !p)
                abort();
        if (sim->world.way_out > 0)
                ntp_client_transmitted(sim->client, (unsigned) id,
                        world_local_nsec(&sim->world) - llrint(sim->world.way_out * 1e9),
                        world_local_nsec(&sim->world));
        p->id = id;
        if (!world_ask(&sim->world, sim->server_of[id], buf, w.pos, &p->reply))
                p->reply.at = 0;
}

static void send_due(Sim *sim)
{
        int id;

        ntp_client_timeout(sim->client, sim_boottime(sim));
        while ((id = ntp_client_due(sim->client, sim_boottime(sim))) >= 0)
                ask(sim, id);
}

static SimPacket *first_packet(Sim *sim)
{
        SimPacket *first = NULL;

        for (size_t i = 0; i < SIM_PACKETS_MAX; i++) {
                SimPacket *p = &sim->packets[i];

                if (p->reply.at > 0 && (!first || p->reply.at < first->reply.at))
                        first = p;
        }
        return first;
}

void sim_run(Sim *sim, double until)
{
        while (sim->world.now < until) {
                usec_t deadline = ntp_client_deadline(sim->client);
                SimPacket *first = first_packet(sim);
                double next = until;

                if (deadline != USEC_INFINITY)
                        next = fmin(next, ((double) deadline - 1e9) * 1e-6 + 1e-6);
                if (first && first->reply.at <= next) {
                        world_advance(&sim->world, first->reply.at);
                        first->reply.at = 0;
                        if (ntp_client_source(sim->client, (unsigned) first->id))
                                (void) ntp_client_receive(sim->client, (unsigned) first->id,
                                        first->reply.data, first->reply.size, sim_boottime(sim),
                                        world_local_nsec(&sim->world));
                } else {
                        world_advance(&sim->world, fmax(next, sim->world.now));
                        send_due(sim);
                }
                sim_handle_events(sim);
        }
}

Sim sim_init(uint64_t seed, int n_servers)
{
        return (Sim){ .world = world_init(seed, n_servers),
                .rng = rng_seeded(seed + 1),
                .synced_at = -1,
                .config = { .build_nsec = SIM_BUILD_NSEC,
                        .floor_nsec = SIM_BUILD_NSEC,
                        .poll_min = 6,
                        .poll_max = 10,
                        .min_sources = 1,
                        .control = true,
                        .frequency_sd = 100e-6 } };
}

void sim_start(Sim *sim)
{
        char name[24];
        int r = ntp_client_new(&sim->client, &sim->config, sim_boottime(sim), &sim->rng);

        if (r < 0)
                abort();
        for (int i = 0; i < sim->world.n_servers; i++) {
                int id;

                snprintf(name, sizeof(name), "server-%d", i);
                id = ntp_client_add(sim->client, name, false, sim_boottime(sim));
                if (id < 0)
                        abort();
                if (sim->key_of[i])
                        ntp_client_set_key(sim->client, (unsigned) id, sim->key_of[i]);
                sim->server_of[id] = i;
        }
}

void sim_end(Sim *sim, const char *name)
{
        printf("%-32s synced %6.2f s, under 50 ms after %7.2f s, steps %d, end %9.1f us, "
               "late worst %9.1f us, rms %8.1f us, freq %+.3f ppm (true %+.3f)\n",
                name, sim->synced_at, sim->world.within_50ms_at, sim->steps,
                sim->world.clock_error * 1e6, sim->world.worst_late * 1e6,
                world_rms_late(&sim->world) * 1e6, sim->client->discipline.frequency * 1e6,
                -sim->world.frequency * 1e6);
        sim->client = ntp_client_free(sim->client);
}
