/* SPDX-License-Identifier: MIT */
/* Look-ups from the question to the answer (REQ_DNS 1 to 3, 9 to 29) in virtual time; aliases,
 * families and searches are in test-dns-lookup.c, what retries cost in test-dns-retry.c. */
#include "lib/dns-sim.h"
#include "lib/suite.h"

START_TEST(one_question_one_packet)
{
        Sim sim;

        sim_init(&sim, test_seed(), 2, sim_good);
        ck_assert_int_eq(sim_lookup(&sim, "www.example.com"), 0);
        ck_assert_uint_eq(sim.packets, 1);
        ck_assert_uint_eq(sim_result(&sim)->took, SIM_RTT);
        ck_assert_uint_eq(sim.open, 0); /* REQ_DNS 26 */
        ck_assert_int_eq(sim_lookup(&sim, "WWW.example.com."), 0);
        ck_assert_uint_eq(sim.packets, 1);
        ck_assert(sim_result(&sim)->from_cache);
        sim_deinit(&sim);
}
END_TEST

START_TEST(a_useless_answer_moves_on_at_once)
{
        Sim sim;

        sim_init(&sim, test_seed(), 3, sim_good);
        sim.servers[0] = sim.servers[1] = sim_servfail;
        ck_assert_int_eq(sim_lookup(&sim, "a.example"), 0);
        ck_assert_uint_eq(sim_result(&sim)->took, 3 * SIM_RTT);
        ck_assert_uint_eq(sim.packets, 3);
        sim_deinit(&sim);
}
END_TEST

START_TEST(when_all_fail_the_error_comes_and_is_kept)
{
        Sim sim;

        sim_init(&sim, test_seed(), 2, sim_servfail);
        ck_assert_int_eq(sim_lookup(&sim, "a.example"), -EIO);
        ck_assert_uint_eq(sim.packets, 2);
        /* REQ_DNS 25 */
        ck_assert_int_eq(sim_lookup(&sim, "a.example"), -EIO);
        ck_assert_uint_eq(sim.packets, 2);
        sim.now += USEC_PER_SEC + 1;
        sim.servers[1] = sim_good;
        ck_assert_int_eq(sim_lookup(&sim, "a.example"), 0);
        sim_deinit(&sim);
}
END_TEST

static usec_t truncates(Sim *sim, SimQuery *q)
{
        (void) sim;
        if (q->attempt->transport == DNS_UDP) {
                q->reply->w.data[2] |= 2;
                sim_add(q, DNS_ANSWER, NULL, DNS_TYPE_A, 60, "\6\6\6\6", 4);
        } else {
                sim_add_address(q, 60);
        }
        return SIM_RTT;
}

START_TEST(truncation_goes_to_tcp_at_the_same_server)
{
        Sim sim;

        sim_init(&sim, test_seed(), 2, sim_good);
        sim.servers[0] = truncates;
        ck_assert_int_eq(sim_lookup(&sim, "a.example"), 0);
        ck_assert_uint_eq(sim.tcp, 1);
        ck_assert_uint_eq(sim.asked[1], 0);
        ck_assert_uint_eq(sim_result(&sim)->answers[0]->n_records, 1);
        ck_assert_uint_eq(
                sim_result(&sim)->answers[0]->data[sim_result(&sim)->answers[0]->size - 4], 192);
        sim_deinit(&sim);
}
END_TEST

START_TEST(identical_questions_share_a_packet)
{
        DnsLookup *l[5];
        Sim sim;

        /* REQ_DNS 42 */
        sim_init(&sim, test_seed(), 1, sim_good);
        for (unsigned i = 0; i < 5; i++)
                l[i] = sim_start(&sim, i % 2 ? "a.example" : "A.EXAMPLE", DNS_TYPE_A, 0, 0);
        dns_lookup_free(l[0]);
        sim_settle(&sim);
        ck_assert_uint_eq(sim.packets, 1);
        ck_assert_uint_eq(sim.done, 4);
        for (unsigned i = 1; i < 5; i++) {
                ck_assert_int_eq(dns_lookup_result(l[i])->error, 0);
                dns_lookup_free(l[i]);
        }
        /* the last to leave closes the socket */
        l[0] = sim_start(&sim, "b.example", DNS_TYPE_A, 0, 0);
        sim_pump(&sim);
        ck_assert_uint_eq(sim.open, 1);
        dns_lookup_free(l[0]);
        sim_pump(&sim);
        ck_assert_uint_eq(sim.open, 0);
        sim_deinit(&sim);
}
END_TEST

