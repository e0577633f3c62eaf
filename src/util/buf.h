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
const uint8_t *reader_bytes(Reader *r, size_t len);
/* A cursor over the next `len` bytes, which the parent skips. On a cut both are failed. */
Reader reader_sub(Reader *r, size_t len);
void reader_skip(Reader *r, size_t len);
/* Moves to an absolute position, which may be the end. */
void reader_seek(Reader *r, size_t pos);
void reader_copy(Reader *r, void *dst, size_t len);
/* Big endian (network byte order), the only order on our wires but netlink's. */
uint8_t reader_u8(Reader *r);
uint16_t reader_u16(Reader *r);
uint32_t reader_u32(Reader *r);
uint64_t reader_u64(Reader *r);

static inline size_t writer_left(const Writer *w)
{
        return w->failed ? 0 : w->size - w->pos;
}

/* Room for `len` bytes to be filled in place; NULL (and failed) when there is none. */
uint8_t *writer_reserve(Writer *w, size_t len);
void writer_bytes(Writer *w, const void *src, size_t len);
void writer_zero(Writer *w, size_t len);
void writer_u8(Writer *w, uint8_t v);
void writer_u16(Writer *w, uint16_t v);
void writer_u32(Writer *w, uint32_t v);
void writer_u64(Writer *w, uint64_t v);
/* Writes over what already stands at `pos`, for lengths and counts known late. */
void writer_patch_u16(Writer *w, size_t pos, uint16_t v);
