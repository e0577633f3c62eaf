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
