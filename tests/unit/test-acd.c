/* SPDX-License-Identifier: MIT */
/* RFC 5227 and RFC 4436 in virtual time, REQ_DHCP 32 and 33. */
#include "lib/suite.h"
#include "proto/acd.h"
#include "proto/dnav4.h"
#include "util/error.h"
#include <string.h>

static const uint8_t our_mac[6] = { 2, 0, 0, 0, 0, 1 }, other_mac[6] = { 2, 0, 0, 0, 0, 2 };
static const struct in_addr our_ip = { 0x0100000a }, other_ip = { 0x0200000a };
static Rng rng;

static ArpPacket from_other(uint16_t op, struct in_addr sender, struct in_addr target)
{
        ArpPacket arp = { .op = op, .sender = sender, .target = target };

        memcpy(arp.sender_mac, other_mac, 6);
        memcpy(arp.target_mac, our_mac, 6);
        return arp;
}

/* Runs the timer until something is to do; the time it was. */
static AcdAction run(Acd *acd, usec_t *now)
{
        while (acd_deadline(acd) != USEC_INFINITY) {
                AcdAction action;

                *now = MAX(*now, acd_deadline(acd));
                action = acd_timeout(acd, *now, &rng);
                if (action != ACD_NOTHING)
                        return action;
        }
        return ACD_NOTHING;
}

static void expect_packet(const Acd *acd, bool probe)
{
        ArpPacket arp = acd_packet(acd);

        ck_assert_uint_eq(arp.op, ARP_REQUEST);
        ck_assert_mem_eq(arp.sender_mac, our_mac, 6);
        ck_assert_mem_eq(arp.target_mac, "\0\0\0\0\0\0", 6);
        ck_assert_uint_eq(arp.sender.s_addr, probe ? 0 : our_ip.s_addr);
        ck_assert_uint_eq(arp.target.s_addr, our_ip.s_addr);
}

static void probe_and_announce(AcdMode mode)
{
        usec_t start = 5 * USEC_PER_SEC, now = start, last;
        Acd acd;

        acd_start(&acd, now, mode, our_ip, our_mac, &rng);
        ck_assert_int_eq(run(&acd, &now), ACD_SEND);
        expect_packet(&acd, true);
        ck_assert_uint_le(now - start, mode == ACD_STRICT ? USEC_PER_SEC : 0);
        for (int i = 0; i < 2; i++) {
                last = now;
                ck_assert_int_eq(run(&acd, &now), ACD_SEND);
                expect_packet(&acd, true);
                ck_assert_uint_ge(now - last, USEC_PER_SEC);
                ck_assert_uint_le(now - last, 2 * USEC_PER_SEC);
        }
        last = now;
        if (mode == ACD_STRICT) {
                ck_assert_int_eq(run(&acd, &now), ACD_USABLE);
                ck_assert_uint_eq(now - last, 2 * USEC_PER_SEC);
        }
        ck_assert_int_eq(run(&acd, &now), ACD_SEND);
        expect_packet(&acd, false);
        ck_assert_uint_eq(now - last, 2 * USEC_PER_SEC);
        last = now;
        ck_assert_int_eq(run(&acd, &now), ACD_SEND);
        expect_packet(&acd, false);
        ck_assert_uint_eq(now - last, 2 * USEC_PER_SEC);
        ck_assert_int_eq(run(&acd, &now), ACD_NOTHING);
        ck_assert_int_eq(acd.state, ACD_STATE_DEFENDING);
}

START_TEST(probes_three_times_and_announces_twice)
{
        rng = rng_seeded(test_seed());
        for (int i = 0; i < 1000; i++) {
                probe_and_announce(ACD_STRICT);
                probe_and_announce(ACD_FAST);
        }
}
END_TEST

START_TEST(no_means_no_packet)
{
        Acd acd;

        acd_start(&acd, 0, ACD_NO, our_ip, our_mac, &rng);
        ck_assert(acd_deadline(&acd) == USEC_INFINITY);
        ck_assert_int_eq(acd_timeout(&acd, USEC_PER_SEC, &rng), ACD_NOTHING);
}
END_TEST

START_TEST(both_signs_of_a_conflict_while_probing)
{
        ArpPacket use = from_other(ARP_REPLY, our_ip, our_ip);
        ArpPacket asks = from_other(ARP_REQUEST, our_ip, other_ip);
        ArpPacket probe = from_other(ARP_REQUEST, (struct in_addr){ 0 }, our_ip);
        ArpPacket wants_us = from_other(ARP_REQUEST, other_ip, our_ip);
        ArpPacket unrelated = from_other(ARP_REPLY, other_ip, our_ip), own;
        const ArpPacket *conflicts[] = { &use, &asks, &probe };
        Acd acd;

        for (int i = 0; i < 3; i++) {
                rng = rng_seeded(1);
                acd_start(&acd, 0, ACD_FAST, our_ip, our_mac, &rng);
                ck_assert_int_eq(acd_receive(&acd, 1, &wants_us), ACD_NOTHING);
                ck_assert_int_eq(acd_receive(&acd, 1, &unrelated), ACD_NOTHING);
                own = *conflicts[i];
                memcpy(own.sender_mac, our_mac, 6);
                ck_assert_int_eq(acd_receive(&acd, 1, &own), ACD_NOTHING);
                ck_assert_int_eq(acd_receive(&acd, 1, conflicts[i]), ACD_CONFLICT);
                ck_assert_mem_eq(acd.other_mac, other_mac, 6);
                ck_assert_int_eq(acd_receive(&acd, 2, conflicts[i]), ACD_NOTHING);
                ck_assert(acd_deadline(&acd) == USEC_INFINITY);
        }
}
END_TEST

