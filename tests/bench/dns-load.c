/* SPDX-License-Identifier: MIT */
/*
 * One question to a server over and over, so many at a time on one socket: for what a stub or a
 * resolver gives from its cache.
 *
 *   bench-dns-load SERVER NAME [TOTAL [LABEL]]
 */
#include "net/udp.h"
#include "proto/dns-message.h"
#include "util/clock.h"
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

static unsigned ask(int fd, const uint8_t *query, int size, unsigned total, unsigned parallel)
{
        unsigned sent = 0, answered = 0;

        while (answered < total) {
                struct pollfd p = { .fd = fd, .events = POLLIN };
                uint8_t buf[4096];

                while (sent < total && sent - answered < parallel) {
                        if (send(fd, query, (size_t) size, 0) < 0)
                                return answered;
                        sent++;
                }
                if (poll(&p, 1, 2000) <= 0)
                        return answered;
                while (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) > 0)
                        answered++;
        }
        return answered;
}

int main(int argc, char **argv)
{
        static const unsigned parallels[] = { 1, 1, 10, 100 };
        DnsQueryOptions options = { .edns = true };
        uint8_t query[DNS_QUERY_MAX];
        Endpoint server;
        DnsName name;
        unsigned total;
        int fd, size;

        if (argc < 3 || endpoint_parse(argv[1], &server) < 0 ||
                dns_name_from_text(argv[2], &name, NULL) < 0)
                return 2;
        total = argc > 3 ? (unsigned) atoi(argv[3]) : 50000;
        size = dns_query_build(query, sizeof(query), 7, &name, DNS_TYPE_A, DNS_CLASS_IN, &options);
        fd = udp_connect(&server, 53);
        if (fd < 0 || size < 0)
                return 1;
        /* the first brings the answer into the cache */
        for (size_t i = 0; i < sizeof(parallels) / sizeof(parallels[0]); i++) {
                unsigned want = i == 0 ? 1 : total, n;
                usec_t t = clock_boottime_usec();

                n = ask(fd, query, size, want, parallels[i]);
                t = clock_boottime_usec() - t;
                if (i > 0)
                        printf("%-10s %4u in flight: %8.0f a second, %6.1f usec each%s\n",
                                argc > 4 ? argv[4] : argv[1], parallels[i], n * 1e6 / (double) t,
                                (double) t / n, n < want ? " (some were lost)" : "");
        }
        return 0;
}
