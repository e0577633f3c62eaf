/* SPDX-License-Identifier: MIT */
/* The codec against good and hostile bytes: REQ_DHCP 1 to 8, 10, 14, 16 to 19. */
#include "lib/dhcp4-peer.h"
#include "lib/suite.h"
#include "util/error.h"
#include "util/rng.h"
#include <string.h>

#define OPTIONS_AT 240
#define SNAME_AT   44
#define FILE_AT    108

static uint8_t packet[3000];

/* A reply whose options field holds `options`. */
static int parse(const char *options, size_t size, Dhcp4Message *ret)
{
        memset(packet, 0, OPTIONS_AT);
        packet[0] = 2;
        packet[1] = 1;
        packet[2] = 6;
        packet[16] = 10;
        packet[19] = 7;
        memcpy(packet + 236, "\x63\x82\x53\x63", 4);
        memcpy(packet + OPTIONS_AT, options, size);
        return dhcp4_message_parse(packet, OPTIONS_AT + size, ret);
}

#define PARSE(options, m) ck_assert_int_eq(parse(options, sizeof(options) - 1, m), 0)

static void expect_route(const Dhcp4Options *o, size_t i, const char *destination, uint8_t length,
        const char *gateway)
{
        ck_assert_uint_gt(o->n_routes, i);
        ck_assert_uint_eq(o->routes[i].destination.s_addr, v4(destination).s_addr);
        ck_assert_uint_eq(o->routes[i].prefix_length, length);
        ck_assert_uint_eq(o->routes[i].gateway.s_addr, v4(gateway).s_addr);
}

START_TEST(reads_an_ordinary_ack)
{
        Dhcp4Message m;

        PARSE("\x35\x01\x05\x36\x04\x0a\0\0\x01\x33\x04\0\0\x0e\x10\x3a\x04\0\0\x07\x08"
              "\x3b\x04\0\0\x0c\x4e\x01\x04\xff\xff\xff\0\x03\x04\x0a\0\0\x01\x06\x08\x0a\0\0\x02"
              "\x0a\0\0\x03\x1a\x02\x05\x78\x2a\x04\x0a\0\0\x04\x0f\x07lab.lan\xff",
                &m);
        ck_assert_int_eq(m.type, DHCP4_ACK);
        ck_assert_uint_eq(m.server.s_addr, v4("10.0.0.1").s_addr);
        ck_assert(m.has_lease_time && m.has_t1 && m.has_t2);
        ck_assert_uint_eq(m.lease_time, 3600);
        ck_assert_uint_eq(m.t1, 1800);
        ck_assert_uint_eq(m.t2, 3150);
        ck_assert_uint_eq(m.options.prefix_length, 24);
        expect_route(&m.options, 0, "0.0.0.0", 0, "10.0.0.1");
        ck_assert_uint_eq(m.options.n_dns, 2);
        ck_assert_uint_eq(m.options.n_ntp, 1);
        ck_assert_uint_eq(m.options.mtu, 1400);
        ck_assert_str_eq(m.options.search, "lab.lan");
}
END_TEST

START_TEST(the_fixed_part_must_be_whole_and_the_cookie_right)
{
        Dhcp4Message m;

        PARSE("\x35\x01\x05\xff", &m);
        for (size_t n = 0; n < OPTIONS_AT; n++)
                ck_assert_int_lt(dhcp4_message_parse(packet, n, &m), 0);
        packet[239] ^= 1;
        ck_assert_int_lt(dhcp4_message_parse(packet, OPTIONS_AT + 4, &m), 0);
}
END_TEST

