/* SPDX-License-Identifier: MIT */
#include "lib/suite.h"
#include "proto/rtnl-message.h"
#include "util/error.h"
#include "util/rng.h"
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <string.h>

typedef struct Buffer Buffer;
struct Buffer {
        _Alignas(8) uint8_t data[4096];
        struct nlmsghdr *h;
};

static void *begin(Buffer *b, uint16_t type, size_t header)
{
        memset(b, 0, sizeof(*b));
        b->h = mnl_nlmsg_put_header(b->data);
        b->h->nlmsg_type = type;
        return mnl_nlmsg_put_extra_header(b->h, header);
}

static RtnlMessage parse_one(const void *data, size_t size)
{
        RtnlMessage m;
        size_t pos = 0;

        ck_assert_int_eq(rtnl_next(data, size, &pos, &m), 1);
        ck_assert_uint_eq(pos, size);
        ck_assert_int_eq(rtnl_next(data, size, &pos, &m), 0);
        return m;
}

static RtnlMessage parse_buffer(const Buffer *b)
{
        return parse_one(b->data, b->h->nlmsg_len);
}

static int parse_fails(const Buffer *b)
{
        RtnlMessage m;
        size_t pos = 0;

        return rtnl_next(b->data, b->h->nlmsg_len, &pos, &m);
}

static IpAddr ip(const char *s)
{
        IpAddr addr;

        ck_assert_int_eq(ip_parse(s, &addr), 0);
        return addr;
}

static IpPrefix prefix(const char *s)
{
        IpPrefix p;

        ck_assert_int_eq(ip_prefix_parse(s, &p), 0);
        return p;
}

#define ck_assert_ip(addr, text)                                                                   \
        do {                                                                                       \
                IpAddr want_ip = ip(text);                                                         \
                ck_assert(ip_equal(&(addr), &want_ip));                                            \
        } while (0)

static void begin_link(Buffer *b)
{
        struct ifinfomsg *info = begin(b, RTM_NEWLINK, sizeof(*info));

        info->ifi_index = 7;
        info->ifi_type = 1;
        info->ifi_flags = IFF_UP | IFF_RUNNING | 0x10000;
        mnl_attr_put_strz(b->h, IFLA_IFNAME, "eth0");
        mnl_attr_put(b->h, IFLA_ADDRESS, 6, "\x02\x00\x00\x00\x00\x01");
        mnl_attr_put_u32(b->h, IFLA_MTU, 1500);
        mnl_attr_put_u8(b->h, IFLA_OPERSTATE, 6);
}

START_TEST(a_link_is_read)
{
        struct nlattr *spec, *inet6;
        RtnlMessage m;
        Buffer b;

        begin_link(&b);
        b.h->nlmsg_flags = NLM_F_DUMP_INTR | NLM_F_MULTI;
        b.h->nlmsg_seq = 99;
        b.h->nlmsg_pid = 4711;
        spec = mnl_attr_nest_start(b.h, IFLA_AF_SPEC);
        inet6 = mnl_attr_nest_start(b.h, AF_INET6);
        mnl_attr_put_u32(b.h, IFLA_INET6_FLAGS, 0x80);
        mnl_attr_nest_end(b.h, inet6);
        mnl_attr_nest_end(b.h, spec);
        mnl_attr_put_u32(b.h, 4000, 1); /* of a later kernel */
        m = parse_buffer(&b);
        ck_assert_int_eq(m.kind, RTNL_LINK);
        ck_assert(m.interrupted);
        ck_assert(!m.removed);
        ck_assert_uint_eq(m.seq, 99);
        ck_assert_uint_eq(m.port, 4711);
        ck_assert_int_eq(m.link.ifindex, 7);
        ck_assert_str_eq(m.link.name, "eth0");
        ck_assert_uint_eq(m.link.mac_len, 6);
        ck_assert_mem_eq(m.link.mac, "\x02\x00\x00\x00\x00\x01", 6);
        ck_assert_uint_eq(m.link.mtu, 1500);
        ck_assert_uint_eq(m.link.operstate, 6);
        ck_assert_uint_eq(m.link.flags, IFF_UP | IFF_RUNNING | 0x10000);
        ck_assert(m.link.has_inet6_flags && !m.link.is_inet6);
        ck_assert_uint_eq(m.link.inet6_flags, 0x80);
        b.h->nlmsg_type = RTM_DELLINK;
        ck_assert(parse_buffer(&b).removed);
}
END_TEST

