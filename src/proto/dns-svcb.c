/* SPDX-License-Identifier: MIT */
#include "proto/dns-svcb.h"
#include "util/error.h"
#include <string.h>

enum {
        KEY_MANDATORY = 0,
        KEY_ALPN = 1,
        KEY_NO_DEFAULT_ALPN = 2,
        KEY_PORT = 3,
        KEY_IPV4HINT = 4,
        KEY_IPV6HINT = 6,
        KEY_DOHPATH = 7,
};

static bool read_alpn(DnsSvcb *s, Reader v)
{
        if (reader_left(&v) == 0)
                return false;
        while (reader_left(&v) > 0) {
                size_t len = reader_u8(&v);
                const uint8_t *id = reader_bytes(&v, len);

                if (!id || len == 0)
                        return false;
                s->dot = s->dot || (len == 3 && memcmp(id, "dot", 3) == 0);
        }
        return true;
}

static bool read_hints(DnsSvcb *s, Reader v, int family)
{
        if (reader_left(&v) == 0 || reader_left(&v) % ip_size(family) != 0)
                return false;
        while (reader_left(&v) > 0) {
                const uint8_t *bytes = reader_bytes(&v, ip_size(family));

                if (s->n_addrs < DNS_SVCB_ADDRS_MAX)
                        s->addrs[s->n_addrs++] = ip_from_bytes(family, bytes, ip_size(family));
        }
        return true;
}

static bool is_known(uint16_t key)
{
        return key == KEY_ALPN || key == KEY_NO_DEFAULT_ALPN || key == KEY_PORT ||
               key == KEY_IPV4HINT || key == KEY_IPV6HINT || key == KEY_DOHPATH;
}

/* RFC 9460 8: keys in order, each once. */
static bool read_mandatory(DnsSvcb *s, Reader v)
{
        int last = KEY_MANDATORY;

        if (reader_left(&v) == 0 || reader_left(&v) % 2 != 0)
                return false;
        while (reader_left(&v) > 0) {
                uint16_t key = reader_u16(&v);

                if (key <= last)
                        return false;
                last = key;
                s->foreign = s->foreign || !is_known(key);
        }
        return true;
}

static bool read_param(DnsSvcb *s, uint16_t key, Reader v)
{
        switch (key) {
        case KEY_MANDATORY:
                return read_mandatory(s, v);
        case KEY_ALPN:
                return read_alpn(s, v);
        case KEY_NO_DEFAULT_ALPN:
                return reader_left(&v) == 0;
        case KEY_PORT:
                s->port = reader_u16(&v);
                return !v.failed && reader_left(&v) == 0;
        case KEY_IPV4HINT:
                return read_hints(s, v, AF_INET);
        case KEY_IPV6HINT:
                return read_hints(s, v, AF_INET6);
        default:
                return true;
        }
}

int dns_svcb_read_params(DnsSvcb *s, Reader *r)
{
        int last = -1;

        while (reader_left(r) > 0) {
                uint16_t key = reader_u16(r), len = reader_u16(r);
                Reader value = reader_sub(r, len);

                if (r->failed || key <= last || !read_param(s, key, value))
                        return -EBADMSG;
                last = key;
        }
        return 0;
}

int dns_svcb_parse(DnsSvcb *ret, const void *data, size_t size)
{
        Reader r = READER_INIT(data, size);
        DnsSvcb s = { .priority = reader_u16(&r) };

        if (r.failed || dns_name_read_plain(&r, &s.target) < 0 || dns_svcb_read_params(&s, &r) < 0)
                return -EBADMSG;
        *ret = s;
        return 0;
}
