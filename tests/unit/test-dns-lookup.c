/* SPDX-License-Identifier: MIT */
/* What one look-up takes several questions for (REQ_DNS 17, 23, 28, 29) in virtual time: aliases,
 * both families, the search list. */
#include "lib/dns-sim.h"
#include "lib/suite.h"

START_TEST(aliases_are_followed_and_endless_ones_end)
{
        Sim sim;

        sim_init(&sim, test_seed(), 1, sim_alias);
        ck_assert_int_eq(sim_lookup(&sim, "a.example"), 0);
        ck_assert_uint_eq(sim.packets, 2);
        ck_assert_uint_eq(sim_result(&sim)->answers[0]->n_chain, 1);
        ck_assert_uint_eq(sim_result(&sim)->answers[0]->n_records, 1);
        /* from the cache too */
        ck_assert_int_eq(sim_lookup(&sim, "a.example"), 0);
        ck_assert(sim_result(&sim)->from_cache);
        sim.packets = 0;
        ck_assert_int_eq(sim_lookup2(&sim, "n0.example", DNS_TYPE_A, DNS_TYPE_AAAA, 0), -EIO);
        ck_assert_uint_le(sim.packets, 20); /* REQ_DNS 17 */
        sim.packets = 0;
        ck_assert_int_eq(sim_lookup(&sim, "l.example"), -EIO);
        ck_assert_uint_le(sim.packets, 20);
        sim_deinit(&sim);
}
END_TEST

static usec_t alias_then_silence(Sim *sim, SimQuery *q)
{
        char text[DNS_NAME_TEXT_MAX];

        dns_name_to_text(&q->m->header.qname, text);
        if (text[0] == 'a' || text[0] == 'A')
                return sim_alias(sim, q);
        if (text[0] == 'w' && (unsigned) (text[1] - '0') == q->server)
                return sim_good(sim, q);
        return text[0] == 'w' ? sim_servfail(sim, q) : SIM_DROP;
}

START_TEST(a_lookup_sends_so_many_packets)
{
        Sim sim;

        /* REQ_DNS 23: a dozen for each question would be more, with quick servers and an alias */
        sim_init(&sim, test_seed(), 5, alias_then_silence);
        for (unsigned i = 0; i < 5; i++) {
                char name[32];

                sprintf(name, "w%u.example", i);
                ck_assert_int_eq(sim_lookup(&sim, name), 0);
        }
        sim.packets = 0;
        ck_assert_int_eq(sim_lookup2(&sim, "a.example", DNS_TYPE_A, DNS_TYPE_AAAA, 0), -ETIMEDOUT);
        ck_assert_uint_le(sim.packets, 24);
        ck_assert_uint_ge(sim.packets, 20);
        sim_deinit(&sim);
}
END_TEST

START_TEST(a_flag_refuses_aliases)
{
        Sim sim;

        sim_init(&sim, test_seed(), 1, sim_alias);
        ck_assert_int_eq(
                sim_lookup2(&sim, "a.example", DNS_TYPE_A, 0, DNS_LOOKUP_NO_CNAME), -ENODATA);
        sim_deinit(&sim);
}
END_TEST

static usec_t slow_aaaa(Sim *sim, SimQuery *q)
{
        (void) sim;
        sim_add_address(q, 60);
        return q->m->header.qtype == DNS_TYPE_AAAA ? 400 * USEC_PER_MSEC : SIM_RTT;
}

START_TEST(a_slow_family_delays_by_50_ms)
{
        Sim sim;

        /* REQ_DNS 29 */
        sim_init(&sim, test_seed(), 1, slow_aaaa);
        ck_assert_int_eq(sim_lookup2(&sim, "a.example", DNS_TYPE_A, DNS_TYPE_AAAA, 0), 0);
        ck_assert_uint_eq(sim_result(&sim)->took, SIM_RTT + 50 * USEC_PER_MSEC);
        ck_assert_ptr_nonnull(sim_result(&sim)->answers[0]);
        ck_assert_ptr_null(sim_result(&sim)->answers[1]);
        /* and the late half is there for the next */
        sim_settle(&sim);
        ck_assert_int_eq(sim_lookup2(&sim, "a.example", DNS_TYPE_A, DNS_TYPE_AAAA, 0), 0);
        ck_assert_ptr_nonnull(sim_result(&sim)->answers[1]);
        ck_assert_uint_eq(sim.packets, 2);
        sim_deinit(&sim);
}
END_TEST

/* Under `first`, and then under b.example. */
static void configure_search(Sim *sim, const char *first)
{
        DnsClientConfig *config = sim_config(1);

        config->search[config->n_search++] = sim_name(first);
        config->search[config->n_search++] = sim_name("b.example");
        sim_apply(sim, config);
}

/* Nothing about AAAA; of A the names that end so do not exist. */
static usec_t ignores_aaaa(Sim *sim, SimQuery *q)
{
        DnsName gone = sim_name("gone.example");

        if (q->m->header.qtype == DNS_TYPE_AAAA)
                return SIM_DROP;
        if (!dns_name_is_under(&q->m->header.qname, &gone))
                return sim_good(sim, q);
        sim_rcode(q, DNS_RCODE_NXDOMAIN);
        sim_add_soa(q, "example", 60);
        return SIM_RTT;
}

