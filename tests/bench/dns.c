/* SPDX-License-Identifier: MIT */
/*
 * Look-ups per second and client CPU of several resolvers against one server in one run, each as a
 * ratio to a bare loop that opens, connects and closes a UDP socket for every query.
 *
 *   bench-dns [--total=N] [--only=WORD] [--in-flight=N] [--port=N] [--serve]
 */
#include "dns.h"
#include "net/udp.h"
#include "proto/dns-message.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/rng.h"
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static unsigned round_number;

void bench_name(char *buf, unsigned i)
{
        sprintf(buf, "n%u-%u.bench.test", round_number, i);
}

/* The server: every name has one address. */
static void serve(int fd)
{
        uint8_t in[1500], out[1500];

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;) {
                SockAddr from;
                socklen_t len = sizeof(from);
                ssize_t n = recvfrom(fd, in, sizeof(in), 0, &from.sa, &len);
                DnsHeader h;
                DnsBuilder b;
                int size;

                if (n < 0 || dns_header_parse(&h, in, (size_t) n) < 0)
                        continue;
                dns_builder_init(&b, out, sizeof(out), h.id, 0x8180);
                dns_builder_question(&b, &h.qname, h.qtype, h.qclass);
                (void) dns_builder_record(&b, DNS_ANSWER, &h.qname, 1, 1, 60, "\300\0\2\1", 4);
                size = dns_builder_finish(&b);
                (void) sendto(fd, out, (size_t) size, 0, &from.sa, len);
        }
}

static pid_t start_server(uint16_t port, uint16_t *ret_port)
{
        Endpoint on = { 0 };
        SockAddr sa;
        socklen_t len = sizeof(sa);
        pid_t pid;
        int fd;

        (void) ip_parse("127.0.0.1", &on.addr);
        fd = net_listen(&on, port, SOCK_DGRAM);
        if (fd < 0 || getsockname(fd, &sa.sa, &len) < 0)
                exit(1);
        *ret_port = endpoint_from_sockaddr(&sa, len).port;
        fflush(stdout); /* once, not by each child */
        pid = fork();
        if (pid == 0) {
                int flags = 0;

                /* blocking, as a server of one socket likes it */
                (void) fcntl(fd, F_SETFL, flags);
                serve(fd);
        }
        close(fd);
        return pid;
}

static int raw_send(int epoll, const Endpoint *server, unsigned i)
{
        static const DnsQueryOptions options = { .edns = true };
        struct epoll_event ev = { .events = EPOLLIN };
        uint8_t buf[DNS_QUERY_MAX];
        char text[64];
        DnsName name;
        int fd = udp_connect(server, 53), n;

        bench_name(text, i);
        (void) dns_name_from_text(text, &name, NULL);
        n = dns_query_build(buf, sizeof(buf), rng_u16(&RNG_KERNEL), &name, 1, 1, &options);
        ev.data.fd = fd;
        (void) epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev);
        return send(fd, buf, (size_t) n, 0) < 0 ? -1 : 0;
}

static unsigned run_raw(uint16_t port, unsigned total, unsigned parallel)
{
        int epoll = epoll_create1(EPOLL_CLOEXEC);
        unsigned started = 0, answered = 0;
        Endpoint server = { .port = port };

        (void) ip_parse("127.0.0.1", &server.addr);
        while (started < parallel && started < total)
                (void) raw_send(epoll, &server, started++);
        while (answered < total) {
                struct epoll_event ev[64];
                int n = epoll_wait(epoll, ev, 64, 5000);

                if (n <= 0)
                        break;
                for (int i = 0; i < n; i++) {
                        uint8_t buf[1500];

                        answered += recv(ev[i].data.fd, buf, sizeof(buf), 0) > 12;
                        close(ev[i].data.fd);
                        if (started < total)
                                (void) raw_send(epoll, &server, started++);
                }
        }
        close(epoll);
        return answered;
}

const DnsBench bench_raw = { "raw UDP loop", run_raw };

