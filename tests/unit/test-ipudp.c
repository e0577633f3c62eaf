/* SPDX-License-Identifier: MIT */
#include "lib/suite.h"
#include "proto/ipudp.h"
#include "util/rng.h"
#include <arpa/inet.h>
#include <string.h>

static const IpUdp header = { .destination = { 0xffffffff },
        .source_port = 68,
        .destination_port = 67,
        .id = 0x1234,
        .tos = 0xc0 };

static int parse(const uint8_t *frame, size_t size, bool ready)
{
        const uint8_t *payload;
        size_t payload_size;
        IpUdp h;

        return ipudp_parse(frame, size, ready, &h, &payload, &payload_size);
}

START_TEST(takes_apart_what_it_built)
{
        uint8_t frame[600];
        const uint8_t *payload;
        size_t size;
        IpUdp h;

        for (size_t n = 0; n < 64; n++) {
                uint8_t data[64];
                int r;

                memset(data, (int) n + 1, n);
                r = ipudp_build(&header, data, n, frame, sizeof(frame));
                ck_assert_int_eq(r, (int) (IPUDP_HEADER_SIZE + n));
                /* the link pads short frames */
                memset(frame + r, 0, 60);
                ck_assert_int_eq(ipudp_parse(frame, (size_t) r + 60, true, &h, &payload, &size), 0);
                ck_assert_uint_eq(size, n);
                ck_assert_mem_eq(payload, data, n);
                ck_assert_uint_eq(h.destination_port, 67);
                ck_assert_uint_eq(h.source_port, 68);
                ck_assert_uint_eq(h.tos, 0xc0);
                ck_assert_uint_eq(frame[8], 64);
        }
        ck_assert_int_lt(ipudp_build(&header, frame, 100, frame, 100), 0);
}
END_TEST

START_TEST(every_flipped_bit_is_noticed)
{
        uint8_t frame[64];
        int size = ipudp_build(&header, "payload", 7, frame, sizeof(frame));

        for (int bit = 0; bit < size * 8; bit++) {
                frame[bit / 8] ^= (uint8_t) (1 << bit % 8);
                ck_assert_msg(parse(frame, (size_t) size, true) < 0, "bit %d", bit);
                frame[bit / 8] ^= (uint8_t) (1 << bit % 8);
        }
}
END_TEST

START_TEST(a_checksum_that_is_not_ready_or_absent_is_not_looked_at)
{
        uint8_t frame[64];
        int size = ipudp_build(&header, "payload", 7, frame, sizeof(frame));

        frame[26] ^= 0x55;
        ck_assert_int_lt(parse(frame, (size_t) size, true), 0);
        ck_assert_int_eq(parse(frame, (size_t) size, false), 0);
        frame[26] = frame[27] = 0;
        ck_assert_int_eq(parse(frame, (size_t) size, true), 0);
}
END_TEST

START_TEST(fragments_and_cut_packets_are_dropped)
{
        uint8_t frame[64];
        int size = ipudp_build(&header, "payload", 7, frame, sizeof(frame));

        for (size_t n = 0; n < (size_t) size; n++)
                ck_assert_int_lt(parse(frame, n, false), 0);
        /* "more fragments", with a header checksum that is right */
        frame[6] = 0x20;
        frame[10] = (uint8_t) (frame[10] - 0x20);
        ck_assert_int_lt(parse(frame, (size_t) size, true), 0);
}
END_TEST

TEST_MAIN("ipudp", takes_apart_what_it_built, every_flipped_bit_is_noticed,
        a_checksum_that_is_not_ready_or_absent_is_not_looked_at,
        fragments_and_cut_packets_are_dropped)
