/* SPDX-License-Identifier: MIT */
#include "util/addr.h"
#include "util/error.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

IpAddr ip_from_bytes(int family, const void *bytes, size_t size)
{
        IpAddr a = { .family = AF_UNSPEC };

        if (size == 0 || ip_size(family) != size)
                return a;
        a.family = family;
        memcpy(a.bytes, bytes, size);
        return a;
}

int ip_cmp(const IpAddr *a, const IpAddr *b)
{
        if (a->family != b->family)
                return a->family < b->family ? -1 : 1;
        return memcmp(a->bytes, b->bytes, ip_size(a->family));
}

bool ip_equal(const IpAddr *a, const IpAddr *b)
{
        return ip_cmp(a, b) == 0;
}

bool ip_is_any(const IpAddr *a)
{
        static const uint8_t zero[16];

        return memcmp(a->bytes, zero, ip_size(a->family)) == 0;
}

bool ip_is_loopback(const IpAddr *a)
{
        if (a->family == AF_INET)
                return a->bytes[0] == 127;
        return a->family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&a->v6);
}

bool ip_is_link_local(const IpAddr *a)
{
        if (a->family == AF_INET)
                return a->bytes[0] == 169 && a->bytes[1] == 254;
        return a->family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&a->v6);
}

bool ip_is_private(const IpAddr *a)
{
        if (ip_is_loopback(a) || ip_is_link_local(a))
                return true;
        if (a->family == AF_INET)
                return a->bytes[0] == 10 || (a->bytes[0] == 172 && (a->bytes[1] & 0xf0) == 16) ||
                       (a->bytes[0] == 192 && a->bytes[1] == 168);
        return a->family == AF_INET6 && (a->bytes[0] & 0xfe) == 0xfc;
}

bool ip_is_multicast(const IpAddr *a)
{
        if (a->family == AF_INET)
                return (a->bytes[0] & 0xf0) == 0xe0;
        return a->family == AF_INET6 && a->bytes[0] == 0xff;
}

bool ip_is_other_host(const IpAddr *a)
{
        /* by a mapped one the kernel reaches what is meant by the other */
        return !ip_is_any(a) && !ip_is_loopback(a) && !ip_is_multicast(a) &&
               !(a->family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&a->v6));
}

int ip_parse(const char *s, IpAddr *ret)
{
        IpAddr a = { 0 };

        if (inet_pton(AF_INET, s, &a.v4) == 1)
                a.family = AF_INET;
        else if (inet_pton(AF_INET6, s, &a.v6) == 1)
                a.family = AF_INET6;
        else
                return -EINVAL;
        *ret = a;
        return 0;
}

const char *ip_format(const IpAddr *a, char buf[static IP_ADDR_STRLEN])
{
        if (!inet_ntop(a->family, a->bytes, buf, IP_ADDR_STRLEN))
                strcpy(buf, "-");
        return buf;
}

bool ip_in_prefix(const IpAddr *a, const IpPrefix *p)
{
        size_t whole = p->length / 8, rest = p->length % 8;

        if (a->family != p->addr.family || p->length > 8 * ip_size(a->family))
                return false;
        if (memcmp(a->bytes, p->addr.bytes, whole) != 0)
                return false;
        return rest == 0 || (a->bytes[whole] ^ p->addr.bytes[whole]) >> (8 - rest) == 0;
}

/* A decimal number without sign or blanks, at most `max`. */
static int parse_uint(const char *s, unsigned long max, unsigned long *ret)
{
        unsigned long v = 0;

        if (!*s)
                return -EINVAL;
        for (; *s; s++) {
                if (*s < '0' || *s > '9')
                        return -EINVAL;
                v = v * 10 + (unsigned long) (*s - '0');
                if (v > max)
                        return -EINVAL;
        }
        *ret = v;
        return 0;
}

int ip_prefix_parse(const char *s, IpPrefix *ret)
{
        const char *slash = strchr(s, '/');
        char text[IP_ADDR_STRLEN];
        unsigned long length;
        IpPrefix p;

        if (!slash || (size_t) (slash - s) >= sizeof(text))
                return -EINVAL;
        memcpy(text, s, (size_t) (slash - s));
        text[slash - s] = 0;
        if (ip_parse(text, &p.addr) < 0)
                return -EINVAL;
        if (parse_uint(slash + 1, 8 * ip_size(p.addr.family), &length) < 0)
                return -EINVAL;
        p.length = (uint8_t) length;
        *ret = p;
        return 0;
}

