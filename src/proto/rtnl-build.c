/* SPDX-License-Identifier: MIT */
/* Requests. Each fits RTNL_REQUEST_MAX by far: the largest, a route, has eight small attributes. */
#include "proto/rtnl-message.h"
#include <assert.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <string.h>

static struct nlmsghdr *request_begin(RtnlRequest *ret, uint32_t seq, uint16_t type, uint16_t flags)
{
        struct nlmsghdr *h;

        memset(ret, 0, sizeof(*ret));
        h = mnl_nlmsg_put_header(ret->data);
        h->nlmsg_type = type;
        h->nlmsg_flags = NLM_F_REQUEST | flags;
        h->nlmsg_seq = seq;
        return h;
}

static void request_end(RtnlRequest *ret, const struct nlmsghdr *h)
{
        assert(h->nlmsg_len <= sizeof(ret->data));
        ret->size = h->nlmsg_len;
}

static void put(struct nlmsghdr *h, uint16_t type, const void *data, size_t size)
{
        bool fits = mnl_attr_put_check(h, RTNL_REQUEST_MAX, type, size, data);

        assert(fits);
        (void) fits;
}

static void put_u32(struct nlmsghdr *h, uint16_t type, uint32_t v)
{
        put(h, type, &v, sizeof(v));
}

static void put_ip(struct nlmsghdr *h, uint16_t type, const IpAddr *addr)
{
        if (addr->family != AF_UNSPEC)
                put(h, type, addr->bytes, ip_size(addr->family));
}

