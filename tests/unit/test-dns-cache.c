/* SPDX-License-Identifier: MIT */
#include "lib/suite.h"
#include "proto/dns-cache.h"
#include "util/rng.h"

static usec_t now = USEC_PER_HOUR;

static DnsAnswer *answer(const DnsName *name, uint32_t ttl, size_t n)
{
        IpAddr addrs[64] = { 0 };
        DnsAnswer *a = NULL;

        for (size_t i = 0; i < n; i++)
                addrs[i] = ip_from_bytes(AF_INET, (uint8_t[]){ 1, 2, 3, (uint8_t) i }, 4);
        ck_assert_int_eq(dns_answer_from_addresses(&a, name, AF_INET, addrs, n, ttl), 0);
        a->storable = true;
        return a;
}

static DnsName name(const char *text)
{
        DnsName n;

        ck_assert_int_eq(dns_name_from_text(text, &n, NULL), 0);
        return n;
}

static void put(DnsCache *c, const char *text, uint16_t type, DnsVerdict verdict, uint32_t ttl,
        DnsTrust trust)
{
        DnsName n = name(text);
        DnsCacheKey key = { .name = &n, .type = type, .class = 1 };
        DnsAnswer *a = answer(&n, ttl, verdict == DNS_VERDICT_POSITIVE ? 1 : 0);

        a->verdict = verdict;
        dns_cache_put(c, &key, a, trust, now);
        dns_answer_unref(a);
}

static bool get(DnsCache *c, const char *text, uint16_t type, bool stale, DnsCacheHit *ret)
{
        DnsName n = name(text);
        DnsCacheKey key = { .name = &n, .type = type, .class = 1 };

        return dns_cache_get(c, &key, stale, now, ret);
}

START_TEST(ages_and_expires)
{
        _cleanup_(dns_cache_freep) DnsCache *c = NULL;
        DnsCacheHit hit;

        ck_assert_int_eq(dns_cache_new(&c, 1), 0);
        dns_cache_set_limits(c, 1 << 20, 600 * USEC_PER_SEC);
        put(c, "www.EXAMPLE", 1, DNS_VERDICT_POSITIVE, 60, DNS_TRUST_PLAIN);
        now += 59 * USEC_PER_SEC;
        ck_assert(get(c, "WWW.example", 1, false, &hit));
        ck_assert_uint_eq(hit.age, 59);
        ck_assert(!get(c, "www.example", 28, false, &hit));
        now += USEC_PER_SEC;
        ck_assert(!get(c, "www.example", 1, false, &hit));
        ck_assert(get(c, "www.example", 1, true, &hit));
        ck_assert(hit.stale);
        now += 600 * USEC_PER_SEC;
        ck_assert(!get(c, "www.example", 1, true, &hit));
        /* REQ_DNS 40: 0 is not stored, a day is the most */
        put(c, "zero", 1, DNS_VERDICT_POSITIVE, 0, DNS_TRUST_PLAIN);
        ck_assert(!get(c, "zero", 1, true, &hit));
        put(c, "long", 1, DNS_VERDICT_POSITIVE, 1000000, DNS_TRUST_PLAIN);
        now += 86399 * USEC_PER_SEC;
        ck_assert(get(c, "long", 1, false, &hit));
        now += USEC_PER_SEC;
        ck_assert(!get(c, "long", 1, false, &hit));
}
END_TEST

START_TEST(negatives_hold_as_they_should)
{
        _cleanup_(dns_cache_freep) DnsCache *c = NULL;
        DnsCacheHit hit;

        ck_assert_int_eq(dns_cache_new(&c, 1), 0);
        dns_cache_set_limits(c, 1 << 20, 0);
        put(c, "gone", 1, DNS_VERDICT_NXDOMAIN, 60, DNS_TRUST_PLAIN);
        ck_assert(get(c, "gone", 28, false, &hit));
        ck_assert_int_eq(hit.answer->verdict, DNS_VERDICT_NXDOMAIN);
        put(c, "some", 28, DNS_VERDICT_NODATA, 60, DNS_TRUST_PLAIN);
        ck_assert(get(c, "some", 28, false, &hit));
        ck_assert(!get(c, "some", 1, false, &hit));
        put(c, "gone", 1, DNS_VERDICT_POSITIVE, 60, DNS_TRUST_PLAIN);
        ck_assert(!get(c, "gone", 28, false, &hit));
}
END_TEST

START_TEST(better_data_stays)
{
        _cleanup_(dns_cache_freep) DnsCache *c = NULL;
        DnsCacheHit hit;

        /* REQ_DNS 44 */
        ck_assert_int_eq(dns_cache_new(&c, 1), 0);
        dns_cache_set_limits(c, 1 << 20, 0);
        put(c, "a", 1, DNS_VERDICT_POSITIVE, 60, DNS_TRUST_VERIFIED);
        put(c, "a", 1, DNS_VERDICT_NODATA, 600, DNS_TRUST_PLAIN);
        ck_assert(get(c, "a", 1, false, &hit));
        ck_assert_int_eq(hit.answer->verdict, DNS_VERDICT_POSITIVE);
        now += 61 * USEC_PER_SEC;
        put(c, "a", 1, DNS_VERDICT_NODATA, 600, DNS_TRUST_PLAIN);
        ck_assert(get(c, "a", 1, false, &hit));
        ck_assert_int_eq(hit.answer->verdict, DNS_VERDICT_NODATA);
}
END_TEST

