/* SPDX-License-Identifier: MIT */
/* RFC 8415 in virtual time against a server in memory: REQ_DHCP 34 to 39. */
#include "lib/dhcp6-fixture.h"
#include "util/error.h"
#include <string.h>

/* RT = 2 * RTprev +-10 %, up to `max` +-10 % */
static void expect_schedule(unsigned first, unsigned last, double irt, double max)
{
        double low = irt * 0.9, high = irt * 1.1;

        for (unsigned i = first + 1; i <= last; i++) {
                double gap = (double) (sent_at[i] - sent_at[i - 1]) / 1e6;

                ck_assert_msg(gap >= low - 1e-3 && gap <= high + 1e-3, "gap %u: %f not %f..%f", i,
                        gap, low, high);
                low = MIN(gap * 1.9, max * 0.9);
                high = gap * 2.1 > max ? max * 1.1 : gap * 2.1;
        }
}

START_TEST(what_an_earlier_run_had_is_confirmed)
{
        Dhcp6Options options = { 0 };
        Dhcp6Lease lease = { .server = { 4, { 0, 4, 9, 9 } },
                .addresses = { { v6("2001:db8::5"), SEC(3000), SEC(4000) } },
                .n_addresses = 1,
                .t1 = SEC(2000),
                .t2 = SEC(2500) };

        /* after a boot: in use when the server agrees */
        setup();
        peer.silent = true;
        dhcp6_machine_restore(&m, &lease, &options, false);
        start(true);
        expect_state(DHCP6_STATE_CONFIRMING);
        ck_assert(sent[0].type == DHCP6_CONFIRM && sent[0].n_addresses == 1 && leases == 0);
        reply(DHCP6_REPLY);
        expect_state(DHCP6_STATE_BOUND);
        ck_assert_uint_eq(leases, 1);
        run(SEC(990));
        expect_state(DHCP6_STATE_BOUND);
        run(SEC(20));
        expect_state(DHCP6_STATE_RENEWING);
        /* nobody says anything: in use after ten seconds (RFC 8415 18.2.3) */
        setup();
        peer.silent = true;
        dhcp6_machine_restore(&m, &lease, &options, false);
        start(true);
        run(SEC(9));
        ck_assert_uint_eq(leases, 0);
        run(SEC(2));
        expect_state(DHCP6_STATE_BOUND);
        ck_assert_uint_eq(leases, 1);
        /* the kernel has it: in use all the while */
        setup();
        peer.silent = true;
        dhcp6_machine_restore(&m, &lease, &options, true);
        start(true);
        ck_assert_uint_eq(leases, 1);
        /* another link: gone */
        peer.status = DHCP6_STATUS_NOT_ON_LINK;
        reply(DHCP6_REPLY);
        expect_state(DHCP6_STATE_SOLICITING);
        ck_assert(leases == 2 && m.lease.n_addresses == 0);
        /* over before anybody answered */
        setup();
        peer.silent = true;
        lease.addresses[0].valid_until = now + SEC(5);
        dhcp6_machine_restore(&m, &lease, &options, false);
        start(true);
        run(SEC(6));
        expect_state(DHCP6_STATE_SOLICITING);
}
END_TEST

START_TEST(four_messages_and_bound)
{
        setup();
        start(true);
        ck_assert_uint_eq(n_sent, 1);
        ck_assert_int_eq(sent[0].type, DHCP6_SOLICIT);
        ck_assert_uint_eq(sent[0].elapsed, 0);
        expect_state(DHCP6_STATE_SOLICITING); /* the whole first wait */
        run(SEC(0.99));
        ck_assert_uint_eq(n_sent, 1);
        run(SEC(0.2));
        ck_assert_uint_eq(n_sent, 2);
        ck_assert_int_eq(sent[1].type, DHCP6_REQUEST);
        ck_assert(dhcp6_duid_equal(&sent[1].server, &peer.duid));
        ck_assert_uint_ne(sent[1].xid, sent[0].xid);
        expect_state(DHCP6_STATE_BOUND);
        ck_assert_uint_eq(m.lease.n_addresses, 1);
        ck_assert_uint_eq(m.lease.addresses[0].valid_until, sent_at[1] + SEC(2000));
        ck_assert_uint_eq(m.lease.addresses[0].preferred_until, sent_at[1] + SEC(1000));
        ck_assert_uint_eq(m.lease.t1, sent_at[1] + SEC(500));
        ck_assert_uint_eq(leases, 1);
        ck_assert_uint_eq(infos, 1);
        ck_assert_uint_eq(m.options.n_dns, 1);
}
END_TEST

