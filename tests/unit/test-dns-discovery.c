/* SPDX-License-Identifier: MIT */
/* Designated resolvers (REQ_DNS 37): the record, whom it makes us ask, and what that costs. */
#include "lib/dns-sim.h"
#include "lib/suite.h"
#include "proto/dns-svcb.h"

#define PUBLIC  "\300\0\2\1" /* the first server of the simulation */
#define ANOTHER "\306\63\144\7"

/* What the servers say of themselves: the data of SVCB records, and addresses. */
static struct {
        struct {
                uint8_t data[128];
                size_t size;
        } records[4];
        size_t n;
        bool silent, tls_fails;
        const char *address;
        unsigned discoveries, addresses, tls, plain;
} world;

static void param(Writer *w, uint16_t key, const void *data, size_t size)
{
        writer_u16(w, key);
        writer_u16(w, (uint16_t) size);
        writer_bytes(w, data, size);
}

static Writer begin(uint16_t priority, const char *target)
{
        Writer w = WRITER_INIT(world.records[world.n].data, sizeof(world.records[0].data));
        DnsName name = sim_name(target);

        writer_u16(&w, priority);
        dns_name_write(&w, &name);
        return w;
}

static void end(const Writer *w)
{
        sim_check(!w->failed);
        world.records[world.n++].size = w->pos;
}

/* `hint` NULL: no address. */
static void add_dot(uint16_t priority, const char *target, const char *hint)
{
        Writer w = begin(priority, target);

        param(&w, 1, "\3dot", 4);
        param(&w, 3, "\x22\xb8", 2); /* 8888 */
        if (hint)
                param(&w, 4, hint, 4);
        end(&w);
}

static usec_t server(Sim *sim, SimQuery *q)
{
        static const char *const ddr = "_dns.resolver.arpa";
        DnsName name = sim_name(ddr), target = sim_name("dns.test");

        if (q->attempt->transport == DNS_TLS) {
                world.tls++;
                if (world.tls_fails)
                        return SIM_REFUSED;
        } else {
                world.plain++;
        }
        if (dns_name_equal(&q->m->header.qname, &target)) {
                world.addresses++;
                sim_add(q, DNS_ANSWER, NULL, DNS_TYPE_A, 60,
                        world.address ? world.address : ANOTHER, 4);
                return SIM_RTT;
        }
        if (!dns_name_equal(&q->m->header.qname, &name))
                return sim_good(sim, q);
        ck_assert_uint_eq(q->m->header.qtype, DNS_TYPE_SVCB);
        world.discoveries++;
        if (world.silent)
                return SIM_DROP;
        for (size_t i = 0; i < world.n; i++)
                sim_add(q, DNS_ANSWER, NULL, DNS_TYPE_SVCB, 3600, world.records[i].data,
                        world.records[i].size);
        if (world.n == 0)
                sim_add_soa(q, "resolver.arpa", 3600);
        return SIM_RTT;
}

static void start(Sim *sim, const char *address, DnsPrivacy privacy)
{
        DnsClientConfig *config = sim_config(1);

        memset(&world, 0, sizeof(world));
        ck_assert_int_eq(ip_parse(address, &config->servers[0].endpoint.addr), 0);
        config->servers[0].privacy = privacy;
        sim_init_with(sim, test_seed(), config, server);
}

static const DnsServer *the_server(const Sim *sim)
{
        return dns_client_server(sim->c, 0);
}

static void ask(Sim *sim, const char *name, DnsTransport by)
{
        ck_assert_int_eq(sim_lookup(sim, name), 0);
        ck_assert_int_eq(sim_result(sim)->transport, by);
        sim_settle(sim);
}

START_TEST(the_record_is_read_by_its_rules)
{
        DnsSvcb s;
        Writer w;

        memset(&world, 0, sizeof(world));
        add_dot(1, "dns.test", PUBLIC);
        ck_assert_int_eq(dns_svcb_parse(&s, world.records[0].data, world.records[0].size), 0);
        ck_assert(s.dot && !s.foreign && s.priority == 1 && s.port == 8888 && s.n_addrs == 1);
        for (size_t cut = 1; cut < 12; cut++)
                ck_assert_int_eq(
                        dns_svcb_parse(&s, world.records[0].data, world.records[0].size - cut),
                        cut == 8 ? 0 : -EBADMSG); /* where the last parameter begins */
        /* not in order, twice, of a wrong size */
        w = begin(1, "dns.test");
        param(&w, 3, "\0\1", 2);
        param(&w, 1, "\3dot", 4);
        ck_assert_int_eq(dns_svcb_parse(&s, w.data, w.pos), -EBADMSG);
        w = begin(1, "dns.test");
        param(&w, 3, "\0\1", 2);
        param(&w, 3, "\0\1", 2);
        ck_assert_int_eq(dns_svcb_parse(&s, w.data, w.pos), -EBADMSG);
        w = begin(1, "dns.test");
        param(&w, 4, "\0\1\2", 3);
        ck_assert_int_eq(dns_svcb_parse(&s, w.data, w.pos), -EBADMSG);
        w = begin(1, "dns.test");
        param(&w, 1, "\4dot", 4);
        ck_assert_int_eq(dns_svcb_parse(&s, w.data, w.pos), -EBADMSG);
        /* what must be understood and is not */
        w = begin(1, "dns.test");
        param(&w, 0, "\0\5", 2);
        param(&w, 1, "\2h2\3dot", 7);
        ck_assert_int_eq(dns_svcb_parse(&s, w.data, w.pos), 0);
        ck_assert(s.foreign && s.dot);
}
END_TEST

