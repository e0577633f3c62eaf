/* SPDX-License-Identifier: MIT */
/* The clock of a lease (REQ_DHCP 22, 23) and its text (REQ_DHCP 28). */
#include "lib/dhcp4-peer.h"
#include "lib/suite.h"
#include "proto/dhcp4-lease.h"
#include <string.h>

#define BEGIN (100 * USEC_PER_SEC)

static Dhcp4Lease lease_of(uint32_t lease, uint32_t t1, uint32_t t2)
{
        Dhcp4Message m = { .yiaddr = v4("10.0.0.5"),
                .server = v4("10.0.0.1"),
                .has_lease_time = true,
                .lease_time = lease,
                .has_t1 = t1 != 0,
                .t1 = t1,
                .has_t2 = t2 != 0,
                .t2 = t2 };
        Rng rng = rng_seeded(test_seed() + lease);

        return dhcp4_lease_from_message(&m, BEGIN, &rng);
}

/* A little early, never late. */
static void expect_near(usec_t at, uint64_t seconds)
{
        ck_assert_uint_le(at, BEGIN + seconds * USEC_PER_SEC);
        ck_assert_uint_ge(at, BEGIN + seconds * USEC_PER_SEC / 100 * 98 - 1);
}

static bool format(const Dhcp4Lease *l, const LeaseClocks *at, char *buf, size_t size)
{
        LeaseText t = { .buf = buf, .size = size };

        dhcp4_lease_format(l, at, &t);
        return t.len > 0 && t.len < size;
}

START_TEST(timers_come_from_the_server_or_by_default)
{
        Dhcp4Lease l = lease_of(1000, 0, 0);

        expect_near(l.t1, 500);
        expect_near(l.t2, 875);
        ck_assert_uint_eq(l.expires, BEGIN + 1000 * USEC_PER_SEC);
        l = lease_of(1000, 100, 200);
        expect_near(l.t1, 100);
        expect_near(l.t2, 200);
        l = lease_of(1000, 300, 0);
        expect_near(l.t1, 300);
        expect_near(l.t2, 875);
        /* not in order: both by default */
        l = lease_of(1000, 900, 0);
        expect_near(l.t1, 500);
        l = lease_of(1000, 700, 600);
        expect_near(l.t1, 500);
        expect_near(l.t2, 875);
        l = lease_of(1000, 100, 1000);
        expect_near(l.t2, 875);
        l = lease_of(1000, UINT32_MAX, UINT32_MAX);
        expect_near(l.t2, 875);
}
END_TEST

START_TEST(forever_and_almost_forever)
{
        Dhcp4Lease l = lease_of(UINT32_MAX, 100, 200);

        ck_assert(l.t1 == USEC_INFINITY && l.t2 == USEC_INFINITY && l.expires == USEC_INFINITY);
        l = lease_of(UINT32_MAX - 1, 0, 0);
        ck_assert_uint_eq(l.expires, BEGIN + 4294967294 * USEC_PER_SEC);
        ck_assert_uint_lt(l.t2, l.expires);
        l = lease_of(1, 0, 0);
        ck_assert_uint_lt(l.t1, l.t2);
        ck_assert_uint_lt(l.t2, l.expires);
}
END_TEST

static Dhcp4Lease full_lease(void)
{
        Dhcp4Lease l = lease_of(1000, 0, 0);

        l.has_gateway_mac = true;
        l.mtu_before = 1500;
        memcpy(l.gateway_mac, "\2\xab\0\1\2\3", 6);
        l.options = (Dhcp4Options){ .prefix_length = 24,
                .n_dns = 2,
                .n_ntp = 1,
                .n_routes = 2,
                .mtu = 1400,
                .search = "a.lan b.lan",
                .captive_portal = "https://p/api?x=y" };
        l.options.dns[0] = l.options.dns[1] = l.options.ntp[0] = v4("10.0.0.3");
        ck_assert(dnr_add_text(&l.options.resolvers, "10.0.0.3:853#dns.lan"));
        l.options.routes[0] = (Dhcp4Route){ .gateway = v4("10.0.0.1") };
        l.options.routes[1] = (Dhcp4Route){ .destination = v4("10.9.0.0"), .prefix_length = 16 };
        return l;
}

START_TEST(comes_back_from_its_text)
{
        LeaseClocks then = { "boot", 200 * USEC_PER_SEC, 1000000 * USEC_PER_SEC }, later = then;
        Dhcp4Lease l = full_lease(), back;
        char text[LEASE_TEXT_SIZE], again[LEASE_TEXT_SIZE];

        ck_assert(format(&l, &then, text, sizeof(text)));
        later.boottime += 10 * USEC_PER_SEC;
        ck_assert_int_eq(dhcp4_lease_parse(text, &later, &back), 0);
        /* by what is written: the bytes between the members are the compiler's */
        ck_assert(format(&back, &then, again, sizeof(again)));
        ck_assert_str_eq(again, text);
        ck_assert(!format(&l, &then, text, 100));
}
END_TEST