START_TEST(the_best_preference_wins_and_255_at_once)
{
        Dhcp6Duid first;

        setup();
        peer.preference = 3;
        start(true);
        first = peer.duid;
        peer.duid.bytes[2] = 8;
        peer.preference = 3;
        reply(DHCP6_ADVERTISE);
        ck_assert(dhcp6_duid_equal(&m.advertised.server, &first));
        peer.preference = 4;
        reply(DHCP6_ADVERTISE);
        ck_assert(dhcp6_duid_equal(&m.advertised.server, &peer.duid));
        expect_state(DHCP6_STATE_SOLICITING);
        peer.preference = 255;
        peer.duid.bytes[2] = 7;
        reply(DHCP6_ADVERTISE);
        expect_state(DHCP6_STATE_BOUND);
        ck_assert_uint_eq(m.lease.server.bytes[2], 7);
}
END_TEST

START_TEST(solicits_as_scheduled_and_obeys_sol_max_rt)
{
        setup();
        peer.silent = true;
        start(true);
        run(SEC(20000));
        expect_schedule(0, n_sent - 1, 1, 3600);
        ck_assert_uint_gt(sent_at[1] - sent_at[0], SEC(1));
        for (unsigned i = 0; i < n_sent; i++) {
                ck_assert_int_eq(sent[i].type, DHCP6_SOLICIT);
                ck_assert_uint_eq(sent[i].xid, sent[0].xid);
                ck_assert_uint_eq(
                        sent[i].elapsed, MIN((sent_at[i] - sent_at[0]) / 10000, UINT16_MAX));
        }
        /* no address, but the option counts */
        setup();
        peer.has_address = false;
        peer.sol_max_rt = 60;
        start(true);
        run(SEC(600));
        expect_schedule(0, n_sent - 1, 1, 60);
        ck_assert_uint_ge(n_sent, 14);
        setup();
        peer.has_address = false;
        peer.sol_max_rt = 59;
        start(true);
        ck_assert_uint_eq(m.sol_max_rt, 3600);
        peer.sol_max_rt = 86401;
        run(SEC(2));
        ck_assert_uint_eq(m.sol_max_rt, 3600);
}
END_TEST

START_TEST(requests_ten_times_and_begins_again)
{
        unsigned requests = 0;

        setup();
        peer.mute_replies = true;
        start(true);
        run(SEC(300));
        for (unsigned i = 1; i < n_sent && sent[i].type == DHCP6_REQUEST; i++)
                requests++;
        ck_assert_uint_eq(requests, 10);
        expect_schedule(1, 10, 1, 30);
        ck_assert_int_eq(sent[11].type, DHCP6_SOLICIT);
}
END_TEST

START_TEST(rapid_commit_only_when_asked_for)
{
        setup();
        peer.rapid = true;
        peer.silent = true;
        start(true);
        reply(DHCP6_REPLY);
        expect_state(DHCP6_STATE_SOLICITING);
        setup();
        m.identity.rapid_commit = true;
        peer.rapid = true;
        start(true);
        expect_state(DHCP6_STATE_BOUND);
        ck_assert_uint_eq(n_sent, 1);
        setup();
        m.identity.rapid_commit = true;
        peer.silent = true;
        start(true);
        reply(DHCP6_REPLY); /* without option 14 */
        expect_state(DHCP6_STATE_SOLICITING);
}
END_TEST