START_TEST(the_longest_domain_takes_the_name)
{
        DnsClientConfig *config;
        Sim sim;

        /* REQ_DNS 27 */
        sim_init(&sim, test_seed(), 3, sim_good);
        config = sim_config(3);
        for (int i = 0; i < 3; i++)
                config->servers[i].endpoint.ifindex = i;
        config->routes[0].servers = 1;
        config->routes[1] = (DnsRoute){ .domain = sim_name("corp.example"), .servers = 2 };
        config->routes[2] = (DnsRoute){ .domain = sim_name("lab.corp.example"), .servers = 4 };
        config->n_routes = 3;
        sim_apply(&sim, config);
        ck_assert_int_eq(sim_lookup(&sim, "www.example"), 0);
        ck_assert_int_eq(sim_lookup(&sim, "xcorp.example"), 0);
        ck_assert_int_eq(sim_lookup(&sim, "a.CORP.example"), 0);
        ck_assert_int_eq(sim_lookup(&sim, "b.lab.corp.example"), 0);
        ck_assert_uint_eq(sim.asked[0], 2);
        ck_assert_uint_eq(sim.asked[1], 1);
        ck_assert_uint_eq(sim.asked[2], 1);
        /* it fails where its own servers fail, nobody else is told */
        sim.servers[2] = sim_servfail;
        ck_assert_int_eq(sim_lookup(&sim, "c.lab.corp.example"), -EIO);
        ck_assert_uint_eq(sim.asked[0] + sim.asked[1], 3);
        sim_deinit(&sim);
}
END_TEST

START_TEST(forged_replies_change_nothing)
{
        uint8_t buf[512];
        DnsEvent e;
        Sim sim;

        /* REQ_DNS 9, 12 */
        sim_init(&sim, test_seed(), 1, sim_dead);
        (void) sim_start(&sim, "a.example", DNS_TYPE_A, 0, 0);
        ck_assert(dns_client_pop_event(sim.c, &e));
        ck_assert_int_eq(e.kind, DNS_EVENT_SEND);
        e.attempt->binding = &sim;
        for (unsigned i = 0; i < 7; i++) {
                DnsName q = sim_name(i == 0 ? "b.example" : "a.example");
                DnsBuilder b;
                int size;

                dns_builder_init(&b, buf, sizeof(buf), (uint16_t) (e.attempt->id + (i == 1)),
                        (uint16_t) (i == 2   ? 0
                                    : i == 3 ? DNS_FLAG_QR | 0x800
                                             : DNS_FLAG_QR));
                if (i != 6)
                        dns_builder_question(
                                &b, &q, i == 4 ? DNS_TYPE_AAAA : DNS_TYPE_A, i == 5 ? 3 : 1);
                ck_assert(dns_builder_record(
                        &b, DNS_ANSWER, &q, DNS_TYPE_A, DNS_CLASS_IN, 60, "\6\6\6\6", 4));
                size = dns_builder_finish(&b);
                ck_assert_msg(!dns_client_datagram(sim.c, e.attempt, buf, (size_t) size, sim.now),
                        "%u", i);
        }
        for (size_t i = 0; i < 12; i++)
                ck_assert(!dns_client_datagram(sim.c, e.attempt, buf, i, sim.now));
        ck_assert(!dns_client_pop_event(sim.c, &e));
        sim_deinit(&sim);
}
END_TEST

static usec_t malformed(Sim *sim, SimQuery *q)
{
        (void) sim;
        sim_add_address(q, 60);
        q->reply->counts[1] += 7;
        return SIM_RTT;
}

START_TEST(a_malformed_reply_is_no_answer)
{
        Sim sim;

        /* REQ_DNS 15 */
        sim_init(&sim, test_seed(), 2, malformed);
        ck_assert_int_eq(sim_lookup(&sim, "a.example"), -EIO);
        ck_assert_uint_eq(sim.packets, 2);
        sim.servers[1] = sim_good;
        ck_assert_int_eq(sim_lookup(&sim, "b.example"), 0);
        sim_deinit(&sim);
}
END_TEST

