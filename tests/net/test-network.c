/* SPDX-License-Identifier: MIT */
/* Links: cold plug, flaps, settings, what is applied, many of them. */
#include "lib/network-fixture.h"
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>

START_TEST(cold_plug_and_the_way_up)
{
        Fixture *f = fixture_new();
        uint64_t epoch;

        shell("ip link add vb type veth peer name va");
        start(f);
        wait_until(f,
                at(f, LWS_SYSTATE_INITIALIZED) && waits_for(f, "link|no-carrier|va: no carrier"));
        ck_assert_ptr_nonnull(find(f, "lo"));
        ck_assert(find(f, "lo")->loopback);
        ck_assert(!find(f, "va")->carrier);
        shell("ip link set va up; ip link set vb up");
        wait_until(f, at(f, LWS_SYSTATE_IFACE_COLDPLUG));
        wait_until(f, waits_for(f, "link|no-address|va: no address"));
        ck_assert(find(f, "va")->carrier);
        ck_assert_uint_eq(network_epoch(f->network), 0);
        shell("ip addr add 192.0.2.1/24 dev va");
        wait_until(f, waits_for(f, "link|no-route|va: no default route"));
        ck_assert(has(find(f, "va"), "192.0.2.1"));
        ck_assert(!is_ours(find(f, "va"), "192.0.2.1"));
        ck_assert(!find(f, "va")->managed);
        epoch = network_epoch(f->network);
        shell("ip route add default via 192.0.2.2 metric 7");
        wait_until(f, at(f, LWS_SYSTATE_OPERATIONAL));
        ck_assert_uint_eq(network_epoch(f->network), epoch + 1);
        ck_assert_uint_eq(find(f, "va")->n_gateways, 1);
        ck_assert_uint_eq(find(f, "va")->gateways[0].metric, 7);
        ck_assert_uint_eq(f->n_falls, 0);
        fixture_free(f);
}
END_TEST

static void make_uplink(void)
{
        shell("ip link add vb type veth peer name va; ip link set va up; ip link set vb up\n"
              "ip addr add 192.0.2.1/24 dev va; ip route add default via 192.0.2.2");
}

static void start_with_uplink(Fixture *f)
{
        make_uplink();
        start(f);
        wait_until(f, at(f, LWS_SYSTATE_OPERATIONAL));
}

START_TEST(a_short_flap_tells_nobody_and_a_long_one_does)
{
        Fixture *f = fixture_new();
        uint64_t epoch;

        start_with_uplink(f);
        epoch = network_epoch(f->network);
        shell("ip link set vb down");
        wait_until(f, !find(f, "va")->carrier);
        shell("ip link set vb up");
        wait_until(f, find(f, "va")->carrier);
        turn_for(f, 2 * f->settings->flap_usec);
        ck_assert_uint_eq(f->n_falls, 0);
        ck_assert_uint_eq(network_epoch(f->network), epoch);
        /* of an address and a route, the kernel forgetting the route without a word */
        shell("ip addr flush dev va; ip addr add 192.0.2.1/24 dev va\n"
              "ip route add default via 192.0.2.2");
        turn_for(f, 2 * f->settings->flap_usec);
        ck_assert_uint_eq(f->n_falls, 0);
        ck_assert_uint_eq(network_epoch(f->network), epoch);

        shell("ip link set vb down");
        wait_until(f, at(f, LWS_SYSTATE_INITIALIZED));
        ck_assert_uint_eq(f->n_falls, 1);
        wait_until(f, network_epoch(f->network) == epoch + 1);
        shell("ip link set vb up");
        wait_until(f, at(f, LWS_SYSTATE_OPERATIONAL));
        fixture_free(f);
}
END_TEST

