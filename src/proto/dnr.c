/* SPDX-License-Identifier: MIT */
#include "proto/dnr.h"
#include "proto/dns-svcb.h"
#include <string.h>

#define PORT_DOT 853

/* In its place: the least priority first, equal ones as they came. What does not fit falls out at
 * the end. */
static void add(DnrList *list, uint16_t priority, const Endpoint *e)
{
        size_t at = list->n;

        while (at > 0 && list->priorities[at - 1] > priority)
                at--;
        if (at == DNR_MAX)
                return;
        if (list->n < DNR_MAX)
                list->n++;
        for (size_t i = list->n - 1u; i > at; i--) {
                list->priorities[i] = list->priorities[i - 1];
                list->items[i] = list->items[i - 1];
        }
        list->priorities[at] = priority;
        list->items[at] = *e;
}

static bool read_name(Reader r, Endpoint *e)
{
        char text[DNS_NAME_TEXT_MAX];
        DnsName name;

        if (dns_name_read_plain(&r, &name) < 0 || reader_left(&r) > 0 || name.len <= 1 ||
                !dns_name_is_host(&name))
                return false;
        dns_name_to_text(&name, text);
        if (strlen(text) >= sizeof(e->name))
                return false;
        strcpy(e->name, text);
        return true;
}

/* One resolver: priority, name, addresses and parameters, with lengths of one octet or two. Without
 * addresses it would have to be looked up first, by those it is to take the place of. */
static void read_resolver(DnrList *list, Reader *r, int family)
{
        uint16_t priority = reader_u16(r);
        Reader name, addrs;
        DnsSvcb svcb = { .priority = priority };
        Endpoint e = { 0 };

        name = reader_sub(r, family == AF_INET ? reader_u8(r) : reader_u16(r));
        if (reader_left(r) == 0)
                return;
        addrs = reader_sub(r, family == AF_INET ? reader_u8(r) : reader_u16(r));
        if (r->failed || priority == 0 || !read_name(name, &e) ||
                reader_left(&addrs) % ip_size(family) != 0 || dns_svcb_read_params(&svcb, r) < 0 ||
                !svcb.dot || svcb.foreign)
                return;
        e.port = svcb.port ? svcb.port : PORT_DOT;
        while (reader_left(&addrs) > 0) {
                const uint8_t *bytes = reader_bytes(&addrs, ip_size(family));

                e.addr = ip_from_bytes(family, bytes, ip_size(family));
                if (ip_is_other_host(&e.addr))
                        add(list, priority, &e);
        }
}

void dnr_read_v4(DnrList *list, Reader *r)
{
        while (reader_left(r) > 0) {
                Reader one = reader_sub(r, reader_u16(r));

                read_resolver(list, &one, AF_INET);
        }
}

void dnr_read_v6(DnrList *list, Reader *r)
{
        read_resolver(list, r, AF_INET6);
}

bool dnr_add_text(DnrList *list, const char *text)
{
        Endpoint e;

        if (list->n == DNR_MAX || endpoint_parse(text, &e) < 0 || !e.name[0] || e.port == 0 ||
                !ip_is_other_host(&e.addr))
                return false;
        add(list, UINT16_MAX, &e);
        return true;
}
