/* SPDX-License-Identifier: MIT */
#include "proto/rtnl-message.h"
#include "proto/rtnl-nd.h"
#include "util/error.h"
#include "util/text.h"
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <string.h>

/* -- Attributes -------------------------------------------------------------------------------- */

/* Fills a table by type; unknown types are skipped, the last of several counts. False when a
 * length leads out of the bounds. */
static bool attrs_parse(const void *start, size_t size, const struct nlattr **table, size_t n_table)
{
        const struct nlattr *attr = start;
        int left = (int) size;

        memset(table, 0, n_table * sizeof(*table));
        while (mnl_attr_ok(attr, left)) {
                uint16_t type = mnl_attr_get_type(attr);

                if (type < n_table)
                        table[type] = attr;
                left -= (int) MNL_ALIGN(attr->nla_len);
                attr = mnl_attr_next(attr);
        }
        /* the padding of the last one may be missing */
        return left <= 0;
}

static bool attrs_of_message(
        const struct nlmsghdr *h, size_t header_size, const struct nlattr **table, size_t n_table)
{
        size_t size = mnl_nlmsg_get_payload_len(h), offset = MNL_ALIGN(header_size);

        if (size < header_size)
                return false;
        if (size <= offset) {
                memset(table, 0, n_table * sizeof(*table));
                return true;
        }
        return attrs_parse(
                (const uint8_t *) mnl_nlmsg_get_payload(h) + offset, size - offset, table, n_table);
}

/* Zero when absent or too short: the kernel's own default for all that is read here. */
static uint32_t attr_u32(const struct nlattr *attr)
{
        return attr && mnl_attr_get_payload_len(attr) >= sizeof(uint32_t) ? mnl_attr_get_u32(attr)
                                                                          : 0;
}

static uint8_t attr_u8(const struct nlattr *attr)
{
        return attr && mnl_attr_get_payload_len(attr) >= 1 ? mnl_attr_get_u8(attr) : 0;
}

static IpAddr attr_ip(const struct nlattr *attr, int family)
{
        if (!attr || mnl_attr_get_payload_len(attr) != ip_size(family))
                return (IpAddr){ .family = AF_UNSPEC };
        return ip_from_bytes(family, mnl_attr_get_payload(attr), ip_size(family));
}

/* -- Links ------------------------------------------------------------------------------------- */

static bool parse_inet6(const struct nlattr *nest, RtnlLink *link)
{
        const struct nlattr *attrs[IFLA_INET6_FLAGS + 1];

        if (!attrs_parse(mnl_attr_get_payload(nest), mnl_attr_get_payload_len(nest), attrs,
                    ELEMENTSOF(attrs)))
                return false;
        if (attrs[IFLA_INET6_FLAGS]) {
                link->has_inet6_flags = true;
                link->inet6_flags = attr_u32(attrs[IFLA_INET6_FLAGS]);
        }
        return true;
}

/* A dump nests by family, a notification of IPv6 has its part alone. */
static bool parse_link_families(const struct nlattr *const *attrs, RtnlLink *link)
{
        const struct nlattr *families[AF_INET6 + 1];

        if (link->is_inet6)
                return !attrs[IFLA_PROTINFO] || parse_inet6(attrs[IFLA_PROTINFO], link);
        if (!attrs[IFLA_AF_SPEC])
                return true;
        if (!attrs_parse(mnl_attr_get_payload(attrs[IFLA_AF_SPEC]),
                    mnl_attr_get_payload_len(attrs[IFLA_AF_SPEC]), families, ELEMENTSOF(families)))
                return false;
        return !families[AF_INET6] || parse_inet6(families[AF_INET6], link);
}

