/* SPDX-License-Identifier: MIT */
#include "net/packet.h"
#include "util/fd.h"
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <string.h>
#include <sys/socket.h>

int packet_set_filter(int fd, const struct sock_filter *filter, size_t n)
{
        struct sock_fprog prog = { .len = (unsigned short) n,
                .filter = (struct sock_filter *) filter };

        return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)) < 0 ? -errno : 0;
}

int packet_open(int ifindex, uint16_t ethertype, const struct sock_filter *filter, size_t n)
{
        struct sockaddr_ll ll = {
                .sll_family = AF_PACKET, .sll_ifindex = ifindex, .sll_protocol = htons(ethertype)
        };
        _cleanup_fd_ int fd = -EBADF;
        int on = 1, r;

        /* Protocol 0 hears nothing until it is bound, and so nothing that the filter would not
         * have let through. */
        fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        r = packet_set_filter(fd, filter, n);
        if (r < 0)
                return r;
        if (setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof(on)) < 0)
                return -errno;
        /* Older kernels lack it; our own packets are no replies anyway. */
        (void) setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on));
        if (bind(fd, (struct sockaddr *) &ll, sizeof(ll)) < 0)
                return -errno;
        r = fd;
        fd = -EBADF;
        return r;
}

int packet_send(int fd, const PacketTo *to, const void *data, size_t size)
{
        /* sockaddr_ll has room for 8 octets of address, InfiniBand needs 20 */
        union {
                struct sockaddr_ll ll;
                uint8_t room[offsetof(struct sockaddr_ll, sll_addr) + sizeof(to->mac)];
        } sa = { .ll = { .sll_family = AF_PACKET,
                         .sll_ifindex = to->ifindex,
                         .sll_protocol = htons(to->ethertype),
                         .sll_halen = (unsigned char) to->mac_size } };
        size_t need = offsetof(struct sockaddr_ll, sll_addr) + to->mac_size;
        ssize_t n;

        memcpy(sa.room + offsetof(struct sockaddr_ll, sll_addr), to->mac, to->mac_size);
        n = sendto(fd, data, size, MSG_NOSIGNAL, (struct sockaddr *) &sa,
                (socklen_t) (need > sizeof(sa.ll) ? need : sizeof(sa.ll)));
        return n < 0 ? -errno : 0;
}

ssize_t packet_receive(int fd, void *buf, size_t size, bool *ret_checksum_ready)
{
        union {
                struct cmsghdr align;
                uint8_t room[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
        } control;
        struct iovec iov = { .iov_base = buf, .iov_len = size };
        struct msghdr mh = { .msg_iov = &iov,
                .msg_iovlen = 1,
                .msg_control = &control,
                .msg_controllen = sizeof(control) };
        bool ready = true;
        ssize_t n;

        n = recvmsg(fd, &mh, MSG_DONTWAIT);
        if (n < 0)
                return -errno;
        if (mh.msg_flags & MSG_TRUNC)
                return -EMSGSIZE;
        for (struct cmsghdr *c = CMSG_FIRSTHDR(&mh); c; c = CMSG_NXTHDR(&mh, c)) {
                struct tpacket_auxdata aux;

                if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA ||
                        c->cmsg_len < CMSG_LEN(sizeof(aux)))
                        continue;
                memcpy(&aux, CMSG_DATA(c), sizeof(aux));
                ready = !(aux.tp_status & TP_STATUS_CSUMNOTREADY);
        }
        *ret_checksum_ready = ready;
        return n;
}
