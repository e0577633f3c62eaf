/* SPDX-License-Identifier: MIT */
/* What comes back: whether it is a reply to what was asked at all, what it is worth, and which
 * other way the same server is asked before the next one is. */
#include "proto/dns-client-internal.h"
#include <string.h>

#define COPY_MAX 4096

static DnsTrust trust_of(const DnsAttempt *a)
{
        if (a->transport != DNS_TLS)
                return DNS_TRUST_PLAIN;
        return dns_server_is_verified(a->server) && a->designations == a->server->designations
                       ? DNS_TRUST_VERIFIED
                       : DNS_TRUST_ENCRYPTED;
}

/* REQ_DNS 6: a server that has never shown that it copes with mixed case gets a second chance
 * before its "no" is believed. True when it is asked again. */
static bool doubt_case(DnsAttempt *a, DnsAnswer *answer, usec_t now)
{
        DnsTransaction *t = a->txn;
        DnsServer *s = a->server;
        bool positive = answer && (answer->verdict == DNS_VERDICT_POSITIVE ||
                                          answer->verdict == DNS_VERDICT_CHASE);

        if (t->doubtful) {
                /* the plain question has told: it was the letters, or it was not */
                s->letter_case = positive ? DNS_CASE_OFF : DNS_CASE_GOOD;
                return false;
        }
        if (positive && s->letter_case == DNS_CASE_UNKNOWN)
                s->letter_case = DNS_CASE_TRYING;
        else if (positive && !a->mixed_case && (t->asked_plain & s->bit))
                s->letter_case = DNS_CASE_OFF;
        else if (positive && a->mixed_case)
                s->letter_case = DNS_CASE_GOOD;
        if (positive || !a->mixed_case || s->letter_case != DNS_CASE_TRYING || !answer)
                return false;
        t->doubtful = dns_answer_ref(answer);
        t->asked_plain |= s->bit;
        dns_attempt_again(a, DNS_UDP, now);
        return true;
}

static const char *verdict_words(const DnsAnswer *answer)
{
        switch (answer->verdict) {
        case DNS_VERDICT_POSITIVE:
                return "answers";
        case DNS_VERDICT_NODATA:
                return "has no such record";
        case DNS_VERDICT_NXDOMAIN:
                return "has no such name";
        case DNS_VERDICT_CHASE:
                return "has an alias";
        }
        return "";
}

static void txn_answered(DnsAttempt *a, const DnsMessage *m, usec_t now)
{
        _cleanup_(dns_answer_unrefp) DnsAnswer *answer = NULL;
        DnsTransaction *t = a->txn;
        DnsCacheKey key = dns_txn_key(t);
        int r = dns_answer_from_message(&answer, m, &t->name, t->type, t->class);

        if (r < 0) {
                dns_trace_attempt(a, "has aliases that lead nowhere", now);
                dns_attempt_useless(a, -EIO, now);
                return;
        }
        dns_trace_attempt(a, verdict_words(answer), now);
        answer->confidential = a->transport == DNS_TLS;
        if (doubt_case(a, answer, now))
                return;
        if (!t->plain || a->server->privacy != DNS_PRIVACY_STRICT)
                dns_cache_put(t->client->cache, &key, answer, trust_of(a), now);
        dns_txn_finish(t, answer, a, 0, now);
}

/* RFC 6891 7: the server does not know EDNS; once more without. */
static bool retry_without_edns(DnsAttempt *a, unsigned rcode, usec_t now)
{
        if (!a->edns || (rcode != DNS_RCODE_FORMERR && rcode != DNS_RCODE_NOTIMP &&
                                rcode != DNS_RCODE_BADVERS))
                return false;
        dns_server_no_edns(a->server, now);
        dns_attempt_again(a, a->transport, now);
        return true;
}

/* RFC 7873 5.3: the reply brought the cookie to ask again with; the third time TCP is asked. */
static bool retry_with_cookie(DnsAttempt *a, unsigned rcode, usec_t now)
{
        if (rcode != DNS_RCODE_BADCOOKIE || a->transport != DNS_UDP)
                return false;
        a->txn->bad_cookies++;
        dns_attempt_again(a, a->txn->bad_cookies < 3 ? DNS_UDP : DNS_TCP, now);
        return true;
}

/* There is no other server to ask: once more, in plain letters and without EDNS, which some do not
 * get over, and where the message was broken by TCP, which keeps whole what a datagram may not. */
static bool second_chance(DnsAttempt *a, DnsTransport transport, usec_t now)
{
        DnsTransaction *t = a->txn;

        if (t->second_chance || t->servers != a->server->bit)
                return false;
        t->second_chance = true;
        t->asked_plain |= a->server->bit;
        dns_attempt_again(a, transport, now);
        return true;
}

/* The question in mixed case has had no use so far: plainly, before the next server is asked. */
static bool retry_plain_case(DnsAttempt *a, usec_t now)
{
        if (!a->mixed_case || a->server->letter_case != DNS_CASE_TRYING)
                return false;
        a->txn->asked_plain |= a->server->bit;
        dns_attempt_again(a, DNS_UDP, now);
        return true;
}

