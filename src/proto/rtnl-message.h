/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * rtnetlink messages: bytes to plain values and back. Pure; libmnl's macros do the layout, every
 * length is checked here (REQ_DHCP 45) and what is not known is skipped. Netlink is in host order.
 */
#include "util/addr.h"
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#define RTNL_HOPS_MAX    8
#define RTNL_DNS_MAX     8
#define RTNL_REQUEST_MAX 512
#define RTNL_FOREVER     UINT32_MAX /* a lifetime in seconds */

typedef struct RtnlLink RtnlLink;
struct RtnlLink {
        int ifindex;
        char name[IFNAMSIZ]; /* empty: the message says nothing of it */
        uint8_t mac[32];
        uint8_t mac_len;
        uint16_t arp_type;      /* ARPHRD_* */
        uint32_t mtu;           /* 0: not said */
        uint32_t max_mtu;       /* 0: not said, or no bound */
        uint32_t flags;         /* IFF_* */
        uint8_t operstate;      /* IF_OPER_* */
        uint32_t carrier_downs; /* how often carrier was lost */
        bool is_inet6; /* from IPv6 (RTNLGRP_IPV6_IFINFO): of the rest, only inet6_flags counts */
        bool has_inet6_flags;
        uint32_t inet6_flags; /* IF_RA_MANAGED and the like */
};

typedef struct RtnlAddress RtnlAddress;
struct RtnlAddress {
        int ifindex;
        IpPrefix prefix;  /* the local address, with the network's length */
        IpAddr peer;      /* AF_UNSPEC: none */
        IpAddr broadcast; /* AF_UNSPEC: none */
        uint32_t flags;   /* IFA_F_* */
        uint8_t scope;
        uint8_t protocol;                  /* IFAPROT_*; 0 on kernels that have none */
        uint32_t metric;                   /* of the prefix's route; 0: the kernel's default */
        uint32_t valid_sec, preferred_sec; /* RTNL_FOREVER */
};

typedef struct RtnlHop RtnlHop;
struct RtnlHop {
        int ifindex;
        IpAddr gateway; /* AF_UNSPEC: on the link; may be of the other family (RTA_VIA) */
        bool on_link;
};

typedef struct RtnlRoute RtnlRoute;
struct RtnlRoute {
        IpPrefix dst; /* any/0: the default route */
        RtnlHop hops[RTNL_HOPS_MAX];
        size_t n_hops;
        IpAddr source; /* preferred source; AF_UNSPEC: none */
        uint32_t metric, table, mtu;
        uint8_t protocol, scope, type; /* RTPROT_, RT_SCOPE_, RTN_ */
        bool cloned;                   /* a cache entry, not a route */
};

typedef struct RtnlError RtnlError;
struct RtnlError {
        int error;      /* 0: acknowledged; else negative errno */
        char text[128]; /* the kernel's words, printable; may be empty */
};

typedef enum RtnlNdKind { RTNL_ND_RDNSS, RTNL_ND_DNSSL, RTNL_ND_PORTAL } RtnlNdKind;

/* An option of a router advertisement that the kernel leaves to us. */
typedef struct RtnlNd RtnlNd;
struct RtnlNd {
        int ifindex;
        RtnlNdKind kind;
        uint32_t lifetime_sec;        /* 0: withdrawn; a portal has none */
        IpAddr servers[RTNL_DNS_MAX]; /* RDNSS */
        size_t n_servers;
        char domains[RTNL_DNS_MAX][254]; /* DNSSL: valid host names only */
        size_t n_domains;
        char portal[256]; /* URI, checked for printable ASCII only */
};

typedef enum RtnlKind {
        RTNL_IGNORED, /* well-formed, of no interest */
        RTNL_LINK,
        RTNL_ADDRESS,
        RTNL_ROUTE,
        RTNL_ERROR, /* the answer to a request: refused or acknowledged */
        RTNL_DONE,  /* end of a dump */
        RTNL_OVERRUN,
        RTNL_ND,
} RtnlKind;

typedef struct RtnlMessage RtnlMessage;
struct RtnlMessage {
        RtnlKind kind;
        bool removed;     /* RTM_DEL* */
        bool replaced;    /* a new route took the place of another, which is not told of */
        bool interrupted; /* part of a dump during which something changed: ask again */
        uint32_t seq, port;
        union {
                RtnlLink link;
                RtnlAddress address;
                RtnlRoute route;
                RtnlError error;
                RtnlNd nd;
        };
};

/* Takes the next message from a datagram of the kernel; `data` must be aligned to 4. 1: there was
 * one (`ret`), 0: there is none, -EBADMSG: this one or the rest is malformed; the place has moved
 * behind it, so that one may go on. */
int rtnl_next(const uint8_t *data, size_t size, size_t *pos, RtnlMessage *ret);

/* A request of ours. Every request asks for an acknowledgement but the dumps, which end in DONE. */
typedef struct RtnlRequest RtnlRequest;
struct RtnlRequest {
        _Alignas(8) uint8_t data[RTNL_REQUEST_MAX];
        size_t size;
};

/* type: RTM_GETLINK, RTM_GETADDR or RTM_GETROUTE. */
void rtnl_build_dump(RtnlRequest *ret, uint32_t seq, uint16_t type, int family);
void rtnl_build_link_up(RtnlRequest *ret, uint32_t seq, int ifindex);
/* Lets another address of a network step in for a first one that is taken away, instead of all of
 * them going with it. */
void rtnl_build_link_promote(RtnlRequest *ret, uint32_t seq, int ifindex);
void rtnl_build_link_mtu(RtnlRequest *ret, uint32_t seq, int ifindex, uint32_t mtu);
/* Adds or replaces: what is there gets the new lifetimes and flags. */
void rtnl_build_address_set(RtnlRequest *ret, uint32_t seq, const RtnlAddress *a);
void rtnl_build_address_del(RtnlRequest *ret, uint32_t seq, const RtnlAddress *a);
/* A unicast route of one hop (hops[0]), beside what others have for that destination. */
void rtnl_build_route_set(RtnlRequest *ret, uint32_t seq, const RtnlRoute *route);
void rtnl_build_route_del(RtnlRequest *ret, uint32_t seq, const RtnlRoute *route);
