/* SPDX-License-Identifier: MIT */
/* DHCPv6 servers that let a client down, and one that calls it (REQ_DHCP 38, 41), in virtual time.
 */
#include "lib/dhcp6-fixture.h"
#include <openssl/hmac.h>

START_TEST(a_server_that_takes_back_its_offer_is_no_storm)
{
        setup();
        peer.preference = 255;
        peer.mute_replies = true;
        start(true);
        for (unsigned i = 0; i < 3; i++) {
                while (m.state != DHCP6_STATE_REQUESTING)
                        run(SEC(0.1));
                peer.ia_status = DHCP6_STATUS_NOT_ON_LINK;
                reply(DHCP6_REPLY);
                peer.ia_status = 0;
        }
        expect_state(DHCP6_STATE_SOLICITING);
        /* RFC 8415 14.1: at most 20 in 20 s, and less when it goes on */
        n_sent = 0;
        for (usec_t end = now + SEC(3600); now < end;) {
                run(SEC(0.1));
                if (m.state != DHCP6_STATE_REQUESTING)
                        continue;
                peer.ia_status = DHCP6_STATUS_NOT_ON_LINK;
                reply(DHCP6_REPLY);
                peer.ia_status = 0;
        }
        ck_assert_uint_gt(n_sent, 20);
        ck_assert_uint_lt(n_sent, 100);
        for (unsigned i = 20; i < n_sent; i++)
                ck_assert_uint_ge(sent_at[i] - sent_at[i - 20], SEC(20));
        /* another network begins at once */
        dhcp6_machine_carrier(&m, now, false);
        dhcp6_machine_carrier(&m, now, true);
        n_sent = 0;
        settle();
        ck_assert_uint_ge(n_sent, 1);
        ck_assert_int_eq(sent[0].type, DHCP6_SOLICIT);
}
END_TEST

START_TEST(a_server_that_gives_and_never_renews_is_asked_again_at_once)
{
        setup();
        peer.preference = 255;
        peer.t1 = 20, peer.t2 = 30, peer.preferred = 40, peer.valid = 60;
        start(true);
        for (unsigned i = 0; i < 20; i++) {
                expect_state(DHCP6_STATE_BOUND);
                peer.silent = true;
                run(m.lease.addresses[0].valid_until - now - 1);
                ck_assert_uint_eq(m.lease.n_addresses, 1);
                peer.silent = false;
                run(1);
        }
        /* but not one whose leases are over before they are of use */
        peer.valid = peer.preferred = peer.t1 = peer.t2 = 1;
        n_sent = 0;
        run(SEC(1000));
        ck_assert_uint_lt(n_sent, 60);
}
END_TEST

START_TEST(a_server_that_let_us_down_comes_last)
{
        Dhcp6Peer other;

        setup();
        peer.preference = 255;
        peer.mute_replies = true;
        start(true);
        while (m.state == DHCP6_STATE_REQUESTING)
                run(SEC(1));
        other = peer;
        other.duid.bytes[3]++;
        other.preference = 0;
        /* it advertises again, first and best */
        expect_state(DHCP6_STATE_SOLICITING);
        ck_assert(dhcp6_duid_equal(&m.advertised.server, &peer.duid));
        peer = other;
        reply(DHCP6_ADVERTISE);
        while (m.state != DHCP6_STATE_REQUESTING)
                run(SEC(0.1));
        ck_assert(dhcp6_duid_equal(&sent[n_sent - 1].server, &other.duid));
        /* alone, it is asked again */
        setup();
        peer.mute_replies = true;
        start(true);
        run(SEC(400));
        peer.mute_replies = false;
        run(SEC(60));
        expect_state(DHCP6_STATE_BOUND);
        /* also when by then nobody is asked but once an hour */
        setup();
        peer.mute_replies = true;
        start(true);
        while (m.state != DHCP6_STATE_REQUESTING)
                run(SEC(1));
        peer.silent = true;
        run(SEC(4 * 3600));
        peer.silent = peer.mute_replies = false;
        while (m.advertised.type == DHCP6_NONE)
                run(SEC(1));
        run(SEC(2));
        expect_state(DHCP6_STATE_BOUND);
}
END_TEST