START_TEST(what_ipv6_and_a_bridge_say_of_a_link_is_told_apart)
{
        struct ifinfomsg *info;
        struct nlattr *nest;
        RtnlMessage m;
        Buffer b;

        info = begin(&b, RTM_NEWLINK, sizeof(*info));
        *info = (struct ifinfomsg){ .ifi_index = 7, .ifi_family = AF_INET6 };
        nest = mnl_attr_nest_start(b.h, IFLA_PROTINFO);
        mnl_attr_put_u32(b.h, IFLA_INET6_FLAGS, 0x40);
        mnl_attr_nest_end(b.h, nest);
        m = parse_buffer(&b);
        ck_assert_int_eq(m.kind, RTNL_LINK);
        ck_assert(m.link.is_inet6 && m.link.has_inet6_flags);
        ck_assert_uint_eq(m.link.inet6_flags, 0x40);
        info = begin(&b, RTM_DELLINK, sizeof(*info));
        *info = (struct ifinfomsg){ .ifi_index = 7, .ifi_family = AF_BRIDGE };
        ck_assert_int_eq(parse_buffer(&b).kind, RTNL_IGNORED);
}
END_TEST

START_TEST(an_over_long_name_or_mac_is_cut_or_left_out)
{
        RtnlMessage m;
        Buffer b;

        begin_link(&b);
        mnl_attr_put_strz(b.h, IFLA_IFNAME, "a-name-of-more-than-sixteen-bytes");
        mnl_attr_put(b.h, IFLA_ADDRESS, 40, b.data);
        m = parse_buffer(&b);
        ck_assert_str_eq(m.link.name, "a-name-of-more-");
        ck_assert_uint_eq(m.link.mac_len, 0);
}
END_TEST

START_TEST(lengths_that_lead_out_are_refused)
{
        struct ifinfomsg *info;
        struct nlattr *nest, *inner;
        Buffer b;

        begin_link(&b);
        ((struct nlattr *) (b.data + 16 + sizeof(*info)))->nla_len = 3;
        ck_assert_int_eq(parse_fails(&b), -EBADMSG);
        begin_link(&b);
        ((struct nlattr *) (b.data + 16 + sizeof(*info)))->nla_len = 4000;
        ck_assert_int_eq(parse_fails(&b), -EBADMSG);
        begin_link(&b);
        nest = mnl_attr_nest_start(b.h, IFLA_AF_SPEC);
        inner = mnl_attr_nest_start(b.h, AF_INET6);
        mnl_attr_put_u32(b.h, IFLA_INET6_FLAGS, 1);
        mnl_attr_nest_end(b.h, inner);
        mnl_attr_nest_end(b.h, nest);
        inner->nla_len = 64; /* beyond its nest, inside the buffer */
        ck_assert_int_eq(parse_fails(&b), -EBADMSG);
        begin_link(&b);
        b.h->nlmsg_len = 15;
        ck_assert_int_eq(parse_fails(&b), -EBADMSG);
        {
                RtnlMessage m;
                size_t pos = 0;

                b.h->nlmsg_len = 0xfffffffe; /* negative for who reads it as int, 0 when aligned */
                ck_assert_int_eq(rtnl_next(b.data, 200, &pos, &m), -EBADMSG);
                ck_assert_uint_eq(pos, 200);
        }
        begin_link(&b);
        b.h->nlmsg_len = 16 + 8; /* less than the header of its type */
        ck_assert_int_eq(parse_fails(&b), -EBADMSG);
        info = begin(&b, RTM_NEWLINK, sizeof(*info));
        ck_assert_int_eq(parse_fails(&b), -EBADMSG); /* ifindex 0 */
        info->ifi_index = 1;
        ck_assert_int_eq(parse_buffer(&b).kind, RTNL_LINK);
}
END_TEST

