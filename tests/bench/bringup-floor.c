/* SPDX-License-Identifier: MIT */
/*
 * bringup-floor NETNS PORT LINK: plugs LINK in (its other end PORT in NETNS) and does what a way up
 * cannot do without, each step as soon as the last has ended: DHCP in four packets, the address,
 * one name, one NTP sample. Prints the microseconds since the plug after each. No check:
 * what it takes is the floor that the bench compares with.
 */
#include "plug.h"
#include "util/buf.h"
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define SERVER     0x0a4d0001U /* 10.77.0.1, tests/lib/lab.sh */
#define XID        0x6c777364U
#define IP_SIZE    20
#define TRIES      100
#define AGAIN_USEC (100 * USEC_PER_MSEC)
#define UDP_SIZE   8

static uint8_t mac[6];

static _Noreturn void die(const char *what)
{
        fprintf(stderr, "%s: %s\n", what, strerror(errno));
        exit(EXIT_FAILURE);
}

static void step(const char *name, usec_t plugged)
{
        printf("%s %llu\n", name, (unsigned long long) (clock_monotonic_usec() - plugged));
}

/* Returns when the kernel has said that the link has a carrier. */
static void wait_carrier(int netlink, int ifindex)
{
        char buf[8192];

        for (;;) {
                ssize_t got = recv(netlink, buf, sizeof(buf), 0);
                struct nlmsghdr *h = (struct nlmsghdr *) buf;

                if (got < 0)
                        die("netlink");
                for (int left = (int) got; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
                        const struct ifinfomsg *info = NLMSG_DATA(h);

                        if (h->nlmsg_type == RTM_NEWLINK && info->ifi_index == ifindex &&
                                (info->ifi_flags & IFF_RUNNING))
                                return;
                }
        }
}

static uint16_t ip_sum(const uint8_t *header)
{
        uint32_t sum = 0;

        for (size_t i = 0; i < IP_SIZE; i += 2)
                sum += (uint32_t) (header[i] << 8 | header[i + 1]);
        while (sum >> 16)
                sum = (sum & 0xffff) + (sum >> 16);
        return (uint16_t) ~sum;
}

static void dhcp_send(int fd, int ifindex, uint8_t type, uint32_t address)
{
        struct sockaddr_ll to = { .sll_family = AF_PACKET,
                .sll_protocol = htons(ETH_P_IP),
                .sll_ifindex = ifindex,
                .sll_halen = 6,
                .sll_addr = { 255, 255, 255, 255, 255, 255 } };
        uint8_t data[400];
        Writer w = WRITER_INIT(data, sizeof(data));

        writer_bytes(&w, "\x45\0\0\0\0\0\0\0\x40\x11\0\0", 12);
        writer_u32(&w, INADDR_ANY);
        writer_u32(&w, INADDR_BROADCAST);
        writer_bytes(&w, "\0\x44\0\x43\0\0\0\0", UDP_SIZE); /* 68 to 67, no sum */
        writer_bytes(&w, "\1\1\6\0", 4);
        writer_u32(&w, XID);
        writer_zero(&w, 20);
        writer_bytes(&w, mac, sizeof(mac));
        writer_zero(&w, 10 + 192);
        writer_bytes(&w, "\x63\x82\x53\x63\x35\1", 6);
        writer_u8(&w, type);
        if (address != 0) {
                writer_bytes(&w, "\x32\4", 2);
                writer_u32(&w, address);
                writer_bytes(&w, "\x36\4", 2);
                writer_u32(&w, SERVER);
        }
        writer_u8(&w, 255);
        writer_zero(&w, 8);
        writer_patch_u16(&w, 2, (uint16_t) w.pos);
        writer_patch_u16(&w, IP_SIZE + 4, (uint16_t) (w.pos - IP_SIZE));
        writer_patch_u16(&w, 10, ip_sum(data));
        if (sendto(fd, data, w.pos, 0, (struct sockaddr *) &to, sizeof(to)) < 0)
                die("send");
}