START_TEST(what_is_superseded_is_not_served_stale)
{
        _cleanup_(dns_cache_freep) DnsCache *c = NULL;
        DnsCacheHit hit;

        /* REQ_DNS 45: neither of the same type nor, where the name is gone, of any other; kept or
         * not */
        ck_assert_int_eq(dns_cache_new(&c, 1), 0);
        dns_cache_set_limits(c, 1 << 20, USEC_PER_DAY);
        for (unsigned ttl = 0; ttl < 2; ttl++) {
                put(c, "a", 1, DNS_VERDICT_POSITIVE, 10, DNS_TRUST_PLAIN);
                put(c, "a", 28, DNS_VERDICT_POSITIVE, 10, DNS_TRUST_PLAIN);
                put(c, "a", 16, DNS_VERDICT_POSITIVE, 100, DNS_TRUST_PLAIN);
                put(c, "b", 1, DNS_VERDICT_POSITIVE, 10, DNS_TRUST_PLAIN);
                now += 10 * USEC_PER_SEC;
                ck_assert(get(c, "a", 28, true, &hit));
                put(c, "a", 1, DNS_VERDICT_NXDOMAIN, ttl, DNS_TRUST_PLAIN);
                put(c, "b", 1, DNS_VERDICT_NODATA, ttl, DNS_TRUST_PLAIN);
                now += 2 * USEC_PER_SEC;
                ck_assert(
                        !get(c, "a", 1, true, &hit) || hit.answer->verdict == DNS_VERDICT_NXDOMAIN);
                ck_assert(!get(c, "a", 28, true, &hit) ||
                          hit.answer->verdict == DNS_VERDICT_NXDOMAIN);
                ck_assert(!get(c, "b", 1, true, &hit) || hit.answer->verdict == DNS_VERDICT_NODATA);
                /* a server that denies the family it has nothing of */
                ck_assert(get(c, "a", 16, false, &hit));
                dns_cache_flush(c);
        }
        /* for one use only, and newer than what there was */
        put(c, "c", 1, DNS_VERDICT_POSITIVE, 10, DNS_TRUST_PLAIN);
        now += 10 * USEC_PER_SEC;
        put(c, "c", 1, DNS_VERDICT_POSITIVE, 0, DNS_TRUST_PLAIN);
        ck_assert(!get(c, "c", 1, true, &hit));
}
END_TEST

START_TEST(failures_double)
{
        static const unsigned waits[] = { 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300 };
        _cleanup_(dns_cache_freep) DnsCache *c = NULL;
        DnsName n = name("a");
        DnsCacheKey key = { .name = &n, .type = 1, .class = 1 };

        ck_assert_int_eq(dns_cache_new(&c, 1), 0);
        dns_cache_set_limits(c, 1 << 20, USEC_PER_DAY);
        for (size_t i = 0; i < ELEMENTSOF(waits); i++) {
                ck_assert_int_eq(dns_cache_failure(c, &key, now), 0);
                dns_cache_put_failure(c, &key, -EIO, now);
                now += waits[i] * USEC_PER_SEC - 1;
                ck_assert_int_eq(dns_cache_failure(c, &key, now), -EIO);
                now += 1;
        }
        /* a success forgets them */
        put(c, "a", 1, DNS_VERDICT_POSITIVE, 60, DNS_TRUST_PLAIN);
        dns_cache_put_failure(c, &key, -EIO, now);
        now += USEC_PER_SEC;
        ck_assert_int_eq(dns_cache_failure(c, &key, now), 0);
}
END_TEST

START_TEST(stays_within_its_limits)
{
        _cleanup_(dns_cache_freep) DnsCache *c = NULL;
        Rng rng = rng_seeded(test_seed());
        DnsCacheHit hit;

        ck_assert_int_eq(dns_cache_new(&c, 1), 0);
        dns_cache_set_limits(c, 64 << 10, USEC_PER_DAY);
        for (unsigned i = 0; i < 100000; i++) {
                char text[32];

                sprintf(text, "n%u.example", (unsigned) rng_range(&rng, 0, 99999));
                put(c, text, 1, rng_range(&rng, 0, 3) ? DNS_VERDICT_POSITIVE : DNS_VERDICT_NXDOMAIN,
                        (uint32_t) rng_range(&rng, 1, 5000), DNS_TRUST_PLAIN);
                now += rng_range(&rng, 0, USEC_PER_SEC);
                ck_assert_uint_le(dns_cache_statistics(c).octets, 64 << 10);
                ck_assert_uint_le(dns_cache_statistics(c).entries, 64);
        }
        /* the one to expire first goes first */
        dns_cache_flush(c);
        for (unsigned i = 0; i < 65; i++) {
                char text[32];

                sprintf(text, "n%u", i);
                put(c, text, 1, DNS_VERDICT_POSITIVE, i == 40 ? 10 : 100 + i, DNS_TRUST_PLAIN);
        }
        ck_assert(!get(c, "n40", 1, true, &hit));
        ck_assert(get(c, "n0", 1, true, &hit));
        /* one that is larger than an eighth of it is not kept */
        dns_cache_set_limits(c, 4096, 0);
        DnsName big = name("big");
        DnsCacheKey key = { .name = &big, .type = 1, .class = 1 };
        DnsAnswer *a = answer(&big, 60, 64);

        dns_cache_put(c, &key, a, DNS_TRUST_PLAIN, now);
        dns_answer_unref(a);
        ck_assert(!get(c, "big", 1, false, &hit));
}
END_TEST

TEST_MAIN("dns-cache", ages_and_expires, negatives_hold_as_they_should, better_data_stays,
        what_is_superseded_is_not_served_stale, failures_double, stays_within_its_limits)
