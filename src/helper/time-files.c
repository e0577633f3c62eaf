/* SPDX-License-Identifier: MIT */
#include "helper/time-files.h"
#include "config.h"
#include "proto/ntp-time.h"
#include "util/fd.h"
#include "util/log.h"
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CLOCK_EPOCH      "/usr/lib/clock-epoch"
#define CLOCK_FILE       "clock"
#define DRIFT_FILE       "drift"
#define SERVERS_FILE     "time-servers"
#define CLOCK_SAVE_USEC  (10 * USEC_PER_MIN)
#define DRIFT_SAVE_USEC  USEC_PER_HOUR
#define SERVERS_FILE_MAX 16384
#define DRIFT_MAX_PPM    500

void time_files_init(TimeFiles *f, const char *state_dir)
{
        *f = (TimeFiles){ .dirfd = -EBADF };
        if (state_dir)
                f->dirfd = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (f->dirfd < 0)
                f->dirfd = -EBADF;
}

void time_files_deinit(TimeFiles *f)
{
        f->dirfd = fd_close(f->dirfd);
}

static void complain(TimeFiles *f, const char *name, int error)
{
        if (!f->complained)
                log_warning("time: cannot save %s: %s; it will be missed after a restart", name,
                        strerror(error));
        f->complained = true;
}

void time_files_write(TimeFiles *f, const char *name, const void *data, size_t size, unsigned mode)
{
        int r;

        if (f->dirfd < 0)
                return;
        r = file_write_atomic(f->dirfd, name, data, size, mode);
        if (r < 0)
                complain(f, name, -r);
}

static void save(TimeFiles *f, const char *name, const char *text)
{
        time_files_write(f, name, text, strlen(text), 0644);
}

/* -- The clock ------------------------------------------------------------------------------ */

int64_t time_files_build_nsec(void)
{
        return (int64_t) BUILD_EPOCH_SEC * NTP_NSEC_PER_SEC;
}

static int64_t modified_nsec(const struct stat *st)
{
        return (int64_t) st->st_mtim.tv_sec * NTP_NSEC_PER_SEC + st->st_mtim.tv_nsec;
}

int64_t time_files_floor_nsec(const TimeFiles *f)
{
        int64_t floor = time_files_build_nsec();
        struct stat st;

        if (stat(CLOCK_EPOCH, &st) == 0)
                floor = MAX(floor, modified_nsec(&st));
        if (f->dirfd >= 0 && fstatat(f->dirfd, CLOCK_FILE, &st, AT_SYMLINK_NOFOLLOW) == 0)
                floor = MAX(floor, modified_nsec(&st));
        return floor;
}

void time_files_save_clock(TimeFiles *f, usec_t now, bool force)
{
        _cleanup_fd_ int fd = -EBADF;
        struct timespec times[2];

        if (f->dirfd < 0)
                return;
        if (!force && f->clock_saved_at != 0 && now < usec_add(f->clock_saved_at, CLOCK_SAVE_USEC))
                return;
        f->clock_saved_at = now;
        fd = openat(f->dirfd, CLOCK_FILE, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
        if (fd < 0) {
                complain(f, CLOCK_FILE, errno);
                return;
        }
        /* Written in full rather than "now": a clock that only we see as set is no concern of the
         * file system's. */
        (void) clock_gettime(CLOCK_REALTIME, &times[0]);
        times[1] = times[0];
        if (futimens(fd, times) < 0)
                complain(f, CLOCK_FILE, errno);
}

/* -- The oscillator ------------------------------------------------------------------------- */

bool time_files_drift(const TimeFiles *f, double *ret_frequency, double *ret_sd)
{
        _cleanup_(freep) char *text = NULL;
        double ppm, sd;
        size_t size;

        if (f->dirfd < 0 || file_read(f->dirfd, DRIFT_FILE, 128, &text, &size) < 0)
                return false;
        if (sscanf(text, "%lf %lf", &ppm, &sd) != 2 || !isfinite(ppm) || !isfinite(sd))
                return false;
        if (fabs(ppm) > DRIFT_MAX_PPM || sd < 0 || sd > DRIFT_MAX_PPM)
                return false;
        *ret_frequency = ppm * 1e-6;
        *ret_sd = sd * 1e-6;
        return true;
}

void time_files_save_drift(TimeFiles *f, usec_t now, double frequency, double sd, bool force)
{
        char text[64];

        if (!force && f->drift_saved_at != 0 && now < usec_add(f->drift_saved_at, DRIFT_SAVE_USEC))
                return;
        f->drift_saved_at = now;
        snprintf(text, sizeof(text), "%.6f %.6f\n", frequency * 1e6, sd * 1e6);
        save(f, DRIFT_FILE, text);
}

/* -- The servers ---------------------------------------------------------------------------- */

static void load_line(TimeFiles *f, const char *line)
{
        TimeRemembered item = { 0 };
        char endpoint[ENDPOINT_STRLEN];

        /* both sizes are in the structures above */
        if (f->n_remembered == TIME_REMEMBERED_MAX ||
                sscanf(line, "%255s %299s", item.host, endpoint) != 2 ||
                endpoint_parse(endpoint, &item.endpoint) < 0)
                return;
        f->remembered[f->n_remembered++] = item;
}

void time_files_load_servers(TimeFiles *f)
{
        _cleanup_(freep) char *text = NULL;
        char *save_ptr = NULL;
        size_t size;

        f->n_remembered = 0;
        if (f->dirfd < 0 || file_read(f->dirfd, SERVERS_FILE, SERVERS_FILE_MAX, &text, &size) < 0)
                return;
        for (char *line = strtok_r(text, "\n", &save_ptr); line;
                line = strtok_r(NULL, "\n", &save_ptr))
                load_line(f, line);
}

static bool same_list(const TimeFiles *f, const TimeRemembered *items, size_t n)
{
        if (n != f->n_remembered)
                return false;
        for (size_t i = 0; i < n; i++)
                if (strcmp(items[i].host, f->remembered[i].host) != 0 ||
                        !endpoint_equal(&items[i].endpoint, &f->remembered[i].endpoint))
                        return false;
        return true;
}

void time_files_remember(TimeFiles *f, const TimeRemembered *items, size_t n)
{
        char text[SERVERS_FILE_MAX / 2] = "", endpoint[ENDPOINT_STRLEN];
        size_t pos = 0;

        n = MIN(n, (size_t) TIME_REMEMBERED_MAX);
        if (same_list(f, items, n))
                return;
        memmove(f->remembered, items, n * sizeof(items[0]));
        f->n_remembered = n;
        for (size_t i = 0; i < n; i++) {
                int len = snprintf(text + pos, sizeof(text) - pos, "%s %s\n", items[i].host,
                        endpoint_format(&items[i].endpoint, endpoint));

                if (len < 0 || (size_t) len >= sizeof(text) - pos)
                        break;
                pos += (size_t) len;
        }
        text[pos] = 0;
        save(f, SERVERS_FILE, text);
}
