/* SPDX-License-Identifier: MIT */
#include "floor-dhcp.h"
#include "proto/rtnl-message.h"
#include "util/buf.h"
#include "util/clock.h"
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define SERVER     0x0a4d0001U /* 10.77.0.1, tests/lib/lab.sh and tests/lib/dhcp_lab.py */
#define XID        0x6c777364U
#define IP_SIZE    20
#define TRIES      100
#define AGAIN_USEC (100 * USEC_PER_MSEC)
#define UDP_SIZE   8

static _Noreturn void die(const char *what)
{
        fprintf(stderr, "%s: %s\n", what, strerror(errno));
        exit(EXIT_FAILURE);
}

void floor_dhcp_open(FloorDhcp *floor, const char *link)
{
        struct sockaddr_nl nl = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK };
        struct timeval limit = { .tv_usec = AGAIN_USEC };
        struct sockaddr_ll sll = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP) };
        struct ifreq ifr = {};

        floor->netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
        if (floor->netlink < 0 || bind(floor->netlink, (struct sockaddr *) &nl, sizeof(nl)) < 0)
                die("netlink");
        floor->packet = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", link);
        sll.sll_ifindex = floor->ifindex = (int) if_nametoindex(link);
        if (floor->packet < 0 || bind(floor->packet, (struct sockaddr *) &sll, sizeof(sll)) < 0 ||
                ioctl(floor->packet, SIOCGIFHWADDR, &ifr) < 0 ||
                setsockopt(floor->packet, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0)
                die(link);
        memcpy(floor->mac, ifr.ifr_hwaddr.sa_data, sizeof(floor->mac));
}

void floor_dhcp_wait_carrier(FloorDhcp *floor)
{
        char buf[8192];

        for (;;) {
                ssize_t got = recv(floor->netlink, buf, sizeof(buf), 0);
                struct nlmsghdr *h = (struct nlmsghdr *) buf;

                if (got < 0)
                        die("netlink");
                for (int left = (int) got; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
                        const struct ifinfomsg *info = NLMSG_DATA(h);

                        if (h->nlmsg_type == RTM_NEWLINK && info->ifi_index == floor->ifindex &&
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

static void send_message(const FloorDhcp *floor, uint8_t type, uint32_t address)
{
        struct sockaddr_ll to = { .sll_family = AF_PACKET,
                .sll_protocol = htons(ETH_P_IP),
                .sll_ifindex = floor->ifindex,
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
        writer_bytes(&w, floor->mac, sizeof(floor->mac));
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
        if (sendto(floor->packet, data, w.pos, 0, (struct sockaddr *) &to, sizeof(to)) < 0)
                die("send");
}

/* The address of the next reply to us, or 0. */
static uint32_t receive_message(const FloorDhcp *floor)
{
        uint8_t data[2048];

        for (;;) {
                ssize_t got = recv(floor->packet, data, sizeof(data), 0);
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
static uint32_t exchange(const FloorDhcp *floor, uint8_t type, uint32_t address)
{
        for (int tries = 0; tries < TRIES; tries++) {
                uint32_t got;

                send_message(floor, type, address);
                got = receive_message(floor);
                if (got != 0)
                        return got;
        }
        fprintf(stderr, "no reply of a DHCP server\n");
        exit(EXIT_FAILURE);
}

uint32_t floor_dhcp_ask(FloorDhcp *floor)
{
        return exchange(floor, 3, exchange(floor, 1, 0));
}

void floor_dhcp_apply(FloorDhcp *floor, uint32_t address)
{
        RtnlAddress a = { .ifindex = floor->ifindex,
                .prefix = { ip_from_v4(htonl(address)), 24 },
                .valid_sec = RTNL_FOREVER,
                .preferred_sec = RTNL_FOREVER };
        RtnlRequest request;

        rtnl_build_address_set(&request, 0, &a);
        if (send(floor->netlink, request.data, request.size, 0) < 0)
                die("address");
}
