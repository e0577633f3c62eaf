/* SPDX-License-Identifier: MIT */
/* Every edge of RFC 2131 figure 5 and every field of its packets, in virtual time. */
#include "lib/dhcp4-world.h"
#include "lib/suite.h"
#include "util/error.h"
#include <string.h>

#define SEC(n) ((usec_t) ((n) *1e6))

static World w;

static void setup(void)
{
        world_init(&w, test_seed());
}

static void expect_state(Dhcp4State state)
{
        ck_assert_str_eq(dhcp4_state_to_string(w.m.state), dhcp4_state_to_string(state));
}

static void expect_waiting(const char *code)
{
        char why[256];
        usec_t next;

        ck_assert_str_eq(dhcp4_machine_waiting(&w.m, why, sizeof(why), &next), code);
        ck_assert_int_eq(why[0] != 0, code[0] != 0);
}

/* The times between sent messages `first` and the last, each within [low, high]. */
static void expect_gap(unsigned i, double low, double high)
{
        usec_t gap = w.sent[i].at - w.sent[i - 1].at;

        ck_assert_msg(gap >= SEC(low) && gap <= SEC(high), "gap %u is %.3f s, not %.3f to %.3f", i,
                (double) gap / 1e6, low, high);
}

static void bind_it(void)
{
        world_start(&w, NULL, false);
        expect_state(DHCP4_STATE_BOUND);
        world_run(&w, SEC(10));
}

START_TEST(four_packets_and_bound)
{
        const Dhcp4Lease *lease;
        usec_t start;

        setup();
        start = w.now;
        world_start(&w, NULL, false);
        expect_state(DHCP4_STATE_BOUND);
        expect_waiting("");
        ck_assert_uint_eq(w.n_sent, 2);
        ck_assert_uint_eq(w.leases, 1);
        ck_assert_int_eq(w.sent[0].m.type, DHCP4_DISCOVER);
        ck_assert(w.sent[0].out.broadcast);
        ck_assert_uint_eq(w.sent[0].m.flags, 0);
        ck_assert_uint_eq(w.sent[0].m.secs, 0);
        ck_assert_int_eq(w.sent[1].m.type, DHCP4_REQUEST);
        ck_assert(w.sent[1].out.broadcast);
        ck_assert_uint_eq(w.sent[1].m.xid, w.sent[0].m.xid);
        ck_assert_uint_eq(w.sent[1].m.ciaddr.s_addr, 0);
        ck_assert_uint_eq(w.sent[1].m.requested.s_addr, w.peer.offers.s_addr);
        ck_assert_uint_eq(w.sent[1].m.server.s_addr, w.peer.server.s_addr);
        lease = dhcp4_machine_lease(&w.m);
        ck_assert_uint_eq(lease->expires, start + SEC(3600));
        ck_assert_uint_eq(lease->options.prefix_length, 24);
}
END_TEST

START_TEST(discover_on_a_fresh_link_is_eager_and_then_by_the_rfc)
{
        static const double slow[] = { 4, 8, 16, 32, 64, 64, 64 };
        unsigned i = 1;

        setup();
        w.peer.silent = true;
        world_start(&w, NULL, false);
        world_run(&w, SEC(320));
        expect_gap(i++, 0.45, 0.5);
        for (; w.sent[i].at - w.sent[0].at <= SEC(8); i++)
                expect_gap(i, 0.9, 1);
        ck_assert_uint_ge(i, 9);
        for (unsigned k = 0; k < ELEMENTSOF(slow); k++, i++)
                expect_gap(i, slow[k] - 1, slow[k] + 1);
        for (unsigned k = 0; k < w.n_sent; k++) {
                ck_assert_int_eq(w.sent[k].m.type, DHCP4_DISCOVER);
                ck_assert_uint_eq(w.sent[k].m.secs,
                        (unsigned) ((w.sent[k].at - w.sent[0].at) / USEC_PER_SEC));
        }
        expect_waiting("no-offer");
        ck_assert_uint_eq(w.leases, 0);
}
END_TEST