START_TEST(what_is_not_for_us_is_dropped)
{
        uint8_t good[1500], bad[1500];
        size_t size;

        setup();
        peer.silent = true;
        peer.preference = 255;
        start(true);
        size = dhcp6_peer_reply(
                &peer, DHCP6_ADVERTISE, m.xid, &m.identity.duid, good, sizeof(good));
        /* type, transaction id, client identifier */
        for (size_t i = 0; i < 4u + 4 + m.identity.duid.size; i++) {
                memcpy(bad, good, size);
                bad[i] ^= 0x11;
                dhcp6_machine_receive(&m, now, bad, size);
                ck_assert_msg(m.state == DHCP6_STATE_SOLICITING, "octet %zu", i);
        }
        for (size_t n = 0; n < 4u + 4 + 6 + 4 + peer.duid.size; n++) {
                dhcp6_machine_receive(&m, now, good, n);
                expect_state(DHCP6_STATE_SOLICITING);
        }
        reply(DHCP6_REPLY);
        expect_state(DHCP6_STATE_SOLICITING);
        dhcp6_machine_receive(&m, now, good, size);
        expect_state(DHCP6_STATE_REQUESTING);
        settle();
        reply(DHCP6_ADVERTISE);
        expect_state(DHCP6_STATE_REQUESTING);
        peer.duid.bytes[3]++;
        reply(DHCP6_REPLY);
        expect_state(DHCP6_STATE_REQUESTING);
        peer.duid.bytes[3]--;
        reply(DHCP6_REPLY);
        expect_state(DHCP6_STATE_BOUND);
}
END_TEST

START_TEST(renews_rebinds_and_expires)
{
        unsigned i;

        bind_it();
        run(SEC(510));
        ck_assert_int_eq(sent[2].type, DHCP6_RENEW);
        ck_assert_uint_eq(sent_at[2], sent_at[1] + SEC(500));
        ck_assert(dhcp6_duid_equal(&sent[2].server, &peer.duid));
        ck_assert_uint_eq(sent[2].n_addresses, 1);
        expect_state(DHCP6_STATE_BOUND);
        ck_assert_uint_eq(m.lease.addresses[0].valid_until, sent_at[2] + SEC(2000));
        peer.silent = true;
        run(m.lease.addresses[0].valid_until - now - 1);
        expect_state(DHCP6_STATE_REBINDING);
        for (i = 3; i < n_sent && sent[i].type == DHCP6_RENEW; i++)
                ck_assert_uint_lt(sent_at[i], sent_at[2] + SEC(800));
        expect_schedule(3, i - 1, 10, 600);
        ck_assert_int_eq(sent[i].type, DHCP6_REBIND);
        ck_assert_uint_eq(sent_at[i], sent_at[2] + SEC(800));
        ck_assert_uint_eq(sent[i].server.size, 0);
        expect_schedule(i, n_sent - 1, 10, 600);
        leases = 0;
        run(1);
        ck_assert_uint_eq(leases, 1);
        ck_assert_uint_eq(m.lease.n_addresses, 0);
        expect_state(DHCP6_STATE_SOLICITING);
}
END_TEST

START_TEST(another_server_answers_a_rebind_but_not_a_renewal)
{
        bind_it();
        peer.silent = true;
        run(SEC(501));
        peer.duid.bytes[3]++;
        reply(DHCP6_REPLY);
        expect_state(DHCP6_STATE_RENEWING);
        run(SEC(300));
        expect_state(DHCP6_STATE_REBINDING);
        reply(DHCP6_REPLY);
        expect_state(DHCP6_STATE_BOUND);
        ck_assert(dhcp6_duid_equal(&m.lease.server, &peer.duid));
}
END_TEST