START_TEST(stale_answers_serve_when_servers_fail)
{
        Sim sim;

        /* REQ_DNS 45 */
        sim_init(&sim, test_seed(), 1, sim_good);
        ck_assert_int_eq(sim_lookup(&sim, "a.example"), 0);
        sim.now += 120 * USEC_PER_SEC;
        sim.servers[0] = sim_dead;
        ck_assert_int_eq(sim_lookup(&sim, "a.example"), 0);
        ck_assert(sim_result(&sim)->stale);
        ck_assert_uint_eq(sim_result(&sim)->took, 1800 * USEC_PER_MSEC);
        sim_settle(&sim);
        sim.servers[0] = sim_servfail;
        sim.now += USEC_PER_MIN;
        ck_assert_int_eq(sim_lookup(&sim, "a.example"), 0);
        ck_assert(sim_result(&sim)->stale);
        ck_assert_uint_eq(sim_result(&sim)->took, 2 * SIM_RTT);
        ck_assert_int_eq(sim_lookup(&sim, "b.example"), -EIO);
        sim_deinit(&sim);
}
END_TEST

static usec_t case_blind(Sim *sim, SimQuery *q)
{
        DnsName exact = sim_name("www.example");

        (void) sim;
        if (dns_name_same(&q->m->header.qname, &exact))
                sim_add_address(q, 0);
        else
                sim_rcode(q, DNS_RCODE_NXDOMAIN);
        return SIM_RTT;
}

static usec_t lowers(Sim *sim, SimQuery *q)
{
        (void) sim;
        if (q->attempt->transport == DNS_UDP)
                for (size_t i = 12; i < q->reply->w.pos - 4; i++)
                        if (q->reply->w.data[i] >= 'A' && q->reply->w.data[i] <= 'Z')
                                q->reply->w.data[i] |= 0x20;
        sim_add_address(q, 0);
        return SIM_RTT;
}

START_TEST(letters_are_mixed_where_the_server_copes)
{
        static const SimServer servers[] = { sim_good, case_blind, lowers };

        /* REQ_DNS 6 */
        for (size_t i = 0; i < ELEMENTSOF(servers); i++) {
                const DnsServer *s;
                Sim sim;

                sim_init(&sim, test_seed(), 1, servers[i]);
                for (unsigned k = 0; k < 20; k++)
                        ck_assert_int_eq(sim_lookup2(&sim, "www.example", DNS_TYPE_A, 0,
                                                 DNS_LOOKUP_NO_CACHE),
                                0);
                s = dns_client_server(sim.c, 0);
                ck_assert_int_eq(s->letter_case, i == 0 ? DNS_CASE_GOOD : DNS_CASE_OFF);
                ck_assert_uint_le(sim.packets, 22);
                sim_deinit(&sim);
        }
}
END_TEST

START_TEST(new_servers_take_over_what_is_under_way)
{
        unsigned done;
        Sim sim;

        sim_init(&sim, test_seed(), 1, sim_dead);
        (void) sim_start(&sim, "a.example", DNS_TYPE_A, 0, 0);
        sim_pump(&sim);
        sim.servers[0] = sim.servers[1] = sim_good;
        sim_configure(&sim, 2);
        done = sim.done;
        while (sim.done == done)
                ck_assert(sim_step(&sim));
        ck_assert_int_eq(sim_result(&sim)->error, 0);
        ck_assert_uint_eq(sim_result(&sim)->took, SIM_RTT);
        /* none at all */
        (void) sim_start(&sim, "b.example", DNS_TYPE_A, 0, 0);
        sim_configure(&sim, 0);
        sim_pump(&sim);
        ck_assert_int_eq(sim_result(&sim)->error, -ENETUNREACH);
        ck_assert_uint_eq(sim.open, 0);
        sim_deinit(&sim);
}
END_TEST

