/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * DHCPv4 messages (RFC 2131, options of RFC 2132 and later): bytes to values and back. Nothing is
 * decided here but what the bytes mean; whether a reply is wanted is for proto/dhcp4-machine.
 */
#include "proto/dnr.h"
#include "util/buf.h"
#include <netinet/in.h>

#define DHCP4_SERVER_PORT 67
#define DHCP4_CLIENT_PORT 68
/* What every host takes without fragments (RFC 2132 9.10); we build nothing longer. */
#define DHCP4_SIZE_MAX      548
#define DHCP4_CLIENT_ID_MAX 64
#define DHCP4_SERVERS_MAX   8
#define DHCP4_ROUTES_MAX    128
#define DHCP4_SEARCH_SIZE   1024
#define DHCP4_PORTAL_SIZE   256
#define DHCP4_INFINITE      UINT32_MAX

typedef enum Dhcp4Type {
        DHCP4_NONE, /* BOOTP, or nothing we know */
        DHCP4_DISCOVER,
        DHCP4_OFFER,
        DHCP4_REQUEST,
        DHCP4_DECLINE,
        DHCP4_ACK,
        DHCP4_NAK,
        DHCP4_RELEASE,
        DHCP4_INFORM,
        DHCP4_FORCERENEW,
        _DHCP4_TYPE_MAX,
} Dhcp4Type;

enum {
        DHCP4_OPTION_PAD = 0,
        DHCP4_OPTION_SUBNET_MASK = 1,
        DHCP4_OPTION_ROUTER = 3,
        DHCP4_OPTION_DNS = 6,
        DHCP4_OPTION_HOST_NAME = 12,
        DHCP4_OPTION_DOMAIN = 15,
        DHCP4_OPTION_MTU = 26,
        DHCP4_OPTION_STATIC_ROUTE = 33,
        DHCP4_OPTION_NTP = 42,
        DHCP4_OPTION_REQUESTED = 50,
        DHCP4_OPTION_LEASE_TIME = 51,
        DHCP4_OPTION_OVERLOAD = 52,
        DHCP4_OPTION_TYPE = 53,
        DHCP4_OPTION_SERVER = 54,
        DHCP4_OPTION_PARAMETERS = 55,
        DHCP4_OPTION_MESSAGE = 56,
        DHCP4_OPTION_MAX_SIZE = 57,
        DHCP4_OPTION_T1 = 58,
        DHCP4_OPTION_T2 = 59,
        DHCP4_OPTION_CLIENT_ID = 61,
        DHCP4_OPTION_RAPID_COMMIT = 80,
        DHCP4_OPTION_V6ONLY = 108,
        DHCP4_OPTION_PORTAL = 114,
        DHCP4_OPTION_SEARCH = 119,
        DHCP4_OPTION_CLASSLESS_ROUTE = 121,
        DHCP4_OPTION_DNR = 162,
        DHCP4_OPTION_CLASSLESS_ROUTE_MS = 249,
        DHCP4_OPTION_END = 255,
};

typedef struct Dhcp4Route Dhcp4Route;
struct Dhcp4Route {
        struct in_addr destination, gateway; /* gateway 0.0.0.0: on the link */
        uint8_t prefix_length;
};

/* What a server configures; all of it is checked and bounded, absent is zero. */
typedef struct Dhcp4Options Dhcp4Options;
struct Dhcp4Options {
        uint8_t prefix_length; /* of option 1, or by class where it is missing */
        uint8_t n_dns, n_ntp, n_routes;
        uint16_t mtu;
        struct in_addr dns[DHCP4_SERVERS_MAX], ntp[DHCP4_SERVERS_MAX];
        /* 121 or else 249; where neither is usable, 33 and the first router of 3 (RFC 3442) */
        Dhcp4Route routes[DHCP4_ROUTES_MAX];
        char search[DHCP4_SEARCH_SIZE];         /* 15, then 119; blanks between */
        char captive_portal[DHCP4_PORTAL_SIZE]; /* an https URI */
        DnrList resolvers;
};

typedef struct Dhcp4Message Dhcp4Message;
struct Dhcp4Message {
        uint8_t op, htype, hlen;
        uint32_t xid;
        uint16_t secs, flags;
        struct in_addr ciaddr, yiaddr, siaddr, giaddr;
        uint8_t chaddr[16];
        Dhcp4Type type;
        struct in_addr server;    /* 54 */
        struct in_addr requested; /* 50 */
        bool has_mask, has_lease_time, has_t1, has_t2, has_v6only, rapid_commit;
        bool classless;                      /* the routes are those of 121 or 249 */
        uint32_t lease_time, t1, t2, v6only; /* seconds */
        uint8_t client_id[255];
        uint8_t client_id_size; /* 0: absent */
        char text[128];         /* 56, made printable */
        Dhcp4Options options;
};

/* The UDP payload. 0, or -EBADMSG when it is no BOOTP message with the DHCP cookie. A broken option
 * counts as absent and breaks nothing else; `type` is DHCP4_NONE without a whole option 53. */
int dhcp4_message_parse(const void *data, size_t size, Dhcp4Message *ret);

/* Who we are: the same in every message of a client's life (RFC 2131 4.2). */
typedef struct Dhcp4Identity Dhcp4Identity;
struct Dhcp4Identity {
        uint8_t htype;
        uint8_t mac_size; /* over 16 (InfiniBand): hlen 0 and no chaddr, RFC 4390 */
        uint8_t mac[32];
        uint8_t client_id[DHCP4_CLIENT_ID_MAX];
        uint8_t client_id_size;
        char host_name[65]; /* empty: not sent */
        bool rapid_commit;  /* offer it in DISCOVER */
        bool v6only;        /* say that we can do without IPv4 (RFC 8925) */
};

/* REQ_DHCP 10, 13, 15: a reply to the pending exchange of this client, with the name of its server
 * (an address that can be asked) and not made out to another client identifier. */
bool dhcp4_reply_is_for(const Dhcp4Message *m, const Dhcp4Identity *id, uint32_t xid);
/* REQ_DHCP 14: an address that a host may have in its subnet and the server itself has not, for a
 * time that is not zero. */
bool dhcp4_message_has_lease(const Dhcp4Message *m);

/* One message to send; zero fields are absent. */
typedef struct Dhcp4Outgoing Dhcp4Outgoing;
struct Dhcp4Outgoing {
        Dhcp4Type type;
        uint32_t xid;
        uint16_t secs;
        bool broadcast; /* to everyone with no source address; else unicast to `to` from ciaddr */
        struct in_addr to;
        struct in_addr ciaddr, requested, server;
};

/* The size, or -EMSGSIZE. */
int dhcp4_message_build(
        const Dhcp4Outgoing *out, const Dhcp4Identity *id, uint8_t *buf, size_t size);

struct in_addr dhcp4_length_to_mask(uint8_t length);
/* A host may have it: no network zero, loopback, multicast or broadcast. */
bool dhcp4_address_is_valid(struct in_addr a);
