/* SPDX-License-Identifier: MIT */
/* Router advertisements, sent by hand from the other end of a link. */
#include "lib/netns.h"
#include "lib/network-fixture.h"
#include <arpa/inet.h>
#include <netinet/icmp6.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROUTER_LIFETIME 1800

static int router_socket(void)
{
        struct ipv6_mreq all_routers = { 0 };
        struct icmp6_filter filter;
        int fd, hops = 255;

        ck_assert_int_eq(netns_switch("router"), 0);
        fd = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMPV6);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof(hops)), 0);
        all_routers.ipv6mr_interface = if_nametoindex("vb");
        ck_assert_int_eq(inet_pton(AF_INET6, "ff02::2", &all_routers.ipv6mr_multiaddr), 1);
        ck_assert_int_eq(setsockopt(fd, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &all_routers,
                                 sizeof(all_routers)),
                0);
        ICMP6_FILTER_SETBLOCKALL(&filter);
        ICMP6_FILTER_SETPASS(ND_ROUTER_SOLICIT, &filter);
        ck_assert_int_eq(setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof(filter)), 0);
        ck_assert_int_eq(netns_switch(NULL), 0);
        return fd;
}

static void advertise(int fd, uint8_t flags, const void *options, size_t size)
{
        uint8_t message[512] = { ND_ROUTER_ADVERT, 0, 0, 0, 64, flags, ROUTER_LIFETIME >> 8,
                ROUTER_LIFETIME & 0xff };
        struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_scope_id = 0 };

        ck_assert_int_eq(netns_switch("router"), 0);
        to.sin6_scope_id = if_nametoindex("vb");
        ck_assert_int_eq(netns_switch(NULL), 0);
        ck_assert_int_eq(inet_pton(AF_INET6, "ff02::1", &to.sin6_addr), 1);
        memcpy(message + 16, options, size);
        ck_assert_int_eq(sendto(fd, message, 16 + size, 0, (struct sockaddr *) &to, sizeof(to)),
                (ssize_t) (16 + size));
}

static Fixture *lab(void)
{
        Fixture *f = fixture_new();

        add_section(f, "va");
        shell("ip netns add router\n"
              "ip netns exec router sysctl -qw net.ipv6.conf.all.forwarding=1\n"
              "ip netns exec router sysctl -qw net.ipv6.conf.default.accept_dad=0\n"
              "ip link add va type veth peer name vb netns router\n"
              "ip -n router link set vb up; ip link set va up\n"
              "until ip -n router address show vb | grep -q fe80; do :; done");
        return f;
}

static bool has_link_local(const Link *link)
{
        for (size_t i = 0; link && i < link->n_addresses; i++)
                if (ip_is_link_local(&link->addresses[i].prefix.addr) &&
                        !link->addresses[i].tentative)
                        return true;
        return false;
}

static const LinkFacts *facts(Fixture *f)
{
        return &find(f, "va")->facts[FACT_SOURCE_RA];
}

START_TEST(what_routers_say_is_learned_and_withdrawn)
{
        static const uint8_t all[] = { 25, 3, 0, 0, 0, 0, 1, 0, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0,
                0, 0, 0, 0, 0, 0, 0x53, 31, 3, 0, 0, 0, 0, 1, 0, 3, 'l', 'a', 'b', 4, 't', 'e', 's',
                't', 0, 0, 0, 0, 0, 0, 0, 37, 3, 'h', 't', 't', 'p', 's', ':', '/', '/', 'p', '.',
                't', 'e', 's', 't', '/', 'a', 0, 0, 0, 0, 0, 0 };
        static const uint8_t withdrawn[] = { 25, 3, 0, 0, 0, 0, 0, 0, 0x20, 1, 0xd, 0xb8, 0, 0, 0,
                0, 0, 0, 0, 0, 0, 0, 0, 0x53 };
        Fixture *f = lab();
        int fd = router_socket();

        start(f);
        wait_until(f, has_link_local(find(f, "va")) && find(f, "va")->managed);
        advertise(fd, 0, all, sizeof(all));
        wait_until(f, facts(f)->captive_portal);
        ck_assert_str_eq(facts(f)->captive_portal, "https://p.test/a");
        ck_assert_uint_eq(facts(f)->dns.n, 1);
        ck_assert_int_eq(facts(f)->dns.items[0].ifindex, find(f, "va")->ifindex);
        ck_assert_uint_eq(facts(f)->domains.n, 1);
        ck_assert_str_eq(facts(f)->domains.items[0], "lab.test");
        wait_until(f, find(f, "va")->n_gateways == 1); /* by the kernel, and told on its own */
        advertise(fd, 0, withdrawn, sizeof(withdrawn));
        wait_until(f, facts(f)->dns.n == 0);
        ck_assert_uint_eq(facts(f)->domains.n, 1);
        close(fd);
        fixture_free(f);
}
END_TEST

START_TEST(a_link_that_was_up_before_us_is_asked_for_its_routers)
{
        Fixture *f = lab();
        int fd = router_socket();
        uint8_t message[64];

        /* not before the kernel has asked by itself and been answered */
        start(f);
        wait_until(f, has_link_local(find(f, "va")));
        wait_until(f, recv(fd, message, sizeof(message), 0) >= 8);
        advertise(fd, 0, "", 0);
        wait_until(f, find(f, "va")->n_gateways == 1);
        f->network = network_free(f->network);
        while (recv(fd, message, sizeof(message), 0) >= 0)
                ;
        start(f);
        wait_until(f, recv(fd, message, sizeof(message), 0) >= 8);
        ck_assert_uint_eq(message[0], ND_ROUTER_SOLICIT);
        close(fd);
        fixture_free(f);
}
END_TEST

NETNS_SUITE("ra", what_routers_say_is_learned_and_withdrawn,
        a_link_that_was_up_before_us_is_asked_for_its_routers)
