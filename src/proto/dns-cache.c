/* SPDX-License-Identifier: MIT */
#include "proto/dns-cache.h"
#include <stdlib.h>
#include <string.h>

#define FAILURE_FIRST    USEC_PER_SEC
#define FAILURE_MAX      (300 * USEC_PER_SEC)
#define DUE_LIFE_MIN     (10 * USEC_PER_SEC)
#define OCTETS_PER_ENTRY 1024
#define BUCKETS_MIN      64

/* Beyond the types of the wire: what holds for all types of a name, and failures. */
#define KEY_ALL_TYPES 0u
#define KEY_FAILURE   (1u << 16)

typedef struct Entry Entry;
struct Entry {
        HeapNode by_expiry;
        usec_t expires; /* by this: next to it */
        Entry *next;    /* in its bucket */
        uint64_t hash;
        uint32_t type, scope;
        uint16_t class;
        uint8_t trust;
        uint8_t failures;
        bool told_due;
        int error;
        usec_t stored;
        DnsAnswer *answer; /* NULL for a failure */
        size_t octets;
        uint8_t name_len;
        uint8_t name[]; /* lower case */
};

struct DnsCache {
        Heap by_expiry;
        Entry **buckets;
        size_t n_buckets; /* a power of two */
        size_t n_entries, max_entries;
        size_t octets, max_octets;
        usec_t stale_usec;
        uint64_t seed, hits, misses;
};

static bool expires_before(const HeapNode *a, const HeapNode *b)
{
        return container_of(a, Entry, by_expiry)->expires <
               container_of(b, Entry, by_expiry)->expires;
}

int dns_cache_new(DnsCache **ret, uint64_t seed)
{
        DnsCache *c = calloc(1, sizeof(*c));

        if (!c)
                return -ENOMEM;
        c->by_expiry.before = expires_before;
        c->seed = seed;
        *ret = c;
        return 0;
}

DnsCache *dns_cache_free(DnsCache *c)
{
        if (!c)
                return NULL;
        dns_cache_flush(c);
        free(c);
        return NULL;
}

static Entry **bucket(const DnsCache *c, uint64_t hash)
{
        return &c->buckets[hash & (c->n_buckets - 1)];
}

static void entry_free(DnsCache *c, Entry *e)
{
        Entry **p = bucket(c, e->hash);

        while (*p != e)
                p = &(*p)->next;
        *p = e->next;
        heap_unlink(&c->by_expiry, &e->by_expiry);
        c->n_entries--;
        c->octets -= e->octets;
        dns_answer_unref(e->answer);
        free(e);
}

static Entry *first_to_expire(const DnsCache *c)
{
        HeapNode *n = heap_first(&c->by_expiry);

        return n ? container_of(n, Entry, by_expiry) : NULL;
}

void dns_cache_flush(DnsCache *c)
{
        Entry *e;

        while ((e = first_to_expire(c)))
                entry_free(c, e);
        free(c->buckets);
        c->buckets = NULL;
        c->n_buckets = 0;
}

static void make_room(DnsCache *c, size_t octets)
{
        Entry *e;

        while ((c->n_entries >= c->max_entries || c->octets + octets > c->max_octets) &&
                (e = first_to_expire(c)))
                entry_free(c, e);
}

void dns_cache_set_limits(DnsCache *c, size_t max_octets, usec_t stale_usec)
{
        c->max_octets = max_octets;
        c->max_entries = max_octets / OCTETS_PER_ENTRY;
        c->stale_usec = stale_usec;
        while (c->n_entries > c->max_entries || c->octets > c->max_octets)
                entry_free(c, first_to_expire(c));
}

static int grow(DnsCache *c)
{
        size_t n = c->n_buckets ? c->n_buckets * 2 : BUCKETS_MIN;
        Entry **fresh = calloc(n, sizeof(*fresh));

        if (!fresh)
                return -ENOMEM;
        for (size_t i = 0; i < c->n_buckets; i++)
                for (Entry *e = c->buckets[i], *next; e; e = next) {
                        next = e->next;
                        e->next = fresh[e->hash & (n - 1)];
                        fresh[e->hash & (n - 1)] = e;
                }
        free(c->buckets);
        c->buckets = fresh;
        c->n_buckets = n;
        return 0;
}

static uint64_t key_hash(const DnsCache *c, const DnsCacheKey *key)
{
        return dns_name_hash(key->name, c->seed + key->scope);
}

/* For the same name and scope. */
static bool matches(const Entry *e, const DnsCacheKey *key, uint64_t hash)
{
        return e->hash == hash && e->class == key->class && e->scope == key->scope &&
               e->name_len == key->name->len && dns_name_equal_wire(key->name, e->name);
}

static Entry *find(const DnsCache *c, const DnsCacheKey *key, uint64_t hash, uint32_t type)
{
        if (c->n_buckets == 0)
                return NULL;
        for (Entry *e = *bucket(c, hash); e; e = e->next)
                if (e->type == type && matches(e, key, hash))
                        return e;
        return NULL;
}

