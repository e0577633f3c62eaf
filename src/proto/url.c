/* SPDX-License-Identifier: MIT */
#include "proto/url.h"
#include "util/error.h"
#include <string.h>

static char lower(char c)
{
        return c >= 'A' && c <= 'Z' ? (char) (c - 'A' + 'a') : c;
}

static bool is_host_char(char c, bool literal)
{
        c = lower(c);
        if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '.')
                return true;
        return literal ? c == ':' : c == '-' || c == '_';
}

static bool all_printable(const char *s)
{
        for (; *s; s++)
                if (*s <= 0x20 || *s >= 0x7f)
                        return false;
        return true;
}

/* Skips `prefix`, which is compared without case. */
static const char *skip_prefix(const char *s, const char *prefix)
{
        for (; *prefix; s++, prefix++)
                if (lower(*s) != *prefix)
                        return NULL;
        return s;
}

static int parse_port(const char *s, const char *end, uint16_t *ret)
{
        unsigned v = 0;

        if (s == end) /* "host:" is the default port, RFC 3986 section 3.2.3 */
                return 0;
        for (; s < end; s++) {
                if (*s < '0' || *s > '9')
                        return -EINVAL;
                v = v * 10 + (unsigned) (*s - '0');
                if (v > UINT16_MAX)
                        return -EINVAL;
        }
        if (v == 0)
                return -EINVAL;
        *ret = (uint16_t) v;
        return 0;
}

/* host, [v6], each with :port, up to `end`. */
static int parse_authority(const char *s, const char *end, Url *url)
{
        bool literal = *s == '[';
        const char *host = s + literal, *p = host;

        while (p < end && is_host_char(*p, literal))
                p++;
        if (p == host || (size_t) (p - host) >= sizeof(url->host))
                return -EINVAL;
        for (size_t i = 0; i < (size_t) (p - host); i++)
                url->host[i] = lower(host[i]);
        url->host[p - host] = 0;
        if (literal && (p == end || *p++ != ']'))
                return -EINVAL;
        if (p < end && *p == ':')
                return parse_port(p + 1, end, &url->port);
        return p == end ? 0 : -EINVAL;
}

int url_parse(const char *text, Url *ret)
{
        Url url = { 0 };
        const char *s;

        if (strlen(text) > URL_MAX)
                return -E2BIG;
        if (!all_printable(text))
                return -EINVAL;
        if ((s = skip_prefix(text, "https://")))
                url = (Url){ .https = true, .port = 443 };
        else if ((s = skip_prefix(text, "http://")))
                url = (Url){ .port = 80 };
        else
                return -EINVAL;
        if (parse_authority(s, s + strcspn(s, "/?#"), &url) < 0)
                return -EINVAL;
        *ret = url;
        return 0;
}
