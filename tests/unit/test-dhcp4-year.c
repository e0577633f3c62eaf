/* SPDX-License-Identifier: MIT */
/*
 * A year of leases in a second of virtual time: loss, delay, duplicates, reordering, garbage, a
 * server that changes its mind, carrier that comes and goes, neighbours that use our address. What
 * must hold at every step does not depend on the seed, which is printed.
 */
#include "lib/dhcp4-peer.h"
#include "lib/suite.h"
#include "proto/dhcp4-machine.h"
#include "util/error.h"
#include <string.h>

#define FLIGHT_MAX 64

typedef struct Flight Flight;
struct Flight {
        usec_t at;
        size_t size;
        uint8_t bytes[1200];
};

static Flight flights[FLIGHT_MAX]; /* replies under way */
static unsigned n_flights;
static Dhcp4Machine m;
static Dhcp4Peer peer;
static Rng rng, machine_rng;
static usec_t now;
static unsigned leases, losts, packets;
static bool up = true;
static struct in_addr in_use; /* as an owner would have put it into the kernel */
static usec_t in_use_until;

static bool chance(unsigned percent)
{
        return rng_range(&rng, 1, 100) <= percent;
}

static void fly(const uint8_t *bytes, size_t size)
{
        unsigned copies = chance(10) ? 2 : 1;

        for (; copies > 0 && n_flights < FLIGHT_MAX; copies--) {
                Flight *f = &flights[n_flights];

                if (chance(20))
                        continue;
                f->at = now + rng_range(&rng, 0, chance(90) ? 50000 : 3 * USEC_PER_SEC);
                f->size = size;
                memcpy(f->bytes, bytes, size);
                if (chance(3))
                        f->bytes[rng_range(&rng, 0, size - 1)] ^= (uint8_t) rng_range(&rng, 1, 255);
                n_flights++;
        }
}

static void send_out(const Dhcp4Outgoing *out)
{
        uint8_t bytes[DHCP4_SIZE_MAX], reply[1200];
        int size = dhcp4_message_build(out, &m.config.identity, bytes, sizeof(bytes));
        size_t answer;

        ck_assert_int_gt(size, 0);
        packets++;
        if (chance(20) || !up)
                return;
        if (chance(2))
                peer.offers.s_addr = htonl(0x0a000000 + (uint32_t) rng_range(&rng, 2, 250));
        peer.refuses = chance(2);
        peer.lease = chance(5) ? (uint32_t) rng_range(&rng, 1, 100)
                               : (uint32_t) rng_range(&rng, 600, 864000);
        answer = dhcp4_peer_answer(&peer, bytes, (size_t) size, reply, sizeof(reply));
        if (answer > 0)
                fly(reply, answer);
}

static void take_events(void)
{
        Dhcp4Event e;

        while (dhcp4_machine_pop_event(&m, &e)) {
                switch (e.type) {
                case DHCP4_EVENT_SEND:
                        send_out(&e.send);
                        break;
                case DHCP4_EVENT_LEASE:
                        leases++;
                        ck_assert_ptr_nonnull(dhcp4_machine_lease(&m));
                        in_use = dhcp4_machine_lease(&m)->address;
                        in_use_until = dhcp4_machine_lease(&m)->expires;
                        break;
                case DHCP4_EVENT_LOST:
                        losts++;
                        ck_assert_uint_ne(in_use.s_addr, 0);
                        in_use.s_addr = 0;
                        break;
                case DHCP4_EVENT_ARP:
                case DHCP4_EVENT_SAVE:
                case DHCP4_EVENT_FORGET:
                case DHCP4_EVENT_DEFENDED:
                        break;
                }
        }
        /* An address is in use exactly while there is a lease, and never beyond its end. */
        ck_assert_int_eq(in_use.s_addr != 0, dhcp4_machine_lease(&m) != NULL);
        if (in_use.s_addr)
                ck_assert_uint_lt(now, in_use_until);
        /* no busy loop: what is due has been done */
        ck_assert_uint_gt(dhcp4_machine_deadline(&m), now);
}

static usec_t next_flight(unsigned *ret_i)
{
        usec_t first = USEC_INFINITY;

        for (unsigned i = 0; i < n_flights; i++) {
                if (flights[i].at < first) {
                        first = flights[i].at;
                        *ret_i = i;
                }
        }
        return first;
}

static void disturb(void)
{
        ArpPacket arp = { .op = ARP_REPLY, .sender_mac = { 2, 9 }, .sender = m.lease.address };
        uint8_t bytes[ARP_SIZE];

        if (chance(40)) {
                up = !up;
                dhcp4_machine_carrier(&m, now, up);
        } else if (chance(20)) {
                dhcp4_machine_resume(&m, now);
        } else if (chance(20)) {
                arp_build(&arp, bytes);
                dhcp4_machine_receive_arp(&m, now, bytes, sizeof(bytes));
        } else if (chance(20)) {
                dhcp4_machine_renew(&m, now);
        } else if (chance(10)) {
                dhcp4_machine_release(&m, now);
                take_events();
                if (up)
                        dhcp4_machine_start(&m, now, NULL, false);
                up = true;
        } else {
                peer.silent = !peer.silent;
        }
}

static void step(usec_t *disturbance)
{
        usec_t deadline = dhcp4_machine_deadline(&m), flight;
        unsigned i = 0;

        flight = next_flight(&i);
        now = MAX(now, MIN(*disturbance, MIN(deadline, flight)));
        if (now == flight) {
                Flight f = flights[i];

                flights[i] = flights[--n_flights];
                dhcp4_machine_receive(&m, now, f.bytes, f.size);
        } else if (now == *disturbance) {
                *disturbance = now + rng_range(&rng, 1, 40000) * USEC_PER_SEC;
                disturb();
                if (m.state == DHCP4_STATE_STOPPED)
                        dhcp4_machine_start(&m, now, NULL, false);
        }
        if (now >= dhcp4_machine_deadline(&m))
                dhcp4_machine_timeout(&m, now);
        take_events();
}

START_TEST(a_year)
{
        Dhcp4Config config = { .identity = { .htype = 1,
                                       .mac_size = 6,
                                       .mac = { 2, 1 },
                                       .client_id = { 1, 2, 1 },
                                       .client_id_size = 7 } };
        usec_t end, disturbance;
        uint64_t seed = test_seed();

        rng = rng_seeded(seed);
        machine_rng = rng_seeded(~seed);
        now = 1000 * USEC_PER_SEC;
        end = now + 365 * USEC_PER_DAY;
        disturbance = now + USEC_PER_HOUR;
        peer = (Dhcp4Peer){ .server = v4("10.0.0.1"), .offers = v4("10.0.0.5"), .lease = 7200 };
        config.conflict = chance(50) ? ACD_FAST : ACD_STRICT;
        config.identity.rapid_commit = peer.rapid = chance(30);
        dhcp4_machine_init(&m, &config, &machine_rng);
        dhcp4_machine_start(&m, now, NULL, false);
        take_events();
        while (now < end)
                step(&disturbance);
        printf("%u packets, %u leases, %u lost\n", packets, leases, losts);
        ck_assert_uint_gt(leases, 100);
        ck_assert_uint_gt(losts, 10);
        ck_assert_uint_lt(packets, 1000000);
}
END_TEST

TEST_MAIN("dhcp4-year", a_year)
