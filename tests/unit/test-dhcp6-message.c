/* SPDX-License-Identifier: MIT */
/* The DHCPv6 codec against good and hostile bytes. */
#include "lib/suite.h"
#include "proto/dhcp6-message.h"
#include "util/rng.h"
#include <string.h>

#define IAID 0x01020304

#define PARSE(bytes, m) ck_assert_int_eq(dhcp6_message_parse(bytes, sizeof(bytes) - 1, IAID, m), 0)

#define ADDRESS "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x05"
#define HEAD    "\x07\x01\x02\x03\0\x01\0\x02\xaa\xbb\0\x02\0\x02\xcc\xdd"

START_TEST(reads_an_ordinary_reply)
{
        Dhcp6Message m;

        PARSE(HEAD "\0\x03\0\x28\1\2\3\4\0\0\0\x64\0\0\0\xc8"
                   "\0\x05\0\x18" ADDRESS "\0\0\1\0\0\0\2\0"
                   "\0\x17\0\x10" ADDRESS "\0\x18\0\x09\x03lab\x03lan\0"
                   "\0\x38\0\x14\0\x01\0\x10" ADDRESS "\0\x38\0\x0d\0\x03\0\x09\x03ntp\x03lan\0"
                   "\0\x1f\0\x10" ADDRESS "\0\x67\0\x0bhttps://a/b\0\x52\0\x04\0\0\0\x78"
                   "\0\x0d\0\x02\0\0",
                &m);
        ck_assert_int_eq(m.type, DHCP6_REPLY);
        ck_assert_uint_eq(m.xid, 0x010203);
        ck_assert_uint_eq(m.client.size, 2);
        ck_assert_uint_eq(m.server.bytes[1], 0xdd);
        ck_assert(m.has_ia);
        ck_assert_uint_eq(m.t1, 100);
        ck_assert_uint_eq(m.t2, 200);
        ck_assert_uint_eq(m.n_addresses, 1);
        ck_assert_uint_eq(m.addresses[0].preferred, 256);
        ck_assert_uint_eq(m.addresses[0].valid, 512);
        ck_assert_uint_eq(m.options.n_dns, 1);
        ck_assert_str_eq(m.options.search, "lab.lan");
        ck_assert_str_eq(m.options.ntp, "2001:db8::5 ntp.lan");
        ck_assert_str_eq(m.options.captive_portal, "https://a/b");
        ck_assert_uint_eq(m.sol_max_rt, 120);
        /* SNTP servers where there is no option 56 */
        PARSE(HEAD "\0\x1f\0\x10" ADDRESS, &m);
        ck_assert_str_eq(m.options.ntp, "2001:db8::5");
}
END_TEST

START_TEST(broken_options_are_absent)
{
        Dhcp6Message m;

        ck_assert_int_lt(dhcp6_message_parse("\x07\x01\x02", 3, IAID, &m), 0);
        ck_assert_int_lt(dhcp6_message_parse("\x0c\x01\x02\x03", 4, IAID, &m), 0);
        ck_assert_int_lt(dhcp6_message_parse("\x0d\x01\x02\x03", 4, IAID, &m), 0);
        ck_assert_int_lt(dhcp6_message_parse("\x00\x01\x02\x03", 4, IAID, &m), 0);
        /* cut, and what came before it */
        PARSE(HEAD "\0\x17\0\x20" ADDRESS, &m);
        ck_assert_uint_eq(m.server.size, 2);
        ck_assert_uint_eq(m.options.n_dns, 0);
        /* another IAID; an IA that is too short; an address that is cut, multicast, link-local */
        PARSE(HEAD "\0\x03\0\x0c\1\2\3\5\0\0\0\x64\0\0\0\xc8\0\x03\0\x04\1\2\3\4", &m);
        ck_assert(!m.has_ia);
        PARSE(HEAD "\0\x03\0\x1c\1\2\3\4\0\0\0\0\0\0\0\0\0\x05\0\x0c\x20\1\2\3\4\5\6\7\x08\x09\1\2",
                &m);
        ck_assert(m.has_ia);
        ck_assert_uint_eq(m.n_addresses, 0);
        PARSE(HEAD
                "\0\x03\0\x28\1\2\3\4\0\0\0\0\0\0\0\0\0\x05\0\x18\xff\x02\0\0\0\0\0\0\0\0\0\0\0\0\0"
                "\1\0\0\1\0\0\0\2\0",
                &m);
        ck_assert_uint_eq(m.n_addresses, 0);
        /* a status inside the address */
        PARSE(HEAD "\0\x03\0\x2e\1\2\3\4\0\0\0\0\0\0\0\0\0\x05\0\x1e" ADDRESS
                   "\0\0\1\0\0\0\2\0\0\x0d\0\x02\0\x01",
                &m);
        ck_assert_uint_eq(m.n_addresses, 0);
        /* a DUID that is too long */
        {
                uint8_t bytes[4 + 4 + 200] = { 7, 0, 0, 0, 0, 1, 0, 200 };

                ck_assert_int_eq(dhcp6_message_parse(bytes, sizeof(bytes), IAID, &m), 0);
                ck_assert_uint_eq(m.client.size, 0);
        }
        /* an unknown status is a failure */
        PARSE(HEAD "\0\x0d\0\x02\x7f\xff", &m);
        ck_assert_int_eq(m.status, _DHCP6_STATUS_MAX);
        PARSE(HEAD "\0\x0d\0\x01\0", &m);
        ck_assert_int_eq(m.status, _DHCP6_STATUS_MAX);
}
END_TEST

