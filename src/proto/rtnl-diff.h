/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What must change for a link to have what it should. Pure: two descriptions in, requests out, in
 * an order in which nothing that stays is ever without: new addresses, new routes, then old routes,
 * old addresses. What is there and belongs to none of the owners is left alone (REQ_DHCP 44).
 */
#include "proto/rtnl-message.h"
#include "util/clock.h"

/* Lifetimes as the kernel tells them are compared with this much tolerance, in seconds. */
#define RTNL_DIFF_SLACK_SEC 2

/* Who put something there, by its protocol; family AF_UNSPEC: either. */
typedef struct RtnlOwner RtnlOwner;
struct RtnlOwner {
        unsigned id; /* comes back with the requests */
        int family;
        uint8_t protocol; /* of addresses and routes alike */
};

typedef struct RtnlWantAddress RtnlWantAddress;
struct RtnlWantAddress {
        unsigned owner; /* RtnlOwner.id */
        RtnlAddress address;
        bool taken; /* not put back where it is missing */
};

typedef struct RtnlWantRoute RtnlWantRoute;
struct RtnlWantRoute {
        unsigned owner;
        RtnlRoute route;
        bool taken;
};

typedef struct RtnlWant RtnlWant;
struct RtnlWant {
        const RtnlWantAddress *addresses;
        size_t n_addresses;
        const RtnlWantRoute *routes;
        size_t n_routes;
        /* those who have said what they want: what is theirs and not wanted goes */
        const RtnlOwner *owners;
        size_t n_owners;
};

/* What the kernel has on the link; lifetimes counted from now. */
typedef struct RtnlHave RtnlHave;
struct RtnlHave {
        const RtnlAddress *addresses;
        size_t n_addresses;
        const RtnlRoute *routes;
        size_t n_routes;
};

typedef enum RtnlOpType {
        RTNL_OP_ADDRESS_SET,
        RTNL_OP_ROUTE_SET,
        RTNL_OP_ROUTE_DEL,
        RTNL_OP_ADDRESS_DEL,
} RtnlOpType;

typedef struct RtnlOp RtnlOp;
struct RtnlOp {
        RtnlOpType type;
        unsigned owner;
        const RtnlAddress *address; /* of the one kind */
        const RtnlRoute *route;     /* of the other */
};
typedef void (*RtnlOpFn)(void *userdata, const RtnlOp *op);

void rtnl_diff(const RtnlWant *want, const RtnlHave *have, RtnlOpFn fn, void *userdata);

/* The same object for the kernel? */
bool rtnl_address_is(const RtnlAddress *a, const RtnlAddress *b);
bool rtnl_route_is(const RtnlRoute *a, const RtnlRoute *b);
/* Cuts the host bits of a destination. */
IpPrefix rtnl_network_of(const IpPrefix *p);
/* The last address of an IPv4 network that has one; AF_UNSPEC otherwise. */
IpAddr rtnl_broadcast_of(const IpPrefix *p);
