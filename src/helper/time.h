/* SPDX-License-Identifier: MIT */
#pragma once
/* True time: proto/ntp-* bound to sockets, the resolver and the kernel's clock. Thread 0 only. */
#include "helper/resolver.h"

typedef struct TimeClient TimeClient;
typedef struct TimeWatch TimeWatch;

typedef enum TimeConfidence {
        TIME_CONFIDENCE_NONE,
        TIME_CONFIDENCE_FLOOR,
        TIME_CONFIDENCE_AGREED,
        TIME_CONFIDENCE_AUTHENTICATED,
        _TIME_CONFIDENCE_MAX,
} TimeConfidence;
const char *time_confidence_to_string(TimeConfidence c);

/* As on org.lwsd1.Time; strings live until the loop turns. */
typedef struct TimeStatus TimeStatus;
struct TimeStatus {
        bool synchronized;
        TimeConfidence confidence;
        const char *server_name;
        IpAddr server_address;
        int64_t offset_usec;
        uint64_t delay_usec, jitter_usec, root_distance_usec;
        uint32_t stratum, leap;
        usec_t poll_interval_usec;
        bool authenticated;
        usec_t last_sync_usec; /* CLOCK_REALTIME; 0: never */
        bool observing;        /* another daemon owns the clock */
};

typedef struct TimeSource TimeSource;
struct TimeSource {
        const char *name;
        IpAddr address;
        uint32_t stratum;
        int64_t offset_usec;
        uint64_t delay_usec;
        uint8_t reach;
        bool selected;
        bool interleaved;    /* what its last answer was */
        const char *verdict; /* "selected", "falseticker", "unreachable", ... for lwsctl time */
};

struct TimeWatch {
        List link;
        void (*changed)(TimeWatch *watch);
        void (*stepped)(TimeWatch *watch, int64_t usec);
};

/* Takes the requirement hold of TIME_VALID, and asks the servers whose addresses are known. */
int time_client_new(TimeClient **ret, Network *network, const Settings *settings);
/* Names are looked up from here on. */
void time_client_set_resolver(TimeClient *tc, Resolver *resolver);
TimeClient *time_client_free(TimeClient *tc);
DEFINE_CLEANUP(TimeClient, time_client_free)
int time_client_reload(TimeClient *tc, const Settings *settings);

void time_client_watch_link(TimeClient *tc, TimeWatch *watch);
void time_client_watch_unlink(TimeWatch *watch);
/* Where the clock turns out to have been moved, that is seen to at the next turn of the loop. */
void time_client_status(TimeClient *tc, TimeStatus *ret);
/* Source `i`, or false behind the last. */
bool time_client_source(const TimeClient *tc, size_t i, TimeSource *ret);
/* Asks all sources now (bounded by REQ_NTP 16). */
int time_client_synchronize(TimeClient *tc);