static void reply_malformed(DnsAttempt *a, usec_t now)
{
        dns_trace_attempt(a, "sends a broken message", now);
        if (a->txn && (a->transport != DNS_UDP || !second_chance(a, DNS_TCP, now)))
                dns_attempt_useless(a, -EIO, now);
}

static void learn(const DnsAttempt *a, usec_t now)
{
        dns_server_learned(
                a->server, a->transport, a->edns, a->txn->round > 0 || a->txn->second_chance, now);
}

/* A reply that is ours and whole. */
static void reply_judge(DnsAttempt *a, const DnsMessage *m, usec_t now)
{
        switch (m->rcode) {
        case DNS_RCODE_NOERROR:
        case DNS_RCODE_NXDOMAIN:
        case DNS_RCODE_YXDOMAIN:
                learn(a, now);
                dns_discovery_consider(a->txn->client, a->server, a->transport, now);
                txn_answered(a, m, now);
                return;
        default:
                break;
        }
        dns_trace_attempt(a, dns_trace_rcode(m->rcode), now);
        if (retry_without_edns(a, m->rcode, now) || retry_with_cookie(a, m->rcode, now))
                return;
        if (m->rcode == DNS_RCODE_SERVFAIL && second_chance(a, a->transport, now))
                return;
        if (!retry_plain_case(a, now))
                dns_attempt_useless(a, -EIO, now);
}

/* REQ_DNS 9: whether it is a reply to this attempt at all. */
static bool reply_is_ours(const DnsAttempt *a, const DnsHeader *h)
{
        size_t behind_name = DNS_HEADER_SIZE + (size_t) h->qname.len;
        Reader r = READER_INIT(a->packet, a->size);
        unsigned rcode = h->flags & DNS_FLAG_RCODE;

        if (h->id != a->id || !(h->flags & DNS_FLAG_QR) || (h->flags & DNS_FLAG_OPCODE))
                return false;
        if (h->counts[0] == 0)
                return rcode == DNS_RCODE_FORMERR || rcode == DNS_RCODE_NOTIMP;
        reader_seek(&r, behind_name);
        return h->has_question && h->qtype == reader_u16(&r) && h->qclass == reader_u16(&r) &&
               !r.failed && dns_name_equal_wire(&h->qname, a->packet + DNS_HEADER_SIZE);
}

/* The letters came back as they were sent. */
static bool case_is_kept(const DnsAttempt *a, const DnsHeader *h)
{
        return h->counts[0] == 0 ||
               memcmp(h->qname.wire, a->packet + DNS_HEADER_SIZE, h->qname.len) == 0;
}

/* Nobody waits for it; `m` NULL: it was cut short. */
static void orphan_answered(DnsClient *c, DnsAttempt *a, const DnsMessage *m, usec_t now)
{
        if (a->discovery && m)
                dns_discovery_answered(c, a, m, now);
        else if (a->discovery)
                dns_discovery_truncated(c, a, now);
        dns_attempt_close(c, a);
}

/* The server is there; a copy that was to show that is a question like any other from here on. */
static void server_answered(DnsAttempt *a, usec_t now)
{
        dns_server_answered(a->server, usec_sub(now, a->sent));
        a->probe = false;
}

/* The records of a message whose header is known. 1, or -EBADMSG for what is no message. */
static int reply_whole(
        DnsClient *c, DnsAttempt *a, DnsMessage *m, const void *data, size_t size, usec_t now)
{
        if (dns_message_parse_records(m, data, size) < 0) {
                reply_malformed(a, now);
                return -EBADMSG;
        }
        if (a->transport == DNS_UDP && a->edns &&
                !dns_server_cookie_check(a->server, &m->edns, now)) {
                a->no_cookie = m->edns.cookie_len == 0;
                dns_message_deinit(m);
                return 1;
        }
        server_answered(a, now);
        if (m->edns.has_keepalive && a->transport != DNS_UDP)
                a->server->keepalive = m->edns.keepalive * (USEC_PER_SEC / 10);
        if (a->txn)
                reply_judge(a, m, now);
        else
                orphan_answered(c, a, m, now);
        dns_message_deinit(m);
        return 1;
}

/* The letters' case was ours to choose: what points back to the question is to read as it was
 * asked. */
static const void *restore_case(
        const DnsAttempt *a, DnsHeader *h, const void *data, size_t size, uint8_t *copy)
{
        if (!a->mixed_case || !a->txn || h->counts[0] == 0 || size > COPY_MAX ||
                size < DNS_HEADER_SIZE + (size_t) a->txn->name.len)
                return data;
        memcpy(copy, data, size);
        memcpy(copy + DNS_HEADER_SIZE, a->txn->name.wire, a->txn->name.len);
        dns_name_copy(&h->qname, &a->txn->name);
        return copy;
}

