/* SPDX-License-Identifier: MIT */
/* Names as people write them. */
#include "helper/resolver-private.h"
#include "proto/idna.h"
#include <net/if.h>
#include <string.h>

static bool is_ascii(const char *s)
{
        for (; *s; s++)
                if ((unsigned char) *s >= 0x80)
                        return false;
        return true;
}

int name_from_user(const char *text, DnsName *ret, bool *ret_absolute)
{
        _cleanup_(freep) char *ascii = NULL;
        int r;

        if (is_ascii(text))
                return dns_name_from_text(text, ret, ret_absolute);
        r = idna_to_ascii(text, &ascii);
        return r < 0 ? r : dns_name_from_text(ascii, ret, ret_absolute);
}

bool name_is_literal(const char *text, IpAddr *ret, int *ret_ifindex)
{
        char buf[IP_ADDR_STRLEN + IF_NAMESIZE], *scope;
        size_t size = strlen(text);

        /* IPv4 ends in a digit, IPv6 has a colon: few names look like that */
        if (size == 0 || size >= sizeof(buf) ||
                ((text[size - 1] < '0' || text[size - 1] > '9') && !strchr(text, ':')))
                return false;
        strcpy(buf, text);
        scope = strchr(buf, '%');
        if (scope)
                *scope++ = 0;
        if (ip_parse(buf, ret) < 0 || (scope && ret->family != AF_INET6))
                return false;
        *ret_ifindex = scope ? (int) if_nametoindex(scope) : 0;
        return true;
}

int name_check(const char *text)
{
        int ifindex;
        IpAddr addr;
        DnsName name;

        return name_is_literal(text, &addr, &ifindex) ? 0 : name_from_user(text, &name, NULL);
}
