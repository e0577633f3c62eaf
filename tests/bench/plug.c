/* SPDX-License-Identifier: MIT */
#include "plug.h"
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static _Noreturn void die(const char *what)
{
        fprintf(stderr, "%s: %s\n", what, strerror(errno));
        exit(EXIT_FAILURE);
}

int plug_open(const char *netns_path)
{
        int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
        int other = open(netns_path, O_RDONLY | O_CLOEXEC), fd;

        if (own < 0 || other < 0 || setns(other, CLONE_NEWNET) < 0)
                die(netns_path);
        fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || setns(own, CLONE_NEWNET) < 0)
                die("socket");
        close(own);
        close(other);
        return fd;
}

usec_t plug(int fd, const char *name)
{
        struct ifreq ifr = {};
        usec_t at;

        snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
        if (ioctl(fd, SIOCGIFFLAGS, &ifr) < 0)
                die(name);
        ifr.ifr_flags |= IFF_UP;
        at = clock_monotonic_usec();
        if (ioctl(fd, SIOCSIFFLAGS, &ifr) < 0)
                die(name);
        return at;
}
