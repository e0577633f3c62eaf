/* SPDX-License-Identifier: MIT */
/*
 * One question to a server over and over, so many at a time on one socket: for what a stub or a
 * resolver gives from its cache. Where NAME begins with "*." another one under it each time, which
 * the server has to ask for itself.
 *
 *   bench-dns-load SERVER NAME [TOTAL [LABEL]]
 *
 * 1 where answers were lost.
 */
#include "net/udp.h"
#include "proto/dns-message.h"
#include "util/clock.h"
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS 8

static bool each_anew;

/* The first label counts. */
static void renew(uint8_t *query)
{
        static unsigned counter;
        char digits[DIGITS + 1];

        snprintf(digits, sizeof(digits), "%0*u", DIGITS, counter++);
        memcpy(query + DNS_HEADER_SIZE + 1, digits, DIGITS);
}

static unsigned ask(int fd, uint8_t *query, int size, unsigned total, unsigned parallel)
{
        unsigned sent = 0, answered = 0;

        while (answered < total) {
                struct pollfd p = { .fd = fd, .events = POLLIN };
                uint8_t buf[4096];
                ssize_t n;

                while (sent < total && sent - answered < parallel) {
                        if (each_anew)
                                renew(query);
                        if (send(fd, query, (size_t) size, 0) < 0)
                                return answered;
                        sent++;
                }
                if (poll(&p, 1, 2000) <= 0)
                        return answered;
                /* an error is none: then time passes */
                while ((n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0)
                        answered +=
                                n > DNS_HEADER_SIZE && (buf[3] & DNS_FLAG_RCODE) == 0 && buf[7] > 0;
        }
        return answered;
}

int main(int argc, char **argv)
{
        static const unsigned parallels[] = { 1, 1, 10, 100 };
        DnsQueryOptions options = { .edns = true };
        uint8_t query[DNS_QUERY_MAX];
        char text[DNS_NAME_TEXT_MAX];
        Endpoint server;
        DnsName name;
        unsigned total;
        int fd, size;
        bool lost = false;

        if (argc < 3 || endpoint_parse(argv[1], &server) < 0)
                return 2;
        each_anew = strncmp(argv[2], "*.", 2) == 0;
        snprintf(text, sizeof(text), "%s%s", each_anew ? "00000000" : "", argv[2] + each_anew);
        if (dns_name_from_text(text, &name, NULL) < 0)
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
                lost = lost || n < want;
                if (i > 0)
                        printf("%-18s %4u in flight: %8.0f a second, %6.1f usec each%s\n",
                                argc > 4 ? argv[4] : argv[1], parallels[i], n * 1e6 / (double) t,
                                (double) t / n, n < want ? " (some were lost)" : "");
        }
        return lost;
}