START_TEST(another_address_or_route_makes_a_new_epoch_and_more_of_them_does_not)
{
        Fixture *f = fixture_new();
        uint64_t epoch;

        start_with_uplink(f);
        epoch = network_epoch(f->network);
        shell("ip addr add 192.0.2.77/24 dev va; ip route add default via 192.0.2.9 metric 50");
        wait_until(f, has(find(f, "va"), "192.0.2.77") && find(f, "va")->n_gateways == 2);
        turn_for(f, 50 * USEC_PER_MSEC);
        ck_assert_uint_eq(network_epoch(f->network), epoch);
        shell("ip route replace default via 192.0.2.3");
        wait_until(f, network_epoch(f->network) == epoch + 1);
        ck_assert_uint_eq(find(f, "va")->n_gateways, 2);
        shell("ip addr del 192.0.2.77/24 dev va");
        wait_until(f, network_epoch(f->network) == epoch + 2);
        ck_assert_uint_eq(f->n_falls, 0);
        fixture_free(f);
}
END_TEST

static void start_again(Fixture *f)
{
        uint64_t epoch = network_epoch(f->network), digest = network_epoch_digest(f->network);

        f->network = network_free(f->network);
        start(f);
        network_epoch_resume(f->network, epoch, digest);
        ck_assert_uint_eq(network_epoch(f->network), epoch);
        f->n_epochs = 0;
}

START_TEST(a_restart_is_another_epoch_only_where_the_network_is_another)
{
        Fixture *f = fixture_new();
        uint64_t epoch;

        start_with_uplink(f);
        epoch = network_epoch(f->network);
        shell("ip addr add 192.0.2.77/24 dev va");
        wait_until(f, has(find(f, "va"), "192.0.2.77"));
        start_again(f);
        shell("ip -6 addr add fe80::77/64 dev va nodad"); /* as if it came a moment later */
        wait_until(f, f->n_epochs == 1 && has(find(f, "va"), "192.0.2.77"));
        ck_assert_uint_eq(network_epoch(f->network), epoch);
        shell("ip addr del 192.0.2.77/24 dev va");
        wait_until(f, network_epoch(f->network) == epoch + 1);
        start_again(f);
        shell("ip route replace default via 192.0.2.3");
        wait_until(f, network_epoch(f->network) == epoch + 2);
        fixture_free(f);
}
END_TEST

START_TEST(required_family_and_links)
{
        Fixture *f = fixture_new();

        f->settings->require_family = REQUIRE_FAMILY_BOTH;
        ck_assert_int_eq(string_list_add(&f->settings->require_links, "wan*"), 0);
        make_uplink();
        start(f);
        wait_until(f, waits_for(f, "link|no-link|no link matches RequireLinks=wan*"));
        shell("ip link set va down; ip link set va name wan0; ip link set wan0 up\n"
              "ip route add default via 192.0.2.2");
        wait_until(f, waits_for(f, "link|no-address|wan0: no IPv6 address"));
        shell("ip addr add 2001:db8::1/64 dev wan0 nodad");
        wait_until(f, waits_for(f, "link|no-route|wan0: no IPv6 default route"));
        shell("ip -6 route add default via fe80::1 dev wan0");
        wait_until(f, at(f, LWS_SYSTATE_OPERATIONAL));
        ck_assert_ptr_null(find(f, "va"));
        fixture_free(f);
}
END_TEST

static void add_address(LinkSettings *link, const char *s)
{
        IpPrefix p;

        ck_assert_int_eq(ip_prefix_parse(s, &p), 0);
        ck_assert_int_eq(prefix_list_add(&link->addresses, &p), 0);
}

static void add_gateway(LinkSettings *link, const char *s)
{
        ck_assert_int_eq(endpoint_list_add(&link->gateways, &(Endpoint){ .addr = ip(s) }), 0);
}

static Settings *static_settings(Fixture *f, const char *address, const char *gateway)
{
        Settings *old = f->settings;
        LinkSettings *link;

        f->settings = NULL;
        ck_assert_int_eq(settings_new(&f->settings), 0);
        link = add_section(f, "va");
        add_address(link, address);
        add_gateway(link, gateway);
        return old;
}

