/* SPDX-License-Identifier: MIT */
#include "helper/time-clock.h"
#include "util/fd.h"
#include "util/log.h"
#include <lwsd/lws-system.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <sys/timex.h>
#include <time.h>

#define TICK_NOMINAL   10000  /* microseconds in 1/100 s */
#define TICK_RATE      100e-6 /* what one more of them adds */
#define FREQUENCY_UNIT (65536.0 * 1e6)
/* A time stamp that no clock reaches. */
#define FAR_FUTURE_SEC INT64_C(9000000000)
#define MOVED_NSEC     (250 * INT64_C(1000000))
#define SET_NSEC       INT64_C(1000000)
#define SLEPT_NSEC     NTP_NSEC_PER_SEC

static int64_t read_nsec(clockid_t id)
{
        struct timespec ts = { 0 };

        (void) clock_gettime(id, &ts);
        return (int64_t) ts.tv_sec * NTP_NSEC_PER_SEC + ts.tv_nsec;
}

int64_t time_clock_now_nsec(void)
{
        return read_nsec(CLOCK_REALTIME);
}

TimeKernel time_clock_kernel(void)
{
        struct timex tx = { 0 };
        int state = clock_adjtime(CLOCK_REALTIME, &tx);

        if (state < 0)
                return (TimeKernel){ 0 };
        return (TimeKernel){
                .rate = (double) (tx.tick - TICK_NOMINAL) * TICK_RATE +
                        (double) tx.freq / FREQUENCY_UNIT,
                .synced = !(tx.status & STA_UNSYNC),
                .max_error = (double) tx.maxerror * 1e-6,
        };
}

/* -- Noticing ------------------------------------------------------------------------------- */

static TimeReading look(void)
{
        TimeReading r = { .real = read_nsec(CLOCK_REALTIME), .boot = read_nsec(CLOCK_BOOTTIME) };

        r.slept = r.boot - read_nsec(CLOCK_MONOTONIC);
        return r;
}

bool time_reading_differs(
        const TimeReading *before, const TimeReading *now, bool told, int64_t *ret_moved)
{
        int64_t passed = now->boot - before->boot, moved = now->real - before->real - passed;
        /* The kernel steers both alike, and a word of it means that something was. Without, the two
         * may drift apart by what a crystal may, should they be of different kinds. */
        int64_t tolerance = told ? SET_NSEC : MOVED_NSEC + passed / 1000;
        bool slept = now->slept - before->slept > SLEPT_NSEC;

        if (llabs(moved) <= tolerance && !slept)
                return false;
        *ret_moved = llabs(moved) > tolerance ? moved : 0;
        return true;
}

static void compare(TimeClock *clock, bool told)
{
        TimeReading before = clock->seen;
        int64_t moved;

        clock->seen = look();
        if (time_reading_differs(&before, &clock->seen, told, &moved))
                clock->moved(clock, moved, moved == 0);
}

void time_clock_check(TimeClock *clock)
{
        compare(clock, false);
}

bool time_clock_is_disturbed(const TimeClock *clock)
{
        TimeReading now = look();
        int64_t moved;

        return time_reading_differs(&clock->seen, &now, false, &moved);
}

static void arm(int fd)
{
        struct itimerspec spec = { .it_value.tv_sec = FAR_FUTURE_SEC };

        /* The first call may report a change that is being handled already. */
        for (int i = 0; i < 2; i++)
                if (timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &spec, NULL) ==
                        0)
                        break;
}

static void on_set(struct lws *wsi, uint32_t revents)
{
        TimeClock *clock = wsi_userdata(wsi);
        uint64_t count;

        (void) !read(wsi_fd(wsi), &count, sizeof(count));
        arm(wsi_fd(wsi));
        compare(clock, true);
}

int time_clock_init(TimeClock *clock, struct lws_context *cx,
        void (*moved)(TimeClock *clock, int64_t by_nsec, bool slept))
{
        _cleanup_fd_ int fd = -EBADF;
        int r;

        *clock = (TimeClock){ .cx = cx, .moved = moved, .tick = TICK_NOMINAL };
        clock->seen = look();
        fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
        if (fd < 0)
                return -errno;
        arm(fd);
        r = wsi_new(&clock->wsi, context_vhost_system(cx), context_thread(cx, 0), fd, EPOLLIN,
                on_set, clock);
        if (r < 0)
                return r;
        fd = -EBADF;
        return 0;
}

void time_clock_deinit(TimeClock *clock)
{
        clock->wsi = wsi_free(clock->wsi);
}