START_TEST(a_broken_option_is_absent_and_breaks_no_other)
{
        Dhcp4Message m;

        PARSE("\x35\x01\x05\x33\x03\0\0\x01\x36\x04\x0a\0\0\x01\x06\x05\x01\x02\x03\x04\x05"
              "\x03\x00\x1a\x01\x05\x01\x04\xff\0\xff\0\xff",
                &m);
        ck_assert_int_eq(m.type, DHCP4_ACK);
        ck_assert(!m.has_lease_time);
        ck_assert_uint_ne(m.server.s_addr, 0);
        ck_assert_uint_eq(m.options.n_dns, 0);
        ck_assert_uint_eq(m.options.n_routes, 0);
        ck_assert_uint_eq(m.options.mtu, 0);
        ck_assert_uint_eq(m.options.prefix_length, 8); /* class A: the mask has a hole */
        /* what runs past the end stops there, and what came before counts */
        PARSE("\x35\x01\x02\x36\x04\x0a\0\0\x01\x06\xff\x01\x02\x03\x04", &m);
        ck_assert_int_eq(m.type, DHCP4_OFFER);
        ck_assert_uint_eq(m.options.n_dns, 0);
        PARSE("\x35\x01\x02\x36\x04\x0a\0\0\x01\x06", &m);
        ck_assert_uint_ne(m.server.s_addr, 0);
        /* behind END there is nothing, between PADs there is */
        PARSE("\0\0\x35\x01\x02\0\xff\x36\x04\x0a\0\0\x01", &m);
        ck_assert_int_eq(m.type, DHCP4_OFFER);
        ck_assert_uint_eq(m.server.s_addr, 0);
}
END_TEST

START_TEST(what_is_said_twice_counts_when_it_is_the_same)
{
        Dhcp4Message m;

        PARSE("\x35\x01\x05\x36\x04\x0a\0\0\x01\x33\x04\0\0\x0e\x10\x01\x04\xff\xff\0\0"
              "\x36\x04\x0a\0\0\x01\x33\x04\0\0\x0e\x10\x01\x04\xff\xff\0\0\xff",
                &m);
        ck_assert_uint_eq(m.server.s_addr, v4("10.0.0.1").s_addr);
        ck_assert(m.has_lease_time);
        ck_assert_uint_eq(m.lease_time, 3600);
        ck_assert_uint_eq(m.options.prefix_length, 16);
        PARSE("\x35\x01\x05\x36\x04\x0a\0\0\x01\x33\x04\0\0\x0e\x10"
              "\x36\x04\x0a\0\0\x02\x33\x04\0\0\x0e\x11\xff",
                &m);
        ck_assert_uint_eq(m.server.s_addr, 0);
        ck_assert(!m.has_lease_time);
}
END_TEST

START_TEST(a_host_is_neither_its_network_nor_its_broadcast)
{
        static const struct {
                const char *address;
                uint8_t length;
                bool good;
        } rows[] = { { "10.0.0.5", 24, true }, { "10.0.0.0", 24, false },
                { "10.0.0.255", 24, false }, { "10.0.1.0", 23, true }, { "10.0.0.255", 23, true },
                { "10.0.0.4", 31, true }, { "10.0.0.5", 31, true }, { "10.0.0.255", 32, true },
                { "240.0.0.1", 24, false }, { "0.0.0.5", 24, false }, { "127.0.0.5", 8, false },
                { "224.0.0.5", 8, false } };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                Dhcp4Message m = { .yiaddr = v4(rows[i].address),
                        .has_mask = true,
                        .has_lease_time = true,
                        .lease_time = 60,
                        .options = { .prefix_length = rows[i].length } };

                ck_assert_msg(dhcp4_message_has_lease(&m) == rows[i].good, "%s/%u", rows[i].address,
                        rows[i].length);
                /* without a mask its class is a guess, which refuses nothing */
                m.has_mask = false;
                ck_assert_int_eq(dhcp4_message_has_lease(&m), dhcp4_address_is_valid(m.yiaddr));
        }
}
END_TEST

START_TEST(a_type_of_the_wrong_size_is_none)
{
        Dhcp4Message m;

        PARSE("\x35\x02\x05\x05\xff", &m);
        ck_assert_int_eq(m.type, DHCP4_NONE);
        PARSE("\x35\x00\xff", &m);
        ck_assert_int_eq(m.type, DHCP4_NONE);
        PARSE("\x35\x01\x63\xff", &m);
        ck_assert_int_eq(m.type, DHCP4_NONE);
        PARSE("\xff", &m);
        ck_assert_int_eq(m.type, DHCP4_NONE);
}
END_TEST

