/* SPDX-License-Identifier: MIT */
/* What a DHCPv4 client does about other hosts with its address (REQ_DHCP 8, 32, 33), and about who
 * takes it out of the kernel. */
#include "lib/dhcp4-world.h"
#include "lib/suite.h"

#define SEC(n) ((usec_t) ((n) *1e6))

static World w;

static void setup(void)
{
        world_init(&w, test_seed());
}

static void expect_waiting(const char *code)
{
        char why[256];
        usec_t next;

        ck_assert_str_eq(dhcp4_machine_waiting(&w.m, why, sizeof(why), &next), code);
}

static void bind_it(void)
{
        world_start(&w, NULL, false);
        ck_assert_int_eq(w.m.state, DHCP4_STATE_BOUND);
        world_run(&w, SEC(10));
}

START_TEST(a_conflict_is_declined_and_replaced)
{
        const Sent *s;
        usec_t then;

        setup();
        world_start(&w, NULL, false);
        world_run(&w, SEC(0.1));
        ck_assert_uint_eq(w.n_arps, 1);
        ck_assert_uint_eq(w.arps[0].sender.s_addr, 0);
        then = w.now;
        world_arp(&w, ARP_REPLY, w.peer.offers, v4("0.0.0.0"));
        ck_assert_uint_eq(w.losts, 1);
        ck_assert_int_eq(w.why, DHCP4_LOST_CONFLICT);
        expect_waiting("address-conflict");
        s = world_last(&w);
        ck_assert_int_eq(s->m.type, DHCP4_DECLINE);
        ck_assert(s->out.broadcast);
        ck_assert_uint_eq(s->m.requested.s_addr, v4("10.0.0.5").s_addr);
        ck_assert_uint_eq(s->m.server.s_addr, w.peer.server.s_addr);
        ck_assert_uint_eq(s->m.ciaddr.s_addr, 0);
        ck_assert_mem_eq(s->m.client_id, w.sent[0].m.client_id, w.sent[0].m.client_id_size);
        w.peer.offers = v4("10.0.0.6");
        world_run(&w, SEC(10));
        ck_assert_int_eq(w.m.state, DHCP4_STATE_BOUND);
        for (unsigned i = 0; i < w.n_sent; i++)
                if (w.sent[i].at > then)
                        ck_assert_uint_ge(w.sent[i].at - then, SEC(10));
        ck_assert_uint_eq(dhcp4_machine_lease(&w.m)->address.s_addr, v4("10.0.0.6").s_addr);
}
END_TEST

START_TEST(after_ten_conflicts_one_try_a_minute)
{
        usec_t then;

        setup();
        world_start(&w, NULL, false);
        for (unsigned i = 1; i < 14; i++) {
                ck_assert_int_eq(w.m.state, DHCP4_STATE_BOUND);
                world_arp(&w, ARP_REQUEST, v4("0.0.0.0"), w.peer.offers);
                ck_assert_uint_eq(w.peer.declines, i);
                then = w.now;
                world_run(&w, dhcp4_machine_deadline(&w.m) - w.now);
                ck_assert_uint_ge(w.now - then, i >= 10 ? SEC(60) : SEC(10));
        }
        /* carrier lost: another network, another account */
        dhcp4_machine_carrier(&w.m, w.now, false);
        ck_assert_uint_eq(w.m.conflicts, 0);
}
END_TEST

START_TEST(strict_probes_before_it_uses)
{
        usec_t start;

        setup();
        w.m.config.conflict = ACD_STRICT;
        start = w.now;
        world_start(&w, NULL, false);
        ck_assert_int_eq(w.m.state, DHCP4_STATE_PROBING);
        expect_waiting("probing");
        ck_assert_uint_eq(w.leases, 0);
        world_run(&w, SEC(8));
        ck_assert_int_eq(w.m.state, DHCP4_STATE_BOUND);
        ck_assert_uint_eq(w.leases, 1);
        ck_assert_uint_ge(w.n_arps, 4);
        /* the clock ran while it probed */
        ck_assert_uint_eq(dhcp4_machine_lease(&w.m)->expires, start + SEC(3600));

        setup();
        w.m.config.conflict = ACD_STRICT;
        world_start(&w, NULL, false);
        world_run(&w, SEC(2));
        world_arp(&w, ARP_REPLY, w.peer.offers, v4("0.0.0.0"));
        ck_assert_uint_eq(w.peer.declines, 1);
        ck_assert_uint_eq(w.leases, 0);
        ck_assert_uint_eq(w.losts, 0);
}
END_TEST

START_TEST(a_lease_is_defended_once)
{
        setup();
        bind_it();
        world_arp(&w, ARP_REPLY, w.peer.offers, v4("0.0.0.0"));
        ck_assert_uint_eq(w.defended, 1);
        ck_assert_uint_eq(w.losts, 0);
        world_run(&w, SEC(5));
        world_arp(&w, ARP_REPLY, w.peer.offers, v4("0.0.0.0"));
        ck_assert_uint_eq(w.losts, 1);
        ck_assert_uint_eq(w.peer.declines, 1);
}
END_TEST

START_TEST(no_conflict_detection_sends_no_arp_probe)
{
        setup();
        w.m.config.conflict = ACD_NO;
        bind_it();
        for (unsigned i = 0; i < w.n_arps; i++)
                ck_assert_uint_eq(w.arps[i].target.s_addr, w.peer.server.s_addr);
}
END_TEST

START_TEST(an_address_that_somebody_removed_is_asked_for_before_it_is_used_again)
{
        Dhcp4Lease known;

        setup();
        w.gateway_answers = true;
        bind_it();
        known = *dhcp4_machine_lease(&w.m);
        ck_assert(known.has_gateway_mac);
        w.n_sent = w.n_arps = w.leases = 0;
        ck_assert(dhcp4_machine_address_lost(&w.m, w.now));
        ck_assert_ptr_null(dhcp4_machine_lease(&w.m));
        world_settle(&w);
        ck_assert_int_eq(w.m.state, DHCP4_STATE_BOUND);
        ck_assert_uint_eq(w.losts, 1);
        ck_assert_uint_eq(w.leases, 1);
        ck_assert_uint_eq(w.n_sent, 1);
        ck_assert_uint_eq(world_last(&w)->m.requested.s_addr, known.address.s_addr);
        ck_assert_uint_eq(world_last(&w)->m.server.s_addr, 0);
        ck_assert_uint_eq(w.arps[0].sender.s_addr, 0); /* a probe, and no question to the gateway */
        /* in place since before the start, and nobody answers: it is not used for that */
        known = *dhcp4_machine_lease(&w.m);
        dhcp4_machine_stop(&w.m);
        w.peer.silent = true;
        world_start(&w, &known, true);
        ck_assert(dhcp4_machine_address_lost(&w.m, w.now));
        world_run(&w, SEC(3));
        ck_assert_int_eq(w.m.state, DHCP4_STATE_SELECTING);
        ck_assert_ptr_null(dhcp4_machine_lease(&w.m));
        ck_assert(!dhcp4_machine_address_lost(&w.m, w.now));
}
END_TEST

TEST_MAIN("dhcp4-conflict", a_conflict_is_declined_and_replaced,
        after_ten_conflicts_one_try_a_minute, strict_probes_before_it_uses,
        a_lease_is_defended_once, no_conflict_detection_sends_no_arp_probe,
        an_address_that_somebody_removed_is_asked_for_before_it_is_used_again)