START_TEST(several_messages_come_one_by_one_and_a_bad_one_is_stepped_over)
{
        _Alignas(8) uint8_t data[600];
        RtnlMessage m;
        size_t size, pos = 0;
        Buffer b;

        begin_link(&b);
        size = b.h->nlmsg_len;
        memcpy(data, b.data, size);
        memcpy(data + size, b.data, size);
        memcpy(data + 2 * size, b.data, size);
        ((struct nlattr *) (data + size + 16 + sizeof(struct ifinfomsg)))->nla_len = 1;
        ck_assert_int_eq(rtnl_next(data, 3 * size, &pos, &m), 1);
        ck_assert_int_eq(rtnl_next(data, 3 * size, &pos, &m), -EBADMSG);
        ck_assert_uint_eq(pos, 2 * size);
        ck_assert_int_eq(rtnl_next(data, 3 * size, &pos, &m), 1);
        ck_assert_int_eq(rtnl_next(data, 3 * size, &pos, &m), 0);
        /* a header that says more than there is ends the datagram */
        pos = 0;
        ck_assert_int_eq(rtnl_next(data, size - 4, &pos, &m), -EBADMSG);
        ck_assert_uint_eq(pos, size - 4);
}
END_TEST

START_TEST(an_address_comes_back_as_it_was_built)
{
        RtnlAddress a = { .ifindex = 3,
                .prefix = prefix("192.0.2.7/24"),
                .broadcast = ip("192.0.2.255"),
                .flags = IFA_F_NOPREFIXROUTE,
                .protocol = 16,
                .valid_sec = 3600,
                .preferred_sec = 1800 };
        RtnlRequest request;
        RtnlMessage m;

        rtnl_build_address_set(&request, 5, &a);
        m = parse_one(request.data, request.size);
        ck_assert_int_eq(m.kind, RTNL_ADDRESS);
        ck_assert_int_eq(m.address.ifindex, 3);
        ck_assert_ip(m.address.prefix.addr, "192.0.2.7");
        ck_assert_uint_eq(m.address.prefix.length, 24);
        ck_assert_ip(m.address.broadcast, "192.0.2.255");
        ck_assert_int_eq(m.address.peer.family, AF_UNSPEC);
        ck_assert_uint_eq(m.address.flags, IFA_F_NOPREFIXROUTE);
        ck_assert_uint_eq(m.address.protocol, 16);
        ck_assert_uint_eq(m.address.valid_sec, 3600);
        ck_assert_uint_eq(m.address.preferred_sec, 1800);
        a.peer = ip("192.0.2.8");
        rtnl_build_address_del(&request, 6, &a);
        m = parse_one(request.data, request.size);
        ck_assert(m.removed);
        ck_assert_ip(m.address.prefix.addr, "192.0.2.7");
        ck_assert_ip(m.address.peer, "192.0.2.8");
        a = (RtnlAddress){ .ifindex = 3,
                .prefix = prefix("2001:db8::1/128"),
                .valid_sec = RTNL_FOREVER,
                .preferred_sec = RTNL_FOREVER };
        rtnl_build_address_set(&request, 5, &a);
        m = parse_one(request.data, request.size);
        ck_assert_ip(m.address.prefix.addr, "2001:db8::1");
        ck_assert_uint_eq(m.address.prefix.length, 128);
        ck_assert_uint_eq(m.address.valid_sec, RTNL_FOREVER);
}
END_TEST

START_TEST(an_address_that_cannot_be_is_refused)
{
        struct ifaddrmsg *msg;
        Buffer b;

        msg = begin(&b, RTM_NEWADDR, sizeof(*msg));
        *msg = (struct ifaddrmsg){ .ifa_family = AF_INET, .ifa_index = 1, .ifa_prefixlen = 33 };
        mnl_attr_put_u32(b.h, IFA_LOCAL, 1);
        ck_assert_int_eq(parse_fails(&b), -EBADMSG);
        msg->ifa_prefixlen = 32;
        ck_assert_int_eq(parse_buffer(&b).kind, RTNL_ADDRESS);
        msg->ifa_index = 0;
        ck_assert_int_eq(parse_fails(&b), -EBADMSG);
        msg->ifa_index = 1;
        msg->ifa_family = AF_INET6; /* four bytes are no address of it */
        ck_assert_int_eq(parse_fails(&b), -EBADMSG);
        msg->ifa_family = AF_PACKET;
        ck_assert_int_eq(parse_buffer(&b).kind, RTNL_IGNORED);
        /* old kernels have flags of 8 bits only, and lifetimes may be missing */
        msg = begin(&b, RTM_NEWADDR, sizeof(*msg));
        *msg = (struct ifaddrmsg){
                .ifa_family = AF_INET, .ifa_index = 1, .ifa_flags = IFA_F_PERMANENT
        };
        mnl_attr_put_u32(b.h, IFA_ADDRESS, 1);
        ck_assert_uint_eq(parse_buffer(&b).address.flags, IFA_F_PERMANENT);
        ck_assert_uint_eq(parse_buffer(&b).address.valid_sec, RTNL_FOREVER);
}
END_TEST