START_TEST(options_go_on_in_file_and_then_sname)
{
        static const char options[] = "\x35\x01\x05\x34\x01\x03\x79\x03\x18\x0a\x01\xff";
        Dhcp4Message m;

        PARSE(options, &m);
        /* the route 10.1.2.0/24 via 10.0.0.9 is cut twice, inside the destination and inside the
         * gateway */
        memcpy(packet + FILE_AT, "\x79\x03\x02\x0a\0\x34\x01\x00\xff", 9);
        memcpy(packet + SNAME_AT, "\x79\x02\0\x09\xff", 5);
        ck_assert_int_eq(dhcp4_message_parse(packet, OPTIONS_AT + sizeof(options) - 1, &m), 0);
        ck_assert_uint_eq(m.options.n_routes, 1);
        expect_route(&m.options, 0, "10.1.2.0", 24, "10.0.0.9");
        /* without option 52 nobody looks there */
        packet[OPTIONS_AT + 5] = 0;
        ck_assert_int_eq(dhcp4_message_parse(packet, OPTIONS_AT + sizeof(options) - 1, &m), 0);
        ck_assert_uint_eq(m.options.n_routes, 0);
        packet[OPTIONS_AT + 5] = 4;
        ck_assert_int_eq(dhcp4_message_parse(packet, OPTIONS_AT + sizeof(options) - 1, &m), 0);
        ck_assert_uint_eq(m.options.n_routes, 0);
}
END_TEST

START_TEST(a_long_option_is_put_together)
{
        char options[1200] = "\x35\x01\x05";
        size_t n = 3, whole = 0;
        uint8_t routes[400];
        Dhcp4Message m;

        for (uint8_t i = 0; i < 40; i++, whole += 8)
                memcpy(routes + whole, (uint8_t[]){ 24, 10, 9, i, 10, 0, 0, i }, 8);
        for (size_t at = 0; at < whole; at += 13) {
                size_t part = MIN((size_t) 13, whole - at);

                options[n++] = 121;
                options[n++] = (char) part;
                memcpy(options + n, routes + at, part);
                n += part;
        }
        ck_assert_int_eq(parse(options, n, &m), 0);
        ck_assert_uint_eq(m.options.n_routes, 40);
        expect_route(&m.options, 39, "10.9.39.0", 24, "10.0.0.39");
}
END_TEST

START_TEST(classless_routes_win_and_are_all_or_nothing)
{
        Dhcp4Message m;

        PARSE("\x03\x04\x0a\0\0\x01\x21\x08\x0a\x05\0\x01\x0a\0\0\x02"
              "\x79\x0e\0\x0a\0\0\x05\x20\x01\x02\x03\x04\0\0\0\0\xff",
                &m);
        ck_assert_uint_eq(m.options.n_routes, 2);
        expect_route(&m.options, 0, "0.0.0.0", 0, "10.0.0.5");
        expect_route(&m.options, 1, "1.2.3.4", 32, "0.0.0.0");
        /* 33 before 3 otherwise, by class */
        PARSE("\x03\x04\x0a\0\0\x01\x21\x08\xac\x10\x05\x01\x0a\0\0\x02\xff", &m);
        ck_assert_uint_eq(m.options.n_routes, 2);
        expect_route(&m.options, 0, "172.16.0.0", 16, "10.0.0.2");
        expect_route(&m.options, 1, "0.0.0.0", 0, "10.0.0.1");
        /* cut or wider than 32: as if absent */
        PARSE("\x03\x04\x0a\0\0\x01\x79\x07\0\x0a\0\0\x05\x18\x0a\xff", &m);
        ck_assert_uint_eq(m.options.n_routes, 1);
        expect_route(&m.options, 0, "0.0.0.0", 0, "10.0.0.1");
        PARSE("\x03\x04\x0a\0\0\x01\x79\x0a\x21\x01\x02\x03\x04\x05\x0a\0\0\x05\xff", &m);
        expect_route(&m.options, 0, "0.0.0.0", 0, "10.0.0.1");
        /* host bits go; 249 is the same option */
        PARSE("\xf9\x08\x17\x0a\x01\xff\x0a\0\0\x05\xff", &m);
        PARSE("\xf9\x08\x17\x0a\x01\xff\x0a\0\0\x05\xff", &m);
        expect_route(&m.options, 0, "10.1.254.0", 23, "10.0.0.5");
        PARSE("\xf9\x05\0\x0a\0\0\x06\x79\x05\0\x0a\0\0\x05\xff", &m);
        ck_assert_uint_eq(m.options.n_routes, 1);
        expect_route(&m.options, 0, "0.0.0.0", 0, "10.0.0.5");
}
END_TEST