static Entry *insert(DnsCache *c, const DnsCacheKey *key, uint64_t hash, uint32_t type,
        DnsAnswer *answer, usec_t expires, usec_t now)
{
        size_t octets = sizeof(Entry) + key->name->len + 2 * sizeof(void *);
        DnsName lower;
        Entry *e;

        if (answer)
                octets += dns_answer_octets(answer);
        /* no single answer drives a good part of the others out */
        if (octets > c->max_octets / 8)
                return NULL;
        make_room(c, octets);
        /* most names that are looked for are not there, and not found in an empty place */
        if (2 * c->n_entries >= c->n_buckets && grow(c) < 0 && c->n_buckets == 0)
                return NULL;
        e = malloc(sizeof(*e) + key->name->len);
        if (!e)
                return NULL;
        *e = (Entry){ .hash = hash,
                .type = type,
                .class = key->class,
                .scope = key->scope,
                .stored = now,
                .expires = expires,
                .octets = octets,
                .name_len = key->name->len };
        dns_name_copy(&lower, key->name);
        dns_name_lower(&lower);
        memcpy(e->name, lower.wire, lower.len);
        if (answer)
                e->answer = dns_answer_ref(answer);
        e->next = *bucket(c, hash);
        *bucket(c, hash) = e;
        heap_link(&c->by_expiry, &e->by_expiry);
        c->n_entries++;
        c->octets += octets;
        return e;
}

/* What can no longer be served at all makes room first. */
static void drop_dead(DnsCache *c, usec_t now)
{
        Entry *e;

        while ((e = first_to_expire(c)) && usec_add(e->expires, c->stale_usec) <= now)
                entry_free(c, e);
}

/* Nothing at all of this name is there; behind an alias that is said of its target. */
static bool is_gone(const DnsAnswer *answer)
{
        return answer->verdict == DNS_VERDICT_NXDOMAIN && answer->n_chain == 0;
}

/* What is known anew takes the place of what was known before, also where it is not kept itself:
 * the old must not come back when the servers fail (RFC 8767). Of a name that is gone that goes for
 * the other types, too, but for what still lives: some servers deny a name that has addresses of
 * the other family only. False where something better stays. */
static bool supersede(DnsCache *c, const DnsCacheKey *key, uint64_t hash, const DnsAnswer *answer,
        DnsTrust trust, usec_t now)
{
        bool gone = is_gone(answer), better = true;
        Entry *next;

        for (Entry *e = c->n_buckets > 0 ? *bucket(c, hash) : NULL; e; e = next) {
                bool same = e->type == key->type || e->type == (key->type | KEY_FAILURE) ||
                            e->type == KEY_ALL_TYPES;

                next = e->next;
                if (!matches(e, key, hash) || !(same || (gone && e->expires <= now)))
                        continue;
                if (e->expires > now && e->trust > trust)
                        better = false;
                else
                        entry_free(c, e);
        }
        return better;
}

void dns_cache_put(
        DnsCache *c, const DnsCacheKey *key, DnsAnswer *answer, DnsTrust trust, usec_t now)
{
        uint64_t hash = key_hash(c, key);
        Entry *e;

        if (c->max_octets == 0)
                return;
        drop_dead(c, now);
        if (!supersede(c, key, hash, answer, trust, now) || !answer->storable || answer->ttl == 0)
                return;
        e = insert(c, key, hash, is_gone(answer) ? KEY_ALL_TYPES : key->type, answer,
                usec_add(now, MIN(answer->ttl, DNS_TTL_MAX) * USEC_PER_SEC), now);
        if (e)
                e->trust = (uint8_t) trust;
}

static bool usable(const DnsCache *c, const Entry *e, bool stale, usec_t now)
{
        if (!e)
                return false;
        return now < e->expires || (stale && now < usec_add(e->expires, c->stale_usec));
}

/* What lives shortly is not worth it: it is asked for often enough. Told once, whatever comes of
 * it.
 */
static bool take_due(Entry *e, usec_t now)
{
        usec_t life = usec_sub(e->expires, e->stored);

        if (e->told_due || life < DUE_LIFE_MIN || usec_sub(e->expires, now) * 10 >= life)
                return false;
        e->told_due = true;
        return true;
}

bool dns_cache_get(DnsCache *c, const DnsCacheKey *key, bool stale, usec_t now, DnsCacheHit *ret)
{
        uint64_t hash = key_hash(c, key);
        Entry *e = find(c, key, hash, key->type);

        if (!usable(c, e, stale, now))
                e = find(c, key, hash, KEY_ALL_TYPES);
        if (!usable(c, e, stale, now)) {
                c->misses += !stale;
                return false;
        }
        c->hits += !stale;
        *ret = (DnsCacheHit){ .answer = e->answer,
                .age = (uint32_t) (usec_sub(now, e->stored) / USEC_PER_SEC),
                .stale = now >= e->expires,
                .due = !stale && take_due(e, now) };
        return true;
}

void dns_cache_put_failure(DnsCache *c, const DnsCacheKey *key, int error, usec_t now)
{
        uint64_t hash = key_hash(c, key);
        uint32_t type = key->type | KEY_FAILURE;
        Entry *e = find(c, key, hash, type);
        unsigned failures = e ? e->failures : 0;
        usec_t hold;

        if (c->max_octets == 0)
                return;
        hold = MIN(FAILURE_FIRST << MIN(failures, 9u), FAILURE_MAX);
        /* a success in between, or time enough, starts over */
        if (e && usec_add(e->expires, hold) < now) {
                failures = 0;
                hold = FAILURE_FIRST;
        }
        if (e)
                entry_free(c, e);
        e = insert(c, key, hash, type, NULL, usec_add(now, hold), now);
        if (e) {
                e->failures = (uint8_t) MIN(failures + 1, 9u);
                e->error = error;
        }
}

int dns_cache_failure(DnsCache *c, const DnsCacheKey *key, usec_t now)
{
        const Entry *e = find(c, key, key_hash(c, key), key->type | KEY_FAILURE);

        return e && now < e->expires ? e->error : 0;
}

DnsCacheStatistics dns_cache_statistics(const DnsCache *c)
{
        return (DnsCacheStatistics){
                .entries = c->n_entries, .octets = c->octets, .hits = c->hits, .misses = c->misses
        };
}