START_TEST(a_static_link_is_set_up_changed_and_let_go)
{
        Fixture *f = fixture_new();
        Settings *old;

        settings_free(static_settings(f, "192.0.2.10/24", "192.0.2.1"));
        ck_assert_int_eq(endpoint_list_add(&f->settings->links[0].dns,
                                 &(Endpoint){ .addr = ip("192.0.2.53") }),
                0);
        /* what others put there stays, through everything that follows */
        shell("ip link add vb type veth peer name va; ip link set vb up\n"
              "ip addr add 198.51.100.1/24 dev va; ip link set va up\n"
              "ip route add 203.0.113.0/24 via 198.51.100.2 proto static\n"
              "ip route add default via 198.51.100.2 metric 2000\n"
              "ip addr add 2001:db8:f::1/64 dev va nodad");
        start(f);
        wait_until(f, at(f, LWS_SYSTATE_OPERATIONAL));
        wait_until(f, has(find(f, "va"), "192.0.2.10"));
        ck_assert(find(f, "va")->managed);
        ck_assert_uint_eq(find(f, "va")->facts[FACT_SOURCE_STATIC].dns.n, 1);
        shell("ip addr show va | grep 'inet 192.0.2.10/24 brd 192.0.2.255 scope global va'\n"
              "ip route | grep 'default via 192.0.2.1 dev va proto static metric 1024'");

        old = static_settings(f, "192.0.2.20/24", "192.0.2.2");
        ck_assert_int_eq(network_reload(f->network, f->settings), 0);
        settings_free(old);
        wait_until(f, has(find(f, "va"), "192.0.2.20") && !has(find(f, "va"), "192.0.2.10"));
        shell("test $(ip route | grep -Ec 'default via 192.0.2.2 dev va proto static') = 1\n"
              "! ip route | grep 192.0.2.1");
        ck_assert_uint_eq(find(f, "va")->facts[FACT_SOURCE_STATIC].dns.n, 0);

        /* down and up again: the kernel dropped the route, the link has it back */
        shell("ip link set va down; ip link set va up\n"
              "ip route add default via 198.51.100.2 metric 2000\n"
              "ip route add 203.0.113.0/24 via 198.51.100.2 proto static\n"
              "ip addr add 2001:db8:f::1/64 dev va nodad");
        wait_until(f, netns_sh("ip route | grep -q 'default via 192.0.2.2'") == 0);

        old = f->settings;
        f->settings = NULL;
        ck_assert_int_eq(settings_new(&f->settings), 0);
        ck_assert_int_eq(network_reload(f->network, f->settings), 0);
        settings_free(old);
        wait_until(f, !has(find(f, "va"), "192.0.2.20"));
        ck_assert(!find(f, "va")->managed);
        shell("! ip route | grep 192.0.2.\n"
              "ip route | grep 'default via 198.51.100.2'; ip route | grep '^203.0.113.0/24'\n"
              "ip addr show va | grep 198.51.100.1; ip addr show va | grep 2001:db8:f::1");
        fixture_free(f);
}
END_TEST

START_TEST(what_we_left_in_the_kernel_is_found_again_after_a_restart)
{
        Fixture *f = fixture_new();

        settings_free(static_settings(f, "192.0.2.10/24", "192.0.2.1"));
        shell("ip link add vb type veth peer name va; ip link set vb up");
        start(f);
        wait_until(f, at(f, LWS_SYSTATE_OPERATIONAL));
        f->network = network_free(f->network);
        shell("ip addr show va | grep 192.0.2.10; ip route | grep 'default via 192.0.2.1'");
        /* started again with something else: the old is known for ours and goes */
        settings_free(static_settings(f, "192.0.2.30/24", "192.0.2.3"));
        start(f);
        wait_until(f, has(find(f, "va"), "192.0.2.30") && !has(find(f, "va"), "192.0.2.10"));
        shell("test $(ip route | grep -Ec ^default) = 1; ip route | grep 'default via 192.0.2.3'");
        fixture_free(f);
}
END_TEST

typedef struct Applied Applied;
struct Applied {
        unsigned n;
        int error;
};

static void on_applied(Link *link, FactSource source, int error, void *userdata)
{
        Applied *a = userdata;

        a->n++;
        a->error = error;
}

