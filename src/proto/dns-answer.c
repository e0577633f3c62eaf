/* SPDX-License-Identifier: MIT */
#include "proto/dns-answer.h"
#include <stdlib.h>
#include <string.h>

/* A negative answer is believed for this long at most (RFC 2308 5). */
#define NEGATIVE_TTL_MAX (3u * 3600)

typedef struct Walk Walk;
struct Walk {
        const DnsMessage *m;
        uint16_t qtype, qclass;
        DnsName name;
        DnsName visited[DNS_CHAIN_MAX + 1];
        size_t n_visited;
        const DnsRecord *chain[2 * DNS_CHAIN_MAX];
        DnsName synth_owner[DNS_CHAIN_MAX]; /* of a CNAME made from a DNAME */
        DnsName synth_target[DNS_CHAIN_MAX];
        uint8_t synthesised[2 * DNS_CHAIN_MAX]; /* 1 + index of the pair above */
        size_t n_chain, n_synth, n_steps;
        uint32_t ttl;
        bool too_long; /* a DNAME made an overlong name (RFC 6672 2.3) */
};

static bool owner_is(const Walk *w, const DnsRecord *rr)
{
        return dns_message_owner_is(w->m, rr, &w->name);
}

static bool usable(const Walk *w, const DnsRecord *rr, uint16_t type)
{
        return rr->section == DNS_ANSWER && rr->class == w->qclass && rr->type == type;
}

static const DnsRecord *find_cname(const Walk *w)
{
        for (size_t i = 0; i < w->m->n_records; i++)
                if (usable(w, &w->m->records[i], DNS_TYPE_CNAME) && owner_is(w, &w->m->records[i]))
                        return &w->m->records[i];
        return NULL;
}

/* The DNAME strictly above the current name. */
static const DnsRecord *find_dname(const Walk *w, DnsName *ret_owner)
{
        for (size_t i = 0; i < w->m->n_records; i++) {
                if (!usable(w, &w->m->records[i], DNS_TYPE_DNAME))
                        continue;
                dns_message_owner(w->m, &w->m->records[i], ret_owner);
                if (ret_owner->len < w->name.len && dns_name_is_under(&w->name, ret_owner))
                        return &w->m->records[i];
        }
        return NULL;
}

static bool has_data(const Walk *w)
{
        for (size_t i = 0; i < w->m->n_records; i++) {
                const DnsRecord *rr = &w->m->records[i];

                if (rr->section == DNS_ANSWER && rr->class == w->qclass &&
                        (rr->type == w->qtype || w->qtype == DNS_TYPE_ANY) && owner_is(w, rr))
                        return true;
        }
        return false;
}

static void chain_add(Walk *w, const DnsRecord *rr)
{
        w->chain[w->n_chain++] = rr;
        w->ttl = MIN(w->ttl, rr->ttl);
}

/* One step along an alias: 1 taken, 0 the chain ends here, -EBADMSG. */
static int walk_step(Walk *w)
{
        const DnsRecord *cname = find_cname(w), *dname = NULL;
        DnsName next, dname_owner;

        if (!cname)
                dname = find_dname(w, &dname_owner);
        if (!cname && !dname)
                return 0;
        if (w->n_steps == DNS_CHAIN_MAX)
                return -EBADMSG;
        if (cname) {
                dns_message_target(w->m, cname, &next);
                chain_add(w, cname);
        } else {
                DnsName target;

                dns_message_target(w->m, dname, &target);
                chain_add(w, dname);
                if (dns_name_rebase(&w->name, &dname_owner, &target, &next) < 0) {
                        w->too_long = true;
                        return 0;
                }
                w->synth_owner[w->n_synth] = w->name;
                w->synth_target[w->n_synth++] = next;
                w->synthesised[w->n_chain] = (uint8_t) w->n_synth;
                chain_add(w, dname);
        }
        for (size_t i = 0; i < w->n_visited; i++)
                if (dns_name_equal(&w->visited[i], &next))
                        return -EBADMSG;
        w->visited[w->n_visited++] = w->name = next;
        w->n_steps++;
        return 1;
}