START_TEST(texts_are_names_and_uris_or_nothing)
{
        Dhcp4Message m;

        PARSE("\x0f\x08lab.lan\0\xff", &m);
        ck_assert_str_eq(m.options.search, "lab.lan");
        PARSE("\x0f\x08lab.lan.\x77\x0d\x03two\x03lan\0\xc0\x00\xff\xff\xff", &m);
        ck_assert_str_eq(m.options.search, "lab.lan");
        PARSE("\x77\x09\x03two\x03lan\0\x0f\x07lab.lan\xff", &m);
        ck_assert_str_eq(m.options.search, "lab.lan two.lan");
        PARSE("\x0f\x0blab\nreboot;\xff", &m);
        ck_assert_str_eq(m.options.search, "");
        PARSE("\x0f\x07la\0.lan\xff", &m);
        ck_assert_str_eq(m.options.search, "");
        PARSE("\x72\x0fhttps://a.b/c?d\xff", &m);
        ck_assert_str_eq(m.options.captive_portal, "https://a.b/c?d");
        PARSE("\x72\x0ehttp://a.b/c?d\xff", &m);
        ck_assert_str_eq(m.options.captive_portal, "");
        PARSE("\x72\x0fhttps://a.b/ ?d\xff", &m);
        ck_assert_str_eq(m.options.captive_portal, "");
        PARSE("\x72\x25urn:ietf:params:capport:unrestricted!\xff", &m);
        ck_assert_str_eq(m.options.captive_portal, "");
        PARSE("\x38\x06no\n\x1b\x7f!\xff", &m);
        ck_assert_str_eq(m.text, "no??"
                                 "?!");
}
END_TEST

static const uint8_t *find_option(const uint8_t *p, size_t size, uint8_t code)
{
        for (size_t i = OPTIONS_AT; i < size && p[i] != 255; i += p[i] ? 2u + p[i + 1] : 1)
                if (p[i] == code)
                        return p + i;
        return NULL;
}