START_TEST(a_route_comes_back_as_it_was_built)
{
        RtnlRoute route = { .dst = { .addr = { .family = AF_INET } },
                .hops = { { .ifindex = 9, .gateway = ip("192.0.2.1"), .on_link = true } },
                .n_hops = 1,
                .source = ip("192.0.2.7"),
                .metric = 1024,
                .table = 254,
                .mtu = 1400,
                .protocol = RTPROT_DHCP,
                .scope = RT_SCOPE_UNIVERSE,
                .type = RTN_UNICAST };
        RtnlRequest request;
        RtnlMessage m;

        rtnl_build_route_set(&request, 1, &route);
        m = parse_one(request.data, request.size);
        ck_assert_int_eq(m.kind, RTNL_ROUTE);
        ck_assert_int_eq(m.route.dst.addr.family, AF_INET);
        ck_assert_uint_eq(m.route.dst.length, 0);
        ck_assert_uint_eq(m.route.n_hops, 1);
        ck_assert_int_eq(m.route.hops[0].ifindex, 9);
        ck_assert_ip(m.route.hops[0].gateway, "192.0.2.1");
        ck_assert(m.route.hops[0].on_link);
        ck_assert_ip(m.route.source, "192.0.2.7");
        ck_assert_uint_eq(m.route.metric, 1024);
        ck_assert_uint_eq(m.route.table, 254);
        ck_assert_uint_eq(m.route.mtu, 1400);
        ck_assert_uint_eq(m.route.protocol, RTPROT_DHCP);
        ck_assert_uint_eq(m.route.type, RTN_UNICAST);
        route = (RtnlRoute){ .dst = prefix("198.51.100.0/24"),
                .hops = { { .ifindex = 9, .gateway = ip("fe80::1") } },
                .n_hops = 1,
                .table = 1000 };
        rtnl_build_route_del(&request, 1, &route);
        m = parse_one(request.data, request.size);
        ck_assert(m.removed);
        ck_assert_ip(m.route.dst.addr, "198.51.100.0");
        ck_assert_uint_eq(m.route.dst.length, 24);
        ck_assert_ip(m.route.hops[0].gateway, "fe80::1");
        ck_assert_uint_eq(m.route.table, 1000);
}
END_TEST

START_TEST(a_route_of_many_hops_is_bounded)
{
        struct rtnexthop *hop;
        struct nlattr *nest;
        struct rtmsg *msg;
        RtnlMessage m;
        Buffer b;

        msg = begin(&b, RTM_NEWROUTE, sizeof(*msg));
        *msg = (struct rtmsg){ .rtm_family = AF_INET, .rtm_table = 254, .rtm_type = RTN_UNICAST };
        nest = mnl_attr_nest_start(b.h, RTA_MULTIPATH);
        for (int i = 1; i <= 20; i++) {
                hop = (struct rtnexthop *) (b.data + b.h->nlmsg_len);
                *hop = (struct rtnexthop){ .rtnh_len = 16, .rtnh_ifindex = i };
                b.h->nlmsg_len += sizeof(*hop);
                mnl_attr_put_u32(b.h, RTA_GATEWAY, 0x01020304);
        }
        mnl_attr_nest_end(b.h, nest);
        m = parse_buffer(&b);
        ck_assert_uint_eq(m.route.n_hops, RTNL_HOPS_MAX);
        ck_assert_int_eq(m.route.hops[7].ifindex, 8);
        ck_assert_int_eq(m.route.hops[7].gateway.family, AF_INET);
        hop->rtnh_len = 17;
        ck_assert_int_eq(parse_fails(&b), -EBADMSG);
        hop->rtnh_len = 0; /* would never end */
        ck_assert_int_eq(parse_fails(&b), -EBADMSG);
}
END_TEST

