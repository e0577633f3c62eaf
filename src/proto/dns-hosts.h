/* SPDX-License-Identifier: MIT */
#pragma once
/* hosts(5): names to addresses and back. Lines that make no sense are skipped, as everywhere. */
#include "proto/dns-name.h"
#include "util/error.h"

/* Beyond this a file is no hosts file; entries past it are ignored. */
#define DNS_HOSTS_MAX      262144
#define DNS_HOSTS_FILE_MAX (8u << 20)

typedef struct DnsHosts DnsHosts;

int dns_hosts_parse(DnsHosts **ret, const char *text, size_t size);
DnsHosts *dns_hosts_free(DnsHosts *h);
DEFINE_CLEANUP(DnsHosts, dns_hosts_free)
/* Fills up to `max` addresses in the order of the file and returns how many there are for the name,
 * of any family; 0 when the file does not know it. */
size_t dns_hosts_addresses(const DnsHosts *h, const DnsName *name, IpAddr *ret, size_t max);
/* The same in the other direction; the first is the canonical one. */
size_t dns_hosts_names(const DnsHosts *h, const IpAddr *addr, DnsName *ret, size_t max);