static int walk(Walk *w)
{
        int r;

        dns_name_copy(&w->visited[w->n_visited++], &w->name);
        if (w->qtype == DNS_TYPE_CNAME || w->qtype == DNS_TYPE_ANY)
                return 0;
        do {
                if (w->qtype == DNS_TYPE_DNAME && has_data(w))
                        return 0;
                r = walk_step(w);
        } while (r > 0);
        return r;
}

/* The SOA that makes a negative answer storable: of the final name or an ancestor of it. */
static const DnsRecord *find_soa(const Walk *w)
{
        for (size_t i = 0; i < w->m->n_records; i++) {
                const DnsRecord *rr = &w->m->records[i];
                DnsName owner;

                if (rr->section != DNS_AUTHORITY || rr->type != DNS_TYPE_SOA ||
                        rr->class != w->qclass)
                        continue;
                dns_message_owner(w->m, rr, &owner);
                if (dns_name_is_under(&w->name, &owner))
                        return rr;
        }
        return NULL;
}

static void write_record(Writer *w, const DnsName *owner, uint16_t type, uint16_t class,
        uint32_t ttl, const void *data, size_t size)
{
        dns_name_write(w, owner);
        writer_u16(w, type);
        writer_u16(w, class);
        writer_u32(w, ttl);
        writer_u16(w, (uint16_t) size);
        writer_bytes(w, data, size);
}

static void write_message_record(Writer *w, const DnsMessage *m, const DnsRecord *rr)
{
        size_t len_pos;
        DnsName owner;

        dns_message_owner(m, rr, &owner);
        write_record(w, &owner, rr->type, rr->class, rr->ttl, NULL, 0);
        len_pos = w->pos - 2;
        (void) dns_message_data(m, rr, w);
        if (!w->failed && w->pos - len_pos - 2 > UINT16_MAX)
                w->failed = true;
        writer_patch_u16(w, len_pos, (uint16_t) (w->pos - len_pos - 2));
}

static int answer_new(DnsAnswer **ret, const Writer *w, const DnsName *final)
{
        DnsAnswer *a = malloc(sizeof(*a) + w->pos + final->len);

        if (!a)
                return -ENOMEM;
        *a = (DnsAnswer){
                .n_refs = 1, .size = w->pos, .final_len = final->len, .confidential = true
        };
        if (w->pos > 0)
                memcpy(a->data, w->data, w->pos);
        memcpy(a->data + a->size, final->wire, final->len);
        *ret = a;
        return 0;
}

static void collect_chain(const Walk *w, Writer *out)
{
        for (size_t i = 0; i < w->n_chain; i++) {
                size_t k = w->synthesised[i];

                if (k > 0)
                        write_record(out, &w->synth_owner[k - 1], DNS_TYPE_CNAME, w->qclass,
                                w->chain[i]->ttl, w->synth_target[k - 1].wire,
                                w->synth_target[k - 1].len);
                else
                        write_message_record(out, w->m, w->chain[i]);
        }
}

static uint16_t collect_data(Walk *w, Writer *out)
{
        uint16_t n = 0;

        for (size_t i = 0; i < w->m->n_records; i++) {
                const DnsRecord *rr = &w->m->records[i];

                if (rr->section != DNS_ANSWER || rr->class != w->qclass ||
                        (rr->type != w->qtype && w->qtype != DNS_TYPE_ANY) || !owner_is(w, rr))
                        continue;
                write_message_record(out, w->m, rr);
                w->ttl = MIN(w->ttl, rr->ttl);
                n++;
        }
        return n;
}

/* -- each record once -------------------------------------------------------------------------- */

typedef struct Item Item;
struct Item {
        const uint8_t *wire, *data;
        size_t wire_size;
        uint16_t data_size, type;
        bool again; /* it says what one before it has said */
};