START_TEST(status_codes_are_obeyed)
{
        /* NoBinding: ask this server for it */
        bind_it();
        peer.silent = true;
        run(SEC(501));
        peer.ia_status = DHCP6_STATUS_NO_BINDING;
        peer.has_address = false;
        reply(DHCP6_REPLY);
        expect_state(DHCP6_STATE_REQUESTING);
        ck_assert_int_eq(sent[n_sent - 1].type, DHCP6_REQUEST);
        ck_assert_uint_eq(sent[n_sent - 1].n_addresses, 1);
        ck_assert_uint_eq(m.lease.n_addresses, 1);
        /* NoAddrsAvail to the REQUEST: another server */
        peer.ia_status = DHCP6_STATUS_NO_ADDRS_AVAIL;
        reply(DHCP6_REPLY);
        expect_state(DHCP6_STATE_SOLICITING);
        /* NoAddrsAvail in ADVERTISE: keep soliciting */
        reply(DHCP6_ADVERTISE);
        run(SEC(10));
        expect_state(DHCP6_STATE_SOLICITING);
        /* NotOnLink: start over */
        setup();
        peer.mute_replies = true;
        start(true);
        run(SEC(1.2));
        expect_state(DHCP6_STATE_REQUESTING);
        peer.status = DHCP6_STATUS_NOT_ON_LINK;
        reply(DHCP6_REPLY);
        expect_state(DHCP6_STATE_SOLICITING);
        /* UseMulticast and UnspecFail: in its time */
        bind_it();
        peer.silent = true;
        run(SEC(501));
        peer.status = DHCP6_STATUS_USE_MULTICAST;
        reply(DHCP6_REPLY);
        peer.status = DHCP6_STATUS_UNSPEC_FAIL;
        reply(DHCP6_REPLY);
        expect_state(DHCP6_STATE_RENEWING);
        ck_assert_uint_eq(m.lease.n_addresses, 1);
}
END_TEST

START_TEST(confirms_after_a_flap)
{
        unsigned before;

        bind_it();
        dhcp6_machine_carrier(&m, now, false);
        run(SEC(3));
        before = n_sent;
        dhcp6_machine_carrier(&m, now, true);
        settle();
        ck_assert_int_eq(sent[before].type, DHCP6_CONFIRM);
        ck_assert_uint_eq(sent[before].server.size, 0);
        ck_assert_uint_eq(sent[before].n_addresses, 1);
        expect_state(DHCP6_STATE_BOUND);
        /* nobody answers: as before, after 10 s */
        peer.silent = true;
        dhcp6_machine_carrier(&m, now, false);
        before = n_sent;
        dhcp6_machine_carrier(&m, now, true);
        settle();
        run(SEC(9.9));
        expect_state(DHCP6_STATE_CONFIRMING);
        expect_schedule(before, n_sent - 1, 1, 4);
        run(SEC(0.2));
        expect_state(DHCP6_STATE_BOUND);
        /* another network */
        dhcp6_machine_carrier(&m, now, false);
        dhcp6_machine_carrier(&m, now, true);
        settle();
        peer.status = DHCP6_STATUS_NOT_ON_LINK;
        reply(DHCP6_REPLY);
        ck_assert_uint_eq(m.lease.n_addresses, 0);
        expect_state(DHCP6_STATE_SOLICITING);
}
END_TEST

START_TEST(declines_what_another_host_has)
{
        struct in6_addr address = v6("2001:db8::5"), other = v6("2001:db8::6");
        unsigned before;

        bind_it();
        before = n_sent;
        ck_assert(!dhcp6_machine_decline(&m, now, &other));
        peer.silent = true;
        ck_assert(dhcp6_machine_decline(&m, now, &address));
        settle();
        ck_assert_uint_eq(m.lease.n_addresses, 0);
        run(SEC(30));
        for (unsigned i = before; i < before + 4; i++) {
                ck_assert_int_eq(sent[i].type, DHCP6_DECLINE);
                ck_assert(dhcp6_duid_equal(&sent[i].server, &peer.duid));
                ck_assert_mem_eq(&sent[i].addresses[0], &address, 16);
        }
        expect_schedule(before, before + 3, 1, 1000);
        ck_assert_int_eq(sent[before + 4].type, DHCP6_SOLICIT);
}
END_TEST

