/* SPDX-License-Identifier: MIT */
#pragma once
/* What network.c, network-state.c and the links share. */
#include "helper/link.h"
#include "helper/network.h"
#include "helper/suspend.h"

/* The best default route of a family, and the addresses that sockets may be bound to. */
typedef struct NetworkUplink NetworkUplink;
struct NetworkUplink {
        int ifindex; /* 0: none */
        IpAddr gateway;
        uint32_t metric;
};

typedef struct NetworkBound NetworkBound;
struct NetworkBound {
        int ifindex;
        IpAddr addr;
};

enum { NETWORK_BOUND_MAX = 4096 };

typedef struct NetworkSnapshot NetworkSnapshot;
struct NetworkSnapshot {
        NetworkUplink uplinks[2]; /* IPv4, IPv6 */
        NetworkBound *bound;
        size_t n_bound;
};

struct Network {
        struct lws_context *cx;
        struct lws_vhost *vhost;
        Thread *thread;
        const Settings *settings;
        Rtnl *rtnl;
        OwnerWatch owner_watch;
        SuspendWatch suspend_watch;
        bool synced; /* once */
        bool syncing;

        List links;   /* by ifindex */
        Link **index; /* the same, to look one up among hundreds */
        size_t n_links, index_allocated;
        List watches;
        ListWalk watch_walk;
        Timer touch_timer;

        Hold *coldplug, *dhcp;

        uint64_t epoch, epoch_digest;
        bool epoch_resumes; /* what there was before a restart is in `epoch_digest` */
        bool epoch_changed; /* to be told */
        NetworkSnapshot snapshot;
        Timer epoch_timer; /* something was lost; counts unless it is back by then */
};

/* After a suspend: leases, routers and servers are asked again. */
void network_resumed(Network *network);

/* network-state.c: pure judgement of the links */
void network_judge(Network *network);
void network_update_epoch(Network *network, usec_t now);
void network_epoch_init(Network *network);
void network_snapshot_clear(NetworkSnapshot *s);
