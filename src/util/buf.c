/* SPDX-License-Identifier: MIT */
#include "util/buf.h"

Reader reader_sub(Reader *r, size_t len)
{
        const uint8_t *p = reader_bytes(r, len);

        return p ? READER_INIT(p, len) : (Reader){ .failed = true };
}

void reader_skip(Reader *r, size_t len)
{
        (void) reader_bytes(r, len);
}

void reader_copy(Reader *r, void *dst, size_t len)
{
        const uint8_t *p = reader_bytes(r, len);

        if (p && len > 0)
                memcpy(dst, p, len);
        else if (len > 0)
                memset(dst, 0, len);
}

uint64_t reader_u64(Reader *r)
{
        uint64_t high = reader_u32(r);

        return high << 32 | reader_u32(r);
}

void writer_zero(Writer *w, size_t len)
{
        uint8_t *p = writer_reserve(w, len);

        if (p && len > 0)
                memset(p, 0, len);
}

static void put_uint(uint8_t *p, uint64_t v, size_t len)
{
        for (size_t i = 0; i < len; i++)
                p[i] = (uint8_t) (v >> (8 * (len - 1 - i)));
}

static void writer_uint(Writer *w, uint64_t v, size_t len)
{
        uint8_t *p = writer_reserve(w, len);

        if (p)
                put_uint(p, v, len);
}

void writer_u8(Writer *w, uint8_t v)
{
        writer_uint(w, v, 1);
}

void writer_u32(Writer *w, uint32_t v)
{
        writer_uint(w, v, 4);
}

void writer_u64(Writer *w, uint64_t v)
{
        writer_uint(w, v, 8);
}

static void writer_patch(Writer *w, size_t pos, uint64_t v, size_t len)
{
        if (w->failed || pos > w->pos || len > w->pos - pos)
                w->failed = true;
        else
                put_uint(w->data + pos, v, len);
}

void writer_patch_u16(Writer *w, size_t pos, uint16_t v)
{
        writer_patch(w, pos, v, 2);
}
