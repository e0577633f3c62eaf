/* SPDX-License-Identifier: MIT */
/* The least there can be: an eventfd, an epoll set, and one write for each post. */
#include "attach.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

static int epfd, efd;

static bool floor_open(void)
{
        struct epoll_event ev = { .events = EPOLLIN };

        epfd = epoll_create1(0);
        efd = eventfd(0, EFD_NONBLOCK);
        return epoll_ctl(epfd, EPOLL_CTL_ADD, efd, &ev) == 0;
}

static void floor_run(volatile bool *stop)
{
        while (!*stop) {
                struct epoll_event ev;
                uint64_t count;

                if (epoll_wait(epfd, &ev, 1, -1) == 1 && read(efd, &count, sizeof(count)) > 0)
                        mutex_queue_run();
        }
}

static void floor_post(BenchFn *fn, void *arg)
{
        static const uint64_t one = 1;

        (void) mutex_queue_push(fn, arg);
        (void) !write(efd, &one, sizeof(one));
}

const Peer peer = { .name = "floor", .open = floor_open, .run = floor_run, .post = floor_post };