START_TEST(a_server_that_only_offers_is_left_after_a_minute)
{
        unsigned request = 0, again;

        setup();
        w.peer.mute_acks = true;
        world_start(&w, NULL, false);
        expect_state(DHCP4_STATE_REQUESTING);
        world_run(&w, SEC(59));
        expect_state(DHCP4_STATE_REQUESTING);
        expect_waiting("no-ack");
        for (unsigned i = 1; i < w.n_sent; i++) {
                ck_assert_int_eq(w.sent[i].m.type, DHCP4_REQUEST);
                ck_assert_uint_eq(w.sent[i].m.xid, w.sent[0].m.xid);
                ck_assert_uint_eq(w.sent[i].m.secs, w.sent[0].m.secs);
        }
        ck_assert_uint_ge(w.n_sent, 13);
        again = w.n_sent;
        world_run(&w, SEC(60));
        ck_assert_int_eq(w.sent[again].m.type, DHCP4_DISCOVER);
        ck_assert_uint_ne(w.sent[again].m.xid, w.sent[0].m.xid);
        /* the link is not fresh any more: 4 tries, then INIT again */
        for (unsigned i = again + 1; i < w.n_sent && w.sent[i].m.type == DHCP4_REQUEST; i++)
                request++;
        ck_assert_uint_ge(request, 4); /* the fifth is due at 60 s, give or take its jitter */
        ck_assert_uint_le(request, 5);
        expect_gap(again + 2, 3, 5);
        expect_gap(again + 3, 7, 9);
        expect_gap(again + 4, 15, 17);
}
END_TEST

START_TEST(a_server_that_let_us_down_comes_last)
{
        Dhcp4Peer other;

        for (unsigned refuses = 0; refuses < 2; refuses++) {
                setup();
                other = w.peer;
                other.server = v4("10.0.0.2");
                other.offers = v4("10.0.0.9");
                w.peer.mute_acks = !refuses;
                w.peer.refuses = refuses;
                world_start(&w, NULL, false);
                if (!refuses)
                        world_run(&w, SEC(60));
                /* it offers first again, and the other is heard all the same */
                expect_state(DHCP4_STATE_SELECTING);
                world_run(&w, SEC(0.3));
                world_reply(&w, &other, DHCP4_OFFER);
                expect_state(DHCP4_STATE_REQUESTING);
                ck_assert_uint_eq(world_last(&w)->m.server.s_addr, other.server.s_addr);
                ck_assert_uint_eq(world_last(&w)->m.requested.s_addr, other.offers.s_addr);
        }
        /* alone, it is asked again a second later */
        setup();
        w.peer.mute_acks = true;
        world_start(&w, NULL, false);
        world_run(&w, SEC(60));
        expect_state(DHCP4_STATE_SELECTING);
        w.peer.mute_acks = false;
        world_run(&w, SEC(1));
        expect_state(DHCP4_STATE_BOUND);
}
END_TEST

START_TEST(only_the_chosen_server_counts_while_requesting)
{
        Dhcp4Peer rogue;

        setup();
        w.peer.mute_acks = true;
        world_start(&w, NULL, false);
        rogue = w.peer;
        rogue.server = v4("10.0.0.66");
        rogue.mute_acks = false;
        world_reply(&w, &rogue, DHCP4_ACK);
        expect_state(DHCP4_STATE_REQUESTING);
        world_reply(&w, &rogue, DHCP4_NAK);
        expect_state(DHCP4_STATE_REQUESTING);
        world_reply(&w, &rogue, DHCP4_OFFER);
        expect_state(DHCP4_STATE_REQUESTING);
        world_reply(&w, &w.peer, DHCP4_ACK);
        expect_state(DHCP4_STATE_BOUND);
        world_reply(&w, &w.peer, DHCP4_NAK);
        expect_state(DHCP4_STATE_BOUND);
        world_reply(&w, &rogue, DHCP4_ACK);
        ck_assert_uint_eq(w.leases, 1);
}
END_TEST

START_TEST(an_ack_out_of_the_blue_is_no_lease)
{
        Dhcp4Peer rapid;

        setup();
        w.peer.silent = true;
        world_start(&w, NULL, false);
        rapid = w.peer;
        rapid.rapid = true;
        world_reply(&w, &w.peer, DHCP4_ACK);
        expect_state(DHCP4_STATE_SELECTING);
        world_reply(&w, &w.peer, DHCP4_NAK);
        expect_state(DHCP4_STATE_SELECTING);
        /* option 80, which we did not send */
        world_reply(&w, &rapid, DHCP4_ACK);
        expect_state(DHCP4_STATE_SELECTING);
        w.m.config.identity.rapid_commit = true;
        world_reply(&w, &w.peer, DHCP4_ACK);
        expect_state(DHCP4_STATE_SELECTING);
        world_reply(&w, &rapid, DHCP4_ACK);
        expect_state(DHCP4_STATE_BOUND);
}
END_TEST

