/* SPDX-License-Identifier: MIT */
#include "proto/dns-name.h"
#include "util/error.h"
#include <endian.h>
#include <stdio.h>
#include <string.h>

const DnsName DNS_NAME_ROOT = { .len = 1 };

/* Label lengths are below 64 and thus never a letter: the whole wire form folds at once. */
static inline uint8_t fold(uint8_t c)
{
        return (uint8_t) (c - 'A') < 26 ? c | 0x20 : c;
}

#define EACH(octet) (0x0101010101010101u * (octet))

/* 0x80 in each octet of eight that is from `first` to `last`, both below 0x80. */
static inline uint64_t within(uint64_t v, uint8_t first, uint8_t last)
{
        uint64_t low = v & EACH(0x7f);

        return ((low + EACH(0x80u - first)) ^ (low + EACH(0x7fu - last))) & ~v & EACH(0x80);
}

static inline uint64_t load(const uint8_t *p)
{
        uint64_t v;

        memcpy(&v, p, sizeof(v));
        return v;
}

/* Names are gone through by eight octets at a time from before this on, with as many behind it. */
#define WHOLE_END (DNS_NAME_MAX - 7)

/* In memory; there are more than none. */
static inline uint64_t first_octets(size_t n)
{
        return n >= 8 ? UINT64_MAX : htole64((UINT64_C(1) << 8 * n) - 1);
}

static inline uint64_t fold_8(const uint8_t *p)
{
        uint64_t v = load(p);

        return v | within(v, 'A', 'Z') >> 2;
}

/*
 * RFC 1035 4.1.4, with the reading of RFC 9267 2: every pointer must point before the place where
 * the run of labels that holds it started, so that the number of jumps is bounded by the message
 * and no loop is possible. `floor` is the first offset a pointer may name.
 */
static int name_read(Reader *r, DnsName *ret, size_t floor)
{
        size_t limit = r->pos, end = 0, len = 0;
        Reader at = *r;

        /* what is half read has no length, so that nobody takes it for a name */
        ret->len = 0;
        for (;;) {
                uint8_t c = reader_u8(&at);
                const uint8_t *label;
                size_t target;

                if (at.failed)
                        return -EBADMSG;
                if (c == 0)
                        break;
                if (c < 0x40) {
                        label = reader_bytes(&at, c);
                        /* the root is still to come */
                        if (!label || len + 2u + c > DNS_NAME_MAX)
                                return -EBADMSG;
                        ret->wire[len] = c;
                        memcpy(ret->wire + len + 1, label, c);
                        len += 1u + c;
                        continue;
                }
                if (c < 0xc0)
                        return -EBADMSG;
                target = (size_t) (c & 0x3f) << 8 | reader_u8(&at);
                if (at.failed || target < floor || target >= limit)
                        return -EBADMSG;
                if (end == 0)
                        end = at.pos;
                limit = target;
                reader_seek(&at, target);
        }
        ret->wire[len] = 0;
        ret->len = (uint8_t) (len + 1);
        reader_seek(r, end > 0 ? end : at.pos);
        return 0;
}

int dns_name_read(Reader *r, DnsName *ret)
{
        return name_read(r, ret, DNS_HEADER_SIZE);
}

int dns_name_read_plain(Reader *r, DnsName *ret)
{
        return name_read(r, ret, SIZE_MAX);
}

void dns_name_write(Writer *w, const DnsName *n)
{
        writer_bytes(w, n->wire, n->len);
}

/* Decodes one octet of a label; the cursor moves behind it. */
static int text_octet(const char **s, uint8_t *ret)
{
        const char *p = *s;

        if (*p == '\\') {
                unsigned v;

                p++;
                if (*p == 0)
                        return -EINVAL;
                if (*p < '0' || *p > '9') {
                        *ret = (uint8_t) *p;
                        *s = p + 1;
                        return 0;
                }
                if (p[1] < '0' || p[1] > '9' || p[2] < '0' || p[2] > '9')
                        return -EINVAL;
                v = (unsigned) (p[0] - '0') * 100 + (unsigned) (p[1] - '0') * 10 +
                    (unsigned) (p[2] - '0');
                if (v > 255)
                        return -EINVAL;
                *ret = (uint8_t) v;
                *s = p + 3;
                return 0;
        }
        *ret = (uint8_t) *p;
        *s = p + 1;
        return 0;
}

