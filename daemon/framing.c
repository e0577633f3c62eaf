/* SPDX-License-Identifier: MIT */
#include "daemon/framing.h"
#include <endian.h>
#include <stdbool.h>
#include <string.h>

static uint32_t read_u32(const uint8_t *p, bool big)
{
        uint32_t v;

        memcpy(&v, p, sizeof(v));
        return big ? be32toh(v) : le32toh(v);
}

/* The header, its fields up to a multiple of 8, the body. */
static int read_size(const uint8_t header[static 16], size_t max, size_t *ret)
{
        bool big = header[0] == 'B';
        uint64_t body, fields, size;

        if (!big && header[0] != 'l')
                return -EBADMSG;
        body = read_u32(header + 4, big);
        fields = read_u32(header + 12, big);
        size = sizeof(((Framing *) 0)->header) + ((fields + 7) & ~UINT64_C(7)) + body;
        if (size > max)
                return -EMSGSIZE;
        *ret = (size_t) size;
        return 0;
}

int framing_take(Framing *f, const uint8_t *data, size_t n, size_t max)
{
        while (n > 0) {
                bool in_header = f->have < sizeof(f->header);
                size_t part = MIN(n, (in_header ? sizeof(f->header) : f->size) - f->have);

                if (in_header)
                        memcpy(f->header + f->have, data, part);
                f->have += part;
                data += part;
                n -= part;
                if (in_header && f->have == sizeof(f->header)) {
                        int r = read_size(f->header, max, &f->size);

                        if (r < 0)
                                return r;
                }
                if (f->have >= sizeof(f->header) && f->have == f->size) {
                        f->have = 0;
                        f->complete++;
                }
        }
        return 0;
}
