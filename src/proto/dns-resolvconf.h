/* SPDX-License-Identifier: MIT */
#pragma once
/* resolv.conf(5), read and written. */
#include "proto/dns-name.h"
#include "util/error.h"

#define DNS_SERVERS_MAX 32
#define DNS_SEARCH_MAX  6
#define DNS_NDOTS_MAX   15

typedef struct DnsResolvConf DnsResolvConf;
struct DnsResolvConf {
        Endpoint servers[DNS_SERVERS_MAX];
        size_t n_servers;
        DnsName search[DNS_SEARCH_MAX];
        size_t n_search;
        unsigned ndots;
};

/* Never fails: what cannot be read is skipped, the last of `search` and `domain` counts. */
void dns_resolvconf_parse(DnsResolvConf *ret, const char *text, size_t size);
/* The file in words of resolv.conf(5) behind a header line; -ENOBUFS. */
int dns_resolvconf_format(const DnsResolvConf *c, const char *header, char *buf, size_t size);