int dns_name_from_text(const char *s, DnsName *ret, bool *ret_absolute)
{
        bool absolute = false;
        size_t start = 0, pos = 1;
        DnsName n;

        if (*s == 0)
                return -EINVAL;
        if (strcmp(s, ".") == 0) {
                *ret = DNS_NAME_ROOT;
                if (ret_absolute)
                        *ret_absolute = true;
                return 0;
        }
        while (*s) {
                uint8_t c;

                absolute = false;
                if (*s == '.') {
                        s++;
                        if (pos == start + 1)
                                return -EINVAL;
                        n.wire[start] = (uint8_t) (pos - start - 1);
                        start = pos++;
                        absolute = true;
                        continue;
                }
                if (text_octet(&s, &c) < 0)
                        return -EINVAL;
                if (pos - start > DNS_LABEL_MAX || pos >= DNS_NAME_MAX - 1)
                        return -EINVAL;
                n.wire[pos++] = c;
        }
        if (pos > start + 1) {
                n.wire[start] = (uint8_t) (pos - start - 1);
                start = pos;
        }
        n.wire[start] = 0;
        n.len = (uint8_t) (start + 1);
        *ret = n;
        if (ret_absolute)
                *ret_absolute = absolute;
        return 0;
}

/* Octets that the master file form escapes with a backslash alone. */
static bool is_quoted(uint8_t c)
{
        return c == '.' || c == '"' || c == '(' || c == ')' || c == ';' || c == '@' || c == '$' ||
               c == '\\';
}

static size_t escape(char *out, const uint8_t *label, size_t len)
{
        size_t n = 0;

        for (size_t i = 0; i < len; i++) {
                uint8_t c = label[i];

                if (c <= 0x20 || c >= 0x7f)
                        n += (size_t) sprintf(out + n, "\\%03u", c);
                else if (is_quoted(c))
                        n += (size_t) sprintf(out + n, "\\%c", c);
                else
                        out[n++] = (char) c;
        }
        return n;
}

/* The label of `len` octets at `at`; most have none that has to be escaped. */
static size_t write_label(char *out, const DnsName *n, size_t at, size_t len)
{
        size_t i = 0;

        for (; i < len && at + i < WHOLE_END; i += 8) {
                uint64_t v = load(n->wire + at + i), simple;

                simple = within(v | EACH(0x20), 'a', 'z') | within(v, '0', '9') |
                         within(v, '-', '-') | within(v, '_', '_');
                if (~simple & EACH(0x80) & first_octets(len - i))
                        return escape(out, n->wire + at, len);
                /* what stands behind it is written over */
                memcpy(out + i, &v, sizeof(v));
        }
        return i < len ? escape(out, n->wire + at, len) : len;
}

const char *dns_name_to_text(const DnsName *n, char buf[static DNS_NAME_TEXT_MAX])
{
        size_t out = 0;

        for (size_t i = 0; i < n->len && n->wire[i] > 0; i += 1u + n->wire[i]) {
                if (out > 0)
                        buf[out++] = '.';
                out += write_label(buf + out, n, i + 1, n->wire[i]);
        }
        if (out == 0)
                buf[out++] = '.';
        buf[out] = 0;
        return buf;
}

bool dns_name_equal(const DnsName *a, const DnsName *b)
{
        return a->len == b->len && dns_name_equal_wire(a, b->wire);
}

bool dns_name_equal_wire(const DnsName *n, const uint8_t *wire)
{
        if (memcmp(n->wire, wire, n->len) == 0)
                return true;
        for (size_t i = 0; i < n->len; i++)
                if (fold(n->wire[i]) != fold(wire[i]))
                        return false;
        return true;
}

bool dns_name_same(const DnsName *a, const DnsName *b)
{
        return a->len == b->len && memcmp(a->wire, b->wire, a->len) == 0;
}

/* Once more than it takes to mix: what the highest bit of `v` does would be the same whatever `h`
 * is, so that the octets behind could undo it, and names be made that are one under every seed. */
static inline uint64_t mix(uint64_t h, uint64_t v)
{
        h = (h ^ v) * 0x9e3779b97f4a7c15u;
        h = (h ^ h >> 32) * 0xd6e8feb86659fd93u;
        return h ^ h >> 32;
}

uint64_t dns_name_hash(const DnsName *n, uint64_t seed)
{
        uint64_t h = mix(seed, n->len);
        size_t i = 0;

        for (; i < n->len && i < WHOLE_END; i += 8)
                h = mix(h, fold_8(n->wire + i) & first_octets(n->len - i));
        for (; i < n->len; i++)
                h = mix(h, fold(n->wire[i]));
        return h;
}

