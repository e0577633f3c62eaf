/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The network as it is: links, their addresses and default routes as the kernel reports them, and
 * what each source (configuration, leases, router advertisements) says should be used there.
 *
 * Writers: helper/link.c (from rtnetlink) and the DHCP clients (network_set_facts()). Readers: DNS
 * and NTP (servers), the captive portal check, the daemon (objects on the bus). Changes of one turn
 * of the loop are told together, at the next turn, through watches. All on thread 0.
 */
#include "core/context.h"
#include "helper/settings.h"
#include "util/list.h"

typedef struct Network Network;
typedef struct Link Link;
typedef struct NetworkWatch NetworkWatch;

typedef enum FactSource {
        FACT_SOURCE_STATIC,
        FACT_SOURCE_DHCP4,
        FACT_SOURCE_DHCP6,
        FACT_SOURCE_RA,
        _FACT_SOURCE_MAX,
} FactSource;

/* What one source says about a link. Plain data, which network_set_facts() takes over. */
typedef struct LinkFacts LinkFacts;
struct LinkFacts {
        EndpointList dns, resolvers; /* the latter by TLS, with the name to be shown (DNR) */
        HostPortList ntp;
        StringList domains;
        char *captive_portal; /* URI, NULL for none */
        IpAddr server;        /* lease server; AF_UNSPEC for none */
        usec_t expires_usec;  /* CLOCK_BOOTTIME; USEC_INFINITY: never, 0: no lease */
};
void link_facts_clear(LinkFacts *facts);

typedef struct LinkAddress LinkAddress;
struct LinkAddress {
        IpPrefix prefix;
        bool tentative; /* IPv6 DAD still runs or has failed: not usable */
        bool ours;      /* we put it there */
        bool leased;    /* ours from DHCP */
};

typedef struct LinkGateway LinkGateway;
struct LinkGateway {
        IpAddr addr; /* AF_UNSPEC family with `on_link`: a default route without gateway */
        int family;
        uint32_t metric;
};

typedef struct LinkState LinkState; /* helper/link.c */

struct Link {
        List link; /* Network.links, by ifindex */
        Network *network;
        int ifindex;
        char name[IFNAMSIZ];
        uint8_t mac[32];
        uint8_t mac_len;
        uint16_t arp_type;     /* ARPHRD_* */
        uint32_t mtu, max_mtu; /* max_mtu 0: no bound known */
        uint32_t flags;        /* IFF_* */
        bool carrier;          /* IFF_LOWER_UP and operstate UP or UNKNOWN */
        bool loopback;
        bool managed;                 /* a [Link] section says so and no other manager owns it */
        const LinkSettings *settings; /* NULL: observed only */
        const char
                *dhcp_state; /* a literal: "", "selecting", "bound", ... for people and the bus */
        LinkAddress *addresses;
        size_t n_addresses;
        LinkGateway *gateways;
        size_t n_gateways;
        LinkFacts facts[_FACT_SOURCE_MAX];
        /* what keeps DHCP from a lease, for Waiting; empty code: nothing */
        char wait_code[32];
        char wait_why[128];
        usec_t wait_next_try_usec; /* CLOCK_MONOTONIC */
        LinkState *state;          /* clients, timers, what is applied; private to links */
};

struct NetworkWatch {
        List link;
        /* Anything about links changed. `epoch_changed`: open sockets may be stale, for the network
         * is another one or the machine slept. */
        void (*changed)(NetworkWatch *watch, bool epoch_changed);
};

/* Takes the requirement holds of IFACE_COLDPLUG and DHCP. `settings` must stay until
 * network_reload() or network_free(). */
int network_new(Network **ret, struct lws_context *cx, const Settings *settings);
/* Listens to rtnetlink and asks it what there is: the links come in one of the next turns. */
int network_start(Network *network);
Network *network_free(Network *network);
int network_reload(Network *network, const Settings *settings);

Thread *network_thread(const Network *network);
struct lws_vhost *network_vhost(const Network *network);
const Settings *network_settings(const Network *network);

void network_watch_link(Network *network, NetworkWatch *watch);
void network_watch_unlink(NetworkWatch *watch);

/* The context it was made in: whoever is given a Network needs nothing else to start. */
struct lws_context *network_context(const Network *network);
uint64_t network_epoch(const Network *network);
/* What tells the network of this epoch from others. */
uint64_t network_epoch_digest(const Network *network);
/* Both as the last run left them: it is the same epoch if the network is what it was. */
void network_epoch_resume(Network *network, uint64_t epoch, uint64_t digest);
Link *network_link_by_index(Network *network, int ifindex);
Link *network_link_by_name(Network *network, const char *name);
/* Iterate with list_foreach(it, network_links(n)) and list_entry(it, Link, link). */
List *network_links(Network *network);

/* Replaces what `source` says about a link; the contents are moved out of `facts`. */
void network_set_facts(Link *link, FactSource source, LinkFacts *facts);
/* Fields of a Link were changed by its owner: tell the watches at the next turn. */
void network_touch(Network *network);

/* Renew() and Release() of org.lwsd1.Link; -EOPNOTSUPP when no DHCP runs there. */
int network_link_renew(Link *link);
int network_link_release(Link *link);