static int count_option(const uint8_t *p, size_t size, uint16_t code, size_t *ret_length)
{
        int n = 0;

        for (size_t i = 4; i + 4 <= size; i += 4u + (size_t) (p[i + 2] << 8 | p[i + 3])) {
                if ((p[i] << 8 | p[i + 1]) != code)
                        continue;
                *ret_length = (size_t) (p[i + 2] << 8 | p[i + 3]);
                n++;
        }
        return n;
}

START_TEST(builds_each_message)
{
        Dhcp6Identity id = {
                .duid = { 6, { 0, 4, 1, 2, 3, 4 } }, .iaid = IAID, .rapid_commit = true
        };
        uint8_t buf[DHCP6_SIZE_MAX];
        Dhcp6Message m;
        size_t length;

        for (int type = DHCP6_SOLICIT; type < _DHCP6_TYPE_MAX; type++) {
                Dhcp6Outgoing out = { .type = (Dhcp6Type) type,
                        .xid = 0xff112233,
                        .elapsed = 700,
                        .server = { 2, { 5, 6 } },
                        .n_addresses = 1 };
                bool asks = type != DHCP6_CONFIRM && type != DHCP6_RELEASE && type != DHCP6_DECLINE;
                int n;

                if (type == DHCP6_ADVERTISE || type == DHCP6_REPLY || type == DHCP6_RECONFIGURE)
                        continue;
                out.addresses[0].s6_addr[0] = 0x20;
                n = dhcp6_message_build(&out, &id, buf, sizeof(buf));
                ck_assert_int_gt(n, 0);
                ck_assert_int_eq(dhcp6_message_parse(buf, (size_t) n, IAID, &m), 0);
                ck_assert_int_eq(m.type, type);
                ck_assert_uint_eq(m.xid, 0x112233);
                ck_assert(dhcp6_duid_equal(&m.client, &id.duid));
                ck_assert_int_eq(count_option(buf, (size_t) n, 8, &length), 1);
                ck_assert_int_eq(count_option(buf, (size_t) n, 6, &length), asks);
                ck_assert_int_eq(count_option(buf, (size_t) n, 14, &length), type == DHCP6_SOLICIT);
                ck_assert_int_eq(m.has_ia, type != DHCP6_INFORMATION_REQUEST);
        }
        ck_assert_int_lt(
                dhcp6_message_build(&(Dhcp6Outgoing){ .type = DHCP6_SOLICIT }, &id, buf, 20), 0);
}
END_TEST

START_TEST(random_bytes_end_somewhere)
{
        Rng rng = rng_seeded(test_seed());
        Dhcp6Message m;

        for (int i = 0; i < 20000; i++) {
                uint8_t bytes[400] = { 7 };
                size_t size = rng_range(&rng, 4, sizeof(bytes));

                rng.fill(&rng, bytes + 1, size - 1);
                for (size_t k = 4; k + 4 <= size; k += rng_range(&rng, 4, 60)) {
                        bytes[k] = bytes[k + 2] = 0;
                        bytes[k + 1] = (uint8_t) rng_range(&rng, 0, 110);
                        bytes[k + 3] = (uint8_t) rng_range(&rng, 0, 60);
                }
                ck_assert_int_eq(dhcp6_message_parse(bytes, size, IAID, &m), 0);
                ck_assert_uint_le(m.n_addresses, DHCP6_ADDRESSES_MAX);
                ck_assert_uint_lt(strlen(m.options.ntp), sizeof(m.options.ntp));
        }
}
END_TEST

TEST_MAIN("dhcp6-message", reads_an_ordinary_reply, broken_options_are_absent, builds_each_message,
        random_bytes_end_somewhere)
