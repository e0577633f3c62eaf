/* SPDX-License-Identifier: MIT */
/* sd-event with a mutex queue and an eventfd that is written when the queue was empty. */
#include "attach.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <systemd/sd-event.h>
#include <unistd.h>

static sd_event *event;
static int efd;

static int on_wake(sd_event_source *s, int fd, uint32_t revents, void *userdata)
{
        uint64_t count;

        (void) !read(fd, &count, sizeof(count));
        mutex_queue_run();
        return 0;
}

static bool sd_open(void)
{
        efd = eventfd(0, EFD_NONBLOCK);
        return sd_event_new(&event) >= 0 &&
               sd_event_add_io(event, NULL, efd, EPOLLIN, on_wake, NULL) >= 0;
}

static void sd_run(volatile bool *stop)
{
        while (!*stop)
                sd_event_run(event, UINT64_MAX);
}

static void sd_post(BenchFn *fn, void *arg)
{
        static const uint64_t one = 1;

        if (mutex_queue_push(fn, arg))
                (void) !write(efd, &one, sizeof(one));
}

const Peer peer = { .name = "sd-event", .open = sd_open, .run = sd_run, .post = sd_post };