static int compare_said(const Item *a, const Item *b)
{
        if (a->type != b->type)
                return a->type < b->type ? -1 : 1;
        if (a->data_size != b->data_size)
                return a->data_size < b->data_size ? -1 : 1;
        return a->data_size > 0 ? memcmp(a->data, b->data, a->data_size) : 0;
}

/* What says the same stands together, in the order in which it was said. */
static int compare(const void *x, const void *y)
{
        const Item *a = *(const Item *const *) x, *b = *(const Item *const *) y;
        int r = compare_said(a, b);

        return r != 0 ? r : (a > b) - (a < b);
}

static void find_again(Item items[], Item *sorted[], size_t n)
{
        for (size_t i = 0; i < n; i++)
                sorted[i] = &items[i];
        qsort(sorted, n, sizeof(*sorted), compare);
        for (size_t i = 1; i < n; i++)
                sorted[i]->again = compare_said(sorted[i - 1], sorted[i]) == 0;
}

/* RFC 2181 5: a set of records has none twice. Of the last `*n` of `w`, of one owner and class, the
 * first of each stays. Sorted, since there may be thousands. */
static int drop_duplicates(Writer *w, size_t start, uint16_t *n)
{
        _cleanup_(freep) Item *many = NULL;
        _cleanup_(freep) Item **many_sorted = NULL;
        Item few[8], *items = few, *few_sorted[8], **sorted = few_sorted;
        Reader rd = READER_INIT(w->data, w->pos);
        uint16_t left = 0;

        if (*n < 2 || w->failed)
                return 0;
        if (*n > ELEMENTSOF(few)) {
                items = many = reallocarray(NULL, *n, sizeof(*many));
                sorted = many_sorted = reallocarray(NULL, *n, sizeof(*many_sorted));
                if (!items || !sorted)
                        return -ENOMEM;
        }
        reader_seek(&rd, start);
        for (size_t i = 0; i < *n; i++) {
                DnsAnswerRecord rr;

                if (!dns_answer_next(&rd, &rr))
                        return -EBADMSG;
                items[i] = (Item){ rr.wire, rr.data, rr.wire_size, (uint16_t) rr.data_size, rr.type,
                        false };
        }
        find_again(items, sorted, *n);
        w->pos = start;
        for (size_t i = 0; i < *n; i++) {
                if (items[i].again)
                        continue;
                memmove(w->data + w->pos, items[i].wire, items[i].wire_size);
                w->pos += items[i].wire_size;
                left++;
        }
        *n = left;
        return 0;
}

/* -- answers ----------------------------------------------------------------------------------- */

/* Uncompressed, a message can be many times its size; what an answer needs is bounded by this. */
static size_t answer_room(const DnsMessage *m)
{
        size_t names = 0;

        for (size_t i = 0; i < m->n_records; i++) {
                names += m->records[i].section == DNS_ADDITIONAL ? 0 : 3;
                names += m->records[i].type == DNS_TYPE_DNAME ? 4 * DNS_CHAIN_MAX : 0;
        }
        return m->size + names * (DNS_NAME_MAX + 16);
}