static usec_t denies_aaaa(Sim *sim, SimQuery *q)
{
        if (q->m->header.qtype == DNS_TYPE_A)
                return sim_late(sim, q);
        sim_rcode(q, DNS_RCODE_NXDOMAIN);
        return SIM_RTT;
}

START_TEST(a_name_that_does_not_exist_waits_for_a_second)
{
        Sim sim;

        sim_init(&sim, test_seed(), 1, ignores_aaaa);
        ck_assert_int_eq(sim_lookup2(&sim, "a.gone.example", DNS_TYPE_A, DNS_TYPE_AAAA, 0), -ESRCH);
        ck_assert_uint_eq(sim_result(&sim)->took, SIM_RTT + USEC_PER_SEC);
        ck_assert_uint_eq(sim.open, 0);
        /* nor does the search stop at it */
        configure_search(&sim, "gone.example");
        ck_assert_int_eq(sim_lookup2(&sim, "host", DNS_TYPE_A, DNS_TYPE_AAAA, 0), 0);
        ck_assert_uint_eq(sim_result(&sim)->took, 2 * SIM_RTT + 1050 * USEC_PER_MSEC);
        sim_deinit(&sim);
        /* not the other way round: RFC 4074 4.2 */
        sim_init(&sim, test_seed(), 1, denies_aaaa);
        ck_assert_int_eq(sim_lookup2(&sim, "a.example", DNS_TYPE_A, DNS_TYPE_AAAA, 0), 0);
        ck_assert_uint_eq(sim_result(&sim)->took, 2500 * USEC_PER_MSEC);
        sim_deinit(&sim);
}
END_TEST

static usec_t only_searched(Sim *sim, SimQuery *q)
{
        DnsName good = sim_name("host.b.example");

        (void) sim;
        if (dns_name_equal(&q->m->header.qname, &good)) {
                sim_add_address(q, 60);
        } else {
                sim_rcode(q, DNS_RCODE_NXDOMAIN);
                sim_add_soa(q, ".", 60);
        }
        return SIM_RTT;
}

START_TEST(single_labels_are_searched)
{
        char text[DNS_NAME_TEXT_MAX];
        Sim sim;

        /* REQ_DNS 28 */
        sim_init(&sim, test_seed(), 1, only_searched);
        configure_search(&sim, "a.example");
        ck_assert_int_eq(sim_lookup(&sim, "host"), 0);
        ck_assert_str_eq(dns_name_to_text(&sim_result(&sim)->name, text), "host.b.example");
        ck_assert_uint_eq(sim.packets, 2);
        ck_assert_int_eq(sim_lookup(&sim, "host."), -ESRCH);
        ck_assert_int_eq(sim_lookup(&sim, "x.host"), -ESRCH);
        /* one more: the first "no" to mixed letters is checked */
        ck_assert_uint_eq(sim.packets, 5);
        ck_assert_int_eq(sim_lookup(&sim, "nothing"), -ESRCH);
        ck_assert_uint_eq(sim.packets, 8);
        /* a failure ends the search */
        sim.servers[0] = sim_servfail;
        ck_assert_int_eq(sim_lookup(&sim, "other"), -EIO);
        ck_assert_uint_eq(sim.packets, 10);
        sim_deinit(&sim);
}
END_TEST

START_TEST(special_names_never_leave)
{
        static const char *const negative[] = { "x.invalid", "abc.onion", "printer.local",
                "ns.resolver.arpa" };
        DnsHosts *hosts = NULL;
        Sim sim;

        /* REQ_DNS 5, 30 */
        sim_init(&sim, test_seed(), 1, sim_good);
        configure_search(&sim, "a.example");
        ck_assert_int_eq(dns_hosts_parse(&hosts, "192.0.2.77 mine.example mine\n", 29), 0);
        dns_client_set_hosts(sim.c, hosts);
        ck_assert_int_eq(sim_lookup2(&sim, "a.localhost", DNS_TYPE_A, DNS_TYPE_AAAA, 0), 0);
        ck_assert(sim_result(&sim)->local);
        ck_assert_int_eq(sim_lookup(&sim, "localhost"), 0);
        for (size_t i = 0; i < ELEMENTSOF(negative); i++)
                ck_assert_int_eq(sim_lookup(&sim, negative[i]), -ESRCH);
        ck_assert_int_eq(sim_lookup2(&sim, "mine", DNS_TYPE_A, DNS_TYPE_AAAA, 0), 0);
        ck_assert_int_eq(sim_lookup2(&sim, "77.2.0.192.in-addr.arpa", DNS_TYPE_PTR, 0, 0), 0);
        ck_assert_int_eq(sim_lookup2(&sim, "1.0.0.127.in-addr.arpa", DNS_TYPE_PTR, 0, 0), 0);
        ck_assert_uint_eq(sim.packets, 0);
        sim_deinit(&sim);
}
END_TEST

TEST_MAIN("dns-lookup", special_names_never_leave, aliases_are_followed_and_endless_ones_end,
        a_lookup_sends_so_many_packets, a_flag_refuses_aliases, a_slow_family_delays_by_50_ms,
        a_name_that_does_not_exist_waits_for_a_second, single_labels_are_searched)