START_TEST(builds_what_servers_and_relays_want)
{
        Dhcp4Identity id = { .htype = 1,
                .mac_size = 6,
                .mac = { 2, 3, 4, 5, 6, 7 },
                .client_id = { 255, 1, 2, 3, 4 },
                .client_id_size = 5,
                .host_name = "box",
                .rapid_commit = true };
        Dhcp4Outgoing discover = {
                .type = DHCP4_DISCOVER, .xid = 0x01020304, .secs = 5, .broadcast = true
        };
        Dhcp4Outgoing request = { .type = DHCP4_REQUEST,
                .xid = 1,
                .requested = { 0x0100000a },
                .server = { 0x0200000a } };
        Dhcp4Outgoing decline = { .type = DHCP4_DECLINE, .requested = { 1 }, .server = { 2 } };
        Dhcp4Outgoing release = { .type = DHCP4_RELEASE, .ciaddr = { 3 }, .server = { 2 } };
        uint8_t first[DHCP4_SIZE_MAX], second[DHCP4_SIZE_MAX];
        const uint8_t *one, *two;
        int n, k;

        n = dhcp4_message_build(&discover, &id, first, sizeof(first));
        ck_assert_int_ge(n, 300);
        ck_assert_mem_eq(first, "\x01\x01\x06\x00\x01\x02\x03\x04\x00\x05\x00\x00", 12);
        ck_assert_mem_eq(first + 12, (uint8_t[16]){ 0 }, 16);
        ck_assert_mem_eq(first + 28, id.mac, 16);
        ck_assert_mem_eq(first + 236, "\x63\x82\x53\x63\x35\x01\x01", 7);
        ck_assert_mem_eq(find_option(first, (size_t) n, 61), "\x3d\x05\xff\x01\x02\x03\x04", 7);
        ck_assert_mem_eq(find_option(first, (size_t) n, 57), "\x39\x02\x02\x40", 4);
        ck_assert_mem_eq(find_option(first, (size_t) n, 12),
                "\x0c\x03"
                "box",
                5);
        ck_assert_ptr_nonnull(find_option(first, (size_t) n, 80));
        ck_assert_ptr_null(find_option(first, (size_t) n, 50));

        k = dhcp4_message_build(&request, &id, second, sizeof(second));
        one = find_option(first, (size_t) n, 55);
        two = find_option(second, (size_t) k, 55);
        ck_assert_mem_eq(one, two, one[1] + 2u);
        ck_assert(memchr(one + 2, 121, one[1]) < memchr(one + 2, 33, one[1]));
        ck_assert(memchr(one + 2, 121, one[1]) < memchr(one + 2, 3, one[1]));
        ck_assert_ptr_null(memchr(one + 2, 108, one[1]));
        ck_assert_mem_eq(find_option(second, (size_t) k, 50), "\x32\x04\x0a\0\0\x01", 6);
        ck_assert_mem_eq(find_option(second, (size_t) k, 54), "\x36\x04\x0a\0\0\x02", 6);
        ck_assert_ptr_null(find_option(second, (size_t) k, 80));
        id.v6only = true;
        k = dhcp4_message_build(&request, &id, second, sizeof(second));
        two = find_option(second, (size_t) k, 55);
        ck_assert_ptr_nonnull(memchr(two + 2, 108, two[1]));

        k = dhcp4_message_build(&decline, &id, second, sizeof(second));
        ck_assert_ptr_null(find_option(second, (size_t) k, 55));
        ck_assert_ptr_null(find_option(second, (size_t) k, 57));
        ck_assert_ptr_null(find_option(second, (size_t) k, 12));
        ck_assert_ptr_nonnull(find_option(second, (size_t) k, 50));
        ck_assert_ptr_nonnull(find_option(second, (size_t) k, 61));
        k = dhcp4_message_build(&release, &id, second, sizeof(second));
        ck_assert_ptr_null(find_option(second, (size_t) k, 50));
        ck_assert_ptr_nonnull(find_option(second, (size_t) k, 54));
        ck_assert_uint_ne(second[12], 0);

        ck_assert_int_eq(dhcp4_message_build(&discover, &id, first, 260), -EMSGSIZE);
        id.mac_size = 20; /* InfiniBand: no hardware address, but a broadcast please */
        ck_assert_int_gt(dhcp4_message_build(&discover, &id, first, sizeof(first)), 0);
        ck_assert_uint_eq(first[2], 0);
        ck_assert_uint_eq(first[10], 0x80);
}
END_TEST

START_TEST(random_bytes_end_somewhere)
{
        Rng rng = rng_seeded(test_seed());
        Dhcp4Message m;

        for (int i = 0; i < 20000; i++) {
                char options[600];
                size_t size = rng_range(&rng, 0, sizeof(options));

                rng.fill(&rng, options, size);
                for (size_t k = 0; k + 1 < size; k += rng_range(&rng, 2, 40)) {
                        options[k] = (char) rng_range(&rng, 0, 255);
                        options[k + 1] = (char) rng_range(&rng, 0, 20);
                }
                ck_assert_int_eq(parse(options, size, &m), 0);
                ck_assert_uint_le(m.options.n_routes, DHCP4_ROUTES_MAX);
                ck_assert_uint_le(m.options.n_dns, DHCP4_SERVERS_MAX);
                ck_assert_uint_le(m.options.prefix_length, 32);
                ck_assert_uint_lt(strlen(m.options.search), sizeof(m.options.search));
        }
}
END_TEST

TEST_MAIN("dhcp4-message", reads_an_ordinary_ack, the_fixed_part_must_be_whole_and_the_cookie_right,
        a_broken_option_is_absent_and_breaks_no_other, a_type_of_the_wrong_size_is_none,
        options_go_on_in_file_and_then_sname, a_long_option_is_put_together,
        classless_routes_win_and_are_all_or_nothing, texts_are_names_and_uris_or_nothing,
        builds_what_servers_and_relays_want, random_bytes_end_somewhere,
        what_is_said_twice_counts_when_it_is_the_same,
        a_host_is_neither_its_network_nor_its_broadcast)