START_TEST(releases_and_stops)
{
        bind_it();
        leases = 0;
        ck_assert(dhcp6_machine_release(&m, now));
        settle();
        ck_assert_uint_eq(leases, 1);
        ck_assert_int_eq(sent[n_sent - 1].type, DHCP6_RELEASE);
        ck_assert_uint_eq(sent[n_sent - 1].n_addresses, 1);
        expect_state(DHCP6_STATE_STOPPED);
        bind_it();
        peer.silent = true;
        dhcp6_machine_release(&m, now);
        settle();
        run(SEC(60));
        ck_assert_uint_eq(n_sent, 2 + 4);
        expect_state(DHCP6_STATE_STOPPED);
}
END_TEST

START_TEST(information_is_asked_for_and_refreshed)
{
        setup();
        start(false);
        ck_assert_int_eq(sent[0].type, DHCP6_INFORMATION_REQUEST);
        expect_state(DHCP6_STATE_INFORMED);
        ck_assert_uint_eq(infos, 1);
        run(SEC(86400) - 1);
        ck_assert_uint_eq(n_sent, 1);
        peer.refresh = 10;
        run(1);
        ck_assert_uint_eq(n_sent, 2);
        ck_assert_uint_eq(infos, 1); /* the same again */
        run(SEC(600) - 1);
        ck_assert_uint_eq(n_sent, 2);
        peer.refresh = UINT32_MAX;
        run(1);
        ck_assert_uint_eq(n_sent, 3);
        ck_assert(dhcp6_machine_deadline(&m) == USEC_INFINITY);
        setup();
        peer.silent = true;
        start(false);
        run(SEC(20000));
        expect_schedule(0, n_sent - 1, 1, 3600);
        /* the routers change their mind */
        peer.silent = false;
        start(true);
        run(SEC(2));
        expect_state(DHCP6_STATE_BOUND);
        leases = 0;
        start(false);
        ck_assert_uint_eq(leases, 1);
        ck_assert_uint_eq(m.lease.n_addresses, 0);
}
END_TEST

START_TEST(lifetimes_that_make_no_sense)
{
        setup();
        peer.t1 = 900; /* T1 > T2: no IA */
        start(true);
        run(SEC(2));
        expect_state(DHCP6_STATE_SOLICITING);
        setup();
        peer.preferred = 3000; /* over valid: no address */
        start(true);
        run(SEC(2));
        expect_state(DHCP6_STATE_SOLICITING);
        setup();
        peer.t1 = peer.t2 = 0;
        start(true);
        run(SEC(2));
        ck_assert_uint_eq(m.lease.t1, sent_at[1] + SEC(500));
        ck_assert_uint_eq(m.lease.t2, sent_at[1] + SEC(800));
        /* behind the end */
        setup();
        peer.t1 = 2000, peer.t2 = 3000;
        start(true);
        run(SEC(2));
        ck_assert_uint_eq(m.lease.t1, sent_at[1] + SEC(500));
        ck_assert_uint_eq(m.lease.t2, sent_at[1] + SEC(800));
        setup();
        peer.t1 = peer.t2 = 0;
        peer.preferred = peer.valid = UINT32_MAX;
        start(true);
        run(SEC(2));
        ck_assert(dhcp6_machine_deadline(&m) == USEC_INFINITY);
        /* deprecated from the start: renewed all the same, but not in a loop */
        setup();
        peer.t1 = peer.t2 = peer.preferred = 0;
        peer.valid = 1;
        start(true);
        run(SEC(60));
        ck_assert_uint_lt(n_sent, 130);
        /* a renewal that takes the address away */
        bind_it();
        peer.valid = peer.preferred = 0;
        leases = 0;
        run(SEC(501));
        ck_assert_uint_ge(leases, 1);
        ck_assert_uint_eq(m.lease.n_addresses, 0);
}
END_TEST