bool dns_client_datagram(DnsClient *c, DnsAttempt *a, const void *data, size_t size, usec_t now)
{
        uint8_t copy[COPY_MAX];
        DnsMessage m;

        /* nobody waits for it since a moment ago, and its end is under way */
        if (!a->pending)
                return false;
        if (dns_header_parse(&m.header, data, size) < 0 || !reply_is_ours(a, &m.header))
                return false;
        if (a->mixed_case && !case_is_kept(a, &m.header)) {
                /* forged, or a server that lowers the letters: plainly, on another port and id */
                if (!a->txn)
                        return false;
                a->server->letter_case = DNS_CASE_OFF;
                dns_trace_attempt(a, "changes the letters", now);
                dns_attempt_again(a, DNS_UDP, now);
                return true;
        }
        if (m.header.flags & DNS_FLAG_TC) {
                dns_trace_attempt(a, "has more than a datagram holds", now);
                server_answered(a, now);
                if (a->txn) {
                        learn(a, now);
                        dns_attempt_again(a, DNS_TCP, now);
                } else {
                        orphan_answered(c, a, NULL, now);
                }
                return true;
        }
        (void) reply_whole(c, a, &m, restore_case(a, &m.header, data, size, copy), size, now);
        return true;
}

static DnsAttempt *find_on_stream(
        const List *attempts, const DnsServer *s, DnsTransport transport, const DnsHeader *h)
{
        list_foreach (it, attempts) {
                DnsAttempt *a = list_entry(it, DnsAttempt, link);

                if (a->server == s && a->transport == transport && reply_is_ours(a, h))
                        return a;
        }
        return NULL;
}

int dns_client_stream_message(DnsClient *c, DnsServer *s, DnsTransport transport, const void *data,
        size_t size, usec_t now)
{
        DnsAttempt *a = NULL;
        DnsMessage m;

        if (dns_header_parse(&m.header, data, size) < 0)
                return -EBADMSG;
        a = find_on_stream(&c->orphans, s, transport, &m.header);
        list_foreach (it, &c->running) {
                if (a)
                        break;
                a = find_on_stream(&list_entry(it, DnsTransaction, running)->attempts, s, transport,
                        &m.header);
        }
        if (!a)
                return 0;
        /* where everything fits, half an answer is none */
        if (m.header.flags & DNS_FLAG_TC && a->txn) {
                dns_trace_attempt(a, "sends half an answer", now);
                dns_attempt_useless(a, -EIO, now);
                return 1;
        }
        return reply_whole(c, a, &m, data, size, now);
}

static DnsAttempt *find_bound(const List *attempts, const void *binding)
{
        list_foreach (it, attempts)
                if (list_entry(it, DnsAttempt, link)->binding == binding)
                        return list_entry(it, DnsAttempt, link);
        return NULL;
}

void dns_client_stream_failed(DnsClient *c, const void *binding, int error, usec_t now)
{
        DnsAttempt *a;

        /* each failure takes its attempt off the lists */
        do {
                a = find_bound(&c->orphans, binding);
                list_foreach (it, &c->running)
                        if (!a)
                                a = find_bound(&list_entry(it, DnsTransaction, running)->attempts,
                                        binding);
                if (a)
                        dns_client_attempt_failed(c, a, error, now);
        } while (a);
}

/* A server without TCP: its datagrams were only lost. */
static bool fall_back_to_udp(DnsAttempt *a, usec_t now)
{
        if (!a->for_udp || a->txn->current != a)
                return false;
        a->server->tcp_until = 0;
        dns_attempt_again(a, DNS_UDP, now);
        return true;
}

/* TLS that does not come about where it is not required: the same server, plainly. */
static bool fall_back_from_tls(DnsAttempt *a, usec_t now)
{
        if (a->transport != DNS_TLS || a->server->privacy != DNS_PRIVACY_OPPORTUNISTIC || !a->txn)
                return false;
        dns_server_tls_failed(a->server, a->designations, now);
        dns_attempt_again(a, dns_server_transport(a->server, now), now);
        return true;
}

void dns_client_attempt_failed(DnsClient *c, DnsAttempt *a, int error, usec_t now)
{
        DnsTransaction *t = a->txn;

        if (!a->pending)
                return;
        if (!t) {
                dns_attempt_close(c, a);
                return;
        }
        dns_trace_attempt(a, dns_trace_error(error), now);
        /* REQ_DNS 32: the connection broke under it; once more on a new one, and as often as one
         * had first served others */
        if (a->transport != DNS_UDP && (error == -EPIPE || (error == -ECONNRESET && !a->retried))) {
                bool retried = a->retried || error == -ECONNRESET, for_udp = a->for_udp;
                DnsAttempt *again;

                /* it brought somebody else's answer, so this comes to an end */
                t->packets -= error == -EPIPE;
                again = dns_attempt_again(a, a->transport, now);
                if (again) {
                        again->retried = retried;
                        again->for_udp = for_udp;
                }
                return;
        }
        if (fall_back_from_tls(a, now) || fall_back_to_udp(a, now))
                return;
        /* our own trouble says nothing about the server */
        if (error == -EMFILE || error == -ENFILE || error == -ENOBUFS || error == -ENOMEM) {
                if (dns_transaction_wait(a))
                        return;
        } else {
                dns_server_lost(a->server, now);
        }
        dns_attempt_useless(
                a, error == -ENETUNREACH || error == -EHOSTUNREACH ? -ENETUNREACH : -EIO, now);
}