START_TEST(the_designated_is_asked_from_then_on)
{
        const DnsDesignation *d;
        Sim sim;

        start(&sim, "192.0.2.1", DNS_PRIVACY_OPPORTUNISTIC);
        world.tls_fails = true; /* at its own address there is no TLS */
        add_dot(2, "second.test", PUBLIC);
        add_dot(1, "dns.test", ANOTHER);
        ask(&sim, "a.test", DNS_UDP);
        ck_assert_uint_eq(world.discoveries, 1);
        d = &the_server(&sim)->designation;
        ck_assert(d->is_set && d->verify);
        ck_assert_str_eq(d->endpoint.name, "dns.test");
        ck_assert_uint_eq(d->endpoint.port, 8888);
        ck_assert_int_eq(memcmp(d->endpoint.addr.bytes, ANOTHER, 4), 0);
        world.tls_fails = false;
        world.tls = 0;
        ask(&sim, "b.test", DNS_TLS);
        ask(&sim, "c.test", DNS_TLS);
        ck_assert_uint_eq(world.tls, 2);
        ck_assert_uint_eq(world.discoveries, 1);
        /* as long as the record says */
        sim.now += USEC_PER_HOUR;
        ck_assert_uint_eq(world.plain, 2);
        ask(&sim, "d.test", DNS_TLS);
        ck_assert_uint_eq(world.discoveries, 2);
        ck_assert_uint_eq(world.plain, 3);
        sim_deinit(&sim);
}
END_TEST

START_TEST(nobody_vouches_for_a_private_address)
{
        static const struct {
                const char *server, *hint;
                bool verify;
        } cases[] = {
                { "192.0.2.1", PUBLIC, true },
                { "192.0.2.1", ANOTHER, true },
                { "10.0.0.1", "\12\0\0\1", false },
                { "10.0.0.1", "\12\0\0\2", true },
                { "192.168.1.1", PUBLIC, true },
                { "192.168.1.1", "\300\250\1\1", false },
                { "127.0.0.1", "\177\0\0\1", false },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Sim sim;

                start(&sim, cases[i].server, DNS_PRIVACY_OPPORTUNISTIC);
                add_dot(1, "dns.test", cases[i].hint);
                ask(&sim, "a.test", DNS_TLS);
                ck_assert(the_server(&sim)->designation.is_set);
                ck_assert(the_server(&sim)->designation.verify == cases[i].verify);
                sim_deinit(&sim);
        }
}
END_TEST

START_TEST(what_designates_nobody)
{
        Sim sim;
        Writer w;

        start(&sim, "192.0.2.1", DNS_PRIVACY_OPPORTUNISTIC);
        add_dot(0, "alias.test", PUBLIC);
        add_dot(1, ".", PUBLIC);
        w = begin(1, "doh.test");
        param(&w, 1, "\2h2", 3);
        param(&w, 4, PUBLIC, 4);
        end(&w);
        w = begin(1, "foreign.test");
        param(&w, 0, "\0\5", 2);
        param(&w, 1, "\3dot", 4);
        param(&w, 4, PUBLIC, 4);
        end(&w);
        ask(&sim, "a.test", DNS_TLS);
        ask(&sim, "b.test", DNS_TLS);
        ck_assert_uint_eq(world.discoveries, 1);
        ck_assert(!the_server(&sim)->designation.is_set);
        sim_deinit(&sim);
}
END_TEST

START_TEST(nobody_designates_what_listens_on_this_machine)
{
        static const char *const hints[] = { "\177\0\0\1", "\0\0\0\0", "\340\0\0\1" };

        for (size_t i = 0; i < ELEMENTSOF(hints); i++) {
                Sim sim;

                start(&sim, "192.0.2.1", DNS_PRIVACY_OPPORTUNISTIC);
                add_dot(1, "dns.test", hints[i]);
                world.address = hints[i];
                ask(&sim, "a.test", DNS_TLS);
                ck_assert_uint_eq(world.addresses, 1);
                ck_assert(!the_server(&sim)->designation.is_set);
                sim_deinit(&sim);
        }
}
END_TEST

