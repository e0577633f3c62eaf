/* SPDX-License-Identifier: MIT */
#pragma once
/* Names that are answered here and never sent upstream (RFC 6761, 7686, 6762, 9462). */
#include "proto/dns-answer.h"

/* _dns.resolver.arpa, by which a server is asked whom it designates: the only name below
 * resolver.arpa that may be asked for, and only of type SVCB. */
extern const DnsName DNS_NAME_DDR;

/* 1 with an answer; 0: an ordinary name; -ENOMEM. `routed`: a domain of a link covers the name,
 * which lets .local pass. */
int dns_special_answer(DnsAnswer **ret, const DnsName *name, uint16_t type, bool routed);
