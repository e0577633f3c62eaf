/* SPDX-License-Identifier: MIT */
/* The text of a DHCPv6 lease, and what another boot makes of it (REQ_DHCP 39). */
#include "lib/suite.h"
#include "proto/dhcp6-lease.h"
#include <arpa/inet.h>
#include <string.h>

#define SEC(n) ((usec_t) (n) *USEC_PER_SEC)

static const LeaseClocks then = { "boot", SEC(200), SEC(1000000) };

static void full_lease(Dhcp6Lease *l, Dhcp6Options *o)
{
        *l = (Dhcp6Lease){ .server = { 4, { 0, 4, 0xab, 9 } },
                .addresses = { { .preferred_until = SEC(700), .valid_until = SEC(1100) },
                        { .preferred_until = USEC_INFINITY, .valid_until = USEC_INFINITY } },
                .n_addresses = 2,
                .t1 = SEC(450),
                .t2 = SEC(600) };
        inet_pton(AF_INET6, "2001:db8::5", &l->addresses[0].address);
        inet_pton(AF_INET6, "2001:db8::6", &l->addresses[1].address);
        *o = (Dhcp6Options){ .n_dns = 1,
                .search = "lan.example corp.example",
                .ntp = "2001:db8::7 time.example",
                .captive_portal = "https://portal.example/api" };
        inet_pton(AF_INET6, "2001:db8::53", &o->dns[0]);
        ck_assert(dnr_add_text(&o->resolvers, "[2001:db8::53]:853#dns.lan"));
}

static void format(const Dhcp6Lease *l, const Dhcp6Options *o, const LeaseClocks *at, char *buf)
{
        LeaseText t = { .buf = buf, .size = LEASE_TEXT_SIZE };

        dhcp6_lease_format(l, o, at, &t);
        ck_assert_uint_lt(t.len, t.size);
}

START_TEST(what_is_written_is_read_again)
{
        char text[LEASE_TEXT_SIZE], again[LEASE_TEXT_SIZE];
        Dhcp6Options o, o_back;
        Dhcp6Lease l, back;

        full_lease(&l, &o);
        format(&l, &o, &then, text);
        ck_assert_int_eq(dhcp6_lease_parse(text, &then, &back, &o_back), 0);
        format(&back, &o_back, &then, again);
        ck_assert_str_eq(again, text);
        ck_assert(strstr(text, "address=2001:db8::5\n") && strstr(text, "server=0004ab09\n"));
}
END_TEST

START_TEST(another_boot_counts_by_the_wall_clock)
{
        LeaseClocks now = { "other", SEC(5), SEC(1000300) };
        char text[LEASE_TEXT_SIZE];
        Dhcp6Options o;
        Dhcp6Lease l;

        full_lease(&l, &o);
        format(&l, &o, &then, text);
        /* 900 s were left; 300 of them went by */
        ck_assert_int_eq(dhcp6_lease_parse(text, &now, &l, &o), 0);
        ck_assert_uint_eq(l.addresses[0].valid_until, SEC(605));
        ck_assert_uint_eq(l.addresses[0].preferred_until, SEC(205));
        ck_assert_uint_eq(l.t1, SEC(5));
        ck_assert_uint_eq(l.t2, SEC(105));
        ck_assert(l.addresses[1].valid_until == USEC_INFINITY);
        /* the first is over */
        now.realtime += SEC(700);
        ck_assert_int_eq(dhcp6_lease_parse(text, &now, &l, &o), 0);
        ck_assert_uint_eq(l.n_addresses, 1);
        /* a clock that went back is not to be believed */
        now.realtime = SEC(999999);
        ck_assert_int_lt(dhcp6_lease_parse(text, &now, &l, &o), 0);
}
END_TEST

START_TEST(a_file_that_is_none_is_refused)
{
        static const char *const bad[] = { "", "nothing\n", "address=2001:db8::5\n",
                "server=00\naddress=ff02::1\n", "server=0g\naddress=2001:db8::5\n",
                "server=000\naddress=2001:db8::5\n", "valid-boottime-usec=5\n",
                "server=00\nboot-id=boot\naddress=2001:db8::5\nvalid-boottime-usec=5\n",
                "server=00\nboot-id=boot\naddress=2001:db8::5\ndomains=evil;reboot\n",
                "server=00\nboot-id=boot\naddress=2001:db8::5\nt2-boottime-usec=1\n" };
        Dhcp6Options o;
        Dhcp6Lease l;

        for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
                ck_assert_int_lt(dhcp6_lease_parse(bad[i], &then, &l, &o), 0);
}
END_TEST

TEST_MAIN("dhcp6-lease", what_is_written_is_read_again, another_boot_counts_by_the_wall_clock,
        a_file_that_is_none_is_refused)
