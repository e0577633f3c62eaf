/* SPDX-License-Identifier: MIT */
#pragma once
/* One DHCPv6 machine, one server in memory, and time that passes when it is told to. */
#include "lib/dhcp6-peer.h"
#include "lib/suite.h"
#include "proto/dhcp6-machine.h"
#include "util/error.h"
#include <arpa/inet.h>
#include <string.h>

#define SEC(n)   ((usec_t) ((n) *1e6))
#define SENT_MAX 400

static Dhcp6Machine m;
static Dhcp6Peer peer;
static Rng rng;
static usec_t now, sent_at[SENT_MAX];
static Dhcp6Outgoing sent[SENT_MAX];
static unsigned n_sent, leases, infos;

static struct in6_addr v6(const char *text)
{
        struct in6_addr a;

        ck_assert_int_eq(inet_pton(AF_INET6, text, &a), 1);
        return a;
}

static void setup(void)
{
        Dhcp6Identity id = { .duid = { 6, { 0, 4, 1, 2, 3, 4 } }, .iaid = 0x01020304 };

        rng = rng_seeded(test_seed());
        now = SEC(1000);
        n_sent = leases = infos = 0;
        peer = (Dhcp6Peer){ .duid = { 4, { 0, 4, 9, 9 } },
                .iaid = id.iaid,
                .address = v6("2001:db8::5"),
                .preferred = 1000,
                .valid = 2000,
                .t1 = 500,
                .t2 = 800,
                .has_address = true };
        dhcp6_machine_init(&m, &id, &rng);
}

static void expect_state(Dhcp6State state)
{
        ck_assert_str_eq(dhcp6_state_to_string(m.state), dhcp6_state_to_string(state));
}

static void settle(void)
{
        uint8_t bytes[DHCP6_SIZE_MAX], reply[1500];
        Dhcp6Event e;

        while (dhcp6_machine_pop_event(&m, &e)) {
                int size;
                size_t answer;

                leases += e.type == DHCP6_EVENT_LEASE;
                infos += e.type == DHCP6_EVENT_INFO;
                if (e.type != DHCP6_EVENT_SEND)
                        continue;
                size = dhcp6_message_build(&e.send, &m.identity, bytes, sizeof(bytes));
                ck_assert_int_gt(size, 0);
                ck_assert_uint_lt(n_sent, SENT_MAX);
                sent[n_sent] = e.send;
                sent_at[n_sent++] = now;
                answer = dhcp6_peer_answer(&peer, bytes, (size_t) size, reply, sizeof(reply));
                if (answer > 0)
                        dhcp6_machine_receive(&m, now, reply, answer);
        }
}

static void run(usec_t usec)
{
        usec_t end = now + usec;

        while (dhcp6_machine_deadline(&m) <= end) {
                now = MAX(now, dhcp6_machine_deadline(&m));
                dhcp6_machine_timeout(&m, now);
                settle();
                ck_assert_uint_gt(dhcp6_machine_deadline(&m), now);
        }
        now = end;
}

static void start(bool stateful)
{
        dhcp6_machine_start(&m, now, stateful);
        settle();
}

static void bind_it(void)
{
        setup();
        start(true);
        run(SEC(2));
        expect_state(DHCP6_STATE_BOUND);
}

static void reply(Dhcp6Type type)
{
        uint8_t bytes[1500];
        size_t size = dhcp6_peer_reply(&peer, type, m.xid, &m.identity.duid, bytes, sizeof(bytes));

        dhcp6_machine_receive(&m, now, bytes, size);
        settle();
}