START_TEST(a_lease_is_applied_renewed_and_replaced_without_a_gap)
{
        Fixture *f = fixture_new();
        ApplyAddress a = { 0 };
        ApplyRoute routes[2] = { { .dst.addr.family = AF_INET }, { .dst.addr.family = AF_UNSPEC } };
        ApplyConfig config = {
                .addresses = &a, .n_addresses = 1, .routes = routes, .n_routes = 2, .mtu = 1400
        };
        Applied applied = { 0 };
        unsigned before;

        add_section(f, "va");
        shell("ip link add vb type veth peer name va; ip link set vb up; ip link set va up");
        start(f);
        wait_until(f, find(f, "va") && find(f, "va")->carrier && find(f, "va")->managed);
        ck_assert_int_eq(ip_prefix_parse("192.0.2.10/24", &a.prefix), 0);
        ck_assert_int_eq(ip_prefix_parse("203.0.113.7/24", &routes[1].dst), 0);
        routes[0].gateway = ip("198.51.100.1"); /* that no address covers */
        routes[1].gateway = ip("192.0.2.2");
        a.valid_until_usec = clock_boottime_usec() + 3600 * USEC_PER_SEC;
        a.preferred_until_usec = a.valid_until_usec;
        ck_assert_int_eq(
                apply_set(find(f, "va"), FACT_SOURCE_DHCP4, &config, on_applied, &applied), 0);
        ck_assert_uint_eq(applied.n, 0);
        wait_until(f, applied.n == 1);
        ck_assert_int_eq(applied.error, 0);
        ck_assert(is_ours(find(f, "va"), "192.0.2.10"));
        shell("ip addr show va | grep -A1 'inet 192.0.2.10/24 brd 192.0.2.255 scope global dynamic "
              "va' |"
              " grep 'valid_lft 3[56]'\n"
              "ip route | grep 'default via 198.51.100.1 dev va proto dhcp metric 1024 onlink'\n"
              "ip route | grep '^203.0.113.0/24 via 192.0.2.2 dev va proto dhcp metric 1024'\n"
              "ip link show va | grep 'mtu 1400'");
        wait_until(f, find(f, "va")->mtu == 1400);

        /* renewed: longer, and nothing is taken away */
        shell("ip monitor address > /run/monitor & echo $! > /run/monitor.pid\n"
              "while ! grep -q 127.0.0.9 /run/monitor; do\n"
              " ip addr replace 127.0.0.9/8 dev lo; done");
        a.valid_until_usec += 3600 * USEC_PER_SEC;
        ck_assert_int_eq(
                apply_set(find(f, "va"), FACT_SOURCE_DHCP4, &config, on_applied, &applied), 0);
        wait_until(f, applied.n == 2);
        shell("ip addr show va | grep -A1 192.0.2.10 | grep 'valid_lft 7[12]'\n"
              "! grep Deleted /run/monitor");
        /* the same again costs nothing, and is told all the same */
        before = f->n_changed;
        ck_assert_int_eq(
                apply_set(find(f, "va"), FACT_SOURCE_DHCP4, &config, on_applied, &applied), 0);
        wait_until(f, applied.n == 3);
        ck_assert_uint_eq(f->n_changed, before);

        /* another address: in before the old one is out */
        ck_assert_int_eq(ip_prefix_parse("192.0.2.99/24", &a.prefix), 0);
        ck_assert_int_eq(
                apply_set(find(f, "va"), FACT_SOURCE_DHCP4, &config, on_applied, &applied), 0);
        wait_until(f, applied.n == 4);
        shell("ip addr show va | grep 192.0.2.99; ! ip addr show va | grep 192.0.2.10\n"
              "test $(ip route | grep -Ec '^203.0.113.0/24') = 1\n"
              "ip route | grep '^192.0.2.0/24 dev va proto kernel'\n"
              "awk '/192.0.2.99/ { new = 1 } /Deleted.*192.0.2.10/ { exit !new }' /run/monitor\n"
              "kill $(cat /run/monitor.pid)");
        apply_flush(find(f, "va"), FACT_SOURCE_DHCP4);
        wait_until(f, !has(find(f, "va"), "192.0.2.99") && find(f, "va")->mtu == 1500);
        shell("! ip route | grep dhcp");
        fixture_free(f);
}
END_TEST