START_TEST(ten_thousand_questions_are_all_answered)
{
        static const SimServer moods[] = { sim_good, sim_dead, sim_servfail, truncates, malformed,
                sim_hates_edns, sim_late, sim_alias };
        uint64_t seed = test_seed();
        Rng rng = rng_seeded(seed);
        unsigned started = 0;
        Sim sim;

        /* REQ_DNS 52; bounded in sockets, and nobody is left without an answer */
        sim_init(&sim, seed, 4, sim_good);
        sim.loss_percent = 10;
        while (started < 10000) {
                DnsLookup *l[200];
                unsigned n = (unsigned) rng_range(&rng, 1, 200), before = sim.done;

                for (unsigned i = 0; i < 4; i++)
                        sim.servers[i] = moods[rng_range(&rng, 0, ELEMENTSOF(moods) - 1)];
                for (unsigned i = 0; i < n; i++) {
                        char name[32];

                        sprintf(name, "%c%u.example", (int) rng_range(&rng, 'a', 'z'),
                                (unsigned) rng_range(&rng, 0, 5000));
                        l[i] = sim_start(&sim, name, DNS_TYPE_A, i % 2 ? DNS_TYPE_AAAA : 0, 0);
                        if (rng_range(&rng, 0, 19) == 0) {
                                l[i] = dns_lookup_free(l[i]);
                                before--;
                        }
                }
                while (sim_step(&sim))
                        if (rng_range(&rng, 0, 4999) == 0)
                                sim_configure(&sim, (unsigned) rng_range(&rng, 1, 4));
                ck_assert_uint_eq(sim.done - before, n);
                for (unsigned i = 0; i < n; i++)
                        dns_lookup_free(l[i]);
                ck_assert_uint_eq(sim.open, 0);
                started += n;
        }
        ck_assert_uint_le(sim.max_open, 6 * 256 + 256);
        ck_assert_uint_eq(dns_client_statistics(sim.c).transactions_current, 0);
        sim.last = NULL;
        sim_deinit(&sim);
}
END_TEST

/* REQ_DNS 45: whoever asks late in the life of an answer has it fetched anew, and waits for
 * nothing.
 */
START_TEST(what_is_in_use_is_fetched_before_its_end)
{
        Sim sim;

        sim_init(&sim, test_seed(), 1, sim_good); /* 60 s */
        ck_assert_int_eq(sim_lookup(&sim, "a.example"), 0);
        sim.now += 50 * USEC_PER_SEC;
        ck_assert_int_eq(sim_lookup(&sim, "a.example"), 0);
        sim_settle(&sim);
        ck_assert_uint_eq(sim.packets, 1);
        sim.now += 5 * USEC_PER_SEC;
        for (unsigned i = 0; i < 3; i++) {
                ck_assert_int_eq(sim_lookup(&sim, "a.example"), 0);
                ck_assert(sim_result(&sim)->from_cache);
                ck_assert_uint_eq(sim_result(&sim)->took, 0);
        }
        sim_settle(&sim);
        ck_assert_uint_eq(sim.packets, 2);
        sim.now += 30 * USEC_PER_SEC;
        ck_assert_int_eq(sim_lookup(&sim, "a.example"), 0);
        ck_assert(sim_result(&sim)->from_cache);
        ck_assert_uint_eq(sim.packets, 2);
        sim_deinit(&sim);
}
END_TEST

START_TEST(fetching_anew_has_its_bounds)
{
        DnsQuestion q = { .types = { DNS_TYPE_A }, .class = DNS_CLASS_IN };
        DnsResult result;
        Sim sim;

        sim_init(&sim, test_seed(), 1, sim_good);
        ck_assert_int_eq(sim_lookup(&sim, "a.example"), 0);
        ck_assert_int_eq(sim_lookup(&sim, "b.example"), 0);
        sim.servers[0] = sim_servfail;
        sim.now += 58 * USEC_PER_SEC;
        /* without the network nothing is asked for */
        ck_assert_int_eq(sim_lookup2(&sim, "b.example", DNS_TYPE_A, 0, DNS_LOOKUP_NO_NETWORK), 0);
        sim_settle(&sim);
        ck_assert_uint_eq(sim.packets, 2);
        for (unsigned i = 0; i < 10; i++) {
                /* by the short way too */
                q.name = sim_name("a.example");
                ck_assert_int_eq(dns_client_peek(sim.c, &q, sim.now, &result), 1);
                ck_assert(dns_client_has_events(sim.c) == (i == 0));
                ck_assert_int_eq(result.error, 0);
                dns_result_clear(&result);
                sim_settle(&sim);
        }
        /* the only server has its second chance, and then there is quiet */
        ck_assert_uint_eq(sim.packets, 4);
        sim_deinit(&sim);
}
END_TEST

