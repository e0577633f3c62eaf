/* SPDX-License-Identifier: MIT */
#pragma once
/* DHCPv6 messages (RFC 8415): bytes to values and back, as far as a client of addresses goes. */
#include "proto/dnr.h"
#include "util/buf.h"
#include <netinet/in.h>

#define DHCP6_SERVER_PORT   547
#define DHCP6_CLIENT_PORT   546
#define DHCP6_SIZE_MAX      1200 /* of what we send: never a fragment */
#define DHCP6_DUID_MAX      130
#define DHCP6_ADDRESSES_MAX 8
#define DHCP6_SERVERS_MAX   8
#define DHCP6_INFINITE      UINT32_MAX
#define DHCP6_AUTH_SIZE     16

typedef enum Dhcp6Type {
        DHCP6_NONE,
        DHCP6_SOLICIT,
        DHCP6_ADVERTISE,
        DHCP6_REQUEST,
        DHCP6_CONFIRM,
        DHCP6_RENEW,
        DHCP6_REBIND,
        DHCP6_REPLY,
        DHCP6_RELEASE,
        DHCP6_DECLINE,
        DHCP6_RECONFIGURE,
        DHCP6_INFORMATION_REQUEST,
        _DHCP6_TYPE_MAX, /* 12 and 13 are for relays and servers */
} Dhcp6Type;

enum {
        DHCP6_OPTION_CLIENT_ID = 1,
        DHCP6_OPTION_SERVER_ID = 2,
        DHCP6_OPTION_IA_NA = 3,
        DHCP6_OPTION_IA_ADDRESS = 5,
        DHCP6_OPTION_REQUEST = 6,
        DHCP6_OPTION_PREFERENCE = 7,
        DHCP6_OPTION_ELAPSED = 8,
        DHCP6_OPTION_AUTH = 11,
        DHCP6_OPTION_STATUS = 13,
        DHCP6_OPTION_RAPID_COMMIT = 14,
        DHCP6_OPTION_RECONFIGURE = 19,
        DHCP6_OPTION_RECONFIGURE_ACCEPT = 20,
        DHCP6_OPTION_DNS = 23,
        DHCP6_OPTION_SEARCH = 24,
        DHCP6_OPTION_SNTP = 31,
        DHCP6_OPTION_REFRESH_TIME = 32,
        DHCP6_OPTION_NTP = 56,
        DHCP6_OPTION_SOL_MAX_RT = 82,
        DHCP6_OPTION_INF_MAX_RT = 83,
        DHCP6_OPTION_PORTAL = 103,
        DHCP6_OPTION_DNR = 144,
};

typedef enum Dhcp6Status {
        DHCP6_STATUS_SUCCESS,
        DHCP6_STATUS_UNSPEC_FAIL,
        DHCP6_STATUS_NO_ADDRS_AVAIL,
        DHCP6_STATUS_NO_BINDING,
        DHCP6_STATUS_NOT_ON_LINK,
        DHCP6_STATUS_USE_MULTICAST,
        _DHCP6_STATUS_MAX, /* and whatever else a server says: a failure */
} Dhcp6Status;

typedef struct Dhcp6Duid Dhcp6Duid;
struct Dhcp6Duid {
        uint8_t size; /* 0: none */
        uint8_t bytes[DHCP6_DUID_MAX];
};

typedef struct Dhcp6Address Dhcp6Address;
struct Dhcp6Address {
        struct in6_addr address;
        uint32_t preferred, valid; /* seconds */
};

/* What a server configures beside addresses. */
typedef struct Dhcp6Options Dhcp6Options;
struct Dhcp6Options {
        struct in6_addr dns[DHCP6_SERVERS_MAX];
        uint8_t n_dns;
        char search[1024];        /* host names, blanks between */
        char ntp[1024];           /* addresses and host names, blanks between; 56, or else 31 */
        char captive_portal[256]; /* an https URI */
        DnrList resolvers;
};

/* The authentication option, of the reconfigure key protocol only (RFC 8415 20.4). */
enum { DHCP6_AUTH_NONE, DHCP6_AUTH_KEY, DHCP6_AUTH_CODE };
typedef struct Dhcp6Auth Dhcp6Auth;
struct Dhcp6Auth {
        uint8_t type; /* DHCP6_AUTH_* */
        uint64_t replay;
        uint8_t value[DHCP6_AUTH_SIZE];
        size_t value_at; /* where it stands in the message */
};

typedef struct Dhcp6Message Dhcp6Message;
struct Dhcp6Message {
        Dhcp6Type type;
        uint32_t xid;
        Dhcp6Duid client, server;
        Dhcp6Status status; /* of the whole message */
        bool rapid_commit, has_refresh_time;
        uint8_t preference;
        uint32_t refresh_time;
        uint32_t sol_max_rt, inf_max_rt; /* seconds; 0: absent or out of bounds */
        Dhcp6Type reconfigure;           /* what a RECONFIGURE asks for; DHCP6_NONE: nothing */
        Dhcp6Auth auth;
        /* the IA_NA with our IAID; `has_ia` false when absent or broken (T1 > T2 > 0) */
        bool has_ia;
        uint32_t t1, t2;
        Dhcp6Status ia_status;
        Dhcp6Address addresses[DHCP6_ADDRESSES_MAX];
        uint8_t n_addresses;
        Dhcp6Options options;
};

/* 0, or -EBADMSG: shorter than a header, or a type that is not for clients or servers to read. A
 * broken option counts as absent. */
int dhcp6_message_parse(const void *data, size_t size, uint32_t iaid, Dhcp6Message *ret);

typedef struct Dhcp6Identity Dhcp6Identity;
struct Dhcp6Identity {
        Dhcp6Duid duid;
        uint32_t iaid;
        bool rapid_commit;
};

typedef struct Dhcp6Outgoing Dhcp6Outgoing;
struct Dhcp6Outgoing {
        Dhcp6Type type;
        uint32_t xid;
        uint16_t elapsed; /* 1/100 s */
        Dhcp6Duid server; /* empty: to any */
        struct in6_addr addresses[DHCP6_ADDRESSES_MAX];
        uint8_t n_addresses;
};

/* The size, or -EMSGSIZE. */
int dhcp6_message_build(
        const Dhcp6Outgoing *out, const Dhcp6Identity *id, uint8_t *buf, size_t size);
/* What a server may lease. */
bool dhcp6_address_is_valid(const struct in6_addr *a);
bool dhcp6_duid_equal(const Dhcp6Duid *a, const Dhcp6Duid *b);