START_TEST(what_others_remove_stays_away_until_the_link_comes_up)
{
        Fixture *f = fixture_new();
        ApplyAddress leased = { 0 };
        ApplyConfig config = { .addresses = &leased, .n_addresses = 1 };
        Applied applied = { 0 };

        settings_free(static_settings(f, "192.0.2.10/24", "192.0.2.1"));
        add_address(&f->settings->links[0], "192.0.2.11/24");
        shell("ip link add vb type veth peer name va; ip link set vb up");
        start(f);
        wait_until(f, at(f, LWS_SYSTATE_OPERATIONAL));
        shell("ip addr del 192.0.2.11/24 dev va; ip route del default via 192.0.2.1");
        wait_until(f, !has(find(f, "va"), "192.0.2.11") && find(f, "va")->n_gateways == 0);
        /* another source says what it wants; not so the configuration */
        ck_assert_int_eq(ip_prefix_parse("198.51.100.5/24", &leased.prefix), 0);
        leased.valid_until_usec = leased.preferred_until_usec =
                clock_boottime_usec() + 3600 * USEC_PER_SEC;
        ck_assert_int_eq(
                apply_set(find(f, "va"), FACT_SOURCE_DHCP4, &config, on_applied, &applied), 0);
        wait_until(f, applied.n == 1);
        shell("ip addr show va | grep 198.51.100.5\n"
              "! ip addr show va | grep 192.0.2.11; ! ip route | grep ^default");
        /* nor is it taken away where somebody put it back */
        shell("ip addr add 192.0.2.11/24 dev va");
        wait_until(f, has(find(f, "va"), "192.0.2.11"));
        ck_assert_int_eq(
                apply_set(find(f, "va"), FACT_SOURCE_DHCP4, &config, on_applied, &applied), 0);
        wait_until(f, applied.n == 2);
        shell("ip addr show va | grep 192.0.2.11; ip addr del 192.0.2.11/24 dev va");
        wait_until(f, !has(find(f, "va"), "192.0.2.11"));
        shell("ip link set va down; ip link set va up");
        wait_until(f, has(find(f, "va"), "192.0.2.11") && find(f, "va")->n_gateways == 1);
        fixture_free(f);
}
END_TEST

static bool kernel_has(unsigned n, const char *what)
{
        char line[256];

        snprintf(
                line, sizeof(line), "test $({ ip addr; ip route; } | grep -Ec '%s') = %u", what, n);
        return netns_sh(line) == 0;
}

