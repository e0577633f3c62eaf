/* SPDX-License-Identifier: MIT */
#include "helper/suspend.h"
#include "util/fd.h"
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* Shorter than any that could matter, and longer than reading two clocks one after the other. */
#define SLEPT_USEC USEC_PER_SEC
/* 2100-01-01: never to be reached, and within what every kernel takes. */
#define FAR_FUTURE_SEC 4102444800

static void arm(int fd)
{
        struct itimerspec spec = { .it_value.tv_sec = FAR_FUTURE_SEC };

        /* one that was cancelled says so once more when it is set again, and is set by that */
        (void) timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &spec, NULL);
}

bool suspend_watch_check(SuspendWatch *w, usec_t boottime, usec_t monotonic)
{
        usec_t slept = usec_sub(boottime, monotonic);
        bool longer = slept > usec_add(w->slept_usec, SLEPT_USEC);

        w->slept_usec = MAX(slept, w->slept_usec);
        return longer;
}

static void on_cancelled(struct lws *wsi, uint32_t revents)
{
        SuspendWatch *w = wsi_userdata(wsi);
        uint64_t count;

        (void) !read(wsi_fd(wsi), &count, sizeof(count));
        arm(wsi_fd(wsi));
        if (suspend_watch_check(w, clock_boottime_usec(), clock_monotonic_usec()))
                w->resumed(w);
}

int suspend_watch_init(
        SuspendWatch *w, struct lws_vhost *vhost, Thread *th, void (*resumed)(SuspendWatch *w))
{
        _cleanup_fd_ int fd = -EBADF;
        int r;

        *w = (SuspendWatch){ .resumed = resumed };
        (void) suspend_watch_check(w, clock_boottime_usec(), clock_monotonic_usec());
        fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
        if (fd < 0)
                return -errno;
        arm(fd);
        r = wsi_new(&w->wsi, vhost, th, fd, EPOLLIN, on_cancelled, w);
        if (r < 0)
                return r;
        (void) fd_take(&fd);
        return 0;
}

void suspend_watch_deinit(SuspendWatch *w)
{
        w->wsi = wsi_free(w->wsi);
}
