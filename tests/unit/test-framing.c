/* SPDX-License-Identifier: MIT */
#include "daemon/framing.h"
#include "lib/suite.h"
#include <endian.h>
#include <string.h>

static size_t put(uint8_t *at, char endian, uint32_t body, uint32_t fields)
{
        uint32_t sizes[2] = { endian == 'B' ? htobe32(body) : htole32(body),
                endian == 'B' ? htobe32(fields) : htole32(fields) };
        size_t size = 16 + (fields + 7) / 8 * 8 + body;

        memset(at, 0xff, size);
        at[0] = (uint8_t) endian;
        memcpy(at + 4, &sizes[0], 4);
        memcpy(at + 12, &sizes[1], 4);
        return size;
}

START_TEST(any_portions_end_at_the_same_places)
{
        uint8_t data[2048];
        size_t n = 0, ends[5];

        n += put(data + n, 'l', 0, 0), ends[0] = n;
        n += put(data + n, 'B', 13, 7), ends[1] = n;
        n += put(data + n, 'l', 300, 8), ends[2] = n;
        n += put(data + n, 'B', 0, 100), ends[3] = n;
        n += put(data + n, 'l', 1, 1), ends[4] = n;
        for (size_t portion = 1; portion <= n; portion++) {
                Framing f = { 0 };
                size_t end = 0;

                for (size_t at = 0; at < n; at += portion) {
                        size_t here = MIN(at + portion, n);

                        ck_assert_int_eq(framing_take(&f, data + at, here - at, 1000), 0);
                        while (end < 5 && ends[end] <= here)
                                end++;
                        ck_assert_uint_eq(framing_held(&f), here - (end ? ends[end - 1] : 0));
                }
                ck_assert_uint_eq(framing_held(&f), 0);
        }
}
END_TEST

START_TEST(one_that_is_too_large_is_known_by_its_header)
{
        uint8_t data[64];
        Framing f = { 0 };

        put(data, 'l', 24, 8);
        ck_assert_int_eq(framing_take(&f, data, 48, 48), 0);
        ck_assert_int_eq(framing_take(&f, data, 15, 47), 0);
        ck_assert_int_eq(framing_take(&f, data + 15, 1, 47), -EMSGSIZE);
        f = (Framing){ 0 };
        memset(data, 0xff, 16);
        data[0] = 'B';
        ck_assert_int_eq(framing_take(&f, data, 16, SIZE_MAX / 2), 0);
        f = (Framing){ 0 };
        ck_assert_int_eq(framing_take(&f, data, 16, 1 << 30), -EMSGSIZE);
        data[0] = 'x';
        f = (Framing){ 0 };
        ck_assert_int_eq(framing_take(&f, data, 16, 1 << 30), -EBADMSG);
}
END_TEST

TEST_MAIN("framing", any_portions_end_at_the_same_places,
        one_that_is_too_large_is_known_by_its_header)