static bool parse_link(const struct nlmsghdr *h, RtnlMessage *ret)
{
        const struct nlattr *attrs[IFLA_MAX_MTU + 1];
        const struct ifinfomsg *info = mnl_nlmsg_get_payload(h);
        RtnlLink *link = &ret->link;

        if (!attrs_of_message(h, sizeof(*info), attrs, ELEMENTSOF(attrs)) || info->ifi_index <= 0)
                return false;
        if (info->ifi_family != AF_UNSPEC && info->ifi_family != AF_INET6)
                return true; /* a bridge's view of its port: not of interest */
        *link = (RtnlLink){
                .ifindex = info->ifi_index,
                .arp_type = info->ifi_type,
                .flags = info->ifi_flags,
                .mtu = attr_u32(attrs[IFLA_MTU]),
                .max_mtu = attr_u32(attrs[IFLA_MAX_MTU]),
                .operstate = attr_u8(attrs[IFLA_OPERSTATE]),
                .carrier_downs = attr_u32(attrs[IFLA_CARRIER_DOWN_COUNT]),
                .is_inet6 = info->ifi_family == AF_INET6,
        };
        if (attrs[IFLA_IFNAME]) {
                size_t size = mnl_attr_get_payload_len(attrs[IFLA_IFNAME]);

                memcpy(link->name, mnl_attr_get_payload(attrs[IFLA_IFNAME]),
                        MIN(size, sizeof(link->name) - 1));
        }
        if (attrs[IFLA_ADDRESS] &&
                mnl_attr_get_payload_len(attrs[IFLA_ADDRESS]) <= sizeof(link->mac)) {
                link->mac_len = (uint8_t) mnl_attr_get_payload_len(attrs[IFLA_ADDRESS]);
                memcpy(link->mac, mnl_attr_get_payload(attrs[IFLA_ADDRESS]), link->mac_len);
        }
        if (!parse_link_families(attrs, link))
                return false;
        ret->kind = RTNL_LINK;
        return true;
}

/* -- Addresses --------------------------------------------------------------------------------- */

static bool parse_address(const struct nlmsghdr *h, RtnlMessage *ret)
{
        const struct nlattr *attrs[IFA_PROTO + 1];
        const struct ifaddrmsg *msg = mnl_nlmsg_get_payload(h);
        RtnlAddress *a = &ret->address;
        IpAddr address;

        if (!attrs_of_message(h, sizeof(*msg), attrs, ELEMENTSOF(attrs)))
                return false;
        if (ip_size(msg->ifa_family) == 0)
                return true;
        if (msg->ifa_index == 0 || msg->ifa_index > INT32_MAX ||
                msg->ifa_prefixlen > ip_size(msg->ifa_family) * 8)
                return false;
        address = attr_ip(attrs[IFA_ADDRESS], msg->ifa_family);
        *a = (RtnlAddress){
                .ifindex = (int) msg->ifa_index,
                .prefix = { .addr = attr_ip(attrs[IFA_LOCAL], msg->ifa_family),
                        .length = msg->ifa_prefixlen },
                .broadcast = attr_ip(attrs[IFA_BROADCAST], msg->ifa_family),
                .flags = attrs[IFA_FLAGS] ? attr_u32(attrs[IFA_FLAGS]) : msg->ifa_flags,
                .scope = msg->ifa_scope,
                .protocol = attr_u8(attrs[IFA_PROTO]),
                .metric = attr_u32(attrs[IFA_RT_PRIORITY]),
                .valid_sec = RTNL_FOREVER,
                .preferred_sec = RTNL_FOREVER,
        };
        /* with a peer, IFA_ADDRESS is the other end's */
        if (a->prefix.addr.family == AF_UNSPEC)
                a->prefix.addr = address;
        else if (!ip_equal(&a->prefix.addr, &address))
                a->peer = address;
        if (a->prefix.addr.family == AF_UNSPEC)
                return false;
        if (attrs[IFA_CACHEINFO] &&
                mnl_attr_get_payload_len(attrs[IFA_CACHEINFO]) >= sizeof(struct ifa_cacheinfo)) {
                struct ifa_cacheinfo info;

                memcpy(&info, mnl_attr_get_payload(attrs[IFA_CACHEINFO]), sizeof(info));
                a->valid_sec = info.ifa_valid;
                a->preferred_sec = info.ifa_prefered;
        }
        ret->kind = RTNL_ADDRESS;
        return true;
}

/* -- Routes ------------------------------------------------------------------------------------ */

/* RTA_VIA: a family, then an address of it. */
static IpAddr attr_via(const struct nlattr *attr)
{
        uint16_t family;

        if (!attr || mnl_attr_get_payload_len(attr) < sizeof(family))
                return (IpAddr){ .family = AF_UNSPEC };
        memcpy(&family, mnl_attr_get_payload(attr), sizeof(family));
        if (ip_size(family) == 0 ||
                mnl_attr_get_payload_len(attr) != sizeof(family) + ip_size(family))
                return (IpAddr){ .family = AF_UNSPEC };
        return ip_from_bytes(family, (const uint8_t *) mnl_attr_get_payload(attr) + sizeof(family),
                ip_size(family));
}