static double cpu_usec(void)
{
        struct rusage u;

        getrusage(RUSAGE_SELF, &u);
        return (double) (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 +
               (double) (u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

typedef struct Figure Figure;
struct Figure {
        double rate, cpu;
};

static void measure(
        const DnsBench *b, uint16_t port, unsigned total, unsigned parallel, Figure *best)
{
        double c = cpu_usec();
        usec_t t = clock_boottime_usec();
        unsigned n;

        round_number++;
        n = b->run(port, total, parallel);
        t = clock_boottime_usec() - t;
        c = (cpu_usec() - c) / total;
        if (n < total)
                printf("  %s: %u of %u answered\n", b->name, n, total);
        best->rate = MAX(best->rate, n * 1e6 / (double) t);
        best->cpu = best->cpu > 0 ? MIN(best->cpu, c) : c;
}

typedef struct Options Options;
struct Options {
        unsigned total, in_flight;
        const char *only;
        uint16_t port;
        bool only_serve;
};

static bool wanted(const Options *o, const DnsBench *b, uint16_t port)
{
        return b->run && (b != &bench_getaddrinfo || port == 53) &&
               (b == &bench_raw || !o->only || strstr(b->name, o->only));
}

/* Best of five, in turns: the machine is not ours alone, and no two moments on it are alike. */
static void compare(const Options *o, uint16_t port, unsigned parallel)
{
        static const DnsBench *const benches[] = { &bench_raw, &bench_lwsd, &bench_lwsd_sd_event,
                &bench_lwsd_libev, &bench_cares, &bench_unbound, &bench_getaddrinfo };
        Figure best[ELEMENTSOF(benches)] = { 0 };

        for (unsigned round = 0; round < 5; round++)
                for (size_t i = 0; i < ELEMENTSOF(benches); i++)
                        if (wanted(o, benches[i], port))
                                measure(benches[i], port, o->total, parallel, &best[i]);
        for (size_t i = 0; i < ELEMENTSOF(benches); i++)
                if (wanted(o, benches[i], port))
                        printf("%-22s %8u %10.0f %7.2f %9.1f %7.2f\n", benches[i]->name, parallel,
                                best[i].rate, best[0].rate / best[i].rate, best[i].cpu,
                                best[i].cpu / best[0].cpu);
        fflush(stdout);
}

static int read_options(int argc, char **argv, Options *ret)
{
        static const struct option options[] = { { "total", 1, NULL, 't' },
                { "only", 1, NULL, 'o' }, { "in-flight", 1, NULL, 'i' }, { "port", 1, NULL, 'p' },
                { "serve", 0, NULL, 's' }, { 0 } };
        int o;

        while ((o = getopt_long(argc, argv, "", options, NULL)) >= 0)
                if (o == 't')
                        ret->total = (unsigned) atoi(optarg);
                else if (o == 'o')
                        ret->only = optarg;
                else if (o == 'i')
                        ret->in_flight = (unsigned) atoi(optarg);
                else if (o == 'p')
                        ret->port = (uint16_t) atoi(optarg);
                else if (o == 's')
                        ret->only_serve = true;
                else
                        return -EINVAL;
        return 0;
}

int main(int argc, char **argv)
{
        static const unsigned parallels[] = { 1, 10, 100 };
        Options o = { .total = 20000 };
        uint16_t port = 0;
        pid_t pid;

        if (read_options(argc, argv, &o) < 0)
                return 2;
        pid = start_server(o.port, &port);
        if (o.only_serve)
                return waitpid(pid, NULL, 0) < 0;
        printf("%-22s %8s %10s %7s %9s %7s\n", "", "parallel", "per second", "ratio", "CPU usec",
                "ratio");
        for (size_t p = 0; p < ELEMENTSOF(parallels); p++)
                if (o.in_flight == 0 || o.in_flight == parallels[p])
                        compare(&o, port, parallels[p]);
        printf("lwsd, in process, from the cache: %.2f usec\n", bench_lwsd_cached(port));
        kill(pid, SIGKILL);
        return 0;
}
