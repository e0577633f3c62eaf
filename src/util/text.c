/* SPDX-License-Identifier: MIT */
#include "util/text.h"
#include <stdint.h>
#include <string.h>

/* Bytes of the well-formed character at `s` (Unicode table 3-7), or 0. Stops at a NUL. */
static size_t utf8_length(const uint8_t *s)
{
        uint8_t low = 0x80, high = 0xbf;
        size_t n;

        if (s[0] < 0x80)
                return 1;
        if (s[0] >= 0xc2 && s[0] <= 0xdf)
                n = 2;
        else if (s[0] >= 0xe0 && s[0] <= 0xef)
                n = 3;
        else if (s[0] >= 0xf0 && s[0] <= 0xf4)
                n = 4;
        else
                return 0;
        if (s[0] == 0xe0)
                low = 0xa0; /* overlong */
        else if (s[0] == 0xed)
                high = 0x9f; /* surrogates */
        else if (s[0] == 0xf0)
                low = 0x90;
        else if (s[0] == 0xf4)
                high = 0x8f; /* over U+10FFFF */
        if (s[1] < low || s[1] > high)
                return 0;
        for (size_t i = 2; i < n; i++)
                if (s[i] < 0x80 || s[i] > 0xbf)
                        return 0;
        return n;
}

static bool is_control(const uint8_t *s, size_t length)
{
        return s[0] < 0x20 || s[0] == 0x7f || (length == 2 && s[0] == 0xc2 && s[1] < 0xa0);
}

void text_copy(char *dst, size_t size, const char *src)
{
        const uint8_t *s = (const uint8_t *) src;
        size_t used = 0;

        if (size == 0)
                return;
        while (*s) {
                size_t n = utf8_length(s);

                if (used + (n ? n : 1) >= size)
                        break;
                if (n == 0 || is_control(s, n)) {
                        dst[used++] = '?';
                        s += n ? n : 1;
                        continue;
                }
                memmove(dst + used, s, n);
                used += n;
                s += n;
        }
        memset(dst + used, 0, size - used);
}

bool text_equal(const char *a, const char *b)
{
        return a && b ? strcmp(a, b) == 0 : a == b;
}