/* The kernel's word about the first change is still to be read when the next one is made. */
START_TEST(what_goes_and_comes_back_within_a_turn_is_there)
{
        Fixture *f = fixture_new();
        ApplyAddress a = { 0 };
        ApplyConfig config = { .addresses = &a, .n_addresses = 1, .mtu = 1400 };
        Settings *old;
        Link *va;

        settings_free(static_settings(f, "192.0.2.10/24", "192.0.2.1"));
        add_address(&f->settings->links[0], "2001:db8::10/64");
        shell("ip link add vb type veth peer name va; ip link set vb up");
        start(f);
        wait_until(f, at(f, LWS_SYSTATE_OPERATIONAL) && has(find(f, "va"), "2001:db8::10"));
        /* another metric: all that had the old one goes first */
        old = static_settings(f, "192.0.2.10/24", "192.0.2.1");
        add_address(&f->settings->links[0], "2001:db8::10/64");
        f->settings->links[0].metric = 50;
        ck_assert_int_eq(network_reload(f->network, f->settings), 0);
        settings_free(old);
        va = find(f, "va");
        wait_until(f, va->n_gateways == 1 && va->gateways[0].metric == 50);
        turn_for(f, 20 * USEC_PER_MSEC);
        ck_assert(kernel_has(2, "192.0.2.10/24|2001:db8::10/64"));
        ck_assert(kernel_has(1, "^default"));
        ck_assert(has(va, "192.0.2.10") && has(va, "2001:db8::10"));
        /* of a client */
        ck_assert_int_eq(ip_prefix_parse("198.51.100.5/24", &a.prefix), 0);
        a.valid_until_usec = a.preferred_until_usec = clock_boottime_usec() + 3600 * USEC_PER_SEC;
        ck_assert_int_eq(apply_set(va, FACT_SOURCE_DHCP4, &config, NULL, NULL), 0);
        wait_until(f, has(va, "198.51.100.5"));
        apply_flush(va, FACT_SOURCE_DHCP4);
        ck_assert_int_eq(apply_set(va, FACT_SOURCE_DHCP4, &config, NULL, NULL), 0);
        turn_for(f, 20 * USEC_PER_MSEC);
        ck_assert(kernel_has(1, "198.51.100.5/24") && kernel_has(1, "va@.* mtu 1400"));
        /* and the other way round, from neither and from both */
        apply_flush(va, FACT_SOURCE_DHCP4);
        ck_assert_int_eq(apply_set(va, FACT_SOURCE_DHCP4, &config, NULL, NULL), 0);
        apply_flush(va, FACT_SOURCE_DHCP4);
        wait_until(f, kernel_has(0, "198.51.100.5/24") && !has(va, "198.51.100.5"));
        ck_assert_int_eq(apply_set(va, FACT_SOURCE_DHCP4, &config, NULL, NULL), 0);
        apply_flush(va, FACT_SOURCE_DHCP4);
        wait_until(f, kernel_has(0, "198.51.100.5/24") && !has(va, "198.51.100.5"));
        wait_until(f, kernel_has(1, "va@.* mtu 1500") && va->mtu == 1500);
        fixture_free(f);
}
END_TEST

START_TEST(what_the_kernel_refuses_is_told)
{
        Fixture *f = fixture_new();
        ApplyRoute route = { .dst.addr.family = AF_INET };
        ApplyConfig config = { .routes = &route, .n_routes = 1 };
        Applied applied = { 0 };

        add_section(f, "va");
        shell("ip link add vb type veth peer name va");
        start(f);
        wait_until(f, find(f, "va") && find(f, "va")->managed);
        route.gateway = ip("192.0.2.1");
        route.source = ip("203.0.113.1"); /* which is nobody's */
        ck_assert_int_eq(
                apply_set(find(f, "va"), FACT_SOURCE_DHCP4, &config, on_applied, &applied), 0);
        wait_until(f, applied.n == 1);
        ck_assert_int_eq(applied.error, -EINVAL);
        config.n_routes = APPLY_ROUTES_MAX + 1;
        ck_assert_int_eq(apply_set(find(f, "va"), FACT_SOURCE_DHCP4, &config, NULL, NULL), -E2BIG);
        fixture_free(f);
}
END_TEST

START_TEST(five_hundred_links_come_and_go_and_an_overrun_loses_none)
{
        Fixture *f = fixture_new();
        int small = 4096;
        unsigned n = 0;

        start(f);
        wait_until(f, f->network->synced);
        /* so small that the kernel must drop most of what follows */
        ck_assert_int_eq(setsockopt(rtnl_fd(f->network->rtnl), SOL_SOCKET, SO_RCVBUFFORCE, &small,
                                 sizeof(small)),
                0);
        shell("i=0; while [ $i -lt 250 ]; do echo link add a$i type veth peer name b$i;"
              " echo addr add 10.0.$i.1/24 dev a$i; i=$((i+1)); done | ip -batch -");
        wait_until(f, find(f, "a249") && has(find(f, "a249"), "10.0.249.1"));
        wait_until(f, !f->network->syncing);
        list_foreach (it, network_links(f->network)) {
                const Link *link = list_entry(it, Link, link);

                n++;
                if (link->name[0] == 'a') {
                        char addr[32];

                        snprintf(addr, sizeof(addr), "10.0.%s.1", link->name + 1);
                        ck_assert_msg(has(link, addr), "%s has no %s", link->name, addr);
                }
        }
        ck_assert_uint_ge(n, 501);
        shell("i=0; while [ $i -lt 250 ]; do echo link del a$i; i=$((i+1)); done | ip -batch -");
        wait_until(f, !find(f, "a0") && !find(f, "b249") && !f->network->syncing);
        fixture_free(f);
}
END_TEST