/* -- Moving --------------------------------------------------------------------------------- */

static int refused(TimeClock *clock, int error, const char *what)
{
        if (error == EPERM && !clock->denied) {
                clock->denied = true;
                log_warning("time: the kernel does not let us %s the clock (%s): "
                            "time is measured only",
                        what, strerror(error));
        } else if (error != EPERM) {
                log_error("time: cannot %s the clock: %s", what, strerror(error));
        }
        return -error;
}

static int set_by_user(TimeClock *clock, int64_t offset_nsec)
{
        int64_t target = time_clock_now_nsec() + offset_nsec;

        if (lws_system_get_ops(clock->cx)->set_clock((lws_usec_t) (target / NSEC_PER_USEC)) == 0)
                return 0;
        return refused(clock, errno == EPERM ? EPERM : EIO, "set");
}

static int set_by_kernel(TimeClock *clock, int64_t offset_nsec)
{
        struct timex tx = { .modes = ADJ_SETOFFSET | ADJ_NANO };
        int64_t sec = offset_nsec / NTP_NSEC_PER_SEC, nsec = offset_nsec % NTP_NSEC_PER_SEC;
        struct timespec ts;

        if (nsec < 0) {
                sec--;
                nsec += NTP_NSEC_PER_SEC;
        }
        tx.time.tv_sec = sec;
        tx.time.tv_usec = nsec;
        if (clock_adjtime(CLOCK_REALTIME, &tx) >= 0)
                return 0;
        if (errno == EPERM)
                return refused(clock, errno, "set");
        /* a kernel that cannot add may still be told what to show */
        offset_nsec += time_clock_now_nsec();
        ts = (struct timespec){ .tv_sec = offset_nsec / NTP_NSEC_PER_SEC,
                .tv_nsec = offset_nsec % NTP_NSEC_PER_SEC };
        return clock_settime(CLOCK_REALTIME, &ts) < 0 ? refused(clock, errno, "set") : 0;
}

int time_clock_step(TimeClock *clock, int64_t offset_nsec)
{
        int r;

        if (clock->denied)
                return -EPERM;
        r = lws_system_get_ops(clock->cx)->set_clock ? set_by_user(clock, offset_nsec)
                                                     : set_by_kernel(clock, offset_nsec);
        /* This change is ours: nobody is to be told of it. */
        if (clock->wsi)
                arm(wsi_fd(clock->wsi));
        clock->seen = look();
        return r;
}

void time_clock_take_over(TimeClock *clock)
{
        struct timex tx = { .modes = ADJ_OFFSET | ADJ_STATUS,
                .status = STA_PLL | STA_FREQHOLD | STA_UNSYNC };

        /* A phase-locked loop goes on with an offset it was once given until that is gone. */
        if (clock_adjtime(CLOCK_REALTIME, &tx) < 0) {
                (void) refused(clock, errno, "steer");
                return;
        }
        tx = (struct timex){ .modes = ADJ_STATUS, .status = STA_UNSYNC };
        (void) clock_adjtime(CLOCK_REALTIME, &tx);
        tx = (struct timex){ 0 };
        if (clock_adjtime(CLOCK_REALTIME, &tx) >= 0)
                clock->tick = tx.tick;
}

int time_clock_adjust(TimeClock *clock, const NtpAdjustment *a)
{
        struct timex tx = { .modes = ADJ_FREQUENCY | ADJ_STATUS | ADJ_MAXERROR | ADJ_ESTERROR };
        long tick = TICK_NOMINAL;

        if (clock->denied)
                return -EPERM;
        /* Beyond what a frequency may be, for the seconds that a first offset takes to go. */
        if (fabs(a->rate) > NTP_MAX_FREQUENCY * 1.000001)
                tick += lrint(a->rate / TICK_RATE);
        tx.freq = lrint((a->rate - (double) (tick - TICK_NOMINAL) * TICK_RATE) * FREQUENCY_UNIT);
        if (tick != clock->tick) {
                tx.modes |= ADJ_TICK;
                tx.tick = tick;
        }
        tx.status = a->synced ? 0 : STA_UNSYNC;
        if (a->synced && a->leap)
                tx.status |= a->leap == 1 ? STA_INS : STA_DEL;
        tx.maxerror = lrint(a->max_error * 1e6);
        tx.esterror = lrint(a->est_error * 1e6);
        if (clock_adjtime(CLOCK_REALTIME, &tx) < 0)
                return refused(clock, errno, "steer");
        clock->tick = tick;
        return 0;
}