START_TEST(what_is_dead_on_arrival_lets_us_down_too)
{
        setup();
        peer.preference = 255;
        peer.mute_replies = true;
        start(true);
        expect_state(DHCP6_STATE_REQUESTING);
        peer.valid = peer.preferred = peer.t1 = peer.t2 = 0;
        reply(DHCP6_REPLY);
        expect_state(DHCP6_STATE_SOLICITING);
        ck_assert(dhcp6_duid_equal(&m.avoided, &peer.duid));
}
END_TEST

/* A RECONFIGURE, signed with `key` unless that is NULL. */
static void reconfigure(Dhcp6Type what, uint64_t replay, const char *key)
{
        uint8_t bytes[256];
        unsigned size = 16;
        Writer w = WRITER_INIT(bytes, sizeof(bytes));

        writer_u32(&w, DHCP6_RECONFIGURE << 24);
        writer_u32(&w, DHCP6_OPTION_CLIENT_ID << 16 | m.identity.duid.size);
        writer_bytes(&w, m.identity.duid.bytes, m.identity.duid.size);
        writer_u32(&w, DHCP6_OPTION_SERVER_ID << 16 | peer.duid.size);
        writer_bytes(&w, peer.duid.bytes, peer.duid.size);
        writer_u32(&w, DHCP6_OPTION_RECONFIGURE << 16 | 1);
        writer_u8(&w, (uint8_t) what);
        writer_u32(&w, DHCP6_OPTION_AUTH << 16 | 28);
        writer_bytes(&w, "\3\1\0", 3);
        writer_u64(&w, replay);
        writer_u8(&w, DHCP6_AUTH_CODE);
        writer_zero(&w, 16);
        if (key)
                ck_assert_ptr_nonnull(
                        HMAC(EVP_md5(), key, 16, bytes, w.pos, bytes + w.pos - 16, &size));
        dhcp6_machine_receive(&m, now, bytes, w.pos);
        settle();
}

START_TEST(a_reconfigure_is_obeyed_when_it_is_signed_and_new)
{
        static const char key[] = "sixteen octets !";

        bind_it();
        m.reconfigure = (Dhcp6ReconfigureKey){ .server = peer.duid, .replay = 5 };
        memcpy(m.reconfigure.key, key, 16);
        n_sent = 0;
        reconfigure(DHCP6_RENEW, 6, NULL);
        reconfigure(DHCP6_RENEW, 6, "another key, too");
        reconfigure(DHCP6_RENEW, 5, key);
        reconfigure(DHCP6_SOLICIT, 6, key);
        ck_assert_uint_eq(n_sent, 0);
        reconfigure(DHCP6_RENEW, 7, key);
        reconfigure(DHCP6_RENEW, 7, key);
        ck_assert_uint_eq(n_sent, 1);
        ck_assert_int_eq(sent[0].type, DHCP6_RENEW);
        reconfigure(DHCP6_REBIND, UINT64_MAX - 1, key);
        ck_assert_int_eq(sent[1].type, DHCP6_REBIND);
        expect_state(DHCP6_STATE_BOUND);
        /* information beside a lease, which is renewed in its time */
        peer.silent = true;
        reconfigure(DHCP6_INFORMATION_REQUEST, UINT64_MAX, key);
        ck_assert_int_eq(sent[2].type, DHCP6_INFORMATION_REQUEST);
        expect_state(DHCP6_STATE_INFORMING);
        run(SEC(510));
        ck_assert_int_eq(sent[n_sent - 1].type, DHCP6_RENEW);
        ck_assert_uint_eq(m.lease.n_addresses, 1);
        peer.silent = false;
        run(SEC(100));
        expect_state(DHCP6_STATE_BOUND);
}
END_TEST

TEST_MAIN("dhcp6-servers", a_server_that_takes_back_its_offer_is_no_storm,
        a_server_that_gives_and_never_renews_is_asked_again_at_once,
        a_server_that_let_us_down_comes_last, what_is_dead_on_arrival_lets_us_down_too,
        a_reconfigure_is_obeyed_when_it_is_signed_and_new)