START_TEST(answers_carry_the_kernels_words)
{
        struct nlmsgerr *err;
        RtnlMessage m;
        Buffer b;

        err = begin(&b, NLMSG_ERROR, sizeof(*err));
        err->error = -EEXIST;
        err->msg.nlmsg_len = sizeof(err->msg) + 5;
        b.h->nlmsg_flags = NLM_F_ACK_TLVS;
        mnl_nlmsg_put_extra_header(b.h, 8);
        mnl_attr_put_strz(b.h, NLMSGERR_ATTR_MSG, "File\nexists");
        m = parse_buffer(&b);
        ck_assert_int_eq(m.kind, RTNL_ERROR);
        ck_assert_int_eq(m.error.error, -EEXIST);
        ck_assert_str_eq(m.error.text, "File?exists");
        err->msg.nlmsg_len = 0xffffffff;
        m = parse_buffer(&b);
        ck_assert_int_eq(m.error.error, -EEXIST);
        ck_assert_str_eq(m.error.text, "");
        err = begin(&b, NLMSG_ERROR, sizeof(*err));
        b.h->nlmsg_flags = NLM_F_ACK_TLVS | NLM_F_CAPPED;
        err->msg.nlmsg_len = 500;
        mnl_attr_put_strz(b.h, NLMSGERR_ATTR_MSG, "a warning");
        m = parse_buffer(&b);
        ck_assert_int_eq(m.error.error, 0);
        ck_assert_str_eq(m.error.text, "a warning");
        begin(&b, NLMSG_ERROR, 8);
        ck_assert_int_eq(parse_fails(&b), -EBADMSG);
        begin(&b, NLMSG_DONE, 4);
        ck_assert_int_eq(parse_buffer(&b).kind, RTNL_DONE);
}
END_TEST

static void put_nd(Buffer *b, const void *options, size_t size)
{
        struct nduseroptmsg *msg = begin(b, RTM_NEWNDUSEROPT, sizeof(*msg));

        *msg = (struct nduseroptmsg){ .nduseropt_family = AF_INET6,
                .nduseropt_ifindex = 4,
                .nduseropt_opts_len = (uint16_t) size,
                .nduseropt_icmp_type = 134 };
        memcpy(b->data + b->h->nlmsg_len, options, size);
        b->h->nlmsg_len += (uint32_t) size;
}

START_TEST(what_routers_advertise_is_read)
{
        static const uint8_t rdnss[24] = { 25, 3, 0, 0, 0, 0, 0, 60, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0,
                0, 0, 0, 0, 0, 0, 0, 0x53 };
        static const uint8_t dnssl[24] = { 31, 3, 0, 0, 0, 0, 2, 0, 3, 'l', 'a', 'b', 4, 't', 'e',
                's', 't', 0, 1, 'x', 0 };
        static const uint8_t portal[24] = { 37, 3, 'h', 't', 't', 'p', 's', ':', '/', '/', 'a' };
        uint8_t bad[24];
        RtnlMessage m;
        Buffer b;

        put_nd(&b, rdnss, sizeof(rdnss));
        m = parse_buffer(&b);
        ck_assert_int_eq(m.kind, RTNL_ND);
        ck_assert_int_eq(m.nd.kind, RTNL_ND_RDNSS);
        ck_assert_int_eq(m.nd.ifindex, 4);
        ck_assert_uint_eq(m.nd.lifetime_sec, 60);
        ck_assert_uint_eq(m.nd.n_servers, 1);
        ck_assert_ip(m.nd.servers[0], "2001:db8::53");
        put_nd(&b, dnssl, sizeof(dnssl));
        m = parse_buffer(&b);
        ck_assert_int_eq(m.nd.kind, RTNL_ND_DNSSL);
        ck_assert_uint_eq(m.nd.lifetime_sec, 512);
        ck_assert_uint_eq(m.nd.n_domains, 2);
        ck_assert_str_eq(m.nd.domains[0], "lab.test");
        ck_assert_str_eq(m.nd.domains[1], "x");
        put_nd(&b, portal, sizeof(portal));
        m = parse_buffer(&b);
        ck_assert_int_eq(m.nd.kind, RTNL_ND_PORTAL);
        ck_assert_str_eq(m.nd.portal, "https://a");

        memcpy(bad, dnssl, sizeof(bad));
        bad[9] = '\n';
        put_nd(&b, bad, sizeof(bad));
        ck_assert_int_eq(parse_buffer(&b).kind, RTNL_IGNORED);
        memcpy(bad, dnssl, sizeof(bad));
        bad[8] = 0xc0; /* compression */
        put_nd(&b, bad, sizeof(bad));
        ck_assert_int_eq(parse_buffer(&b).kind, RTNL_IGNORED);
        memcpy(bad, portal, sizeof(bad));
        bad[3] = 0; /* inside */
        put_nd(&b, bad, sizeof(bad));
        ck_assert_int_eq(parse_buffer(&b).kind, RTNL_IGNORED);
        memcpy(bad, rdnss, sizeof(bad));
        bad[1] = 2; /* no whole address */
        put_nd(&b, bad, sizeof(bad));
        ck_assert_int_eq(parse_buffer(&b).kind, RTNL_IGNORED);
        bad[1] = 0; /* would never end */
        put_nd(&b, bad, sizeof(bad));
        ck_assert_int_eq(parse_buffer(&b).kind, RTNL_IGNORED);
        bad[1] = 4;
        put_nd(&b, bad, sizeof(bad));
        ck_assert_int_eq(parse_buffer(&b).kind, RTNL_IGNORED);
}
END_TEST

