/* SPDX-License-Identifier: MIT */
/*
 * stress-dns LOOKUPS SECONDS [SEED]: the resolver machine in virtual time under look-ups of 100,000
 * names, from servers that answer, fail, lie, cut and fall silent at random, with a tenth of the
 * packets lost, cancelled look-ups, flushed caches and changes of servers, of how privately those
 * are asked and of whom they designate. Goes on until that many look-ups were made and that many
 * seconds are over. Nobody may be left without an answer, and memory must stay within its bounds.
 */
#include "lib/dns-sim.h"
#include <malloc.h>
#include <stdio.h>
#include <time.h>

#define NAMES     100000
#define CACHE_MAX (4u << 20)
#define BATCH_MAX 400
#define SOCKETS_MAX                                                                                \
        (7 * 256) /* what one question keeps open, and the copies for failed servers               \
                   */
/* Look-ups and transactions under way, and what malloc() does not give back. */
#define SLACK (8u << 20)

typedef struct Run Run;
struct Run {
        Sim sim;
        Rng rng;
        uint64_t started, cancelled, failed;
        size_t base, peak, cache_peak;
};

static usec_t some_seconds(Sim *sim, SimQuery *q)
{
        sim_add_address(q, 60);
        return rng_range(&sim->chance, 1, 4 * USEC_PER_SEC);
}

static usec_t no_such_name(Sim *sim, SimQuery *q)
{
        (void) sim;
        sim_rcode(q, DNS_RCODE_NXDOMAIN);
        sim_add_soa(q, ".", 60);
        return SIM_RTT;
}

static usec_t aliases(Sim *sim, SimQuery *q)
{
        DnsName to;
        char text[40];

        sprintf(text, "n%u.example", (unsigned) rng_range(&sim->chance, 0, NAMES));
        to = sim_name(text);
        sim_add(q, DNS_ANSWER, NULL, DNS_TYPE_CNAME, (uint32_t) rng_range(&sim->chance, 0, 60),
                to.wire, to.len);
        return SIM_RTT;
}

static usec_t cut_short(Sim *sim, SimQuery *q)
{
        (void) sim;
        if (q->attempt->transport == DNS_UDP)
                q->reply->w.data[2] |= DNS_FLAG_TC >> 8;
        else
                sim_add_address(q, 60);
        return SIM_RTT;
}

static usec_t broken(Sim *sim, SimQuery *q)
{
        (void) sim;
        sim_add_address(q, 60);
        q->reply->counts[1]++;
        return SIM_RTT;
}

static usec_t no_tls(Sim *sim, SimQuery *q)
{
        sim_good(sim, q);
        return q->attempt->transport == DNS_TLS ? SIM_REFUSED : SIM_RTT;
}

/* Somebody, or itself, with an address or without, and not for long. */
static usec_t designates(Sim *sim, SimQuery *q)
{
        static const uint8_t addr[] = { 0, 4, 0, 4, 192, 0, 2, 1 };
        DnsName target = sim_name("dns.example");
        uint8_t data[64];
        Writer w = WRITER_INIT(data, sizeof(data));

        if (q->m->header.qtype != DNS_TYPE_SVCB)
                return sim_good(sim, q);
        writer_u16(&w, (uint16_t) rng_range(&sim->chance, 0, 2));
        dns_name_write(&w, &target);
        writer_bytes(&w, "\0\1\0\4\3dot", 8);
        if (rng_range(&sim->chance, 0, 1))
                writer_bytes(&w, addr, sizeof(addr));
        sim_check(!w.failed);
        sim_add(q, DNS_ANSWER, NULL, DNS_TYPE_SVCB, 400, data, w.pos);
        return SIM_RTT;
}

static const SimServer moods[] = { no_tls, designates, designates, sim_good, sim_good, sim_good,
        sim_dead, sim_servfail, some_seconds, no_such_name, aliases, cut_short, broken,
        sim_hates_edns };

static void check_memory(Run *run)
{
        size_t used = mallinfo2().uordblks, cached = dns_client_statistics(run->sim.c).cache.octets;

        run->peak = MAX(run->peak, used - run->base);
        run->cache_peak = MAX(run->cache_peak, cached);
        ck_assert_uint_le(cached, CACHE_MAX);
        ck_assert_uint_le(used - run->base, CACHE_MAX + SLACK);
}