static int answer_build(DnsAnswer **ret, Walk *w, Writer *out)
{
        bool nxdomain = w->m->rcode != DNS_RCODE_NOERROR || w->too_long;
        const DnsRecord *soa = NULL;
        uint16_t n_data = 0;
        size_t start;
        DnsAnswer *a;
        int r;

        collect_chain(w, out);
        start = out->pos;
        /* REQ_DNS 18: under NXDOMAIN only the chain is believed */
        if (!nxdomain)
                n_data = collect_data(w, out);
        r = drop_duplicates(out, start, &n_data);
        if (r < 0)
                return r;
        if (n_data == 0) {
                soa = find_soa(w);
                if (soa) {
                        write_message_record(out, w->m, soa);
                        w->ttl = MIN(
                                w->ttl, MIN(NEGATIVE_TTL_MAX,
                                                MIN(soa->ttl, dns_message_soa_minimum(w->m, soa))));
                }
        }
        if (out->failed)
                return -EBADMSG;
        r = answer_new(&a, out, &w->name);
        if (r < 0)
                return r;
        a->n_chain = (uint16_t) w->n_chain;
        a->n_records = n_data;
        a->n_authority = soa ? 1 : 0;
        a->n_steps = (uint16_t) w->n_steps;
        a->ttl = w->ttl;
        if (n_data > 0)
                a->verdict = DNS_VERDICT_POSITIVE;
        else if (nxdomain)
                a->verdict = DNS_VERDICT_NXDOMAIN;
        else if (w->n_steps > 0 && !soa)
                a->verdict = DNS_VERDICT_CHASE;
        else
                a->verdict = DNS_VERDICT_NODATA;
        a->confidential = false;
        a->storable = n_data > 0 || soa || a->verdict == DNS_VERDICT_CHASE;
        *ret = a;
        return 0;
}

int dns_answer_from_message(
        DnsAnswer **ret, const DnsMessage *m, const DnsName *qname, uint16_t qtype, uint16_t qclass)
{
        _cleanup_(freep) uint8_t *room = NULL;
        uint8_t small[4096];
        size_t size = answer_room(m);
        Writer out = WRITER_INIT(small, sizeof(small));
        Walk w;
        int r;

        /* large, and mostly never looked at: only this much of it has to start as zero */
        w.n_visited = w.n_chain = w.n_synth = w.n_steps = 0;
        w.too_long = false;
        memset(w.synthesised, 0, sizeof(w.synthesised));
        w.m = m;
        dns_name_copy(&w.name, qname);
        w.qtype = qtype;
        w.qclass = qclass;
        w.ttl = UINT32_MAX;
        r = walk(&w);
        if (r < 0)
                return r;
        /* RFC 6672 2.2: said of a name that became too long, and of nothing else */
        if (m->rcode == DNS_RCODE_YXDOMAIN && !w.too_long)
                return -EBADMSG;
        if (size > sizeof(small)) {
                room = malloc(size);
                if (!room)
                        return -ENOMEM;
                out = WRITER_INIT(room, size);
        }
        return answer_build(ret, &w, &out);
}

int dns_answer_from_addresses(DnsAnswer **ret, const DnsName *name, int family, const IpAddr *addrs,
        size_t n, uint32_t ttl)
{
        _cleanup_(freep) uint8_t *room = NULL;
        uint16_t n_data = 0;
        DnsAnswer *a;
        Writer out;
        int r;

        room = malloc(n * (DNS_NAME_MAX + 26) + 1);
        if (!room)
                return -ENOMEM;
        out = WRITER_INIT(room, n * (DNS_NAME_MAX + 26));
        for (size_t i = 0; i < n && n_data < 1024; i++) {
                if (addrs[i].family != family)
                        continue;
                write_record(&out, name, family == AF_INET ? DNS_TYPE_A : DNS_TYPE_AAAA,
                        DNS_CLASS_IN, ttl, addrs[i].bytes, ip_size(family));
                n_data++;
        }
        r = drop_duplicates(&out, 0, &n_data);
        if (r < 0)
                return r;
        r = answer_new(&a, &out, name);
        if (r < 0)
                return r;
        a->verdict = n_data > 0 ? DNS_VERDICT_POSITIVE : DNS_VERDICT_NODATA;
        a->n_records = n_data;
        a->ttl = ttl;
        *ret = a;
        return 0;
}