void rtnl_build_dump(RtnlRequest *ret, uint32_t seq, uint16_t type, int family)
{
        struct nlmsghdr *h = request_begin(ret, seq, type, NLM_F_DUMP);

        /* the header that each type wants begins with the family */
        if (type == RTM_GETLINK)
                *(struct ifinfomsg *) mnl_nlmsg_put_extra_header(h, sizeof(struct ifinfomsg)) =
                        (struct ifinfomsg){ .ifi_family = (uint8_t) family };
        else if (type == RTM_GETADDR)
                *(struct ifaddrmsg *) mnl_nlmsg_put_extra_header(h, sizeof(struct ifaddrmsg)) =
                        (struct ifaddrmsg){ .ifa_family = (uint8_t) family };
        else
                *(struct rtmsg *) mnl_nlmsg_put_extra_header(h, sizeof(struct rtmsg)) =
                        (struct rtmsg){ .rtm_family = (uint8_t) family };
        if (type == RTM_GETLINK)
                put_u32(h, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
        request_end(ret, h);
}

void rtnl_build_link_up(RtnlRequest *ret, uint32_t seq, int ifindex)
{
        struct nlmsghdr *h = request_begin(ret, seq, RTM_NEWLINK, NLM_F_ACK);
        struct ifinfomsg *info = mnl_nlmsg_put_extra_header(h, sizeof(*info));

        info->ifi_index = ifindex;
        info->ifi_flags = info->ifi_change = IFF_UP;
        request_end(ret, h);
}

void rtnl_build_link_mtu(RtnlRequest *ret, uint32_t seq, int ifindex, uint32_t mtu)
{
        struct nlmsghdr *h = request_begin(ret, seq, RTM_NEWLINK, NLM_F_ACK);
        struct ifinfomsg *info = mnl_nlmsg_put_extra_header(h, sizeof(*info));

        info->ifi_index = ifindex;
        put_u32(h, IFLA_MTU, mtu);
        request_end(ret, h);
}

void rtnl_build_link_promote(RtnlRequest *ret, uint32_t seq, int ifindex)
{
        struct nlmsghdr *h = request_begin(ret, seq, RTM_NEWLINK, NLM_F_ACK);
        struct ifinfomsg *info = mnl_nlmsg_put_extra_header(h, sizeof(*info));
        struct nlattr *spec, *inet, *conf;

        info->ifi_index = ifindex;
        spec = mnl_attr_nest_start(h, IFLA_AF_SPEC);
        inet = mnl_attr_nest_start(h, AF_INET);
        conf = mnl_attr_nest_start(h, IFLA_INET_CONF);
        put_u32(h, IPV4_DEVCONF_PROMOTE_SECONDARIES, 1);
        mnl_attr_nest_end(h, conf);
        mnl_attr_nest_end(h, inet);
        mnl_attr_nest_end(h, spec);
        request_end(ret, h);
}

static struct nlmsghdr *address_begin(
        RtnlRequest *ret, uint32_t seq, uint16_t type, uint16_t flags, const RtnlAddress *a)
{
        struct nlmsghdr *h = request_begin(ret, seq, type, flags | NLM_F_ACK);
        struct ifaddrmsg *msg = mnl_nlmsg_put_extra_header(h, sizeof(*msg));

        msg->ifa_family = (uint8_t) a->prefix.addr.family;
        msg->ifa_prefixlen = a->prefix.length;
        msg->ifa_flags = (uint8_t) a->flags;
        msg->ifa_scope = a->scope;
        msg->ifa_index = (uint32_t) a->ifindex;
        put_ip(h, IFA_LOCAL, &a->prefix.addr);
        put_ip(h, IFA_ADDRESS, a->peer.family != AF_UNSPEC ? &a->peer : &a->prefix.addr);
        return h;
}

void rtnl_build_address_set(RtnlRequest *ret, uint32_t seq, const RtnlAddress *a)
{
        struct nlmsghdr *h = address_begin(ret, seq, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, a);
        struct ifa_cacheinfo info = { .ifa_prefered = a->preferred_sec, .ifa_valid = a->valid_sec };

        put_ip(h, IFA_BROADCAST, &a->broadcast);
        put_u32(h, IFA_FLAGS, a->flags);
        put(h, IFA_CACHEINFO, &info, sizeof(info));
        if (a->metric > 0)
                put_u32(h, IFA_RT_PRIORITY, a->metric);
        if (a->protocol)
                put(h, IFA_PROTO, &a->protocol, sizeof(a->protocol));
        request_end(ret, h);
}

void rtnl_build_address_del(RtnlRequest *ret, uint32_t seq, const RtnlAddress *a)
{
        request_end(ret, address_begin(ret, seq, RTM_DELADDR, 0, a));
}

static void put_gateway(struct nlmsghdr *h, const IpAddr *gateway, int family)
{
        uint8_t via[2 + 16];
        uint16_t via_family = (uint16_t) gateway->family;

        if (gateway->family == family || gateway->family == AF_UNSPEC) {
                put_ip(h, RTA_GATEWAY, gateway);
                return;
        }
        memcpy(via, &via_family, sizeof(via_family));
        memcpy(via + 2, gateway->bytes, ip_size(gateway->family));
        put(h, RTA_VIA, via, 2 + ip_size(gateway->family));
}

static void build_route(
        RtnlRequest *ret, uint32_t seq, uint16_t type, uint16_t flags, const RtnlRoute *route)
{
        struct nlmsghdr *h = request_begin(ret, seq, type, flags | NLM_F_ACK);
        struct rtmsg *msg = mnl_nlmsg_put_extra_header(h, sizeof(*msg));
        const RtnlHop *hop = &route->hops[0];

        msg->rtm_family = (uint8_t) route->dst.addr.family;
        msg->rtm_dst_len = route->dst.length;
        msg->rtm_table = route->table < 256 ? (uint8_t) route->table : RT_TABLE_UNSPEC;
        msg->rtm_protocol = route->protocol;
        msg->rtm_scope = route->scope;
        msg->rtm_type = route->type;
        msg->rtm_flags = hop->on_link ? RTNH_F_ONLINK : 0;
        if (route->dst.length > 0)
                put_ip(h, RTA_DST, &route->dst.addr);
        put_u32(h, RTA_TABLE, route->table);
        put_u32(h, RTA_OIF, (uint32_t) hop->ifindex);
        put_u32(h, RTA_PRIORITY, route->metric);
        put_gateway(h, &hop->gateway, route->dst.addr.family);
        put_ip(h, RTA_PREFSRC, &route->source);
        if (route->mtu > 0) {
                struct nlattr *nest = mnl_attr_nest_start(h, RTA_METRICS);

                put_u32(h, RTAX_MTU, route->mtu);
                mnl_attr_nest_end(h, nest);
        }
        request_end(ret, h);
}

/* NLM_F_REPLACE would take the place of somebody else's route of the same metric. */
void rtnl_build_route_set(RtnlRequest *ret, uint32_t seq, const RtnlRoute *route)
{
        build_route(ret, seq, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_APPEND, route);
}

void rtnl_build_route_del(RtnlRequest *ret, uint32_t seq, const RtnlRoute *route)
{
        build_route(ret, seq, RTM_DELROUTE, 0, route);
}
