/* SPDX-License-Identifier: MIT */
#include "lib/suite.h"
#include "util/buf.h"
#include <string.h>

START_TEST(reads_in_network_order_and_stops_at_the_end)
{
        static const uint8_t bytes[] = { 1, 2, 3, 4, 5, 6, 7 };
        Reader r = READER_INIT(bytes, sizeof(bytes));

        ck_assert_uint_eq(reader_u8(&r), 1);
        ck_assert_uint_eq(reader_u16(&r), 0x0203);
        ck_assert_uint_eq(reader_u32(&r), 0x04050607);
        ck_assert_uint_eq(reader_left(&r), 0);
        ck_assert(!r.failed);
        ck_assert_uint_eq(reader_u8(&r), 0);
        ck_assert(r.failed);
}
END_TEST

START_TEST(a_cut_read_takes_nothing_and_stays_failed)
{
        static const uint8_t bytes[] = { 1, 2, 3 };
        Reader r = READER_INIT(bytes, sizeof(bytes)), sub;

        sub = reader_sub(&r, 2);
        ck_assert_uint_eq(reader_u16(&sub), 0x0102);
        ck_assert_uint_eq(reader_u32(&r), 0);
        ck_assert(r.failed);
        ck_assert_ptr_null(reader_bytes(&r, 0));
        sub = reader_sub(&r, 0);
        ck_assert(sub.failed);
}
END_TEST

START_TEST(a_full_writer_keeps_what_was_whole)
{
        uint8_t bytes[5];
        Writer w = WRITER_INIT(bytes, sizeof(bytes));

        writer_u16(&w, 0);
        writer_u16(&w, 0xbeef);
        writer_patch_u16(&w, 0, 0x0102);
        ck_assert_mem_eq(bytes, "\x01\x02\xbe\xef", 4);
        writer_u16(&w, 1);
        ck_assert(w.failed);
        ck_assert_uint_eq(w.pos, 4);
        writer_patch_u16(&w, 3, 7);
        ck_assert_mem_eq(bytes, "\x01\x02\xbe\xef", 4);
}
END_TEST

TEST_MAIN("buf", reads_in_network_order_and_stops_at_the_end,
        a_cut_read_takes_nothing_and_stays_failed, a_full_writer_keeps_what_was_whole)
