/* SPDX-License-Identifier: MIT */
#include "proto/dns-message.h"
#include "util/error.h"
#include <stdlib.h>
#include <string.h>

/* The smallest record: root owner, type, class, TTL, empty data. */
#define RECORD_MIN 11

int dns_header_parse(DnsHeader *ret, const void *data, size_t size)
{
        Reader r = READER_INIT(data, size);
        DnsHeader h;

        h.id = reader_u16(&r);
        h.flags = reader_u16(&r);
        for (size_t i = 0; i < 4; i++)
                h.counts[i] = reader_u16(&r);
        h.has_question = h.counts[0] == 1;
        h.qname.len = 0;
        h.qtype = h.qclass = 0;
        if (h.has_question) {
                if (dns_name_read(&r, &h.qname) < 0)
                        return -EBADMSG;
                h.qtype = reader_u16(&r);
                h.qclass = reader_u16(&r);
        }
        if (r.failed)
                return -EBADMSG;
        h.size = r.pos;
        *ret = h;
        return 0;
}

static int edns_options(DnsEdns *e, Reader r)
{
        while (reader_left(&r) > 0) {
                uint16_t code = reader_u16(&r), len = reader_u16(&r);
                Reader data = reader_sub(&r, len);

                if (r.failed)
                        return -EBADMSG;
                if (code == DNS_OPTION_COOKIE && e->cookie_len == 0) {
                        if (len != 8 && (len < 16 || len > sizeof(e->cookie)))
                                return -EBADMSG; /* RFC 7873 5.3: as a malformed message */
                        reader_copy(&data, e->cookie, len);
                        e->cookie_len = (uint8_t) len;
                } else if (code == DNS_OPTION_KEEPALIVE && len == 2) {
                        e->has_keepalive = true;
                        e->keepalive = reader_u16(&data);
                }
        }
        return 0;
}

static int read_opt(DnsEdns *e, const DnsRecord *rr, uint32_t raw_ttl, Reader data)
{
        if (e->present)
                return -EBADMSG; /* RFC 6891 6.1.1: once */
        e->present = true;
        e->udp_size = rr->class;
        e->rcode_high = (uint8_t) (raw_ttl >> 24);
        e->version = (uint8_t) (raw_ttl >> 16);
        e->dnssec_ok = raw_ttl & 0x8000;
        return edns_options(e, data);
}

static int add_record(DnsMessage *m, const DnsRecord *rr, size_t *capacity)
{
        if (m->n_records == *capacity) {
                size_t bigger = *capacity * 4;
                DnsRecord *p = m->records == m->records_inline ? NULL : m->records;

                p = reallocarray(p, bigger, sizeof(*p));
                if (!p)
                        return -ENOMEM;
                if (m->records == m->records_inline)
                        memcpy(p, m->records_inline, sizeof(m->records_inline));
                m->records = p;
                *capacity = bigger;
        }
        m->records[m->n_records++] = *rr;
        return 0;
}

/* A pointer to the question's name, as most owners are: that has been read already. */
static bool skip_question(const DnsMessage *m, Reader *r)
{
        Reader at = *r;

        if (!m->header.has_question || reader_u16(&at) != (0xc000 | DNS_HEADER_SIZE))
                return false;
        *r = at;
        return true;
}

static int read_record(DnsMessage *m, Reader *r, unsigned section, size_t *capacity)
{
        DnsRecord rr = { .owner_pos = (uint16_t) r->pos, .section = (uint8_t) section };
        uint32_t raw_ttl;
        Reader data;
        DnsName owner;

        if (skip_question(m, r))
                owner.len = m->header.qname.len;
        else if (dns_name_read(r, &owner) < 0)
                return -EBADMSG;
        rr.type = reader_u16(r);
        rr.class = reader_u16(r);
        raw_ttl = reader_u32(r);
        /* REQ_DNS 40: nothing is believed for longer than a day */
        rr.ttl = raw_ttl & 0x80000000u ? 0 : MIN(raw_ttl, DNS_TTL_MAX);
        rr.data_len = reader_u16(r);
        rr.data_pos = (uint16_t) r->pos;
        if (r->failed)
                return -EBADMSG;
        data = *r;
        if (dns_rdata_read(r, rr.type, rr.data_len, NULL) < 0)
                return -EBADMSG;
        if (rr.type == DNS_TYPE_OPT) {
                /* only at the root of the additional section does it mean anything */
                if (section != DNS_ADDITIONAL || owner.len != 1)
                        return -EBADMSG;
                return read_opt(&m->edns, &rr, raw_ttl, reader_sub(&data, rr.data_len));
        }
        return add_record(m, &rr, capacity);
}

