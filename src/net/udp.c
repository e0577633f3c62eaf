/* SPDX-License-Identifier: MIT */
#include "net/udp.h"
#include "util/error.h"
#include "util/fd.h"

void net_bind_link(int fd, const Endpoint *to)
{
        int ifindex = to->ifindex;

        if (ifindex <= 0 || ip_is_loopback(&to->addr))
                return;
        /* Needs no privilege since Linux 5.7; without it the routing table decides. */
        (void) setsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &ifindex, sizeof(ifindex));
}

int udp_connect(const Endpoint *to, uint16_t port)
{
        _cleanup_fd_ int fd = -EBADF;
        SockAddr sa;
        socklen_t len = endpoint_to_sockaddr(to, port, &sa);

        fd = socket(sa.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        net_bind_link(fd, to);
        if (connect(fd, &sa.sa, len) < 0)
                return -errno;
        return fd_take(&fd);
}

int udp_source_for(const IpAddr *to, int ifindex, IpAddr *ret)
{
        Endpoint e = { .addr = *to, .ifindex = ifindex };
        _cleanup_fd_ int fd = -EBADF;
        socklen_t len;
        SockAddr sa;

        fd = udp_connect(&e, 53);
        if (fd < 0)
                return fd;
        len = sizeof(sa);
        if (getsockname(fd, &sa.sa, &len) < 0)
                return -errno;
        *ret = endpoint_from_sockaddr(&sa, len).addr;
        return 0;
}

int net_listen(const Endpoint *on, uint16_t port, int type)
{
        _cleanup_fd_ int fd = -EBADF;
        int one = 1;
        SockAddr sa;
        socklen_t len = endpoint_to_sockaddr(on, port, &sa);

        fd = socket(sa.sa.sa_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        if (type == SOCK_STREAM && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0)
                return -errno;
        if (bind(fd, &sa.sa, len) < 0)
                return -errno;
        if (type == SOCK_STREAM && listen(fd, 64) < 0)
                return -errno;
        return fd_take(&fd);
}
