/* SPDX-License-Identifier: MIT */
#include "proto/rtnl-nd.h"
#include <string.h>

enum {
        ND_OPTION_RDNSS = 25,
        ND_OPTION_DNSSL = 31,
        ND_OPTION_PORTAL = 37,
};

/* RFC 8106 5.1: reserved, lifetime, one address at least. */
static bool parse_rdnss(Reader *r, RtnlNd *ret)
{
        reader_skip(r, 2);
        ret->kind = RTNL_ND_RDNSS;
        ret->lifetime_sec = reader_u32(r);
        if (r->failed || reader_left(r) < 16 || reader_left(r) % 16 != 0)
                return false;
        while (reader_left(r) > 0) {
                IpAddr addr = ip_from_bytes(AF_INET6, reader_bytes(r, 16), 16);

                if (ip_is_other_host(&addr) && ret->n_servers < RTNL_DNS_MAX)
                        ret->servers[ret->n_servers++] = addr;
        }
        return ret->n_servers > 0;
}

static bool is_name_byte(uint8_t c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '_';
}

/* Labels up to a zero one; 1 a name, 0 padding, -1 malformed. No compression here (RFC 8106 5.2).
 */
static int parse_domain(Reader *r, char name[static 254])
{
        size_t used = 0;

        for (;;) {
                uint8_t length = reader_u8(r);
                const uint8_t *label;

                if (r->failed || length > 63)
                        return -1;
                if (length == 0)
                        break;
                label = reader_bytes(r, length);
                if (!label || used + length + 1 > 253)
                        return -1;
                if (used > 0)
                        name[used++] = '.';
                for (uint8_t i = 0; i < length; i++) {
                        if (!is_name_byte(label[i]))
                                return -1;
                        name[used++] = (char) label[i];
                }
        }
        name[used] = '\0';
        return used > 0;
}

static bool parse_dnssl(Reader *r, RtnlNd *ret)
{
        reader_skip(r, 2);
        ret->kind = RTNL_ND_DNSSL;
        ret->lifetime_sec = reader_u32(r);
        while (!r->failed && reader_left(r) > 0 && ret->n_domains < RTNL_DNS_MAX) {
                int n = parse_domain(r, ret->domains[ret->n_domains]);

                if (n < 0)
                        return false;
                if (n > 0)
                        ret->n_domains++;
        }
        return ret->n_domains > 0;
}

/* RFC 8910 2.3: a URI, padded with zeros to a multiple of 8. */
static bool parse_portal(Reader *r, RtnlNd *ret)
{
        size_t size = reader_left(r);
        const uint8_t *uri = reader_bytes(r, size);

        ret->kind = RTNL_ND_PORTAL;
        while (size > 0 && uri[size - 1] == 0)
                size--;
        if (size == 0 || size >= sizeof(ret->portal))
                return false;
        for (size_t i = 0; i < size; i++) {
                if (uri[i] <= 0x20 || uri[i] >= 0x7f)
                        return false;
                ret->portal[i] = (char) uri[i];
        }
        return true;
}

bool rtnl_nd_parse(Reader *options, RtnlNd *ret)
{
        while (reader_left(options) > 0) {
                uint8_t type = reader_u8(options), units = reader_u8(options);
                Reader body = reader_sub(options, units > 0 ? (size_t) units * 8 - 2 : SIZE_MAX);
                RtnlNd nd = { 0 };
                bool ok;

                if (body.failed)
                        return false;
                if (type == ND_OPTION_RDNSS)
                        ok = parse_rdnss(&body, &nd);
                else if (type == ND_OPTION_DNSSL)
                        ok = parse_dnssl(&body, &nd);
                else if (type == ND_OPTION_PORTAL)
                        ok = parse_portal(&body, &nd);
                else
                        continue;
                if (ok)
                        *ret = nd;
                return ok;
        }
        return false;
}