/* What is_for_us and the lease check refuse: one field wrong at a time. */
START_TEST(replies_that_are_not_for_us_are_dropped)
{
        uint8_t good[1500], bad[1500];
        size_t size;
        const Dhcp4Message *request;

        setup();
        w.peer.silent = true;
        world_start(&w, NULL, false);
        request = &world_last(&w)->m;
        size = dhcp4_peer_reply(&w.peer, request, DHCP4_OFFER, good, sizeof(good));
        for (size_t at = 0; at < 34; at++) {
                bool ignored = at == 1 || at == 3 || (at >= 8 && at < 28);

                if (ignored)
                        continue; /* htype, hops, secs, flags and addresses of others */
                memcpy(bad, good, size);
                bad[at] ^= 0x40;
                dhcp4_machine_receive(&w.m, w.now, bad, size);
                ck_assert_msg(w.m.state == DHCP4_STATE_SELECTING, "octet %zu", at);
        }
        for (const char *const *yiaddr = (const char *const[]){ "0.0.0.0", "255.255.255.255",
                     "127.0.0.1", "224.0.0.1", "0.1.2.3", NULL };
                *yiaddr; yiaddr++) {
                Dhcp4Peer peer = w.peer;

                peer.offers = v4(*yiaddr);
                world_reply(&w, &peer, DHCP4_OFFER);
                ck_assert_msg(w.m.state == DHCP4_STATE_SELECTING, "%s", *yiaddr);
        }
        w.peer.lease = 0;
        world_reply(&w, &w.peer, DHCP4_OFFER);
        expect_state(DHCP4_STATE_SELECTING);
        w.peer.lease = 60;
        w.peer.extra = "\x3d\x03\x01\x02\x03";
        w.peer.extra_size = 5;
        world_reply(&w, &w.peer, DHCP4_OFFER);
        expect_state(DHCP4_STATE_SELECTING);
        w.peer.extra = "\x3d\x07\x01\x02\0\0\0\0\x01";
        w.peer.extra_size = 9;
        world_reply(&w, &w.peer, DHCP4_OFFER);
        expect_state(DHCP4_STATE_REQUESTING);
        w.peer.server = v4("0.0.0.0");
        world_reply(&w, &w.peer, DHCP4_ACK);
        expect_state(DHCP4_STATE_REQUESTING);
}
END_TEST

START_TEST(renews_by_unicast_and_keeps_the_address)
{
        const Sent *s;
        usec_t start;

        setup();
        start = w.now;
        bind_it();
        world_run(&w, SEC(1800));
        s = world_last(&w);
        ck_assert_int_eq(s->m.type, DHCP4_REQUEST);
        ck_assert(!s->out.broadcast);
        ck_assert_uint_eq(s->out.to.s_addr, w.peer.server.s_addr);
        ck_assert_uint_eq(s->m.ciaddr.s_addr, w.peer.offers.s_addr);
        ck_assert_uint_eq(s->m.requested.s_addr, 0);
        ck_assert_uint_eq(s->m.server.s_addr, 0);
        ck_assert_uint_ne(s->m.xid, w.sent[0].m.xid);
        ck_assert_uint_eq(s->m.secs, 0);
        ck_assert_uint_le(s->at, start + SEC(1800));
        ck_assert_uint_ge(s->at, start + SEC(1764));
        expect_state(DHCP4_STATE_BOUND);
        ck_assert_uint_eq(w.leases, 2);
        ck_assert_uint_eq(w.losts, 0);
        ck_assert_uint_eq(dhcp4_machine_lease(&w.m)->expires, s->at + SEC(3600));
}
END_TEST

