/* SPDX-License-Identifier: MIT */
/*
 * A preload that gives a program a realtime clock of its own, so that a test may step and steer it
 * while the machine's goes on. LD_PRELOAD it with
 *   FAKECLOCK_STATE  a file that is mapped: see struct State; made if absent
 *   FAKECLOCK_OFFSET seconds it is ahead at first (may be negative or years)
 *   FAKECLOCK_PPM    how much too fast its oscillator is
 *   FAKECLOCK_DENY   set: nobody may set or steer it
 * The clock is advanced by CLOCK_MONOTONIC_RAW, inserts and deletes leap seconds as STA_INS and
 * STA_DEL say, and kernel time stamps of packets are translated.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#define NSEC INT64_C(1000000000)
#define DAY  (86400 * NSEC)

/* What a test may read, and write to be the somebody else: struct.unpack("<qqddqqqqqq"). */
struct State {
        int64_t raw_nsec, fake_nsec; /* the two clocks at the last change */
        double oscillator, rate;     /* fractions */
        int64_t steps, adjustments, status, maxerror;
        int64_t leap_nsec, leaps; /* when one is due (0: none), how many there were */
};

static struct State *state, fallback;
static struct timex settings = { .tick = 10000, .maxerror = 16000000 };

static int real_gettime(clockid_t id, struct timespec *ts)
{
        static int (*fn)(clockid_t, struct timespec *);

        if (!fn)
                *(void **) &fn = dlsym(RTLD_NEXT, "clock_gettime");
        return fn(id, ts);
}

static int64_t read_clock(clockid_t id)
{
        struct timespec ts = { 0 };

        (void) real_gettime(id, &ts);
        return ts.tv_sec * NSEC + ts.tv_nsec;
}

static void prepare(void)
{
        const char *path = getenv("FAKECLOCK_STATE"), *offset = getenv("FAKECLOCK_OFFSET");
        const char *ppm = getenv("FAKECLOCK_PPM");
        int fd;

        if (state)
                return;
        state = &fallback;
        fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644) : -1;
        if (fd >= 0 && ftruncate(fd, 4096) == 0) {
                void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

                if (p != MAP_FAILED)
                        state = p;
                close(fd);
        }
        if (state->raw_nsec != 0)
                return;
        state->raw_nsec = read_clock(CLOCK_MONOTONIC_RAW);
        state->fake_nsec = read_clock(CLOCK_REALTIME);
        if (offset)
                state->fake_nsec += (int64_t) (atof(offset) * 1e9);
        if (ppm)
                state->oscillator = atof(ppm) * 1e-6;
        state->status = STA_UNSYNC;
}

static int64_t fake_at(int64_t raw)
{
        double passed = (double) (raw - state->raw_nsec);

        return state->fake_nsec + (raw - state->raw_nsec) +
               (int64_t) (passed * (state->oscillator + state->rate));
}

static void rebase(int64_t by)
{
        int64_t raw = read_clock(CLOCK_MONOTONIC_RAW);

        state->fake_nsec = fake_at(raw) + by;
        state->raw_nsec = raw;
}

static int64_t fake_now(void)
{
        int64_t now;

        prepare();
        now = fake_at(read_clock(CLOCK_MONOTONIC_RAW));
        if (state->leap_nsec == 0 || now < state->leap_nsec)
                return now;
        state->leap_nsec = 0;
        state->leaps++;
        rebase(state->status & STA_INS ? -NSEC : NSEC);
        return state->fake_nsec;
}

/* The end of the day of `now`, or the second before it that is left out. */
static void plan_leap(int64_t now, int status)
{
        int64_t midnight = (now / DAY + 1) * DAY;

        if ((status & (STA_INS | STA_DEL)) == (state->status & (STA_INS | STA_DEL)))
                return;
        state->leap_nsec = status & STA_INS ? midnight : status & STA_DEL ? midnight - NSEC : 0;
}

int clock_gettime(clockid_t id, struct timespec *ts)
{
        int64_t now;

        if (id != CLOCK_REALTIME && id != CLOCK_REALTIME_COARSE)
                return real_gettime(id, ts);
        now = fake_now();
        ts->tv_sec = now / NSEC;
        ts->tv_nsec = now % NSEC;
        return 0;
}

int gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
        int64_t now = fake_now();

        tv->tv_sec = now / NSEC;
        tv->tv_usec = now % NSEC / 1000;
        return 0;
}