START_TEST(an_address_that_is_missing_is_asked_for)
{
        Sim sim;

        start(&sim, "192.0.2.1", DNS_PRIVACY_OPPORTUNISTIC);
        add_dot(1, "dns.test", NULL);
        ask(&sim, "a.test", DNS_TLS);
        ck_assert_uint_eq(world.addresses, 1);
        /* where the server itself has TLS, all of it went that way */
        ck_assert_uint_eq(world.plain, 0);
        ck_assert(the_server(&sim)->designation.is_set);
        ck_assert_uint_eq(the_server(&sim)->designation.endpoint.port, 8888);
        sim_deinit(&sim);
}
END_TEST

START_TEST(one_that_fails_is_left)
{
        Sim sim;

        start(&sim, "192.0.2.1", DNS_PRIVACY_OPPORTUNISTIC);
        add_dot(1, "dns.test", ANOTHER);
        ask(&sim, "a.test", DNS_TLS);
        ck_assert(the_server(&sim)->designation.is_set);
        world.tls_fails = true;
        ask(&sim, "b.test", DNS_UDP);
        ck_assert(!the_server(&sim)->designation.is_set);
        ask(&sim, "c.test", DNS_UDP);
        ck_assert_uint_eq(world.discoveries, 1);
        sim_deinit(&sim);
}
END_TEST

START_TEST(another_network_knows_nothing_of_it)
{
        Sim sim;

        start(&sim, "192.0.2.1", DNS_PRIVACY_OPPORTUNISTIC);
        add_dot(1, "dns.test", ANOTHER);
        ask(&sim, "a.test", DNS_TLS);
        dns_client_network_changed(sim.c, sim.now);
        ck_assert(!the_server(&sim)->designation.is_set);
        world.n = 0;
        ask(&sim, "b.test", DNS_TLS);
        ck_assert_uint_eq(world.discoveries, 2);
        ck_assert(!the_server(&sim)->designation.is_set);
        sim_deinit(&sim);
}
END_TEST

START_TEST(silence_costs_nothing)
{
        Sim sim;

        start(&sim, "192.0.2.1", DNS_PRIVACY_OPPORTUNISTIC);
        world.silent = world.tls_fails = true;
        ask(&sim, "a.test", DNS_UDP);
        ck_assert_uint_eq(world.discoveries, 1);
        ck_assert(!the_server(&sim)->failed);
        ask(&sim, "b.test", DNS_UDP);
        ck_assert_uint_eq(sim_result(&sim)->took, SIM_RTT);
        ck_assert_uint_eq(world.discoveries, 1);
        sim_deinit(&sim);
}
END_TEST

/* DNR: the first of so many is known by TLS only. */
static void start_named(Sim *sim, unsigned n_servers)
{
        DnsClientConfig *config = sim_config(n_servers);

        memset(&world, 0, sizeof(world));
        config->servers[0].privacy = DNS_PRIVACY_STRICT;
        config->servers[0].only_tls = true;
        sim_init_with(sim, test_seed(), config, server);
}

START_TEST(the_networks_own_is_asked_by_tls_only)
{
        Sim sim;

        start_named(&sim, 2);
        ask(&sim, "a.test", DNS_TLS);
        ck_assert_int_eq(sim_lookup2(&sim, "b.test", DNS_TYPE_A, 0, DNS_LOOKUP_PLAIN), 0);
        ck_assert_uint_eq(sim_result(&sim)->server.addr.bytes[3], 2);
        world.tls_fails = true;
        ask(&sim, "c.test", DNS_UDP);
        ck_assert_uint_eq(sim.asked[0], 2);
        sim_deinit(&sim);
}
END_TEST

START_TEST(a_plain_question_goes_by_tls_where_there_is_nothing_else)
{
        Sim sim;

        start_named(&sim, 1);
        ck_assert_int_eq(
                sim_lookup2(&sim, "a.test", DNS_TYPE_A, DNS_TYPE_AAAA, DNS_LOOKUP_PLAIN), 0);
        ck_assert_int_eq(sim_result(&sim)->transport, DNS_TLS);
        ck_assert_uint_eq(world.plain, 0);
        sim_deinit(&sim);
}
END_TEST

START_TEST(only_where_tls_is_taken_as_it_comes)
{
        Sim sim;

        start(&sim, "192.0.2.1", DNS_PRIVACY_NONE);
        ask(&sim, "a.test", DNS_UDP);
        sim_deinit(&sim);
        ck_assert_uint_eq(world.discoveries, 0);
        start(&sim, "192.0.2.1", DNS_PRIVACY_STRICT);
        ask(&sim, "a.test", DNS_TLS);
        sim_deinit(&sim);
        ck_assert_uint_eq(world.discoveries, 0);
}
END_TEST

TEST_MAIN("dns-discovery", the_record_is_read_by_its_rules, the_designated_is_asked_from_then_on,
        nobody_vouches_for_a_private_address, what_designates_nobody,
        nobody_designates_what_listens_on_this_machine, an_address_that_is_missing_is_asked_for,
        one_that_fails_is_left, another_network_knows_nothing_of_it, silence_costs_nothing,
        the_networks_own_is_asked_by_tls_only,
        a_plain_question_goes_by_tls_where_there_is_nothing_else,
        only_where_tls_is_taken_as_it_comes)