START_TEST(rebinds_and_expires_when_nobody_answers)
{
        unsigned renewals = 0, rebinds = 0;
        usec_t start, end;

        setup();
        start = w.now;
        bind_it();
        w.peer.silent = true;
        end = dhcp4_machine_lease(&w.m)->expires;
        ck_assert_uint_eq(end, start + SEC(3600));
        world_run(&w, end - w.now - 1);
        ck_assert_uint_eq(w.losts, 0);
        expect_state(DHCP4_STATE_REBINDING);
        expect_waiting("");
        for (unsigned i = 2; i < w.n_sent; i++) {
                const Sent *s = &w.sent[i];

                renewals += !s->out.broadcast;
                rebinds += s->out.broadcast;
                ck_assert_uint_eq(s->m.ciaddr.s_addr, w.peer.offers.s_addr);
                ck_assert_uint_eq(s->m.server.s_addr, 0);
                ck_assert_uint_eq(s->m.requested.s_addr, 0);
                if (i > 2)
                        ck_assert_uint_ne(s->m.xid, w.sent[i - 1].m.xid);
                if (i > 2 && s->out.broadcast == w.sent[i - 1].out.broadcast)
                        ck_assert_uint_ge(s->at - w.sent[i - 1].at, SEC(60));
                if (s->out.broadcast)
                        ck_assert_uint_ge(s->at, start + SEC(3087));
        }
        ck_assert_uint_ge(renewals, 4);
        ck_assert_uint_ge(rebinds, 2);
        world_run(&w, 1);
        ck_assert_uint_eq(w.losts, 1);
        ck_assert_int_eq(w.why, DHCP4_LOST_EXPIRED);
        expect_state(DHCP4_STATE_SELECTING);
        ck_assert_int_eq(world_last(&w)->m.type, DHCP4_DISCOVER);
        ck_assert_uint_eq(world_last(&w)->at, end);
        ck_assert_uint_eq(world_last(&w)->m.requested.s_addr, w.peer.offers.s_addr);
        ck_assert_ptr_null(dhcp4_machine_lease(&w.m));
}
END_TEST

/* The last address of a class C network, but not of the /23 that the first ACK told. */
START_TEST(a_renewal_without_a_mask_leaves_the_prefix)
{
        setup();
        w.peer.offers = v4("192.168.0.255");
        w.peer.mask = v4("255.255.254.0");
        bind_it();
        ck_assert_uint_eq(dhcp4_machine_lease(&w.m)->options.prefix_length, 23);
        w.peer.no_options = true;
        world_run(&w, SEC(1850));
        expect_state(DHCP4_STATE_BOUND);
        ck_assert_uint_eq(w.leases, 2);
        ck_assert_uint_eq(w.losts, 0);
        ck_assert_uint_eq(dhcp4_machine_lease(&w.m)->options.prefix_length, 23);
}
END_TEST

START_TEST(another_server_answers_a_rebind_but_not_a_renewal)
{
        Dhcp4Peer other;

        setup();
        bind_it();
        w.peer.silent = true;
        other = w.peer;
        other.server = v4("10.0.0.2");
        world_run(&w, SEC(1900));
        expect_state(DHCP4_STATE_RENEWING);
        world_reply(&w, &other, DHCP4_ACK);
        world_reply(&w, &other, DHCP4_NAK);
        expect_state(DHCP4_STATE_RENEWING);
        world_run(&w, SEC(1250));
        expect_state(DHCP4_STATE_REBINDING);
        world_reply(&w, &other, DHCP4_ACK);
        expect_state(DHCP4_STATE_BOUND);
        ck_assert_uint_eq(dhcp4_machine_lease(&w.m)->server.s_addr, other.server.s_addr);
        ck_assert_uint_eq(w.losts, 0);
        /* later renewals go to the new one */
        world_run(&w, SEC(1850));
        ck_assert_uint_eq(world_last(&w)->out.to.s_addr, other.server.s_addr);
}
END_TEST

START_TEST(a_refusal_takes_the_address_at_once_and_is_not_a_storm)
{
        unsigned before;

        setup();
        bind_it();
        w.peer.silent = true;
        world_run(&w, SEC(1900));
        expect_state(DHCP4_STATE_RENEWING);
        before = w.n_sent;
        world_reply(&w, &w.peer, DHCP4_NAK);
        ck_assert_uint_eq(w.losts, 1);
        ck_assert_int_eq(w.why, DHCP4_LOST_REFUSED);
        /* DISCOVER without delay and without the address */
        ck_assert_uint_eq(w.n_sent, before + 1);
        ck_assert_int_eq(world_last(&w)->m.type, DHCP4_DISCOVER);
        ck_assert_uint_eq(world_last(&w)->at, w.now);
        ck_assert_uint_eq(world_last(&w)->m.requested.s_addr, 0);
        /* a server that offers and refuses for ever */
        w.peer.silent = false;
        w.peer.refuses = true;
        before = w.peer.discovers;
        world_run(&w, SEC(3600));
        ck_assert_uint_le(w.peer.discovers - before, 70);
        expect_waiting("refused");
        w.peer.refuses = false;
        world_run(&w, SEC(61));
        expect_state(DHCP4_STATE_BOUND);
}
END_TEST

