/* SPDX-License-Identifier: MIT */
#include "dns.h"
#include <ares.h>
#include <arpa/nameser.h>
#include <stdio.h>
#include <sys/select.h>

static unsigned answered;

static void on_answer(void *arg, int status, int timeouts, unsigned char *abuf, int alen)
{
        (void) timeouts;
        (void) abuf;
        (void) alen;
        answered += status == ARES_SUCCESS;
        --*(unsigned *) arg;
}

static void turn(ares_channel channel)
{
        fd_set readers, writers;
        struct timeval tv, *wait;
        int n;

        FD_ZERO(&readers);
        FD_ZERO(&writers);
        n = ares_fds(channel, &readers, &writers);
        wait = ares_timeout(channel, NULL, &tv);
        if (n > 0)
                (void) select(n, &readers, &writers, NULL, wait);
        ares_process(channel, &readers, &writers);
}

static unsigned run(uint16_t port, unsigned total, unsigned parallel)
{
        unsigned started = 0, flying = 0;
        ares_channel channel;
        char text[64];

        answered = 0;
        if (ares_library_init(ARES_LIB_INIT_ALL) != 0 || ares_init(&channel) != 0)
                return 0;
        snprintf(text, sizeof(text), "127.0.0.1:%u", port);
        ares_set_servers_ports_csv(channel, text);
        while (started < total || flying > 0) {
                while (started < total && flying < parallel) {
                        bench_name(text, started++);
                        flying++;
                        ares_query(channel, text, ns_c_in, ns_t_a, on_answer, &flying);
                }
                turn(channel);
        }
        ares_destroy(channel);
        ares_library_cleanup();
        return answered;
}

const DnsBench bench_cares = { "c-ares, one socket", run };