/* Splits `s` at its first `sep`: the head stays in `s`, the tail (NULL if none) is returned. */
static char *split(char *s, char sep)
{
        char *p = strchr(s, sep);

        if (p)
                *p++ = 0;
        return p;
}

/* Finds the port behind `[addr]:port` or `v4:port`; a bare IPv6 address has more than one colon. */
static int split_port(char **addr, char **ret_port)
{
        char *s = *addr, *port = NULL;

        if (*s == '[') {
                char *rest = split(++s, ']');

                if (!rest || (*rest && *rest != ':'))
                        return -EINVAL;
                port = *rest ? rest + 1 : NULL;
        } else if (strchr(s, ':') && strchr(s, ':') == strrchr(s, ':')) {
                port = split(s, ':');
        }
        *addr = s;
        *ret_port = port;
        return 0;
}

int endpoint_parse(const char *s, Endpoint *ret)
{
        char text[ENDPOINT_STRLEN], *addr = text, *name, *port, *scope;
        Endpoint e = { 0 };
        unsigned long n;

        if (strlen(s) >= sizeof(text))
                return -EINVAL;
        strcpy(text, s);
        name = split(text, '#');
        if (name && (!*name || strlen(name) >= sizeof(e.name)))
                return -EINVAL;
        if (split_port(&addr, &port) < 0)
                return -EINVAL;
        scope = split(addr, '%');
        if (ip_parse(addr, &e.addr) < 0)
                return -EINVAL;
        if (scope && (e.addr.family != AF_INET6 || !*scope || strlen(scope) >= sizeof(e.ifname)))
                return -EINVAL;
        if (port) {
                if (parse_uint(port, UINT16_MAX, &n) < 0 || n == 0)
                        return -EINVAL;
                e.port = (uint16_t) n;
        }
        if (scope)
                strcpy(e.ifname, scope);
        if (name)
                strcpy(e.name, name);
        *ret = e;
        return 0;
}

const char *endpoint_format(const Endpoint *e, char buf[static ENDPOINT_STRLEN])
{
        char ip[IP_ADDR_STRLEN], port[8] = "";
        bool bracket = e->port && e->addr.family == AF_INET6;

        if (e->port)
                snprintf(port, sizeof(port), ":%u", e->port);
        snprintf(buf, ENDPOINT_STRLEN, "%s%s%s%s%s%s%s%s", bracket ? "[" : "",
                ip_format(&e->addr, ip), e->ifname[0] ? "%" : "", e->ifname, bracket ? "]" : "",
                port, e->name[0] ? "#" : "", e->name);
        return buf;
}

bool endpoint_equal(const Endpoint *a, const Endpoint *b)
{
        return ip_equal(&a->addr, &b->addr) && a->port == b->port && a->ifindex == b->ifindex &&
               strcmp(a->ifname, b->ifname) == 0 && strcmp(a->name, b->name) == 0;
}

socklen_t endpoint_to_sockaddr(const Endpoint *e, uint16_t port, SockAddr *ret)
{
        uint16_t p = htons(e->port ? e->port : port);

        memset(ret, 0, sizeof(*ret));
        if (e->addr.family == AF_INET) {
                ret->in = (struct sockaddr_in){
                        .sin_family = AF_INET, .sin_port = p, .sin_addr = e->addr.v4
                };
                return sizeof(ret->in);
        }
        ret->in6 = (struct sockaddr_in6){ .sin6_family = AF_INET6,
                .sin6_port = p,
                .sin6_addr = e->addr.v6,
                .sin6_scope_id = ip_is_link_local(&e->addr) ? (uint32_t) e->ifindex : 0 };
        return sizeof(ret->in6);
}

IpAddr ip_from_sockaddr(const SockAddr *sa, socklen_t len)
{
        if (len >= sizeof(sa->in) && sa->sa.sa_family == AF_INET)
                return ip_from_bytes(AF_INET, &sa->in.sin_addr, 4);
        if (len >= sizeof(sa->in6) && sa->sa.sa_family == AF_INET6)
                return ip_from_bytes(AF_INET6, &sa->in6.sin6_addr, 16);
        return (IpAddr){ 0 };
}

Endpoint endpoint_from_sockaddr(const SockAddr *sa, socklen_t len)
{
        Endpoint e = { .addr = ip_from_sockaddr(sa, len) };

        if (e.addr.family == AF_INET) {
                e.port = ntohs(sa->in.sin_port);
        } else if (e.addr.family == AF_INET6) {
                e.port = ntohs(sa->in6.sin6_port);
                e.ifindex = (int) sa->in6.sin6_scope_id;
        }
        return e;
}