static IpAddr hop_gateway(const struct nlattr *const *attrs, int family)
{
        return attrs[RTA_GATEWAY] ? attr_ip(attrs[RTA_GATEWAY], family) : attr_via(attrs[RTA_VIA]);
}

static bool parse_multipath(const struct nlattr *nest, int family, RtnlRoute *route)
{
        const uint8_t *p = mnl_attr_get_payload(nest);
        size_t left = mnl_attr_get_payload_len(nest);

        while (left > 0) {
                const struct nlattr *attrs[RTA_VIA + 1];
                struct rtnexthop hop;

                if (left < sizeof(hop))
                        return false;
                memcpy(&hop, p, sizeof(hop));
                if (hop.rtnh_len < sizeof(hop) || hop.rtnh_len > left ||
                        !attrs_parse(p + sizeof(hop), hop.rtnh_len - sizeof(hop), attrs,
                                ELEMENTSOF(attrs)))
                        return false;
                if (route->n_hops < RTNL_HOPS_MAX)
                        route->hops[route->n_hops++] = (RtnlHop){
                                .ifindex = hop.rtnh_ifindex,
                                .gateway = hop_gateway(attrs, family),
                                .on_link = hop.rtnh_flags & RTNH_F_ONLINK,
                        };
                p += MIN(left, NLMSG_ALIGN((size_t) hop.rtnh_len));
                left -= MIN(left, NLMSG_ALIGN((size_t) hop.rtnh_len));
        }
        return true;
}

static bool parse_route_metrics(const struct nlattr *nest, RtnlRoute *route)
{
        const struct nlattr *attrs[RTAX_MTU + 1];

        if (!attrs_parse(mnl_attr_get_payload(nest), mnl_attr_get_payload_len(nest), attrs,
                    ELEMENTSOF(attrs)))
                return false;
        route->mtu = attr_u32(attrs[RTAX_MTU]);
        return true;
}

static bool parse_route(const struct nlmsghdr *h, RtnlMessage *ret)
{
        const struct nlattr *attrs[RTA_VIA + 1];
        const struct rtmsg *msg = mnl_nlmsg_get_payload(h);
        RtnlRoute *route = &ret->route;
        uint32_t oif;

        if (!attrs_of_message(h, sizeof(*msg), attrs, ELEMENTSOF(attrs)))
                return false;
        if (ip_size(msg->rtm_family) == 0)
                return true;
        if (msg->rtm_dst_len > ip_size(msg->rtm_family) * 8)
                return false;
        *route = (RtnlRoute){
                .dst = { .addr = attr_ip(attrs[RTA_DST], msg->rtm_family),
                        .length = msg->rtm_dst_len },
                .source = attr_ip(attrs[RTA_PREFSRC], msg->rtm_family),
                .metric = attr_u32(attrs[RTA_PRIORITY]),
                .table = attrs[RTA_TABLE] ? attr_u32(attrs[RTA_TABLE]) : msg->rtm_table,
                .protocol = msg->rtm_protocol,
                .scope = msg->rtm_scope,
                .type = msg->rtm_type,
                .cloned = msg->rtm_flags & RTM_F_CLONED,
        };
        if (route->dst.addr.family == AF_UNSPEC) {
                if (route->dst.length > 0)
                        return false;
                route->dst.addr.family = msg->rtm_family;
        }
        oif = attr_u32(attrs[RTA_OIF]);
        if (oif > 0 && oif <= INT32_MAX)
                route->hops[route->n_hops++] = (RtnlHop){
                        .ifindex = (int) oif,
                        .gateway = hop_gateway(attrs, msg->rtm_family),
                        .on_link = msg->rtm_flags & RTNH_F_ONLINK,
                };
        if (attrs[RTA_METRICS] && !parse_route_metrics(attrs[RTA_METRICS], route))
                return false;
        if (attrs[RTA_MULTIPATH] && !parse_multipath(attrs[RTA_MULTIPATH], msg->rtm_family, route))
                return false;
        ret->kind = RTNL_ROUTE;
        return true;
}

/* -- Answers ----------------------------------------------------------------------------------- */

