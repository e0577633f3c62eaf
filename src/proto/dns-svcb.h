/* SPDX-License-Identifier: MIT */
#pragma once
/* The data of an SVCB record (RFC 9460), as far as a resolver that is asked over TLS needs it (RFC
 * 9461). */
#include "proto/dns-name.h"

#define DNS_SVCB_ADDRS_MAX 8

typedef struct DnsSvcb DnsSvcb;
struct DnsSvcb {
        uint16_t priority; /* 0: an alias, the rest says nothing */
        DnsName target;
        bool dot;      /* speaks DNS over TLS */
        bool foreign;  /* needs something that we do not know: not to be used */
        uint16_t port; /* 0: the protocol's own */
        IpAddr addrs[DNS_SVCB_ADDRS_MAX];
        size_t n_addrs;
};

/* -EBADMSG for what breaks the rules in any place. */
int dns_svcb_parse(DnsSvcb *ret, const void *data, size_t size);
/* Only the parameters, up to the end. */
int dns_svcb_read_params(DnsSvcb *s, Reader *r);