/* REQ_DNS 26, 53: what there is no descriptor for waits for one. */
START_TEST(few_descriptors_serve_many)
{
        Sim sim;

        sim_init(&sim, test_seed(), 2, sim_good);
        sim.sockets_max = 3;
        for (unsigned round = 0; round < 2; round++) {
                DnsLookup *l[100];
                unsigned before = sim.done;
                usec_t start = sim.now;

                for (unsigned i = 0; i < 100; i++) {
                        char name[32];

                        sprintf(name, "n%u-%u.example", round, i);
                        l[i] = sim_start(&sim, name, DNS_TYPE_A, 0, 0);
                }
                sim_settle(&sim);
                ck_assert_uint_eq(sim.done - before, 100);
                ck_assert_uint_le(sim.max_open, 3);
                /* three at a time, each a round trip */
                ck_assert_uint_le(sim.now - start, 40 * SIM_RTT);
                for (unsigned i = 0; i < 100; i++) {
                        ck_assert_int_eq(dns_lookup_result(l[i])->error, 0);
                        dns_lookup_free(l[i]);
                }
        }
        sim.last = NULL;
        sim_deinit(&sim);
}
END_TEST

START_TEST(without_any_descriptor_there_is_an_error)
{
        Sim sim;

        sim_init(&sim, test_seed(), 2, sim_good);
        ck_assert_int_eq(sim_lookup(&sim, "a.example"), 0);
        sim.sockets_max = 1;
        sim.open = 1;
        ck_assert_int_eq(sim_lookup(&sim, "b.example"), -EIO);
        sim.open = 0;
        sim.now += 2 * USEC_PER_SEC;
        ck_assert_int_eq(sim_lookup(&sim, "b.example"), 0);
        sim_deinit(&sim);
}
END_TEST

START_TEST(those_in_line_go_on_when_others_are_cancelled)
{
        enum { N = 300 }; /* more than may run */
        DnsLookup *l[N];
        Sim sim;

        sim_init(&sim, test_seed(), 1, sim_good);
        for (unsigned i = 0; i < N; i++) {
                char name[32];

                sprintf(name, "n%u.example", i);
                l[i] = sim_start(&sim, name, DNS_TYPE_A, 0, 0);
        }
        for (unsigned i = 0; i < 256; i++)
                dns_lookup_free(l[i]);
        sim_settle(&sim);
        ck_assert_uint_eq(sim.done, N - 256);
        for (unsigned i = 256; i < N; i++) {
                ck_assert_int_eq(dns_lookup_result(l[i])->error, 0);
                dns_lookup_free(l[i]);
        }
        sim.last = NULL;
        sim_deinit(&sim);
}
END_TEST

/* The socket is to be closed, and what the loop had already seen on it comes before that. */
START_TEST(what_comes_for_a_cancelled_question_is_dropped)
{
        Sim sim;

        sim_init(&sim, test_seed(), 1, sim_good);
        for (unsigned i = 0; i < 2; i++) {
                DnsLookup *l = sim_start(&sim, "a.example", DNS_TYPE_A, 0, 0);
                SimSocket *s;

                sim_pump(&sim);
                ck_assert_uint_eq(sim.open, 1);
                s = container_of(heap_first(&sim.arrivals), SimSocket, node);
                dns_lookup_free(l);
                if (i == 0)
                        ck_assert(
                                !dns_client_datagram(sim.c, s->attempt, s->data, s->size, sim.now));
                else
                        dns_client_attempt_failed(sim.c, s->attempt, -ECONNREFUSED, sim.now);
                ck_assert(!s->attempt->pending);
                sim_pump(&sim);
                ck_assert_uint_eq(sim.open, 0);
        }
        sim_deinit(&sim);
}
END_TEST

TEST_MAIN("dns-client", few_descriptors_serve_many, without_any_descriptor_there_is_an_error,
        those_in_line_go_on_when_others_are_cancelled,
        what_comes_for_a_cancelled_question_is_dropped, what_is_in_use_is_fetched_before_its_end,
        fetching_anew_has_its_bounds, one_question_one_packet, a_useless_answer_moves_on_at_once,
        when_all_fail_the_error_comes_and_is_kept, truncation_goes_to_tcp_at_the_same_server,
        identical_questions_share_a_packet, the_longest_domain_takes_the_name,
        forged_replies_change_nothing, a_malformed_reply_is_no_answer,
        stale_answers_serve_when_servers_fail, letters_are_mixed_where_the_server_copes,
        new_servers_take_over_what_is_under_way, ten_thousand_questions_are_all_answered)