START_TEST(a_renewal_that_changes_the_address_replaces_it)
{
        setup();
        bind_it();
        w.peer.silent = true;
        world_run(&w, SEC(1900));
        w.peer.offers = v4("10.0.0.77");
        world_reply(&w, &w.peer, DHCP4_ACK);
        expect_state(DHCP4_STATE_BOUND);
        ck_assert_uint_eq(w.losts, 0);
        ck_assert_uint_eq(dhcp4_machine_lease(&w.m)->address.s_addr, v4("10.0.0.77").s_addr);
        ck_assert_int_eq(w.m.acd.state, ACD_STATE_PROBING);
}
END_TEST

START_TEST(a_known_lease_takes_one_round_trip)
{
        Dhcp4Lease known;
        const Sent *s;

        setup();
        bind_it();
        known = *dhcp4_machine_lease(&w.m);
        dhcp4_machine_stop(&w.m);
        ck_assert_uint_eq(dhcp4_machine_deadline(&w.m), USEC_INFINITY);
        w.n_sent = 0;
        world_start(&w, &known, false);
        expect_state(DHCP4_STATE_BOUND);
        ck_assert_uint_eq(w.n_sent, 1);
        s = world_last(&w);
        ck_assert_int_eq(s->m.type, DHCP4_REQUEST);
        ck_assert(s->out.broadcast);
        ck_assert_uint_eq(s->m.requested.s_addr, known.address.s_addr);
        ck_assert_uint_eq(s->m.server.s_addr, 0);
        ck_assert_uint_eq(s->m.ciaddr.s_addr, 0);
}
END_TEST

START_TEST(a_known_lease_that_is_refused_or_unanswered_is_given_up)
{
        Dhcp4Lease known;

        setup();
        bind_it();
        known = *dhcp4_machine_lease(&w.m);
        dhcp4_machine_stop(&w.m);
        w.peer.offers = v4("10.0.9.5");
        world_start(&w, &known, false);
        expect_state(DHCP4_STATE_BOUND);
        ck_assert_uint_eq(dhcp4_machine_lease(&w.m)->address.s_addr, w.peer.offers.s_addr);

        setup();
        w.peer.silent = true;
        known.expires = w.now + SEC(1000);
        world_start(&w, &known, false);
        world_run(&w, SEC(1.9));
        expect_state(DHCP4_STATE_REBOOTING);
        expect_waiting("unconfirmed");
        ck_assert_uint_eq(w.n_sent, 2);
        expect_gap(1, 0.45, 0.5);
        world_run(&w, SEC(0.1));
        expect_state(DHCP4_STATE_SELECTING);
        ck_assert_int_eq(world_last(&w)->m.type, DHCP4_DISCOVER);
        ck_assert_uint_eq(world_last(&w)->m.requested.s_addr, known.address.s_addr);
        ck_assert_uint_eq(w.forgets, 0);

        setup();
        w.peer.silent = true;
        known.expires = w.now + SEC(1000);
        world_start(&w, &known, false);
        world_reply(&w, &w.peer, DHCP4_NAK);
        ck_assert_uint_eq(w.forgets, 1);
        ck_assert_uint_eq(w.losts, 0);
}
END_TEST