START_TEST(defends_once_in_ten_seconds)
{
        ArpPacket use = from_other(ARP_REQUEST, our_ip, other_ip);
        ArpPacket probe = from_other(ARP_REQUEST, (struct in_addr){ 0 }, our_ip);
        usec_t now = 0;
        Acd acd;

        rng = rng_seeded(2);
        acd_start(&acd, now, ACD_FAST, our_ip, our_mac, &rng);
        while (run(&acd, &now) != ACD_NOTHING)
                ;
        /* the kernel answers a probe for an address of ours */
        ck_assert_int_eq(acd_receive(&acd, now, &probe), ACD_NOTHING);
        ck_assert_int_eq(acd_receive(&acd, now, &use), ACD_DEFEND);
        expect_packet(&acd, false);
        now += 10 * USEC_PER_SEC;
        ck_assert_int_eq(acd_receive(&acd, now, &use), ACD_DEFEND);
        now += 10 * USEC_PER_SEC - 1;
        ck_assert_int_eq(acd_receive(&acd, now, &use), ACD_CONFLICT);
}
END_TEST

START_TEST(the_gateway_with_its_old_hardware_address_is_the_old_network)
{
        ArpPacket reply = from_other(ARP_REPLY, other_ip, our_ip), request = reply;
        ArpPacket stranger = reply, packet;
        Dna dna;

        request.op = ARP_REQUEST;
        memcpy(stranger.sender_mac, "\2\0\0\0\0\7", 6);
        dna_check(&dna, 0, our_ip, other_ip, our_mac, other_mac);
        ck_assert_int_eq(dna_receive(&dna, &reply), DNA_NOTHING); /* nothing was asked yet */
        ck_assert_int_eq(dna_timeout(&dna, 0), DNA_SEND);
        packet = dna_packet(&dna);
        ck_assert_uint_eq(packet.op, ARP_REQUEST);
        ck_assert_uint_eq(packet.sender.s_addr, our_ip.s_addr);
        ck_assert_uint_eq(packet.target.s_addr, other_ip.s_addr);
        ck_assert_int_eq(dna_receive(&dna, &request), DNA_NOTHING);
        ck_assert_int_eq(dna_receive(&dna, &stranger), DNA_NOTHING);
        ck_assert_int_eq(dna_receive(&dna, &reply), DNA_CONFIRMED);
        ck_assert_int_eq(dna_receive(&dna, &reply), DNA_NOTHING);
}
END_TEST

START_TEST(learns_the_gateway_and_gives_up_after_three_questions)
{
        ArpPacket reply = from_other(ARP_REPLY, other_ip, our_ip);
        Dna dna;

        dna_learn(&dna, 0, our_ip, other_ip, our_mac);
        ck_assert_int_eq(dna_timeout(&dna, 0), DNA_SEND);
        ck_assert_int_eq(dna_receive(&dna, &reply), DNA_LEARNED);
        ck_assert_mem_eq(dna.gateway_mac, other_mac, 6);
        dna_learn(&dna, 0, our_ip, other_ip, our_mac);
        for (usec_t i = 0; i < 3; i++)
                ck_assert_int_eq(dna_timeout(&dna, i * USEC_PER_SEC), DNA_SEND);
        ck_assert_int_eq(dna_timeout(&dna, 3 * USEC_PER_SEC), DNA_NOTHING);
        ck_assert(dna_deadline(&dna) == USEC_INFINITY);
}
END_TEST

START_TEST(arp_round_trip_and_garbage)
{
        ArpPacket arp = from_other(ARP_REPLY, our_ip, other_ip), back;
        uint8_t bytes[ARP_SIZE + 18] = { 0 };

        arp_build(&arp, bytes);
        ck_assert_int_eq(arp_parse(bytes, sizeof(bytes), &back), 0);
        ck_assert_uint_eq(back.op, arp.op);
        ck_assert_mem_eq(back.sender_mac, arp.sender_mac, 6);
        ck_assert_uint_eq(back.target.s_addr, arp.target.s_addr);
        for (size_t n = 0; n < ARP_SIZE; n++)
                ck_assert_int_lt(arp_parse(bytes, n, &back), 0);
        for (size_t i = 0; i < 7; i++) {
                bytes[i] ^= 0x80;
                ck_assert_int_lt(arp_parse(bytes, ARP_SIZE, &back), 0);
                bytes[i] ^= 0x80;
        }
}
END_TEST

TEST_MAIN("acd", probes_three_times_and_announces_twice, no_means_no_packet,
        both_signs_of_a_conflict_while_probing, defends_once_in_ten_seconds,
        the_gateway_with_its_old_hardware_address_is_the_old_network,
        learns_the_gateway_and_gives_up_after_three_questions, arp_round_trip_and_garbage)