static bool parse_error(const struct nlmsghdr *h, RtnlMessage *ret)
{
        const struct nlattr *attrs[NLMSGERR_ATTR_MSG + 1];
        size_t size = mnl_nlmsg_get_payload_len(h), skip;
        const uint8_t *payload = mnl_nlmsg_get_payload(h);
        struct nlmsgerr err;
        char text[sizeof(ret->error.text)] = "";

        if (size < sizeof(err))
                return false;
        memcpy(&err, payload, sizeof(err));
        ret->kind = RTNL_ERROR;
        ret->error = (RtnlError){ .error = err.error > 0 ? -err.error : err.error };
        if (!(h->nlmsg_flags & NLM_F_ACK_TLVS))
                return true;
        /* behind the header of the request, or behind all of it */
        skip = sizeof(err);
        if (!(h->nlmsg_flags & NLM_F_CAPPED) && err.msg.nlmsg_len > sizeof(err.msg))
                skip += NLMSG_ALIGN((size_t) err.msg.nlmsg_len) - sizeof(err.msg);
        if (skip > size || !attrs_parse(payload + skip, size - skip, attrs, ELEMENTSOF(attrs)))
                return true; /* the words are lost, what they are about is not */
        if (attrs[NLMSGERR_ATTR_MSG]) {
                size_t n = mnl_attr_get_payload_len(attrs[NLMSGERR_ATTR_MSG]);

                memcpy(text, mnl_attr_get_payload(attrs[NLMSGERR_ATTR_MSG]),
                        MIN(n, sizeof(text) - 1));
                text_copy(ret->error.text, sizeof(ret->error.text), text);
        }
        return true;
}

static bool parse_nd(const struct nlmsghdr *h, RtnlMessage *ret)
{
        size_t size = mnl_nlmsg_get_payload_len(h);
        const struct nduseroptmsg *msg = mnl_nlmsg_get_payload(h);
        Reader options;

        if (size < sizeof(*msg) || msg->nduseropt_opts_len > size - sizeof(*msg) ||
                msg->nduseropt_ifindex <= 0)
                return false;
        if (msg->nduseropt_family != AF_INET6)
                return true;
        options =
                READER_INIT((const uint8_t *) msg + sizeof(*msg), (size_t) msg->nduseropt_opts_len);
        if (rtnl_nd_parse(&options, &ret->nd)) {
                ret->nd.ifindex = msg->nduseropt_ifindex;
                ret->kind = RTNL_ND;
        }
        return true;
}

static bool parse_message(const struct nlmsghdr *h, RtnlMessage *ret)
{
        switch (h->nlmsg_type) {
        case NLMSG_ERROR:
                return parse_error(h, ret);
        case NLMSG_DONE:
                ret->kind = RTNL_DONE;
                return true;
        case NLMSG_OVERRUN:
                ret->kind = RTNL_OVERRUN;
                return true;
        case RTM_NEWLINK:
        case RTM_DELLINK:
                ret->removed = h->nlmsg_type == RTM_DELLINK;
                return parse_link(h, ret);
        case RTM_NEWADDR:
        case RTM_DELADDR:
                ret->removed = h->nlmsg_type == RTM_DELADDR;
                return parse_address(h, ret);
        case RTM_NEWROUTE:
        case RTM_DELROUTE:
                ret->removed = h->nlmsg_type == RTM_DELROUTE;
                ret->replaced = !ret->removed && (h->nlmsg_flags & NLM_F_REPLACE);
                return parse_route(h, ret);
        case RTM_NEWNDUSEROPT:
                return parse_nd(h, ret);
        default:
                return true;
        }
}

int rtnl_next(const uint8_t *data, size_t size, size_t *pos, RtnlMessage *ret)
{
        const struct nlmsghdr *h = (const struct nlmsghdr *) (data + *pos);
        size_t left = size - *pos;
        RtnlMessage message;

        if (left == 0)
                return 0;
        /* mnl_nlmsg_ok() takes a length of 2 GiB or more for a negative one */
        if (left < sizeof(*h) || h->nlmsg_len < sizeof(*h) || h->nlmsg_len > left ||
                left > INT32_MAX) {
                *pos = size;
                return -EBADMSG;
        }
        *pos += MIN(left, NLMSG_ALIGN((size_t) h->nlmsg_len));
        memset(&message, 0, sizeof(message));
        message.interrupted = h->nlmsg_flags & NLM_F_DUMP_INTR;
        message.seq = h->nlmsg_seq;
        message.port = h->nlmsg_pid;
        if (!parse_message(h, &message))
                return -EBADMSG;
        *ret = message;
        return 1;
}
