/* SPDX-License-Identifier: MIT */
#pragma once
/* IP addresses, prefixes and endpoints as text and as values. No name is ever looked up here. */
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

typedef struct IpAddr IpAddr;
struct IpAddr {
        int family; /* AF_INET, AF_INET6, AF_UNSPEC when none */
        union {
                struct in_addr v4;
                struct in6_addr v6;
                uint8_t bytes[16]; /* network order; the first 4 for AF_INET */
        };
};

typedef struct IpPrefix IpPrefix;
struct IpPrefix {
        IpAddr addr;
        uint8_t length;
};

/* Where to send: an address, a port (0: the protocol's own), the link of a scoped address and the
 * name that TLS shall verify (both empty when absent). */
typedef struct Endpoint Endpoint;
struct Endpoint {
        IpAddr addr;
        uint16_t port;
        int ifindex; /* filled by whoever knows links; 0: none */
        char ifname[IFNAMSIZ];
        char name[256];
};

#define IP_ADDR_STRLEN  INET6_ADDRSTRLEN
#define ENDPOINT_STRLEN (INET6_ADDRSTRLEN + IFNAMSIZ + 256 + 12)

static inline size_t ip_size(int family)
{
        return family == AF_INET ? 4 : family == AF_INET6 ? 16 : 0;
}

static inline IpAddr ip_from_v4(uint32_t network_order)
{
        return (IpAddr){ .family = AF_INET, .v4 = { network_order } };
}

/* Builds from raw bytes in network order; AF_UNSPEC when the size fits no family. */
IpAddr ip_from_bytes(int family, const void *bytes, size_t size);
bool ip_equal(const IpAddr *a, const IpAddr *b);
int ip_cmp(const IpAddr *a, const IpAddr *b);
bool ip_is_any(const IpAddr *a);
bool ip_is_loopback(const IpAddr *a);
bool ip_is_link_local(const IpAddr *a);
/* Of a network of somebody's own (RFC 1918, 4193), of the link or of this machine. */
bool ip_is_private(const IpAddr *a);
bool ip_is_multicast(const IpAddr *a);
/* May be a host's on a network: neither this one's own, nor nobody's, nor that of many. */
bool ip_is_other_host(const IpAddr *a);
/* `1.2.3.4`, `fe80::1`; 0 or -EINVAL. */
int ip_parse(const char *s, IpAddr *ret);
const char *ip_format(const IpAddr *a, char buf[static IP_ADDR_STRLEN]);
bool ip_in_prefix(const IpAddr *a, const IpPrefix *p);
/* `10.0.0.1/24`; the length is required. Host bits are kept. */
int ip_prefix_parse(const char *s, IpPrefix *ret);

/* `1.2.3.4`, `1.2.3.4:53`, `fe80::1%eth0`, `[fe80::1%eth0]:53`, each with `#NAME`; 0 or -EINVAL. */
int endpoint_parse(const char *s, Endpoint *ret);
const char *endpoint_format(const Endpoint *e, char buf[static ENDPOINT_STRLEN]);
bool endpoint_equal(const Endpoint *a, const Endpoint *b);

typedef union SockAddr SockAddr;
union SockAddr {
        struct sockaddr sa;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
        struct sockaddr_storage storage;
};

/* Fills `ret` and returns its length; `port` is used where the endpoint has none. */
socklen_t endpoint_to_sockaddr(const Endpoint *e, uint16_t port, SockAddr *ret);
/* The address of a received datagram; AF_UNSPEC for a family we do not know. */
IpAddr ip_from_sockaddr(const SockAddr *sa, socklen_t len);
Endpoint endpoint_from_sockaddr(const SockAddr *sa, socklen_t len);