START_TEST(another_boot_counts_by_the_wall_clock)
{
        LeaseClocks then = { "boot", 200 * USEC_PER_SEC, 1000000 * USEC_PER_SEC };
        LeaseClocks now = { "other", 5 * USEC_PER_SEC, 1000000 * USEC_PER_SEC };
        Dhcp4Lease l = full_lease(), back;
        char text[LEASE_TEXT_SIZE];

        /* 900 s were left; 300 of them went by */
        ck_assert(format(&l, &then, text, sizeof(text)));
        now.realtime += 300 * USEC_PER_SEC;
        ck_assert_int_eq(dhcp4_lease_parse(text, &now, &back), 0);
        ck_assert_uint_eq(back.expires, 605 * USEC_PER_SEC);
        ck_assert_uint_lt(back.t1, back.t2);
        ck_assert_uint_lt(back.t2, back.expires);
        /* over */
        now.realtime += 700 * USEC_PER_SEC;
        ck_assert_int_eq(dhcp4_lease_parse(text, &now, &back), 0);
        ck_assert_uint_le(back.expires, now.boottime);
        /* a clock that went back knows nothing */
        now.realtime = 10;
        ck_assert_int_eq(dhcp4_lease_parse(text, &now, &back), 0);
        ck_assert_uint_le(back.expires, now.boottime);
        /* forever needs no clock */
        l.lifetime = DHCP4_INFINITE;
        l.t1 = l.t2 = l.expires = USEC_INFINITY;
        ck_assert(format(&l, &then, text, sizeof(text)));
        ck_assert_int_eq(dhcp4_lease_parse(text, &now, &back), 0);
        ck_assert(back.expires == USEC_INFINITY);
}
END_TEST

START_TEST(a_file_that_is_none_is_refused)
{
        static const char *const bad[] = { "", "address", "address=10.0.0.5/24\n",
                "address=127.0.0.1/8\nlifetime-sec=5\nserver=10.0.0.1\n",
                "address=10.0.0.5/24\nlifetime-sec=99999999999\n",
                "address=10.0.0.5/24\nlifetime-sec=5\nroute=nowhere\n",
                "address=10.0.0.5/24\nlifetime-sec=5\nroute=1.2.3.4/33 1.2.3.4\n",
                "address=10.0.0.5/24\nlifetime-sec=5\ndomains=a;b\n",
                "address=10.0.0.5/24\nlifetime-sec=5\ngateway-mac=1:2\n",
                "address=10.0.0.5/24\nlifetime-sec=5\nmtu=70000\n",
                "address=10.0.0.5/24\nlifetime-sec=5\nboot-id=boot\nbegin-boottime-usec=9\n" };
        LeaseClocks now = { "boot", 5 * USEC_PER_SEC, 5 };
        Dhcp4Lease back;

        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
                ck_assert_msg(dhcp4_lease_parse(bad[i], &now, &back) < 0, "%s", bad[i]);
        ck_assert_int_eq(dhcp4_lease_parse("# words\naddress=10.0.0.5/24\nlifetime-sec=5\n"
                                           "server=10.0.0.1\nboot-id=x\nfuture-key=1\n",
                                 &now, &back),
                0);
}
END_TEST

START_TEST(a_router_that_is_ourselves_is_the_link)
{
        Dhcp4Message m = { .yiaddr = v4("10.0.0.5"),
                .server = v4("10.0.0.1"),
                .lease_time = 60,
                .options = { .n_routes = 2,
                        .routes = { { .gateway = v4("10.0.0.5") },
                                { .destination = v4("192.0.2.0"),
                                        .prefix_length = 24,
                                        .gateway = v4("10.0.0.1") } } } };
        Rng rng = rng_seeded(test_seed());
        Dhcp4Lease l = dhcp4_lease_from_message(&m, BEGIN, &rng);

        ck_assert_uint_eq(l.options.routes[0].gateway.s_addr, 0);
        ck_assert_uint_eq(l.options.routes[1].gateway.s_addr, v4("10.0.0.1").s_addr);
        ck_assert_uint_eq(dhcp4_lease_gateway(&l).s_addr, 0);
}
END_TEST

TEST_MAIN("dhcp4-lease", timers_come_from_the_server_or_by_default, forever_and_almost_forever,
        comes_back_from_its_text, another_boot_counts_by_the_wall_clock,
        a_file_that_is_none_is_refused, a_router_that_is_ourselves_is_the_link)
