/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What a link should have, brought into the kernel as a difference. Each source (configuration, a
 * DHCP client) says what it wants on a link; apply.c compares with what the kernel reports and
 * sends only what differs: new before old, so that a changed address replaces the old one and a
 * renewal never takes one away. What nobody here put there is never touched; what we did put there
 * is known again after a restart by its protocol (addresses: IFA_PROTO or lifetime, routes:
 * RTPROT_DHCP, RTPROT_STATIC) and goes when no source wants it any more.
 */
#include "helper/network.h"

enum {
        APPLY_ADDRESSES_MAX = 32,
        APPLY_ROUTES_MAX = 128,
};

typedef struct ApplyAddress ApplyAddress;
struct ApplyAddress {
        IpPrefix prefix;  /* the address with the network's length; IPv6 from DHCP: /128 */
        IpAddr broadcast; /* AF_UNSPEC: the kernel's default, the last of the network */
        IpAddr peer;      /* AF_UNSPEC: none */
        /* CLOCK_BOOTTIME deadlines; USEC_INFINITY: forever */
        usec_t valid_until_usec, preferred_until_usec;
        bool taken; /* apply.c: somebody removed it */
};

typedef struct ApplyRoute ApplyRoute;
struct ApplyRoute {
        IpPrefix dst;    /* length 0: the default route; host bits are cut off */
        IpAddr gateway;  /* AF_UNSPEC: the destination is on the link */
        bool on_link;    /* the gateway is reachable though no address covers it */
        IpAddr source;   /* preferred source; AF_UNSPEC: the kernel chooses */
        uint32_t metric; /* 0: the link's (Metric=), or 1024 */
        uint32_t mtu;    /* 0: the link's */
        bool taken;
};

typedef struct ApplyConfig ApplyConfig;
struct ApplyConfig {
        const ApplyAddress *addresses;
        size_t n_addresses;
        const ApplyRoute *routes;
        size_t n_routes;
        /* 0, or out of the bounds of the device and of IP: leave it alone */
        uint32_t mtu;
};

/* The kernel has all of it (0), or refused something (negative errno, the first one). Never called
 * inside the call that asked, and not at all when a later apply_set() or apply_flush() of the same
 * source comes first. */
typedef void (*ApplyFn)(Link *link, FactSource source, int error, void *userdata);

/* Replaces what `source` wants on a link; the contents are copied. `fn` may be NULL. -E2BIG when it
 * is over the limits above. */
int apply_set(Link *link, FactSource source, const ApplyConfig *config, ApplyFn fn, void *userdata);
/* The source wants nothing any more: its addresses and routes leave the kernel. */
void apply_flush(Link *link, FactSource source);
/* The source goes away but what it wanted stays in the kernel (a stop of the daemon). */
void apply_forget(Link *link, FactSource source);