int dns_message_parse(DnsMessage *m, const void *data, size_t size)
{
        int r = dns_header_parse(&m->header, data, size);

        return r < 0 ? r : dns_message_parse_records(m, data, size);
}

int dns_message_parse_records(DnsMessage *m, const void *data, size_t size)
{
        size_t capacity = DNS_MESSAGE_INLINE;
        Reader r;
        int error;

        if (size > DNS_MESSAGE_MAX)
                return -EBADMSG;
        m->data = data;
        m->size = size;
        m->records = m->records_inline;
        m->n_records = 0;
        m->edns = (DnsEdns){ 0 };
        if (m->header.counts[0] > 1)
                return -EBADMSG;
        r = READER_INIT(data, size);
        reader_seek(&r, m->header.size);
        for (unsigned section = 0; section < 3; section++) {
                unsigned count = m->header.counts[1 + section];

                if (count > reader_left(&r) / RECORD_MIN) {
                        dns_message_deinit(m);
                        return -EBADMSG;
                }
                for (unsigned i = 0; i < count; i++) {
                        error = read_record(m, &r, section, &capacity);
                        if (error < 0) {
                                dns_message_deinit(m);
                                return error;
                        }
                }
        }
        m->rcode = (uint16_t) (m->edns.rcode_high << 4 | (m->header.flags & DNS_FLAG_RCODE));
        return 0;
}

void dns_message_deinit(DnsMessage *m)
{
        if (m->records != m->records_inline)
                free(m->records);
        m->records = m->records_inline;
        m->n_records = 0;
}

static void read_name_at(const DnsMessage *m, size_t pos, DnsName *ret)
{
        Reader r = READER_INIT(m->data, m->size);

        reader_seek(&r, pos);
        if (skip_question(m, &r))
                dns_name_copy(ret, &m->header.qname);
        else if (dns_name_read(&r, ret) < 0)
                ret->len = 0;
}

bool dns_message_owner_is(const DnsMessage *m, const DnsRecord *rr, const DnsName *name)
{
        Reader r = READER_INIT(m->data, m->size);
        DnsName owner;

        reader_seek(&r, rr->owner_pos);
        if (skip_question(m, &r))
                return dns_name_equal(&m->header.qname, name);
        return dns_name_read(&r, &owner) == 0 && dns_name_equal(&owner, name);
}

void dns_message_owner(const DnsMessage *m, const DnsRecord *rr, DnsName *ret)
{
        read_name_at(m, rr->owner_pos, ret);
}

void dns_message_target(const DnsMessage *m, const DnsRecord *rr, DnsName *ret)
{
        read_name_at(m, rr->data_pos, ret);
}

int dns_message_data(const DnsMessage *m, const DnsRecord *rr, Writer *out)
{
        Reader r = READER_INIT(m->data, m->size);

        reader_seek(&r, rr->data_pos);
        return dns_rdata_read(&r, rr->type, rr->data_len, out);
}

uint32_t dns_message_soa_minimum(const DnsMessage *m, const DnsRecord *rr)
{
        Reader r = READER_INIT(m->data, m->size);

        reader_seek(&r, (size_t) rr->data_pos + rr->data_len - 4);
        return reader_u32(&r);
}

void dns_builder_init(DnsBuilder *b, void *buf, size_t size, uint16_t id, uint16_t flags)
{
        *b = (DnsBuilder){ .w = WRITER_INIT(buf, size) };
        writer_u16(&b->w, id);
        writer_u16(&b->w, flags);
        writer_zero(&b->w, 8);
}

/* Where the tail of `n` that starts at `from` already stands in the message; 0: nowhere. */
static size_t find_tail(const DnsBuilder *b, const DnsName *n, size_t from)
{
        Reader r = READER_INIT(b->w.data, b->w.pos);

        for (size_t i = 0; i < b->n_names; i++) {
                DnsName seen;

                reader_seek(&r, b->names[i]);
                if (dns_name_read(&r, &seen) == 0 && seen.len == n->len - from &&
                        memcmp(seen.wire, n->wire + from, seen.len) == 0)
                        return b->names[i];
        }
        return 0;
}

