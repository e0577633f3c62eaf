/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What of time outlives a restart, in the state folder: when it last was (the mtime of "clock"),
 * how far the oscillator is off ("drift"), and which addresses gave time ("time-servers"). Losing
 * any of it costs a little speed at the next start and one log line now.
 */
#include "util/addr.h"
#include "util/clock.h"
#include <stdbool.h>

#define TIME_REMEMBERED_MAX 16

typedef struct TimeRemembered TimeRemembered;
struct TimeRemembered {
        char host[256];
        Endpoint endpoint;
};

typedef struct TimeFiles TimeFiles;
struct TimeFiles {
        int dirfd; /* -EBADF: nothing is kept */
        bool complained;
        usec_t clock_saved_at, drift_saved_at;
        TimeRemembered remembered[TIME_REMEMBERED_MAX];
        size_t n_remembered;
};

void time_files_init(TimeFiles *f, const char *state_dir);
/* Replaces a file of the state folder; a failure is told once. */
void time_files_write(TimeFiles *f, const char *name, const void *data, size_t size, unsigned mode);
void time_files_deinit(TimeFiles *f);

/* The later of the build, /usr/lib/clock-epoch and the last saved time, nanoseconds. */
int64_t time_files_floor_nsec(const TimeFiles *f);
int64_t time_files_build_nsec(void);
void time_files_save_clock(TimeFiles *f, usec_t now, bool force);

/* In fractions (1e-6: 1 ppm); false when there is none. */
bool time_files_drift(const TimeFiles *f, double *ret_frequency, double *ret_sd);
void time_files_save_drift(TimeFiles *f, usec_t now, double frequency, double sd, bool force);

/* Reads `remembered`. */
void time_files_load_servers(TimeFiles *f);
/* Replaces the list of what worked; written only when it changed. */
void time_files_remember(TimeFiles *f, const TimeRemembered *items, size_t n);
