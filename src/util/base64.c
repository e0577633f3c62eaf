/* SPDX-License-Identifier: MIT */
#include "util/base64.h"
#include "util/error.h"

static int digit(char c)
{
        if (c >= 'A' && c <= 'Z')
                return c - 'A';
        if (c >= 'a' && c <= 'z')
                return c - 'a' + 26;
        if (c >= '0' && c <= '9')
                return c - '0' + 52;
        return c == '-' ? 62 : c == '_' ? 63 : -EBADMSG;
}

int base64url_decode(const char *text, size_t size, uint8_t *dst, size_t *ret_size)
{
        uint32_t bits = 0;
        unsigned n_bits = 0;
        size_t n = 0;

        if (size % 4 == 1)
                return -EBADMSG;
        for (size_t i = 0; i < size; i++) {
                int d = digit(text[i]);

                if (d < 0)
                        return d;
                bits = (bits << 6 | (uint32_t) d) & 0xffffff;
                n_bits += 6;
                if (n_bits >= 8) {
                        n_bits -= 8;
                        dst[n++] = (uint8_t) (bits >> n_bits);
                }
        }
        if (bits & ((1u << n_bits) - 1))
                return -EBADMSG; /* bits that stand for nothing must be zero */
        *ret_size = n;
        return 0;
}

void base64_encode(const void *src, size_t size, char *dst)
{
        static const char digits[] =
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        const uint8_t *p = src;

        while (size > 0) {
                size_t n = MIN(size, (size_t) 3);
                uint32_t v = (uint32_t) p[0] << 16;

                if (n > 1)
                        v |= (uint32_t) p[1] << 8;
                if (n > 2)
                        v |= p[2];
                *dst++ = digits[v >> 18];
                *dst++ = digits[v >> 12 & 63];
                *dst++ = n > 1 ? digits[v >> 6 & 63] : '=';
                *dst++ = n > 2 ? digits[v & 63] : '=';
                p += n;
                size -= n;
        }
        *dst = 0;
}