void dns_name_lower(DnsName *n)
{
        size_t i = 0;

        for (; i < n->len && i < WHOLE_END; i += 8) {
                uint64_t v = fold_8(n->wire + i);

                memcpy(n->wire + i, &v, sizeof(v));
        }
        for (; i < n->len; i++)
                n->wire[i] = fold(n->wire[i]);
}

void dns_name_mix_case(DnsName *n, const uint8_t *coins)
{
        size_t i = 0;
        uint64_t toss = 0;

        for (; i + 8 <= n->len; i += 8) {
                uint64_t v = load(n->wire + i);

                /* one bit of each of eight coins for eight octets, another one for the next */
                if (i % 64 == 0)
                        toss = load(coins + i / 8);
                v ^= (within(v | EACH(0x20), 'a', 'z') >> 2) & (toss << 5) & EACH(0x20);
                toss >>= 1;
                memcpy(n->wire + i, &v, sizeof(v));
        }
        for (; i < n->len; i++)
                if ((uint8_t) (fold(n->wire[i]) - 'a') < 26 &&
                        coins[i / 64 * 8 + i % 8] >> i / 8 % 8 & 1)
                        n->wire[i] ^= 0x20;
}

unsigned dns_name_labels(const DnsName *n)
{
        unsigned labels = 0;

        for (size_t i = 0; i < n->len && n->wire[i] > 0; i += 1u + n->wire[i])
                labels++;
        return labels;
}

bool dns_name_is_under(const DnsName *n, const DnsName *zone)
{
        size_t skip;

        if (n->len < zone->len)
                return false;
        /* only where a label starts may the zone start */
        skip = (size_t) (n->len - zone->len);
        for (size_t i = 0; i < skip; i += 1u + n->wire[i])
                if (i + 1u + n->wire[i] > skip)
                        return false;
        return dns_name_equal_wire(zone, n->wire + skip);
}

bool dns_name_parent(DnsName *n)
{
        size_t cut = 1u + n->wire[0];

        if (n->len <= 1)
                return false;
        n->len = (uint8_t) (n->len - cut);
        memmove(n->wire, n->wire + cut, n->len);
        return true;
}

int dns_name_join(const DnsName *head, const DnsName *tail, DnsName *ret)
{
        size_t keep = head->len > 0 ? head->len - 1u : 0;
        DnsName n;

        if (keep + tail->len > DNS_NAME_MAX)
                return -ENAMETOOLONG;
        memcpy(n.wire, head->wire, keep);
        memcpy(n.wire + keep, tail->wire, tail->len);
        n.len = (uint8_t) (keep + tail->len);
        *ret = n;
        return 0;
}

int dns_name_rebase(const DnsName *n, const DnsName *from, const DnsName *to, DnsName *ret)
{
        DnsName head;

        if (n->len <= from->len || !dns_name_is_under(n, from))
                return -EINVAL;
        head.len = (uint8_t) (n->len - from->len + 1);
        memcpy(head.wire, n->wire, head.len - 1u);
        return dns_name_join(&head, to, ret);
}

static bool is_host_char(uint8_t c, bool edge)
{
        c = fold(c);
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || (c == '-' && !edge);
}

bool dns_name_is_host(const DnsName *n)
{
        if (n->len <= 1)
                return false;
        for (size_t i = 0; n->wire[i] > 0; i += 1u + n->wire[i])
                for (size_t k = 1; k <= n->wire[i]; k++)
                        if (!is_host_char(n->wire[i + k], k == 1 || k == n->wire[i]))
                                return false;
        return true;
}

void dns_name_for_address(const IpAddr *a, DnsName *ret)
{
        char text[96];
        size_t out = 0;

        if (a->family == AF_INET) {
                snprintf(text, sizeof(text), "%u.%u.%u.%u.in-addr.arpa", a->bytes[3], a->bytes[2],
                        a->bytes[1], a->bytes[0]);
        } else {
                for (size_t i = 16; i-- > 0;)
                        out += (size_t) sprintf(
                                text + out, "%x.%x.", a->bytes[i] & 15, a->bytes[i] >> 4);
                strcpy(text + out, "ip6.arpa");
        }
        (void) dns_name_from_text(text, ret, NULL);
}
