/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * One link: its mirror of the kernel (addresses, routes of interest) and, where it is managed, the
 * life of its clients by carrier, router flags and settings. Private to network.c, link*.c and
 * apply.c.
 */
#include "core/timer.h"
#include "core/wsi.h"
#include "helper/apply.h"
#include "helper/dhcp4.h"
#include "helper/dhcp6.h"
#include "helper/rtnl.h"
#include "util/clock.h"

enum {
        LINK_ADDRESSES_MAX = 1024, /* that are mirrored; more are the kernel's alone */
        LINK_ROUTES_MAX = 1024,
        /* IFA_PROTO and rtm_protocol of what is ours */
        LINK_PROTO_STATIC = RTPROT_STATIC,
        LINK_PROTO_DHCP = RTPROT_DHCP,
        LINK_METRIC_DEFAULT = 1024,
};

typedef struct MirrorAddress MirrorAddress;
struct MirrorAddress {
        RtnlAddress address;
        usec_t told_usec; /* CLOCK_BOOTTIME; its lifetimes count from here */
        bool seen;        /* in the dump that runs */
        bool leaving;     /* we asked the kernel to take it away */
};

/* One hop of a default route, or of a route that is ours. */
typedef struct MirrorRoute MirrorRoute;
struct MirrorRoute {
        RtnlRoute route;
        bool seen, leaving;
};

/* What one source wants; see apply.h. */
typedef struct ApplySource ApplySource;
struct ApplySource {
        bool spoken; /* has said what it wants: what else is its own goes */
        ApplyAddress *addresses;
        size_t n_addresses;
        ApplyRoute *routes;
        size_t n_routes;
        uint32_t mtu;
        ApplyFn fn; /* NULL when there is nobody to tell any more */
        void *userdata;
        bool waiting;     /* fn is still to be called */
        unsigned pending; /* requests without an answer */
        int error;
        uint32_t generation; /* answers to an earlier one are of no interest */
};

typedef enum LinkRaKind { LINK_RA_DNS, LINK_RA_DOMAIN, LINK_RA_PORTAL } LinkRaKind;

enum { LINK_RA_FACTS_MAX = 16 };

typedef struct LinkRaFact LinkRaFact;
struct LinkRaFact {
        LinkRaKind kind;
        usec_t expires_usec;
        IpAddr server;
        char text[256]; /* domain or URI */
};

struct LinkState {
        Link *link;
        bool seen;
        bool dirty; /* something in the mirror changed since the last look */
        uint8_t operstate;
        uint32_t inet6_flags;
        const char *owner; /* another manager that has it; a literal, NULL: none */

        MirrorAddress *addresses;
        size_t n_addresses;
        MirrorRoute *routes;
        size_t n_routes;

        /* as of the last look, to see edges; `blip`: carrier was lost since, if only for a moment
         */
        bool was_up, had_carrier, blip, link_changed, mac_changed, lost_address;
        uint32_t carrier_downs;

        Dhcp4Client *dhcp4;
        Dhcp6Client *dhcp6;
        bool dhcp4_runs;
        Dhcp6Mode dhcp6_mode;
        IpAddr dhcp6_source;
        Timer carrier_timer; /* lost for CarrierLossSec */

        ApplySource apply[_FACT_SOURCE_MAX];
        Timer apply_timer;   /* somebody is to be told */
        unsigned in_flight;  /* requests of any source without an answer */
        bool apply_due;      /* something was compared while the mirror was behind */
        uint32_t mtu_before; /* ours; 0: we did not change it */
        uint32_t mtu_asked;  /* the link's when the kernel has answered; 0: as the mirror says */

        LinkRaFact ra[LINK_RA_FACTS_MAX];
        size_t n_ra;
        Timer ra_timer;
        Timer solicit_timer;
        unsigned solicits_left;
};

/* link.c */
int link_new(Link **ret, Network *network, const RtnlLink *info);
/* Its settings by its name; while the old ones are still there to be compared with. */
void link_set_settings(Link *link, const LinkSettings *settings);
/* Silently: what it has in the kernel stays. */
Link *link_free(Link *link);
void link_on_info(Link *link, const RtnlLink *info);
/* The machine slept: as after a moment without carrier. */
void link_on_resume(Link *link);
/* Looks at what changed: public fields, settings, owner, carrier; starts and stops clients. */
void link_update(Link *link);
void link_mark_dirty(Link *link);

/* link-mirror.c */
void link_on_address(Link *link, const RtnlAddress *address, bool removed);
/* `route` has one hop, on this link. */
void link_on_route(Link *link, const RtnlRoute *route, bool removed);
/* Forgets mirrored routes that the kernel dropped without a word. */
void link_forget_routes(Link *link);
void link_sync_begin(Link *link);
void link_sync_end(Link *link);
/* How many mirrored routes share destination and metric; the first of them is dropped if `drop`. */
size_t link_routes_like(Link *link, const RtnlRoute *route, bool drop);
void link_publish_mirror(Link *link);
/* That we asked the kernel to take one away: who removed it is not somebody else. */
void link_address_leaves(Link *link, const RtnlAddress *address);
void link_route_leaves(Link *link, const RtnlRoute *route);
/* The kernel has answered all: what is still there stays. */
void link_none_leaves(Link *link);
bool link_has_address(const Link *link, const IpAddr *addr);
void link_mirror_free(Link *link);
bool link_route_is_ours(const Link *link, const RtnlRoute *route);

/* link-ra.c */
void link_on_nd(Link *link, const RtnlNd *nd);
void link_ra_forget(Link *link);
void link_ra_init(Link *link);
/* Asks the routers to speak now. */
void link_ra_solicit(Link *link);

/* apply.c */
void apply_init(Link *link);
/* Brings what every source wants into the kernel again: after a resync, after the link came up. */
void apply_all(Link *link);
void apply_on_reply(Link *link, const RtnlTag *tag, int error, const char *text);
void apply_free(Link *link);
/* What the kernel says of one that may be ours: who removed it wants it away, and it is put back
 * when its source says it again, or all of it by apply_again(), when the link comes up. */
void apply_on_address(Link *link, const RtnlAddress *address, bool removed);
void apply_on_route(Link *link, const RtnlRoute *route, bool removed);
void apply_again(Link *link);
/* Is an address that a source wants now not there? */
bool apply_lacks_address(const Link *link, FactSource source, usec_t now);

/* link-static.c */
/* DNS=, NTP=, Domains=: facts of any link that has a section, managed or not. */
void link_static_facts(Link *link);
/* Address=, Gateway=: of managed ones only. */
int link_static_apply(Link *link);

/* link-owner.c */
/* The manager whose run-time files under `run` say that it has the link; a literal, or NULL. */
const char *link_owner_in(const char *run, int ifindex);
/* Tells when such a file has changed. */
typedef struct OwnerWatch OwnerWatch;
struct OwnerWatch {
        bool speaks; /* those files are about our links */
        struct lws *wsi;
        void (*changed)(OwnerWatch *w);
};
int owner_watch_init(
        OwnerWatch *w, struct lws_vhost *vhost, Thread *th, void (*changed)(OwnerWatch *w));
/* Looks for managers that have come since. */
void owner_watch_renew(OwnerWatch *w);
void owner_watch_deinit(OwnerWatch *w);
const char *link_owner(const OwnerWatch *w, int ifindex);