START_TEST(renew_takes_a_release_back)
{
        bind_it();
        ck_assert(dhcp6_machine_release(&m, now));
        ck_assert(dhcp6_machine_renew(&m, now));
        settle();
        run(SEC(3));
        expect_state(DHCP6_STATE_BOUND);
        dhcp6_machine_release(&m, now);
        settle();
        run(SEC(60));
        expect_state(DHCP6_STATE_STOPPED);
        ck_assert(dhcp6_machine_renew(&m, now));
        settle();
        run(SEC(3));
        expect_state(DHCP6_STATE_BOUND);
}
END_TEST

START_TEST(a_year_of_anything)
{
        usec_t end;
        unsigned steps = 0;

        setup();
        end = now + 365 * USEC_PER_DAY;
        start(true);
        while (now < end) {
                usec_t next = MIN(
                        dhcp6_machine_deadline(&m), now + rng_range(&rng, 1, 20000) * USEC_PER_SEC);

                now = MAX(now, next);
                n_sent = 0;
                peer.silent = rng_range(&rng, 0, 9) < 3;
                peer.mute_replies = rng_range(&rng, 0, 9) == 0;
                peer.has_address = rng_range(&rng, 0, 9) > 0;
                peer.status = rng_range(&rng, 0, 19) == 0 ? (Dhcp6Status) rng_range(&rng, 0, 6) : 0;
                peer.ia_status =
                        rng_range(&rng, 0, 9) == 0 ? (Dhcp6Status) rng_range(&rng, 0, 6) : 0;
                peer.valid = (uint32_t) rng_range(&rng, 1, 100000);
                peer.preferred = (uint32_t) rng_range(&rng, 0, peer.valid);
                peer.t1 = (uint32_t) rng_range(&rng, 0, peer.preferred);
                peer.t2 = (uint32_t) rng_range(&rng, 0, peer.preferred);
                if (now >= dhcp6_machine_deadline(&m)) {
                        dhcp6_machine_timeout(&m, now);
                } else if (rng_range(&rng, 0, 3) == 0) {
                        dhcp6_machine_carrier(&m, now, m.state == DHCP6_STATE_DOWN);
                } else if (rng_range(&rng, 0, 9) == 0) {
                        dhcp6_machine_decline(&m, now, &peer.address);
                } else if (rng_range(&rng, 0, 9) == 0) {
                        dhcp6_machine_renew(&m, now);
                }
                settle();
                if (m.state == DHCP6_STATE_STOPPED)
                        start(true);
                for (size_t i = 0; i < m.lease.n_addresses; i++)
                        ck_assert_uint_gt(m.lease.addresses[i].valid_until, now);
                /* T1 may have gone by while the link was away; then it is due, once */
                if (dhcp6_machine_deadline(&m) <= now)
                        dhcp6_machine_timeout(&m, now);
                settle();
                ck_assert_uint_gt(dhcp6_machine_deadline(&m), now);
                ck_assert_uint_lt(++steps, 10000000);
        }
        printf("%u steps, %u leases\n", steps, leases);
}
END_TEST

TEST_MAIN("dhcp6-machine", what_an_earlier_run_had_is_confirmed, four_messages_and_bound,
        the_best_preference_wins_and_255_at_once, solicits_as_scheduled_and_obeys_sol_max_rt,
        requests_ten_times_and_begins_again, rapid_commit_only_when_asked_for,
        what_is_not_for_us_is_dropped, renews_rebinds_and_expires,
        another_server_answers_a_rebind_but_not_a_renewal, status_codes_are_obeyed,
        confirms_after_a_flap, declines_what_another_host_has, releases_and_stops,
        information_is_asked_for_and_refreshed, lifetimes_that_make_no_sense,
        renew_takes_a_release_back, a_year_of_anything)