/* The address of the next reply to us, or 0. */
static uint32_t dhcp_receive(int fd)
{
        uint8_t data[2048];

        for (;;) {
                ssize_t got = recv(fd, data, sizeof(data), 0);
                Reader r = READER_INIT(data, got < 0 ? 0 : (size_t) got);
                uint32_t xid, address;

                if (got < 0 && errno == EAGAIN)
                        return 0;
                if (got < 0)
                        die("receive");
                reader_skip(&r, IP_SIZE + UDP_SIZE + 4);
                xid = reader_u32(&r);
                reader_skip(&r, 8);
                address = reader_u32(&r);
                if (!r.failed && data[9] == IPPROTO_UDP && xid == XID && address != 0)
                        return address;
        }
}

/* Says it again where the server's end of the link had no carrier yet to answer with. */
static uint32_t dhcp_ask(int fd, int ifindex, uint8_t type, uint32_t address)
{
        for (int tries = 0; tries < TRIES; tries++) {
                uint32_t got;

                dhcp_send(fd, ifindex, type, address);
                got = dhcp_receive(fd);
                if (got != 0)
                        return got;
        }
        fprintf(stderr, "no reply of a DHCP server\n");
        exit(EXIT_FAILURE);
}

static void set_address(int fd, const char *link, uint32_t address)
{
        struct ifreq ifr = {};
        struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(address) };

        snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", link);
        memcpy(&ifr.ifr_addr, &sin, sizeof(sin));
        if (ioctl(fd, SIOCSIFADDR, &ifr) < 0)
                die("address");
        sin.sin_addr.s_addr = htonl(0xffffff00U);
        memcpy(&ifr.ifr_addr, &sin, sizeof(sin));
        if (ioctl(fd, SIOCSIFNETMASK, &ifr) < 0)
                die("netmask");
}

static void ask(uint16_t port, const void *question, size_t size)
{
        struct timeval limit = { .tv_sec = 5 };
        struct sockaddr_in to = {
                .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(SERVER)
        };
        uint8_t answer[512];
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0 ||
                connect(fd, (struct sockaddr *) &to, sizeof(to)) < 0 ||
                send(fd, question, size, 0) < 0 || recv(fd, answer, sizeof(answer), 0) < 0)
                die("no answer");
        close(fd);
}

static int open_packet(const char *link, int *ret_ifindex)
{
        struct timeval limit = { .tv_usec = AGAIN_USEC };
        struct sockaddr_ll sll = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP) };
        struct ifreq ifr = {};
        int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", link);
        sll.sll_ifindex = (int) if_nametoindex(link);
        if (fd < 0 || bind(fd, (struct sockaddr *) &sll, sizeof(sll)) < 0 ||
                ioctl(fd, SIOCGIFHWADDR, &ifr) < 0 ||
                setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0)
                die(link);
        memcpy(mac, ifr.ifr_hwaddr.sa_data, sizeof(mac));
        *ret_ifindex = sll.sll_ifindex;
        return fd;
}

int main(int argc, char **argv)
{
        static const char dns[] = "\x12\x34\1\0\0\1\0\0\0\0\0\0\4ntp1\3lab\4test\0\0\1\0\1";
        static const uint8_t ntp[48] = { 0x23 };
        struct sockaddr_nl nl = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK };
        int netlink, control, packet, port, ifindex;
        uint32_t address;
        usec_t plugged;

        if (argc != 4) {
                fprintf(stderr, "usage: bringup-floor NETNS PORT LINK\n");
                return 2;
        }
        port = plug_open(argv[1]);
        netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
        control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (netlink < 0 || control < 0 || bind(netlink, (struct sockaddr *) &nl, sizeof(nl)) < 0)
                die("socket");
        packet = open_packet(argv[3], &ifindex);
        plugged = plug(port, argv[2]);
        wait_carrier(netlink, ifindex);
        step("carrier", plugged);
        address = dhcp_ask(packet, ifindex, 1, 0);
        address = dhcp_ask(packet, ifindex, 3, address);
        step("dhcp", plugged);
        set_address(control, argv[3], address);
        ask(53, dns, sizeof(dns) - 1);
        step("dns", plugged);
        ask(123, ntp, sizeof(ntp));
        step("ntp", plugged);
        return 0;
}
