/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * A simulated world for a time client: an oscillator that is off and wanders, a network that delays
 * and loses, servers that are right, wrong, or change their mind. It knows nothing of the client;
 * times are true seconds since the start. The path of the oscillator depends on the seed alone, so
 * that several clients can be led along the same one.
 */
#include "proto/ntp-source.h"

#define WORLD_START_NSEC  (INT64_C(1800000000) * NTP_NSEC_PER_SEC) /* 2027 */
#define WORLD_SERVERS_MAX 8

typedef struct WorldServer WorldServer;
struct WorldServer {
        double error, delay, jitter, asymmetry, loss; /* seconds; asymmetry and loss 0..1 */
        double busy,
                stall; /* a share of the ways takes longer, by mostly this and sometimes by much */
        double step_at, step; /* changes its mind by `step` */
        double dead_from, dead_to;
        double root_delay, root_dispersion;
        uint8_t stratum, leap;
        bool restless; /* every six hours another stratum and root delay */
        const char *kiss;
        const NtpKey *key; /* what it seals with; NULL: nothing */
        double way_out;    /* an answer leaves later than it says, by this */
        double late;       /* and in the mean by that much more */
        bool interleaved;  /* and the next one tells when it did (RFC 9769) */
        NtpTime answered_receive, answered_left;
        uint64_t requests;
        double last_request, closest;
};

typedef struct World World;
struct World {
        double now;
        double clock_error;       /* the client's clock minus true time */
        double frequency;         /* of the oscillator */
        double wander;            /* random walk per root second */
        double change_at, change; /* a temperature step */
        double daily;             /* by day and night: how far the frequency goes up and down */
        double rate;              /* what the client lets the kernel add */
        double way_out;           /* of its requests; 0: not stamped as they leave */
        WorldServer servers[WORLD_SERVERS_MAX];
        int n_servers;
        Rng network_rng, oscillator_rng;
        /* how far off the clock was, from late_from on */
        double within_50ms_at, worst_late, sum2_late, late_from;
        unsigned n_late;
};

World world_init(uint64_t seed, int n_servers);
/* Lets time pass until then. */
void world_advance(World *w, double to);
/* What the client's clock shows. */
int64_t world_local_nsec(const World *w);
double world_rms_late(const World *w);

typedef struct WorldReply WorldReply;
struct WorldReply {
        double at; /* when it arrives */
        uint8_t data[NTP_PACKET_MAX];
        size_t size;
};
/* What a server says to a request that goes out now; false: nothing. */
bool world_ask(World *w, int server, const void *request, size_t size, WorldReply *ret);

/* Weeks of every kind, and some beginnings: how far off the clock is from the second hour on, or in
 * the last minute of `lasts`. */
typedef struct Week Week;
struct Week {
        const char *name;
        int servers;
        WorldServer server;
        double wander, daily, change;
        double first_error; /* of the first server */
        double way_out;     /* of the client's requests */
        double bound;       /* of the worst error; generous: the figure is what is printed */
        double lasts;       /* 0: a week */
};

#define WEEKS 14
double week_sec(const Week *week);
extern const Week weeks[WEEKS];
World week_begin(const Week *week, uint64_t seed);
