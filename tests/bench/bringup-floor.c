/* SPDX-License-Identifier: MIT */
/*
 * bringup-floor NETNS PORT LINK: plugs LINK in (its other end PORT in NETNS) and does what a way up
 * cannot do without, each step as soon as the last has ended: DHCP in four packets, the address,
 * one name, one NTP sample. Prints the microseconds since the plug after each. No check:
 * what it takes is the floor that the bench compares with.
 */
#include "floor-dhcp.h"
#include "plug.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SERVER 0x0a4d0001U /* 10.77.0.1, tests/lib/lab.sh */

static _Noreturn void die(const char *what)
{
        fprintf(stderr, "%s: %s\n", what, strerror(errno));
        exit(EXIT_FAILURE);
}

static void step(const char *name, usec_t plugged)
{
        printf("%s %llu\n", name, (unsigned long long) (clock_monotonic_usec() - plugged));
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

int main(int argc, char **argv)
{
        static const char dns[] = "\x12\x34\1\0\0\1\0\0\0\0\0\0\4ntp1\3lab\4test\0\0\1\0\1";
        static const uint8_t ntp[48] = { 0x23 };
        FloorDhcp floor;
        uint32_t address;
        usec_t plugged;
        int port;

        if (argc != 4) {
                fprintf(stderr, "usage: bringup-floor NETNS PORT LINK\n");
                return 2;
        }
        port = plug_open(argv[1]);
        floor_dhcp_open(&floor, argv[3]);
        plugged = plug(port, argv[2]);
        floor_dhcp_wait_carrier(&floor);
        step("carrier", plugged);
        address = floor_dhcp_ask(&floor);
        step("dhcp", plugged);
        floor_dhcp_apply(&floor, address);
        ask(53, dns, sizeof(dns) - 1);
        step("dns", plugged);
        ask(123, ntp, sizeof(ntp));
        step("ntp", plugged);
        return 0;
}