START_TEST(no_cut_and_no_flipped_bit_reads_out_of_bounds)
{
        Rng rng = rng_seeded(test_seed());
        Buffer b;

        begin_link(&b);
        for (size_t cut = 0; cut <= b.h->nlmsg_len; cut++) {
                uint8_t *copy = aligned_alloc(16, (cut + 16) & ~(size_t) 15);
                RtnlMessage m;
                size_t pos = 0;

                memcpy(copy, b.data, cut);
                while (rtnl_next(copy, cut, &pos, &m) != 0)
                        ck_assert_uint_le(pos, cut);
                free(copy);
        }
        for (unsigned round = 0; round < 10000; round++) {
                Buffer copy = b;
                RtnlMessage m;
                size_t pos = 0, size = b.h->nlmsg_len;

                for (unsigned i = 0; i < 3; i++)
                        copy.data[rng_range(&rng, 0, size - 1)] = (uint8_t) rng_u32(&rng);
                while (rtnl_next(copy.data, size, &pos, &m) != 0)
                        ck_assert_uint_le(pos, size);
        }
}
END_TEST

START_TEST(dumps_and_link_changes_have_the_headers_the_kernel_wants)
{
        static const struct {
                uint16_t type;
                size_t size;
        } dumps[] = { { RTM_GETLINK, sizeof(struct ifinfomsg) },
                { RTM_GETADDR, sizeof(struct ifaddrmsg) }, { RTM_GETROUTE, sizeof(struct rtmsg) } };
        RtnlRequest request;
        RtnlMessage m;

        for (size_t i = 0; i < ELEMENTSOF(dumps); i++) {
                const struct nlmsghdr *h = (const struct nlmsghdr *) request.data;

                rtnl_build_dump(&request, 17, dumps[i].type, AF_INET6);
                ck_assert_uint_eq(h->nlmsg_type, dumps[i].type);
                ck_assert_uint_eq(h->nlmsg_flags, NLM_F_REQUEST | NLM_F_DUMP);
                ck_assert_uint_eq(h->nlmsg_seq, 17);
                ck_assert_uint_ge(mnl_nlmsg_get_payload_len(h), MNL_ALIGN(dumps[i].size));
                ck_assert_uint_eq(request.data[16], AF_INET6);
        }
        rtnl_build_link_up(&request, 1, 5);
        m = parse_one(request.data, request.size);
        ck_assert_int_eq(m.link.ifindex, 5);
        ck_assert_uint_eq(m.link.flags, IFF_UP);
        rtnl_build_link_mtu(&request, 1, 5, 1400);
        m = parse_one(request.data, request.size);
        ck_assert_uint_eq(m.link.mtu, 1400);
        ck_assert_uint_eq(m.link.flags, 0);
}
END_TEST

TEST_MAIN("rtnl-message", a_link_is_read, what_ipv6_and_a_bridge_say_of_a_link_is_told_apart,
        an_over_long_name_or_mac_is_cut_or_left_out, lengths_that_lead_out_are_refused,
        several_messages_come_one_by_one_and_a_bad_one_is_stepped_over,
        an_address_comes_back_as_it_was_built, an_address_that_cannot_be_is_refused,
        a_route_comes_back_as_it_was_built, a_route_of_many_hops_is_bounded,
        answers_carry_the_kernels_words, what_routers_advertise_is_read,
        no_cut_and_no_flipped_bit_reads_out_of_bounds,
        dumps_and_link_changes_have_the_headers_the_kernel_wants)
