/* SPDX-License-Identifier: MIT */
#include "proto/dns-server.h"
#include "util/error.h"
#include <string.h>

#define TIMEOUT_FIRST (2 * USEC_PER_SEC)
#define TIMEOUT_MIN   (250 * USEC_PER_MSEC)
#define TIMEOUT_MAX   (5 * USEC_PER_SEC)
#define PROBE_FIRST   (5 * USEC_PER_SEC)
#define PROBE_MAX     (30 * USEC_PER_SEC)
#define PLAIN_FOR     (5 * USEC_PER_MIN)
#define TCP_FOR       (5 * USEC_PER_MIN)
#define TLS_RETRY     (5 * USEC_PER_MIN)
#define COOKIE_LIFE   USEC_PER_DAY
#define COOKIE_GRACE  (120 * USEC_PER_SEC)

const char *dns_transport_to_string(DnsTransport t)
{
        static const char *const names[] = { "udp", "tcp", "dot" };

        return names[t];
}

void dns_server_forget(DnsServer *s)
{
        *s = (DnsServer){ .endpoint = s->endpoint,
                .privacy = s->privacy,
                .only_tls = s->only_tls,
                .bit = s->bit,
                .binding = s->binding,
                .designations = s->designations + s->designation.is_set,
                .networks = s->networks + 1 };
}

usec_t dns_server_timeout(const DnsServer *s, unsigned round, Rng *rng)
{
        usec_t t = s->srtt > 0 ? MAX(TIMEOUT_MIN, MIN(5 * s->srtt, TIMEOUT_MAX)) : TIMEOUT_FIRST;

        if (round == 0)
                return t;
        t = MIN(t << MIN(round, 5u), TIMEOUT_MAX);
        return rng_range(rng, t - t / 10, t);
}

void dns_server_answered(DnsServer *s, usec_t rtt)
{
        rtt = MAX(rtt, 1u);
        s->srtt = s->srtt > 0 ? (7 * s->srtt + rtt) / 8 : rtt;
        s->failed = false;
        s->probe_wait = 0;
}

void dns_server_lost(DnsServer *s, usec_t now)
{
        if (s->failed)
                return;
        s->failed = true;
        s->probe_wait = PROBE_FIRST;
        s->probe_at = now + s->probe_wait;
}

bool dns_server_probe_due(DnsServer *s, usec_t now)
{
        if (!s->failed || now < s->probe_at)
                return false;
        s->probe_wait = MIN(2 * s->probe_wait, PROBE_MAX);
        s->probe_at = now + s->probe_wait;
        return true;
}

void dns_server_learned(DnsServer *s, DnsTransport t, bool edns, bool later, usec_t now)
{
        if (edns)
                s->edns_works = true;
        else if (later && !s->edns_works)
                dns_server_no_edns(s, now);
        if (t == DNS_UDP)
                s->udp_works = true;
        else if (t == DNS_TCP && later && !s->udp_works)
                s->tcp_until = now + TCP_FOR;
}

bool dns_server_edns(const DnsServer *s, unsigned round, usec_t now)
{
        return now >= s->plain_until && (round == 0 || s->edns_works);
}

void dns_server_no_edns(DnsServer *s, usec_t now)
{
        s->plain_until = now + PLAIN_FOR;
}

DnsTransport dns_server_transport(const DnsServer *s, usec_t now)
{
        DnsTransport plain = now < s->tcp_until ? DNS_TCP : DNS_UDP;

        switch (s->privacy) {
        case DNS_PRIVACY_STRICT:
                return DNS_TLS;
        case DNS_PRIVACY_OPPORTUNISTIC:
                return s->designation.is_set || now >= s->tls_retry_at ? DNS_TLS : plain;
        case DNS_PRIVACY_NONE:
                break;
        }
        return plain;
}

void dns_server_tls_failed(DnsServer *s, unsigned designations, usec_t now)
{
        const DnsDesignation none = { 0 };

        if (designations != s->designations)
                return;
        if (s->designation.is_set)
                dns_server_designate(s, &none);
        else
                s->tls_retry_at = now + TLS_RETRY;
}

static bool designations_equal(const DnsDesignation *a, const DnsDesignation *b)
{
        return a->is_set == b->is_set && a->verify == b->verify &&
               endpoint_equal(&a->endpoint, &b->endpoint);
}

void dns_server_designate(DnsServer *s, const DnsDesignation *d)
{
        if (designations_equal(&s->designation, d))
                return;
        s->designation = *d;
        s->designations++;
}

bool dns_server_is_verified(const DnsServer *s)
{
        return s->privacy == DNS_PRIVACY_STRICT || (s->designation.is_set && s->designation.verify);
}

void dns_server_cookie_fill(DnsServer *s, DnsQueryOptions *o, Rng *rng, usec_t now)
{
        if (s->cookie_len == 0 || now >= s->cookie_born + COOKIE_LIFE) {
                rng->fill(rng, s->cookie, 8);
                s->cookie_len = 8;
                s->cookie_born = now;
        }
        memcpy(o->cookie, s->cookie, s->cookie_len);
        o->cookie_len = s->cookie_len;
}

/* RFC 7873 5.3, 5.4 */
bool dns_server_cookie_check(DnsServer *s, const DnsEdns *edns, usec_t now)
{
        if (edns->cookie_len > 0) {
                if (memcmp(edns->cookie, s->cookie, 8) != 0)
                        return false;
                if (edns->cookie_len > 8) {
                        memcpy(s->cookie, edns->cookie, edns->cookie_len);
                        s->cookie_len = edns->cookie_len;
                }
                s->cookie_missing_since = 0;
                return true;
        }
        if (s->cookie_len <= 8)
                return true;
        /* it has known cookies before: a reply without is forged, or the server has changed */
        if (s->cookie_missing_since == 0)
                s->cookie_missing_since = now;
        if (now < s->cookie_missing_since + COOKIE_GRACE)
                return false;
        s->cookie_len = 8;
        s->cookie_missing_since = 0;
        return true;
}
