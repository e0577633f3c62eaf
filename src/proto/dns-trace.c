/* SPDX-License-Identifier: MIT */
/* What is written down of a look-up that wants to know (DNS_LOOKUP_TRACE). */
#include "proto/dns-client-internal.h"

static DnsStep *add_step(DnsPart *part, const char *what, usec_t now)
{
        DnsLookup *l = part->lookup;
        DnsStep *step;

        if (!l->steps || l->n_steps == DNS_STEPS_MAX)
                return NULL;
        step = &l->steps[l->n_steps++];
        *step = (DnsStep){ .at = usec_sub(now, l->started), .type = part->type, .what = what };
        return step;
}

void dns_trace_part(DnsPart *part, const char *what, usec_t now)
{
        (void) add_step(part, what, now);
}

void dns_trace_attempt(const DnsAttempt *a, const char *what, usec_t now)
{
        if (!a->txn || !a->txn->is_traced)
                return;
        list_foreach (it, &a->txn->waiters) {
                DnsStep *step = add_step(list_entry(it, DnsPart, waiter), what, now);

                if (!step)
                        continue;
                step->has_server = true;
                step->server = a->server->endpoint;
                step->transport = a->transport;
        }
}

const char *dns_trace_rcode(unsigned rcode)
{
        switch (rcode) {
        case DNS_RCODE_FORMERR:
                return "says FORMERR";
        case DNS_RCODE_SERVFAIL:
                return "says SERVFAIL";
        case DNS_RCODE_NOTIMP:
                return "says NOTIMP";
        case DNS_RCODE_REFUSED:
                return "says REFUSED";
        case DNS_RCODE_BADVERS:
                return "says BADVERS";
        case DNS_RCODE_BADCOOKIE:
                return "says BADCOOKIE";
        default:
                return "says that it failed";
        }
}

const char *dns_trace_error(int error)
{
        switch (error) {
        case -ECONNREFUSED:
                return "refuses connections";
        case -ENETUNREACH:
        case -EHOSTUNREACH:
                return "is out of reach";
        case -ETIMEDOUT:
                return "does not connect";
        case -EPROTO:
                return "fails at TLS";
        case -EPIPE:
        case -ECONNRESET:
                return "closed the connection";
        default:
                return "cannot be asked";
        }
}