START_TEST(a_name_that_moves_to_another_section_moves_the_link)
{
        Fixture *f = fixture_new();
        LinkSettings *section = add_section(f, "lan*");

        add_address(section, "192.0.2.10/24");
        shell("ip link add vb type veth peer name va; ip link set vb up");
        start(f);
        wait_until(f, find(f, "va"));
        turn_for(f, 20 * USEC_PER_MSEC);
        ck_assert(!find(f, "va")->managed);
        ck_assert(!(find(f, "va")->flags & IFF_UP));
        shell("ip link set va name lan0");
        wait_until(f, find(f, "lan0") && has(find(f, "lan0"), "192.0.2.10"));
        ck_assert(find(f, "lan0")->flags & IFF_UP);
        shell("ip link set lan0 down; ip link set lan0 name other0");
        wait_until(f, find(f, "other0") && !has(find(f, "other0"), "192.0.2.10"));
        ck_assert(!find(f, "other0")->managed);
        /* a link that leaves for another namespace is gone, an index used again is a new link */
        shell("ip netns add elsewhere; ip link set other0 netns elsewhere");
        wait_until(f, !find(f, "other0"));
        fixture_free(f);
}
END_TEST

static bool dhcp_is(Fixture *f, const char *name, const char *state)
{
        return find(f, name) && strcmp(find(f, name)->dhcp_state, state) == 0;
}

START_TEST(another_hardware_address_is_another_client)
{
        Fixture *f = fixture_new();

        add_section(f, "va")->dhcp = DHCP_MODE_IPV4;
        f->settings->state_dir = strdup("/run");
        shell("ip link add vb type veth peer name va; ip link set vb up");
        start(f);
        wait_until(f, find(f, "va") && find(f, "va")->managed);
        if (!find(f, "va")->state->dhcp4) { /* not built in */
                fixture_free(f);
                return;
        }
        wait_until(f, dhcp_is(f, "va", "selecting"));
        shell("ip link set va down; ip link set va address 02:00:00:00:11:22");
        wait_until(f, !dhcp_is(f, "va", "selecting"));
        shell("ip link set va up");
        wait_until(f, dhcp_is(f, "va", "selecting"));
        ck_assert_mem_eq(find(f, "va")->mac, "\x02\x00\x00\x00\x11\x22", 6);
        /* gone in the middle of an exchange */
        shell("ip link del va");
        wait_until(f, !find(f, "va"));
        fixture_free(f);
}
END_TEST

START_TEST(a_suspend_is_told_from_a_clock_that_is_set)
{
        SuspendWatch w = { 0 };

        ck_assert(suspend_watch_check(&w, 90 * USEC_PER_SEC, 50 * USEC_PER_SEC));
        ck_assert(!suspend_watch_check(&w, 100 * USEC_PER_SEC, 60 * USEC_PER_SEC));
        ck_assert(!suspend_watch_check(&w, 110 * USEC_PER_SEC + 7, 70 * USEC_PER_SEC));
        ck_assert(suspend_watch_check(&w, 130 * USEC_PER_SEC, 75 * USEC_PER_SEC));
        ck_assert(!suspend_watch_check(&w, 130 * USEC_PER_SEC, 75 * USEC_PER_SEC));
}
END_TEST

START_TEST(after_a_suspend_everything_is_looked_at)
{
        Fixture *f = fixture_new();
        uint64_t epoch;

        make_uplink();
        start(f);
        wait_until(f, at(f, LWS_SYSTATE_OPERATIONAL) && !f->network->syncing);
        epoch = network_epoch(f->network);
        f->n_epochs = 0;
        network_resumed(f->network);
        ck_assert(f->network->syncing);
        wait_until(f, !f->network->syncing && f->n_epochs == 1);
        turn_for(f, 2 * f->settings->flap_usec);
        ck_assert_uint_eq(network_epoch(f->network), epoch);
        ck_assert_uint_eq(f->n_epochs, 1);
        ck_assert_uint_eq(f->n_falls, 0);
        fixture_free(f);
}
END_TEST