START_TEST(the_gateway_confirms_a_known_network_without_the_server)
{
        Dhcp4Lease known;

        setup();
        w.gateway_answers = true;
        bind_it();
        ck_assert_uint_eq(w.saves, 1);
        known = *dhcp4_machine_lease(&w.m);
        ck_assert(known.has_gateway_mac);
        dhcp4_machine_carrier(&w.m, w.now, false);
        expect_state(DHCP4_STATE_DOWN);
        expect_waiting("no-carrier");
        world_run(&w, SEC(3));
        ck_assert_uint_eq(w.losts, 0);
        w.peer.silent = true;
        w.n_arps = 0;
        dhcp4_machine_carrier(&w.m, w.now, true);
        world_settle(&w);
        ck_assert_uint_ge(w.n_arps, 1);
        ck_assert_uint_eq(w.arps[0].target.s_addr, w.peer.server.s_addr);
        world_run(&w, SEC(3));
        expect_state(DHCP4_STATE_BOUND);
        ck_assert_uint_eq(w.losts, 0);
        /* from the file alone: in use after that one round trip, while the server is asked */
        dhcp4_machine_stop(&w.m);
        w.leases = 0;
        world_start(&w, &known, false);
        expect_state(DHCP4_STATE_REBOOTING);
        ck_assert_uint_eq(w.leases, 1);
        world_run(&w, SEC(3));
        expect_state(DHCP4_STATE_BOUND);
        ck_assert_uint_eq(dhcp4_machine_lease(&w.m)->expires, known.expires);
        /* another box at that address is another network */
        dhcp4_machine_stop(&w.m);
        w.gateway_mac[5]++;
        w.leases = 0;
        world_start(&w, &known, false);
        world_run(&w, SEC(3));
        expect_state(DHCP4_STATE_SELECTING);
        ck_assert_uint_eq(w.leases, 0);
        /* and where the server has moved there with it, it is learned */
        dhcp4_machine_stop(&w.m);
        w.peer.silent = false;
        world_start(&w, &known, false);
        world_run(&w, SEC(20));
        ck_assert_int_eq(memcmp(dhcp4_machine_lease(&w.m)->gateway_mac, w.gateway_mac, 6), 0);
}
END_TEST

START_TEST(a_restart_in_place_never_drops_the_address)
{
        Dhcp4Lease known;

        setup();
        bind_it();
        known = *dhcp4_machine_lease(&w.m);
        dhcp4_machine_stop(&w.m);
        w.peer.silent = true;
        w.leases = 0;
        world_start(&w, &known, true);
        ck_assert_uint_eq(w.leases, 1);
        ck_assert_ptr_nonnull(dhcp4_machine_lease(&w.m));
        world_run(&w, SEC(100));
        expect_state(DHCP4_STATE_BOUND);
        ck_assert_uint_eq(w.losts, 0);
        w.peer.silent = false;
        world_run(&w, SEC(1800));
        ck_assert_uint_ge(dhcp4_machine_lease(&w.m)->expires, known.expires + SEC(1700));
}
END_TEST

START_TEST(ipv6_only_stops_for_a_while)
{
        setup();
        w.m.config.identity.v6only = true;
        w.peer.extra = "\x6c\x04\0\0\x01\xf4"; /* 500 s */
        w.peer.extra_size = 6;
        world_start(&w, NULL, false);
        expect_waiting("ipv6-only");
        ck_assert_uint_eq(w.n_sent, 1);
        world_run(&w, SEC(499));
        ck_assert_uint_eq(w.n_sent, 1);
        w.peer.extra = "\x6c\x04\0\0\0\x01"; /* 300 s at least */
        world_run(&w, SEC(2));
        ck_assert_uint_eq(w.n_sent, 2);
        world_run(&w, SEC(298));
        ck_assert_uint_eq(w.n_sent, 2);
        /* another network may have another opinion */
        w.peer.extra_size = 0;
        dhcp4_machine_carrier(&w.m, w.now, false);
        dhcp4_machine_carrier(&w.m, w.now, true);
        world_settle(&w);
        expect_state(DHCP4_STATE_BOUND);

        /* who did not ask is not told */
        setup();
        w.peer.extra = "\x6c\x04\0\0\x01\xf4";
        w.peer.extra_size = 6;
        bind_it();
}
END_TEST

START_TEST(release_gives_back_and_stops)
{
        setup();
        bind_it();
        ck_assert(dhcp4_machine_release(&w.m, w.now));
        world_settle(&w);
        ck_assert_uint_eq(w.peer.releases, 1);
        ck_assert(!world_last(&w)->out.broadcast);
        ck_assert_uint_eq(world_last(&w)->m.ciaddr.s_addr, w.peer.offers.s_addr);
        ck_assert_uint_eq(world_last(&w)->m.server.s_addr, w.peer.server.s_addr);
        ck_assert_uint_eq(world_last(&w)->m.requested.s_addr, 0);
        ck_assert_int_eq(w.why, DHCP4_LOST_RELEASED);
        ck_assert(dhcp4_machine_deadline(&w.m) == USEC_INFINITY);
        ck_assert(!dhcp4_machine_release(&w.m, w.now));
        ck_assert(!dhcp4_machine_renew(&w.m, w.now));
        world_start(&w, NULL, false);
        expect_state(DHCP4_STATE_BOUND);
}
END_TEST

