/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The bounded cursor that all parsing and building goes through. Use it or extend it; never index
 * into a packet by hand.
 *
 * Both cursors are sticky: the first access out of bounds sets `failed`, later reads give zeros
 * and later writes do nothing, so that a parser reads straight down and checks once per record.
 * A Reader is a value: copy it to mark a place, assign the copy back to return there.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct Reader Reader;
struct Reader {
        const uint8_t *data;
        size_t size;
        size_t pos;
        bool failed;
};

typedef struct Writer Writer;
struct Writer {
        uint8_t *data;
        size_t size;
        size_t pos;
        bool failed;
};

#define READER_INIT(d, s)                                                                          \
        (Reader)                                                                                   \
        {                                                                                          \
                .data = (const uint8_t *) (d), .size = (s)                                         \
        }
#define WRITER_INIT(d, s)                                                                          \
        (Writer)                                                                                   \
        {                                                                                          \
                .data = (uint8_t *) (d), .size = (s)                                               \
        }

static inline size_t reader_left(const Reader *r)
{
        return r->failed ? 0 : r->size - r->pos;
}

/* `len` bytes in place, valid as long as the buffer below; NULL (and failed) when cut short. */
static inline const uint8_t *reader_bytes(Reader *r, size_t len)
{
        const uint8_t *p;

        if (r->failed || len > r->size - r->pos) {
                r->failed = true;
                return NULL;
        }
        p = r->data + r->pos;
        r->pos += len;
        return p;
}

/* Moves to an absolute position, which may be the end. */
static inline void reader_seek(Reader *r, size_t pos)
{
        if (pos > r->size)
                r->failed = true;
        else
                r->pos = pos;
}

/* Big endian (network byte order), the only order on our wires but netlink's. */
static inline uint8_t reader_u8(Reader *r)
{
        const uint8_t *p = reader_bytes(r, 1);

        return p ? p[0] : 0;
}

static inline uint16_t reader_u16(Reader *r)
{
        const uint8_t *p = reader_bytes(r, 2);

        return p ? (uint16_t) (p[0] << 8 | p[1]) : 0;
}

static inline uint32_t reader_u32(Reader *r)
{
        const uint8_t *p = reader_bytes(r, 4);

        return p ? (uint32_t) p[0] << 24 | (uint32_t) p[1] << 16 | (uint32_t) p[2] << 8 | p[3] : 0;
}

uint64_t reader_u64(Reader *r);
/* A cursor over the next `len` bytes, which the parent skips. On a cut both are failed. */
Reader reader_sub(Reader *r, size_t len);
void reader_skip(Reader *r, size_t len);
void reader_copy(Reader *r, void *dst, size_t len);

static inline size_t writer_left(const Writer *w)
{
        return w->failed ? 0 : w->size - w->pos;
}

/* Room for `len` bytes to be filled in place; NULL (and failed) when there is none. */
static inline uint8_t *writer_reserve(Writer *w, size_t len)
{
        uint8_t *p;

        if (w->failed || len > w->size - w->pos) {
                w->failed = true;
                return NULL;
        }
        p = w->data + w->pos;
        w->pos += len;
        return p;
}

static inline void writer_bytes(Writer *w, const void *src, size_t len)
{
        uint8_t *p = writer_reserve(w, len);

        if (p && len > 0)
                memcpy(p, src, len);
}

static inline void writer_u16(Writer *w, uint16_t v)
{
        uint8_t *p = writer_reserve(w, 2);

        if (p) {
                p[0] = (uint8_t) (v >> 8);
                p[1] = (uint8_t) v;
        }
}

void writer_zero(Writer *w, size_t len);
void writer_u8(Writer *w, uint8_t v);
void writer_u32(Writer *w, uint32_t v);
void writer_u64(Writer *w, uint64_t v);
/* Writes over what already stands at `pos`, for lengths and counts known late. */
void writer_patch_u16(Writer *w, size_t pos, uint16_t v);