int dns_answer_from_names(
        DnsAnswer **ret, const DnsName *name, const DnsName *targets, size_t n, uint32_t ttl)
{
        _cleanup_(freep) uint8_t *room = NULL;
        DnsAnswer *a;
        Writer out;
        int r;

        n = MIN(n, 64u);
        room = malloc(n * (2 * DNS_NAME_MAX + 10) + 1);
        if (!room)
                return -ENOMEM;
        out = WRITER_INIT(room, n * (2 * DNS_NAME_MAX + 10));
        for (size_t i = 0; i < n; i++)
                write_record(&out, name, DNS_TYPE_PTR, DNS_CLASS_IN, ttl, targets[i].wire,
                        targets[i].len);
        r = answer_new(&a, &out, name);
        if (r < 0)
                return r;
        a->verdict = n > 0 ? DNS_VERDICT_POSITIVE : DNS_VERDICT_NODATA;
        a->n_records = (uint16_t) n;
        a->ttl = ttl;
        *ret = a;
        return 0;
}

int dns_answer_negative(DnsAnswer **ret, DnsVerdict verdict, const DnsName *name)
{
        Writer none = WRITER_INIT(NULL, 0);
        int r = answer_new(ret, &none, name);

        if (r < 0)
                return r;
        (*ret)->verdict = verdict;
        return 0;
}

/* Copies `count` records with their TTLs aged; the cursor stays behind them. */
static void copy_aged(Writer *out, Reader *from, size_t count, uint32_t age)
{
        DnsAnswerRecord rr;

        while (count-- > 0 && dns_answer_next(from, &rr))
                write_record(out, &rr.owner, rr.type, rr.class, rr.ttl > age ? rr.ttl - age : 0,
                        rr.data, rr.data_size);
}

int dns_answer_join(DnsAnswer **ret, const DnsAnswer *head, uint32_t head_age,
        const DnsAnswer *tail, uint32_t tail_age)
{
        Reader from_head = READER_INIT(head->data, head->size);
        Reader from_tail = READER_INIT(tail->data, tail->size);
        _cleanup_(freep) uint8_t *room = malloc(head->size + tail->size + 1);
        uint32_t head_ttl = head->ttl > head_age ? head->ttl - head_age : 0;
        uint32_t tail_ttl = tail->ttl > tail_age ? tail->ttl - tail_age : 0;
        DnsName final;
        DnsAnswer *a;
        Writer out;
        int r;

        if (!room)
                return -ENOMEM;
        out = WRITER_INIT(room, head->size + tail->size);
        copy_aged(&out, &from_head, head->n_chain, head_age);
        copy_aged(&out, &from_tail, dns_answer_count(tail), tail_age);
        dns_answer_final(tail, &final);
        r = answer_new(&a, &out, &final);
        if (r < 0)
                return r;
        a->verdict = tail->verdict;
        a->n_chain = (uint16_t) (head->n_chain + tail->n_chain);
        a->n_records = tail->n_records;
        a->n_authority = tail->n_authority;
        a->n_steps = (uint16_t) (head->n_steps + tail->n_steps);
        a->confidential = head->confidential && tail->confidential;
        a->storable = head->storable && tail->storable;
        a->ttl = MIN(head_ttl, tail_ttl);
        *ret = a;
        return 0;
}

DnsAnswer *dns_answer_ref(DnsAnswer *a)
{
        a->n_refs++;
        return a;
}

DnsAnswer *dns_answer_unref(DnsAnswer *a)
{
        if (a && --a->n_refs == 0)
                free(a);
        return NULL;
}

bool dns_answer_next(Reader *r, DnsAnswerRecord *ret)
{
        size_t start = r->pos;

        if (reader_left(r) == 0 || dns_name_read_plain(r, &ret->owner) < 0)
                return false;
        ret->type = reader_u16(r);
        ret->class = reader_u16(r);
        ret->ttl_pos = r->pos - start;
        ret->ttl = reader_u32(r);
        ret->data_size = reader_u16(r);
        ret->data = reader_bytes(r, ret->data_size);
        ret->wire = r->data + start;
        ret->wire_size = r->pos - start;
        return !r->failed;
}