START_TEST(renew_on_request_asks_now)
{
        setup();
        bind_it();
        w.n_sent = 0;
        ck_assert(dhcp4_machine_renew(&w.m, w.now));
        world_settle(&w);
        ck_assert_uint_eq(w.n_sent, 1);
        ck_assert(!world_last(&w)->out.broadcast);
        ck_assert_uint_eq(w.leases, 2);
        expect_state(DHCP4_STATE_BOUND);
}
END_TEST

START_TEST(a_suspend_is_noticed_by_the_clock_that_went_on)
{
        setup();
        bind_it();
        w.peer.silent = true;
        w.now += SEC(4000);
        dhcp4_machine_timeout(&w.m, w.now);
        world_settle(&w);
        ck_assert_int_eq(w.why, DHCP4_LOST_EXPIRED);
        expect_state(DHCP4_STATE_SELECTING);

        setup();
        bind_it();
        w.now += SEC(1000);
        w.n_sent = 0;
        dhcp4_machine_resume(&w.m, w.now);
        world_settle(&w);
        ck_assert_uint_eq(w.sent[0].m.requested.s_addr, w.peer.offers.s_addr);
        ck_assert_uint_eq(w.losts, 0);
        expect_state(DHCP4_STATE_BOUND);
}
END_TEST

START_TEST(a_slow_ack_counts_from_the_first_request)
{
        usec_t sent;

        setup();
        w.peer.mute_acks = true;
        world_start(&w, NULL, false);
        sent = world_last(&w)->at;
        world_run(&w, SEC(3));
        world_reply(&w, &w.peer, DHCP4_ACK);
        ck_assert_uint_eq(dhcp4_machine_lease(&w.m)->expires, sent + SEC(3600));
        /* a lease that would be over by then counts from the last */
        setup();
        w.peer.mute_acks = true;
        w.peer.lease = 2;
        world_start(&w, NULL, false);
        world_run(&w, SEC(3));
        world_reply(&w, &w.peer, DHCP4_ACK);
        ck_assert_uint_gt(dhcp4_machine_lease(&w.m)->expires, w.now);
}
END_TEST

START_TEST(a_lease_for_ever_has_no_timer)
{
        setup();
        w.peer.lease = UINT32_MAX;
        bind_it();
        ck_assert(dhcp4_machine_deadline(&w.m) == USEC_INFINITY);
        ck_assert(dhcp4_machine_renew(&w.m, w.now));
        world_settle(&w);
        expect_state(DHCP4_STATE_BOUND);
}
END_TEST

TEST_MAIN("dhcp4-machine", four_packets_and_bound,
        discover_on_a_fresh_link_is_eager_and_then_by_the_rfc,
        a_server_that_only_offers_is_left_after_a_minute, a_server_that_let_us_down_comes_last,
        only_the_chosen_server_counts_while_requesting, an_ack_out_of_the_blue_is_no_lease,
        replies_that_are_not_for_us_are_dropped, renews_by_unicast_and_keeps_the_address,
        rebinds_and_expires_when_nobody_answers, a_renewal_without_a_mask_leaves_the_prefix,
        another_server_answers_a_rebind_but_not_a_renewal,
        a_refusal_takes_the_address_at_once_and_is_not_a_storm,
        a_renewal_that_changes_the_address_replaces_it, a_known_lease_takes_one_round_trip,
        a_known_lease_that_is_refused_or_unanswered_is_given_up,
        the_gateway_confirms_a_known_network_without_the_server,
        a_restart_in_place_never_drops_the_address, ipv6_only_stops_for_a_while,
        release_gives_back_and_stops, renew_on_request_asks_now,
        a_suspend_is_noticed_by_the_clock_that_went_on, a_slow_ack_counts_from_the_first_request,
        a_lease_for_ever_has_no_timer)