static void write_name(DnsBuilder *b, const DnsName *n)
{
        size_t fresh[ELEMENTSOF(b->names)], n_fresh = 0;

        for (size_t i = 0; i < n->len; i += 1u + n->wire[i]) {
                size_t pos = n->wire[i] > 0 ? find_tail(b, n, i) : 0;

                if (pos > 0) {
                        writer_u16(&b->w, (uint16_t) (0xc000 | pos));
                        break;
                }
                if (n->wire[i] > 0 && b->w.pos < 0x4000 && n_fresh < ELEMENTSOF(fresh))
                        fresh[n_fresh++] = b->w.pos;
                writer_bytes(&b->w, n->wire + i, 1u + n->wire[i]);
        }
        /* only now are they whole and can be found */
        for (size_t i = 0; i < n_fresh && !b->w.failed; i++)
                if (b->n_names < ELEMENTSOF(b->names))
                        b->names[b->n_names++] = (uint16_t) fresh[i];
}

void dns_builder_question(DnsBuilder *b, const DnsName *name, uint16_t type, uint16_t class)
{
        write_name(b, name);
        writer_u16(&b->w, type);
        writer_u16(&b->w, class);
        b->counts[0]++;
}

bool dns_builder_record(DnsBuilder *b, DnsSection section, const DnsName *owner, uint16_t type,
        uint16_t class, uint32_t ttl, const void *data, size_t size)
{
        DnsBuilder before = *b;

        if (size > UINT16_MAX || b->w.failed)
                return false;
        write_name(b, owner);
        writer_u16(&b->w, type);
        writer_u16(&b->w, class);
        writer_u32(&b->w, ttl);
        writer_u16(&b->w, (uint16_t) size);
        writer_bytes(&b->w, data, size);
        if (b->w.failed) {
                *b = before;
                return false;
        }
        b->counts[1 + section]++;
        return true;
}

bool dns_builder_opt(DnsBuilder *b, uint16_t udp_size, uint8_t rcode_high, bool dnssec_ok,
        const void *options, size_t size)
{
        return dns_builder_record(b, DNS_ADDITIONAL, &DNS_NAME_ROOT, DNS_TYPE_OPT, udp_size,
                (uint32_t) rcode_high << 24 | (dnssec_ok ? 0x8000u : 0), options, size);
}

int dns_builder_finish(DnsBuilder *b)
{
        if (b->w.failed)
                return -ENOBUFS;
        for (size_t i = 0; i < 4; i++)
                writer_patch_u16(&b->w, 4 + 2 * i, b->counts[i]);
        return (int) b->w.pos;
}

/* The padding option that brings a message of `size` octets to a multiple of 128 (RFC 8467 4.1). */
static void pad_options(Writer *options, size_t size)
{
        size_t padding = (128 - (size + 4) % 128) % 128;

        writer_u16(options, DNS_OPTION_PADDING);
        writer_u16(options, (uint16_t) padding);
        writer_zero(options, padding);
}

int dns_query_build(void *buf, size_t size, uint16_t id, const DnsName *name, uint16_t type,
        uint16_t class, const DnsQueryOptions *options)
{
        uint8_t room[192];
        Writer w = WRITER_INIT(room, sizeof(room));
        DnsBuilder b;

        dns_builder_init(&b, buf, size, id, DNS_FLAG_RD);
        dns_builder_question(&b, name, type, class);
        if (!options->edns)
                return dns_builder_finish(&b);
        if (options->cookie_len > 0) {
                writer_u16(&w, DNS_OPTION_COOKIE);
                writer_u16(&w, options->cookie_len);
                writer_bytes(&w, options->cookie, options->cookie_len);
        }
        if (options->keepalive) {
                writer_u16(&w, DNS_OPTION_KEEPALIVE);
                writer_u16(&w, 0);
        }
        if (options->pad)
                pad_options(&w, b.w.pos + RECORD_MIN + w.pos);
        if (w.failed || !dns_builder_opt(&b, DNS_UDP_SIZE, 0, false, room, w.pos))
                return -ENOBUFS;
        return dns_builder_finish(&b);
}
