/* SPDX-License-Identifier: MIT */
#include "proto/fetch-wire.h"
#include "util/error.h"
#include <string.h>

enum { FETCH_WIRE_VERSION = 2 };

/* A string travels with its NUL, so that it can be used where it lies. */
static void write_string(Writer *w, const char *s)
{
        size_t size = s ? strlen(s) + 1 : 1;

        if (size > FETCH_STRING_MAX) {
                w->failed = true;
                return;
        }
        writer_u16(w, (uint16_t) size);
        writer_bytes(w, s ? s : "", size);
}

static const char *read_string(Reader *r)
{
        uint16_t size = reader_u16(r);
        const uint8_t *p = reader_bytes(r, size);

        if (!p || size == 0 || size > FETCH_STRING_MAX || memchr(p, 0, size) != p + size - 1) {
                r->failed = true;
                return "";
        }
        return (const char *) p;
}

static void write_address(Writer *w, const IpAddr *a)
{
        writer_u8(w, (uint8_t) ip_size(a->family));
        writer_bytes(w, a->bytes, ip_size(a->family));
}

static IpAddr read_address(Reader *r)
{
        uint8_t size = reader_u8(r);
        const uint8_t *p = reader_bytes(r, size);
        IpAddr a = { .family = AF_UNSPEC };

        if (p)
                a = ip_from_bytes(size == 4 ? AF_INET : AF_INET6, p, size);
        if (a.family == AF_UNSPEC)
                r->failed = true;
        return a;
}

int fetch_request_write(const FetchRequest *q, Writer *w)
{
        if (q->n_addresses > FETCH_ADDRESSES_MAX)
                return -E2BIG;
        writer_u8(w, FETCH_WIRE_VERSION);
        writer_u8(w, (uint8_t) q->method);
        writer_u32(w, q->flags);
        writer_u32(w, q->timeout_msec);
        writer_u32(w, q->body_max);
        write_string(w, q->url);
        write_string(w, q->interface);
        write_string(w, q->accept);
        write_string(w, q->if_none_match);
        write_string(w, q->content_type);
        write_string(w, q->authorization);
        write_string(w, q->ca_pem);
        write_string(w, q->cert_pem);
        write_string(w, q->key);
        write_string(w, q->key_provider);
        writer_u8(w, (uint8_t) q->n_addresses);
        for (size_t i = 0; i < q->n_addresses; i++)
                write_address(w, &q->addresses[i]);
        writer_u32(w, (uint32_t) q->body_size);
        writer_bytes(w, q->body, q->body_size);
        return w->failed ? -E2BIG : 0;
}

int fetch_request_parse(Reader *r, FetchRequest *ret)
{
        FetchRequest q = { 0 };

        if (reader_u8(r) != FETCH_WIRE_VERSION)
                return -EBADMSG;
        q.method = reader_u8(r);
        q.flags = reader_u32(r);
        q.timeout_msec = reader_u32(r);
        q.body_max = reader_u32(r);
        q.url = read_string(r);
        q.interface = read_string(r);
        q.accept = read_string(r);
        q.if_none_match = read_string(r);
        q.content_type = read_string(r);
        q.authorization = read_string(r);
        q.ca_pem = read_string(r);
        q.cert_pem = read_string(r);
        q.key = read_string(r);
        q.key_provider = read_string(r);
        q.n_addresses = reader_u8(r);
        if (q.n_addresses > FETCH_ADDRESSES_MAX)
                return -EBADMSG;
        for (size_t i = 0; i < q.n_addresses; i++)
                q.addresses[i] = read_address(r);
        q.body_size = reader_u32(r);
        q.body = reader_bytes(r, q.body_size);
        if (r->failed || reader_left(r) > 0 || q.method >= _FETCH_METHOD_MAX ||
                (q.flags & ~(uint32_t) _FETCH_FLAGS_ALL) || q.body_max > FETCH_BODY_MAX)
                return -EBADMSG;
        *ret = q;
        return 0;
}

int fetch_answer_write(const FetchAnswer *a, Writer *w)
{
        writer_u8(w, FETCH_WIRE_VERSION);
        writer_u8(w, (uint8_t) a->error);
        writer_u16(w, a->status);
        writer_u32(w, a->max_age_sec);
        writer_u32(w, a->retry_after_sec);
        writer_u32(w, a->body_size);
        writer_u64(w, a->valid_from_usec);
        writer_u64(w, a->valid_until_usec);
        write_string(w, a->message);
        write_string(w, a->content_type);
        write_string(w, a->etag);
        write_string(w, a->location);
        return w->failed ? -E2BIG : 0;
}

int fetch_answer_parse(Reader *r, FetchAnswer *ret)
{
        FetchAnswer a = { 0 };

        if (reader_u8(r) != FETCH_WIRE_VERSION)
                return -EBADMSG;
        a.error = reader_u8(r);
        a.status = reader_u16(r);
        a.max_age_sec = reader_u32(r);
        a.retry_after_sec = reader_u32(r);
        a.body_size = reader_u32(r);
        a.valid_from_usec = reader_u64(r);
        a.valid_until_usec = reader_u64(r);
        a.message = read_string(r);
        a.content_type = read_string(r);
        a.etag = read_string(r);
        a.location = read_string(r);
        if (r->failed || reader_left(r) > 0 || a.error >= FETCH_GONE ||
                a.body_size > FETCH_BODY_MAX)
                return -EBADMSG;
        *ret = a;
        return 0;
}