/* As many as it may be, asked in other ways. */
static void change_servers(Run *run)
{
        DnsClientConfig *config;

        sim_configure(&run->sim, (unsigned) rng_range(&run->rng, 1, 4));
        config = sim_config(run->sim.n_servers);
        for (size_t i = 0; i < config->n_servers; i++) {
                DnsServerConfig *s = &config->servers[i];

                s->privacy =
                        (DnsPrivacy) rng_range(&run->rng, DNS_PRIVACY_NONE, DNS_PRIVACY_STRICT);
                s->only_tls = s->privacy == DNS_PRIVACY_STRICT && rng_range(&run->rng, 0, 1);
        }
        sim_apply(&run->sim, config);
}

static void change_something(Run *run)
{
        switch (rng_range(&run->rng, 0, 2000)) {
        case 0:
                change_servers(run);
                break;
        case 1:
                dns_client_network_changed(run->sim.c, run->sim.now);
                break;
        case 2:
                dns_client_flush(run->sim.c);
                break;
        default:
                break;
        }
}

static DnsLookup *start_one(Run *run)
{
        char name[32];

        sprintf(name, "n%u.example", (unsigned) rng_range(&run->rng, 0, NAMES - 1));
        return sim_start(&run->sim, name, DNS_TYPE_A,
                rng_range(&run->rng, 0, 1) ? DNS_TYPE_AAAA : 0,
                rng_range(&run->rng, 0, 9) ? 0 : DNS_LOOKUP_PLAIN);
}

/* So many look-ups at once, until each is answered or was cancelled. */
static void batch(Run *run)
{
        unsigned n = (unsigned) rng_range(&run->rng, 1, BATCH_MAX), before = run->sim.done,
                 left = n;
        DnsLookup *l[BATCH_MAX];

        for (unsigned i = 0; i < 4; i++)
                run->sim.servers[i] = moods[rng_range(&run->rng, 0, ELEMENTSOF(moods) - 1)];
        for (unsigned i = 0; i < n; i++)
                l[i] = start_one(run);
        check_memory(run);
        for (unsigned i = 0; i < n; i++)
                if (rng_range(&run->rng, 0, 49) == 0) {
                        l[i] = dns_lookup_free(l[i]);
                        left--;
                }
        while (run->sim.done - before < left) {
                if (!sim_step(&run->sim) && run->sim.done - before < left)
                        ck_abort_msg("%u look-ups are left without an answer",
                                left - (run->sim.done - before));
                change_something(run);
        }
        ck_assert_uint_eq(run->sim.done - before, left);
        for (unsigned i = 0; i < n; i++) {
                run->failed += l[i] && dns_lookup_result(l[i])->error < 0;
                dns_lookup_free(l[i]);
        }
        run->started += n;
        run->cancelled += n - left;
}

static uint64_t seed, lookups;
static time_t until;

START_TEST(everybody_is_answered)
{
        static Run run;

        printf("LWSD_TEST_SEED=%llu\n", (unsigned long long) seed);
        fflush(stdout);
        run.rng = rng_seeded(seed + 2);
        sim_init(&run.sim, seed, 4, sim_good);
        dns_client_set_cache_limits(run.sim.c, CACHE_MAX, USEC_PER_DAY);
        run.sim.loss_percent = 10;
        run.base = mallinfo2().uordblks;
        while (run.started < lookups || time(NULL) < until)
                batch(&run);
        /* copies of questions may still be on their way */
        sim_settle(&run.sim);
        ck_assert_uint_eq(run.sim.open, 0);
        ck_assert_uint_le(run.sim.max_open, SOCKETS_MAX);
        ck_assert_uint_eq(dns_client_statistics(run.sim.c).transactions_current, 0);
        printf("%llu look-ups, %llu cancelled, %llu without an address; %u packets, at most %u "
               "sockets; cache at most %zu KiB, all memory %zu KiB\n",
                (unsigned long long) run.started, (unsigned long long) run.cancelled,
                (unsigned long long) run.failed, run.sim.packets, run.sim.max_open,
                run.cache_peak / 1024, run.peak / 1024);
        sim_deinit(&run.sim);
}
END_TEST

int main(int argc, char **argv)
{
        Suite *suite = suite_create("stress-dns");
        TCase *tc = tcase_create("stress-dns");
        SRunner *runner = srunner_create(suite);
        int failed;

        lookups = argc > 1 ? strtoull(argv[1], NULL, 10) : 50000;
        until = time(NULL) + (argc > 2 ? atoi(argv[2]) : 0);
        seed = argc > 3 ? strtoull(argv[3], NULL, 10) : (uint64_t) time(NULL);
        tcase_add_test(tc, everybody_is_answered);
        suite_add_tcase(suite, tc);
        srunner_set_fork_status(runner, CK_NOFORK);
        srunner_run_all(runner, CK_NORMAL);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