START_TEST(other_managers_say_what_is_theirs)
{
        ck_assert_int_eq(netns_private(), 0);
        shell("mkdir -p /run/systemd/netif/links /run/NetworkManager/devices\n"
              "printf 'ADMIN_STATE=configured\\nOPER_STATE=routable\\n' > "
              "/run/systemd/netif/links/2\n"
              "printf 'ADMIN_STATE=unmanaged\\n' > /run/systemd/netif/links/3\n"
              "printf '[device]\\nmanaged=true\\n' > /run/NetworkManager/devices/3\n"
              "printf '[device]\\nmanaged=false\\n' > /run/NetworkManager/devices/4");
        ck_assert_str_eq(link_owner_in("/run", 2), "systemd-networkd");
        ck_assert_str_eq(link_owner_in("/run", 3), "NetworkManager");
        ck_assert_ptr_null(link_owner_in("/run", 4));
        ck_assert_ptr_null(link_owner_in("/run", 5));
}

/* In the first process of its own process namespace, whose files in /run are then the ones meant.
 */
static void yield_and_take_back(void)
{
        Fixture *f = fixture_new();
        char path[64];

        ck_assert_int_eq(mount("proc", "/proc", "proc", 0, NULL), 0);
        settings_free(static_settings(f, "192.0.2.10/24", "192.0.2.1"));
        shell("ip link add vb type veth peer name va; ip link set vb up\n"
              "mkdir -p /run/systemd/netif/links");
        start(f);
        wait_until(f, at(f, LWS_SYSTATE_OPERATIONAL));
        snprintf(path, sizeof(path), "/run/systemd/netif/links/%d", find(f, "va")->ifindex);
        shell("echo ADMIN_STATE=configuring > %s", path);
        wait_until(f, !find(f, "va")->managed);
        shell("ip addr show va | grep 192.0.2.10; ip route | grep 'default via 192.0.2.1'");
        shell("rm %s", path);
        wait_until(f, find(f, "va")->managed && has(find(f, "va"), "192.0.2.10"));
        ck_assert_uint_eq(f->n_falls, 0);
        fixture_free(f);
}

/* Ends with the status of `fn`, called in a process namespace of its own. */
static void in_process_namespace(void (*fn)(void))
{
        int status = 1;
        pid_t pid;

        ck_assert_int_eq(unshare(CLONE_NEWPID), 0);
        pid = fork();
        if (pid == 0) {
                fn();
                _exit(EXIT_SUCCESS);
        }
        if (pid > 0)
                (void) waitpid(pid, &status, 0);
        _exit(status == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}

START_TEST(a_manager_that_appears_gets_the_link)
{
        int status = 1;
        pid_t pid = fork();

        ck_assert_int_ge(pid, 0);
        if (pid == 0)
                in_process_namespace(yield_and_take_back);
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert_int_eq(status, 0);
}
END_TEST

NETNS_SUITE("network", cold_plug_and_the_way_up, a_short_flap_tells_nobody_and_a_long_one_does,
        another_address_or_route_makes_a_new_epoch_and_more_of_them_does_not,
        a_restart_is_another_epoch_only_where_the_network_is_another, required_family_and_links,
        a_static_link_is_set_up_changed_and_let_go,
        what_we_left_in_the_kernel_is_found_again_after_a_restart,
        a_lease_is_applied_renewed_and_replaced_without_a_gap,
        what_others_remove_stays_away_until_the_link_comes_up,
        what_goes_and_comes_back_within_a_turn_is_there, what_the_kernel_refuses_is_told,
        five_hundred_links_come_and_go_and_an_overrun_loses_none,
        a_name_that_moves_to_another_section_moves_the_link,
        another_hardware_address_is_another_client, a_suspend_is_told_from_a_clock_that_is_set,
        after_a_suspend_everything_is_looked_at, other_managers_say_what_is_theirs,
        a_manager_that_appears_gets_the_link)
