/* SPDX-License-Identifier: MIT */
#include "helper/dhcp4-socket.h"
#include "net/packet.h"
#include "proto/ipudp.h"
#include "util/fd.h"
#include "util/rng.h"
#include <linux/filter.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <netinet/ip.h>
#include <string.h>
#include <sys/ioctl.h>

#define TOS_CS6 0xc0 /* network control (REQ_DHCP 31) */

/* -- DHCP by packet socket --------------------------------------------------------------------- */

/* Offsets from the start of the IP header, and those that begin with X from its end: BPF_MSH puts
 * its length into X. */
enum {
        AT_FRAGMENT = 6,
        AT_PROTOCOL = 9,
        X_DESTINATION_PORT = 2,
        X_OP = 8,
        X_CHADDR = 8 + 28,
        X_COOKIE = 8 + 236,
        AFTER_COOKIE = 13, /* in the filter: its first check of chaddr */
        FRAGMENT_MASK = 0x3fff,
        COOKIE = 0x63825363,
        BOOTP_REPLY = 2,
};

static uint32_t be32(const uint8_t *p)
{
        return (uint32_t) p[0] << 24 | (uint32_t) p[1] << 16 | (uint32_t) p[2] << 8 | p[3];
}

/* A load beyond the end of a packet drops it, and so does the kernel's word that the frame went to
 * another host's hardware address or is of a VLAN that is none of ours. */
int dhcp4_socket_packet(const Link *link)
{
        const struct sock_filter filter[] = {
                BPF_STMT(BPF_LD | BPF_B | BPF_ABS, (uint32_t) (SKF_AD_OFF + SKF_AD_PKTTYPE)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OTHERHOST, 16, 0),
                BPF_STMT(BPF_LD | BPF_B | BPF_ABS, AT_PROTOCOL),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 14),
                BPF_STMT(BPF_LD | BPF_H | BPF_ABS, AT_FRAGMENT),
                BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, FRAGMENT_MASK, 12, 0),
                BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
                BPF_STMT(BPF_LD | BPF_H | BPF_IND, X_DESTINATION_PORT),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, DHCP4_CLIENT_PORT, 0, 9),
                BPF_STMT(BPF_LD | BPF_B | BPF_IND, X_OP),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, BOOTP_REPLY, 0, 7),
                BPF_STMT(BPF_LD | BPF_W | BPF_IND, X_COOKIE),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, COOKIE, 0, 5),
                BPF_STMT(BPF_LD | BPF_W | BPF_IND, X_CHADDR),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, be32(link->mac), 0, 3),
                BPF_STMT(BPF_LD | BPF_H | BPF_IND, X_CHADDR + 4),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t) link->mac[4] << 8 | link->mac[5], 0,
                        1),
                BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
                BPF_STMT(BPF_RET | BPF_K, 0),
        };
        struct sock_filter any_chaddr[ELEMENTSOF(filter)];

        if (link->mac_len == 6)
                return packet_open(link->ifindex, ETH_P_IP, filter, ELEMENTSOF(filter));
        /* InfiniBand: replies carry no hardware address, the machine tells them by their xid */
        memcpy(any_chaddr, filter, sizeof(filter));
        any_chaddr[AFTER_COOKIE] = (struct sock_filter) BPF_STMT(BPF_RET | BPF_K, UINT32_MAX);
        return packet_open(link->ifindex, ETH_P_IP, any_chaddr, ELEMENTSOF(any_chaddr));
}

/* The broadcast address of an InfiniBand link differs with its partition; the limited broadcast
 * group of the default one (RFC 4391 4). */
static PacketTo broadcast_to(const Link *link, uint16_t ethertype)
{
        static const uint8_t infiniband[20] = { 0x00, 0xff, 0xff, 0xff, 0xff, 0x12, 0x40, 0x1b,
                0xff, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff };
        PacketTo to = { .ifindex = link->ifindex,
                .ethertype = ethertype,
                .mac_size = MIN(link->mac_len, sizeof(to.mac)) };

        if (link->arp_type == ARPHRD_INFINIBAND)
                memcpy(to.mac, infiniband, sizeof(infiniband));
        else
                memset(to.mac, 0xff, to.mac_size);
        return to;
}

