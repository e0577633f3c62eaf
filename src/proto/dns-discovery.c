/* SPDX-License-Identifier: MIT */
/*
 * Discovery of designated resolvers (RFC 9462, REQ_DNS 37): where TLS is taken as it comes, a
 * server that has answered is asked once which TLS server speaks for it. That one is used when its
 * certificate names the address of the server that designates it, or, since no public certificate
 * does that for a private address, when it is at that very address.
 */
#include "proto/dns-client-internal.h"
#include "proto/dns-special.h"
#include "proto/dns-svcb.h"
#include <string.h>

#define AGAIN_MIN (5 * USEC_PER_MIN)
#define PORT_DOT  853

void dns_discovery_consider(DnsClient *c, DnsServer *s, DnsTransport by, usec_t now)
{
        if (s->privacy != DNS_PRIVACY_OPPORTUNISTIC || now < s->ddr_at)
                return;
        /* what comes says when to ask again; if nothing comes, then */
        s->ddr_at = now + AGAIN_MIN;
        /* it is asked, not the one it has designated so far */
        if (by != DNS_TLS || s->designation.is_set)
                by = DNS_UDP;
        dns_attempt_discover(c, s, &DNS_NAME_DDR, DNS_TYPE_SVCB, by, now);
}

void dns_discovery_truncated(DnsClient *c, const DnsAttempt *a, usec_t now)
{
        Reader r = READER_INIT(a->packet, a->size);
        DnsName name;

        reader_seek(&r, DNS_HEADER_SIZE);
        if (a->transport == DNS_UDP && dns_name_read_plain(&r, &name) == 0)
                dns_attempt_discover(c, a->server, &name, reader_u16(&r), DNS_TCP, now);
}

/* Addresses of the name that came along or were asked for; they are worth what the certificate
 * behind them is. */
static void add_addresses(DnsSvcb *svcb, const DnsMessage *m, const DnsName *owner)
{
        for (size_t i = 0; i < m->n_records && svcb->n_addrs < DNS_SVCB_ADDRS_MAX; i++) {
                const DnsRecord *rr = &m->records[i];
                DnsName name;

                dns_message_owner(m, rr, &name);
                if (rr->class == DNS_CLASS_IN && rr->section != DNS_AUTHORITY &&
                        (rr->type == DNS_TYPE_A || rr->type == DNS_TYPE_AAAA) &&
                        dns_name_equal(&name, owner))
                        svcb->addrs[svcb->n_addrs++] =
                                ip_from_bytes(rr->type == DNS_TYPE_A ? AF_INET : AF_INET6,
                                        m->data + rr->data_pos, rr->data_len);
        }
}

/* The server's own address, else one of its family, else the first. Nobody designates what listens
 * on this machine, least of all a port of his choice. */
static const IpAddr *choose_address(const DnsSvcb *svcb, const IpAddr *own)
{
        const IpAddr *family = NULL, *first = NULL;

        for (size_t i = 0; i < svcb->n_addrs; i++) {
                const IpAddr *a = &svcb->addrs[i];

                if (ip_equal(a, own))
                        return a;
                if (!ip_is_other_host(a))
                        continue;
                if (!first)
                        first = a;
                if (!family && a->family == own->family)
                        family = a;
        }
        return family ? family : first;
}

static void designate(DnsServer *s, const DnsSvcb *svcb, const IpAddr *addr)
{
        char text[DNS_NAME_TEXT_MAX];
        DnsDesignation d = { .is_set = true };

        dns_name_to_text(&svcb->target, text);
        if (strlen(text) >= sizeof(d.endpoint.name))
                return;
        strcpy(d.endpoint.name, text);
        d.endpoint.addr = *addr;
        d.endpoint.port = svcb->port ? svcb->port : PORT_DOT;
        d.endpoint.ifindex = s->endpoint.ifindex;
        /* RFC 9462 4.3: nobody can vouch for a private address; it may only stay the same */
        d.verify = !ip_is_private(&s->endpoint.addr) || !ip_equal(addr, &s->endpoint.addr);
        dns_server_designate(s, &d);
}

/* RFC 9462 4: a target of its own, never "." (which would be the name that was asked for). */
static bool is_usable(const DnsSvcb *svcb)
{
        return svcb->priority > 0 && svcb->dot && !svcb->foreign && svcb->target.len > 1 &&
               dns_name_is_host(&svcb->target);
}

/* The best of the records: the least priority. */
static bool choose_record(const DnsAnswer *answer, DnsSvcb *ret)
{
        Reader r = READER_INIT(answer->data, answer->size);
        DnsAnswerRecord rr;
        bool found = false;

        while (dns_answer_next(&r, &rr)) {
                DnsSvcb svcb;

                if (rr.type != DNS_TYPE_SVCB || dns_svcb_parse(&svcb, rr.data, rr.data_size) < 0 ||
                        !is_usable(&svcb) || (found && svcb.priority >= ret->priority))
                        continue;
                *ret = svcb;
                found = true;
        }
        return found;
}

/* The designation came: as it is, or its address is to be asked for. */
static void on_designation(DnsClient *c, const DnsAttempt *a, const DnsMessage *m, usec_t now)
{
        DnsServer *s = a->server;
        _cleanup_(dns_answer_unrefp) DnsAnswer *answer = NULL;
        const DnsDesignation none = { 0 };
        const IpAddr *addr;
        DnsSvcb svcb;

        if (dns_answer_from_message(&answer, m, &DNS_NAME_DDR, DNS_TYPE_SVCB, DNS_CLASS_IN) < 0)
                return;
        s->ddr_at = now + MAX(AGAIN_MIN, MIN(answer->ttl, DNS_TTL_MAX) * USEC_PER_SEC);
        if (m->rcode != DNS_RCODE_NOERROR || !choose_record(answer, &svcb)) {
                dns_server_designate(s, &none);
                return;
        }
        add_addresses(&svcb, m, &svcb.target);
        addr = choose_address(&svcb, &s->endpoint.addr);
        s->ddr_port = svcb.port;
        if (addr)
                designate(s, &svcb, addr);
        else
                dns_attempt_discover(c, s, &svcb.target,
                        s->endpoint.addr.family == AF_INET ? DNS_TYPE_A : DNS_TYPE_AAAA,
                        a->transport, now);
}

static void on_address(DnsServer *s, const DnsMessage *m)
{
        const DnsHeader *h = &m->header;
        _cleanup_(dns_answer_unrefp) DnsAnswer *answer = NULL;
        DnsSvcb svcb = { .target = h->qname, .port = s->ddr_port };
        const IpAddr *addr;
        DnsName final;

        if (dns_answer_from_message(&answer, m, &h->qname, h->qtype, DNS_CLASS_IN) < 0)
                return;
        dns_answer_final(answer, &final);
        add_addresses(&svcb, m, &final);
        addr = choose_address(&svcb, &s->endpoint.addr);
        if (addr)
                designate(s, &svcb, addr);
}

void dns_discovery_answered(DnsClient *c, const DnsAttempt *a, const DnsMessage *m, usec_t now)
{
        if (m->rcode != DNS_RCODE_NOERROR && m->rcode != DNS_RCODE_NXDOMAIN)
                return;
        if (m->header.qtype == DNS_TYPE_SVCB)
                on_designation(c, a, m, now);
        else if (m->header.has_question)
                on_address(a->server, m);
}