time_t time(time_t *t)
{
        time_t now = fake_now() / NSEC;

        if (t)
                *t = now;
        return now;
}

static int denied(void)
{
        if (!getenv("FAKECLOCK_DENY"))
                return 0;
        errno = EPERM;
        return 1;
}

int clock_settime(clockid_t id, const struct timespec *ts)
{
        if (denied())
                return -1;
        rebase(ts->tv_sec * NSEC + ts->tv_nsec - fake_now());
        state->steps++;
        return 0;
}

int clock_adjtime(clockid_t id, struct timex *tx)
{
        int64_t now = fake_now();

        if (tx->modes && denied())
                return -1;
        if (tx->modes & ADJ_SETOFFSET) {
                rebase(tx->time.tv_sec * NSEC +
                        tx->time.tv_usec * (tx->modes & ADJ_NANO ? 1 : 1000));
                state->steps++;
        }
        if (tx->modes & ADJ_FREQUENCY)
                settings.freq = tx->freq;
        if (tx->modes & ADJ_TICK)
                settings.tick = tx->tick;
        if (tx->modes & ADJ_STATUS) {
                plan_leap(now, tx->status);
                state->status = tx->status;
        }
        if (tx->modes & ADJ_MAXERROR)
                settings.maxerror = tx->maxerror;
        if (tx->modes & ADJ_ESTERROR)
                settings.esterror = tx->esterror;
        if (tx->modes & (ADJ_FREQUENCY | ADJ_TICK)) {
                rebase(0);
                state->rate =
                        (double) settings.freq / 65536e6 + (double) (settings.tick - 10000) * 1e-4;
        }
        state->adjustments += tx->modes != 0;
        settings.status = (int) state->status;
        state->maxerror = settings.maxerror;
        settings.time.tv_sec = now / NSEC;
        settings.time.tv_usec = now % NSEC / 1000;
        *tx = settings;
        return settings.status & STA_UNSYNC ? TIME_ERROR : TIME_OK;
}

int adjtimex(struct timex *tx)
{
        return clock_adjtime(CLOCK_REALTIME, tx);
}

int ntp_adjtime(struct timex *tx)
{
        return clock_adjtime(CLOCK_REALTIME, tx);
}

int settimeofday(const struct timeval *tv, const struct timezone *tz)
{
        return clock_settime(CLOCK_REALTIME, &(struct timespec){ tv->tv_sec, tv->tv_usec * 1000 });
}

static void translate(struct timespec *ts)
{
        /* how long ago that was is the same on both clocks */
        int64_t stamp = ts->tv_sec * NSEC + ts->tv_nsec, before, fake, t;

        if (ts->tv_sec == 0)
                return;
        before = read_clock(CLOCK_REALTIME);
        fake = fake_now();
        /* the stand-in is read in the middle between the two */
        t = fake + stamp - before - (read_clock(CLOCK_REALTIME) - before) / 2;
        ts->tv_sec = t / NSEC;
        ts->tv_nsec = t % NSEC;
}

static void translate_message(struct msghdr *msg)
{
        for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
                struct timespec ts;

                if (c->cmsg_level != SOL_SOCKET ||
                        (c->cmsg_type != SO_TIMESTAMPNS && c->cmsg_type != SO_TIMESTAMPING))
                        continue;
                /* the first of three, where there are three */
                memcpy(&ts, CMSG_DATA(c), sizeof(ts));
                translate(&ts);
                memcpy(CMSG_DATA(c), &ts, sizeof(ts));
        }
}

ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
        static ssize_t (*fn)(int, struct msghdr *, int);
        ssize_t n;

        if (!fn)
                *(void **) &fn = dlsym(RTLD_NEXT, "recvmsg");
        n = fn(fd, msg, flags);
        if (n >= 0)
                translate_message(msg);
        return n;
}

/* chronyd's way of receiving */
int recvmmsg(int fd, struct mmsghdr *msgs, unsigned n_msgs, int flags, struct timespec *timeout)
{
        static int (*fn)(int, struct mmsghdr *, unsigned, int, struct timespec *);
        int n;

        if (!fn)
                *(void **) &fn = dlsym(RTLD_NEXT, "recvmmsg");
        n = fn(fd, msgs, n_msgs, flags, timeout);
        for (int i = 0; i < n; i++)
                translate_message(&msgs[i].msg_hdr);
        return n;
}
