/* SPDX-License-Identifier: MIT */
#include "proto/dns-hosts.h"
#include <stdlib.h>
#include <string.h>

/* One address with one name. The names stand lower case in one arena; both indexes are sorted by
 * what they look up, then by place in the file. */
typedef struct Host Host;
struct Host {
        IpAddr addr;
        uint32_t name_pos;
        uint32_t line_order;
        uint8_t name_len;
};

struct DnsHosts {
        Host *by_name, *by_addr;
        size_t n, capacity;
        uint64_t lengths[4]; /* of names that there are, a bit for each: most others have none of
                                them */
        uint8_t *arena;
        size_t arena_size, arena_capacity;
};

static int name_cmp(const DnsHosts *h, const Host *a, const uint8_t *name, size_t len)
{
        int r = memcmp(h->arena + a->name_pos, name, MIN(a->name_len, len));

        return r != 0 ? r : (a->name_len > len) - (a->name_len < len);
}

static int order_cmp(const Host *a, const Host *b)
{
        return (a->line_order > b->line_order) - (a->line_order < b->line_order);
}

static int sort_by_name(const void *pa, const void *pb, void *hosts)
{
        const Host *a = pa, *b = pb;
        const DnsHosts *h = hosts;
        int r = name_cmp(h, a, h->arena + b->name_pos, b->name_len);

        return r != 0 ? r : order_cmp(a, b);
}

static int sort_by_addr(const void *pa, const void *pb, void *hosts)
{
        const Host *a = pa, *b = pb;
        int r = ip_cmp(&a->addr, &b->addr);

        return r != 0 ? r : order_cmp(a, b);
}

static int arena_add(DnsHosts *h, const DnsName *name)
{
        if (h->arena_size + name->len > h->arena_capacity) {
                size_t capacity = h->arena_capacity ? h->arena_capacity * 2 : 1024;
                uint8_t *p = realloc(h->arena, capacity);

                if (!p)
                        return -ENOMEM;
                h->arena = p;
                h->arena_capacity = capacity;
        }
        memcpy(h->arena + h->arena_size, name->wire, name->len);
        h->arena_size += name->len;
        return 0;
}

static int host_add(DnsHosts *h, const IpAddr *addr, const DnsName *name)
{
        uint32_t pos = (uint32_t) h->arena_size;

        if (h->n == DNS_HOSTS_MAX)
                return 0;
        if (h->n == h->capacity) {
                size_t capacity = h->capacity ? h->capacity * 2 : 16;
                Host *p = reallocarray(h->by_name, capacity, sizeof(*p));

                if (!p)
                        return -ENOMEM;
                h->by_name = p;
                h->capacity = capacity;
        }
        if (arena_add(h, name) < 0)
                return -ENOMEM;
        h->by_name[h->n] = (Host){
                .addr = *addr, .name_pos = pos, .name_len = name->len, .line_order = (uint32_t) h->n
        };
        h->lengths[name->len / 64] |= UINT64_C(1) << name->len % 64;
        h->n++;
        return 0;
}

/* The next word of a line, copied; false at its end. Words that do not fit come out empty. */
static bool next_word(const char **p, const char *end, char *word, size_t size)
{
        const char *s = *p;
        size_t len;

        while (s < end && (*s == ' ' || *s == '\t' || *s == '\r'))
                s++;
        *p = s;
        while (*p < end && **p != ' ' && **p != '\t' && **p != '\r')
                (*p)++;
        len = (size_t) (*p - s);
        if (len == 0)
                return false;
        if (len >= size || memchr(s, 0, len))
                len = 0;
        memcpy(word, s, len);
        word[len] = 0;
        return true;
}

static int parse_line(DnsHosts *h, const char *line, const char *end)
{
        const char *hash = memchr(line, '#', (size_t) (end - line));
        char word[DNS_NAME_TEXT_MAX], *scope;
        IpAddr addr;

        if (hash)
                end = hash;
        if (!next_word(&line, end, word, sizeof(word)))
                return 0;
        scope = strchr(word, '%');
        if (scope)
                *scope = 0;
        if (ip_parse(word, &addr) < 0)
                return 0;
        while (next_word(&line, end, word, sizeof(word))) {
                DnsName name;

                if (dns_name_from_text(word, &name, NULL) < 0 || !dns_name_is_host(&name))
                        continue;
                dns_name_lower(&name);
                if (host_add(h, &addr, &name) < 0)
                        return -ENOMEM;
        }
        return 0;
}

int dns_hosts_parse(DnsHosts **ret, const char *text, size_t size)
{
        _cleanup_(dns_hosts_freep) DnsHosts *h = calloc(1, sizeof(*h));
        const char *end = text + MIN(size, DNS_HOSTS_FILE_MAX);

        if (!h)
                return -ENOMEM;
        for (const char *line = text, *eol; line < end; line = eol + 1) {
                eol = memchr(line, '\n', (size_t) (end - line));
                if (!eol)
                        eol = end;
                if (parse_line(h, line, eol) < 0)
                        return -ENOMEM;
        }
        if (h->n > 0) {
                h->by_addr = reallocarray(NULL, h->n, sizeof(*h->by_addr));
                if (!h->by_addr)
                        return -ENOMEM;
                memcpy(h->by_addr, h->by_name, h->n * sizeof(*h->by_addr));
                qsort_r(h->by_name, h->n, sizeof(*h->by_name), sort_by_name, h);
                qsort_r(h->by_addr, h->n, sizeof(*h->by_addr), sort_by_addr, h);
        }
        *ret = TAKE_PTR(h);
        return 0;
}

DnsHosts *dns_hosts_free(DnsHosts *h)
{
        if (!h)
                return NULL;
        free(h->by_name);
        free(h->by_addr);
        free(h->arena);
        free(h);
        return NULL;
}

size_t dns_hosts_addresses(const DnsHosts *h, const DnsName *name, IpAddr *ret, size_t max)
{
        size_t low = 0, high = h->n, n = 0;
        DnsName lower;

        if (!(h->lengths[name->len / 64] >> name->len % 64 & 1))
                return 0;
        dns_name_copy(&lower, name);
        dns_name_lower(&lower);
        while (low < high) {
                size_t mid = low + (high - low) / 2;

                if (name_cmp(h, &h->by_name[mid], lower.wire, lower.len) < 0)
                        low = mid + 1;
                else
                        high = mid;
        }
        for (; low < h->n && name_cmp(h, &h->by_name[low], lower.wire, lower.len) == 0; low++, n++)
                if (n < max)
                        ret[n] = h->by_name[low].addr;
        return n;
}

size_t dns_hosts_names(const DnsHosts *h, const IpAddr *addr, DnsName *ret, size_t max)
{
        size_t low = 0, high = h->n, n = 0;

        while (low < high) {
                size_t mid = low + (high - low) / 2;

                if (ip_cmp(&h->by_addr[mid].addr, addr) < 0)
                        low = mid + 1;
                else
                        high = mid;
        }
        for (; low < h->n && ip_equal(&h->by_addr[low].addr, addr); low++, n++)
                if (n < max) {
                        ret[n].len = h->by_addr[low].name_len;
                        memcpy(ret[n].wire, h->arena + h->by_addr[low].name_pos, ret[n].len);
                }
        return n;
}