int dhcp4_socket_send_broadcast(
        int fd, const Link *link, const Dhcp4Outgoing *out, const void *payload, size_t size)
{
        PacketTo to = broadcast_to(link, ETH_P_IP);
        uint8_t frame[IPUDP_HEADER_SIZE + DHCP4_SIZE_MAX];
        IpUdp h = { .source = out->ciaddr,
                .destination = { INADDR_BROADCAST },
                .source_port = DHCP4_CLIENT_PORT,
                .destination_port = DHCP4_SERVER_PORT,
                .id = rng_u16(&RNG_KERNEL),
                .tos = TOS_CS6 };
        int n;

        n = ipudp_build(&h, payload, size, frame, sizeof(frame));
        return n < 0 ? n : packet_send(fd, &to, frame, (size_t) n);
}

/* -- DHCP by the kernel's own UDP -------------------------------------------------------------- */

int dhcp4_socket_udp(const Link *link, struct in_addr address)
{
        struct sockaddr_in sa = {
                .sin_family = AF_INET, .sin_port = htons(DHCP4_CLIENT_PORT), .sin_addr = address
        };
        _cleanup_fd_ int fd = -EBADF;
        int on = 1, tos = TOS_CS6;

        fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
                setsockopt(fd, IPPROTO_IP, IP_TOS, &tos, sizeof(tos)) < 0 ||
                setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, link->name,
                        (socklen_t) strlen(link->name) + 1) < 0 ||
                bind(fd, (struct sockaddr *) &sa, sizeof(sa)) < 0)
                return -errno;
        return fd_take(&fd);
}

bool dhcp4_socket_is_sending(int fd)
{
        int n = 0;

        return ioctl(fd, SIOCOUTQ, &n) >= 0 && n > 0;
}

int dhcp4_socket_send_unicast(int fd, struct in_addr to, const void *payload, size_t size)
{
        struct sockaddr_in sa = {
                .sin_family = AF_INET, .sin_port = htons(DHCP4_SERVER_PORT), .sin_addr = to
        };

        return sendto(fd, payload, size, MSG_NOSIGNAL, (struct sockaddr *) &sa, sizeof(sa)) < 0
                       ? -errno
                       : 0;
}

/* -- ARP --------------------------------------------------------------------------------------- */

enum { AT_SENDER = 14, AT_TARGET = 24, ARP_FILTER_SIZE = 8 };

/* Who says that it is the address or the gateway, and who probes for the address (sender 0). */
static void arp_filter(struct in_addr address, struct in_addr gateway,
        struct sock_filter ret[static ARP_FILTER_SIZE])
{
        uint32_t a = ntohl(address.s_addr), g = gateway.s_addr ? ntohl(gateway.s_addr) : a;
        const struct sock_filter filter[ARP_FILTER_SIZE] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, AT_SENDER),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, a, 4, 0),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, g, 3, 0),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 3),
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, AT_TARGET),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, a, 0, 1),
                BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
                BPF_STMT(BPF_RET | BPF_K, 0),
        };

        memcpy(ret, filter, sizeof(filter));
}

int dhcp4_socket_arp(const Link *link, struct in_addr address, struct in_addr gateway)
{
        struct sock_filter filter[ARP_FILTER_SIZE];

        arp_filter(address, gateway, filter);
        return packet_open(link->ifindex, ETH_P_ARP, filter, ARP_FILTER_SIZE);
}

int dhcp4_socket_arp_filter(int fd, struct in_addr address, struct in_addr gateway)
{
        struct sock_filter filter[ARP_FILTER_SIZE];

        arp_filter(address, gateway, filter);
        return packet_set_filter(fd, filter, ARP_FILTER_SIZE);
}

int dhcp4_socket_send_arp(
        int fd, const Link *link, const ArpPacket *arp, const uint8_t to[static 6])
{
        PacketTo target = { .ifindex = link->ifindex, .ethertype = ETH_P_ARP, .mac_size = 6 };
        uint8_t bytes[ARP_SIZE];

        memcpy(target.mac, to, 6);
        arp_build(arp, bytes);
        return packet_send(fd, &target, bytes, sizeof(bytes));
}
