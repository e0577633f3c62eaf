/* SPDX-License-Identifier: MIT */
#include "helper/time-socket.h"
#include "proto/ntp-message.h"
#include "util/fd.h"
#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

static void ask_for_stamps(int fd, int family)
{
        int flags = SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_TX_SOFTWARE |
                    SOF_TIMESTAMPING_OPT_TSONLY,
            yes = 1;

        (void) setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &yes, sizeof(yes));
        (void) setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, &flags, sizeof(flags));
        if (family == AF_INET)
                (void) setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &yes, sizeof(yes));
        else
                (void) setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &yes, sizeof(yes));
}

int time_socket_open(
        struct lws **ret, struct lws_context *cx, const Endpoint *to, WsiFn fn, void *userdata)
{
        _cleanup_fd_ int fd = -EBADF;
        Endpoint e = *to;
        SockAddr sa;
        socklen_t len;
        int r;

        if (e.ifname[0] && !e.ifindex)
                e.ifindex = (int) if_nametoindex(e.ifname);
        fd = socket(e.addr.family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -errno;
        ask_for_stamps(fd, e.addr.family);
        len = endpoint_to_sockaddr(&e, NTP_PORT, &sa);
        if (connect(fd, &sa.sa, len) < 0)
                return -errno;
        r = wsi_new(
                ret, context_vhost_system(cx), context_thread(cx, 0), fd, EPOLLIN, fn, userdata);
        if (r < 0)
                return r;
        fd = -EBADF;
        return 0;
}

int time_socket_send(struct lws *wsi, const void *data, size_t size)
{
        ssize_t n = send(wsi_fd(wsi), data, size, MSG_NOSIGNAL);

        return n < 0 ? -errno : (size_t) n == size ? 0 : -EIO;
}

static int64_t to_nsec(const struct timespec *ts)
{
        return (int64_t) ts->tv_sec * NTP_NSEC_PER_SEC + ts->tv_nsec;
}

static int64_t stamp_of(const struct cmsghdr *c)
{
        struct scm_timestamping all;
        struct timespec ts = { 0 };

        if (c->cmsg_type == SCM_TIMESTAMPNS && c->cmsg_len >= CMSG_LEN(sizeof(ts))) {
                memcpy(&ts, CMSG_DATA(c), sizeof(ts));
        } else if (c->cmsg_type == SCM_TIMESTAMPING && c->cmsg_len >= CMSG_LEN(sizeof(all))) {
                memcpy(&all, CMSG_DATA(c), sizeof(all));
                ts = all.ts[0];
        }
        return ts.tv_sec != 0 ? to_nsec(&ts) : INT64_MIN;
}

static int ifindex_of(const struct cmsghdr *c)
{
        struct in_pktinfo v4;
        struct in6_pktinfo v6;

        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO &&
                c->cmsg_len >= CMSG_LEN(sizeof(v4))) {
                memcpy(&v4, CMSG_DATA(c), sizeof(v4));
                return v4.ipi_ifindex;
        }
        if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO &&
                c->cmsg_len >= CMSG_LEN(sizeof(v6))) {
                memcpy(&v6, CMSG_DATA(c), sizeof(v6));
                return (int) v6.ipi6_ifindex;
        }
        return 0;
}

static TimeArrival find_arrival(struct msghdr *msg)
{
        TimeArrival a = { .nsec = INT64_MIN };

        for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
                if (c->cmsg_level != SOL_SOCKET)
                        a.ifindex = a.ifindex ? a.ifindex : ifindex_of(c);
                else if (a.nsec == INT64_MIN)
                        a.nsec = stamp_of(c);
        }
        return a;
}

static ssize_t receive(int fd, void *data, size_t size, int flags, TimeArrival *ret)
{
        union {
                struct cmsghdr align;
                char data[512];
        } control;
        struct iovec iov = { data, size };
        struct msghdr msg = { .msg_iov = &iov,
                .msg_iovlen = 1,
                .msg_control = control.data,
                .msg_controllen = sizeof(control.data) };
        ssize_t n = recvmsg(fd, &msg, flags);

        if (n < 0)
                return -errno;
        *ret = find_arrival(&msg);
        return n;
}

bool time_socket_sent_at(struct lws *wsi, int64_t *ret_nsec)
{
        uint8_t data[256];
        TimeArrival a;

        if (receive(wsi_fd(wsi), data, sizeof(data), MSG_ERRQUEUE | MSG_DONTWAIT, &a) < 0 ||
                a.nsec == INT64_MIN)
                return false;
        *ret_nsec = a.nsec;
        return true;
}

ssize_t time_socket_receive(struct lws *wsi, void *data, size_t size, TimeArrival *ret)
{
        return receive(wsi_fd(wsi), data, size, MSG_DONTWAIT, ret);
}
