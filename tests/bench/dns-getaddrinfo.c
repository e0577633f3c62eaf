/* SPDX-License-Identifier: MIT */
/* getaddrinfo(), a thread for each name under way. It asks whom /etc/resolv.conf names, which
 * tests/bench/dns arranges; there is no other port than 53 in there. */
#include "dns.h"
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

#define THREADS_MAX 100

static atomic_uint next, answered;
static unsigned wanted;

static void *work(void *opaque)
{
        static const struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_DGRAM };
        unsigned i;

        (void) opaque;
        while ((i = atomic_fetch_add(&next, 1)) < wanted) {
                struct addrinfo *result;
                char text[64];

                bench_name(text, i);
                if (getaddrinfo(text, NULL, &hints, &result) == 0) {
                        answered++;
                        freeaddrinfo(result);
                }
        }
        return NULL;
}

static unsigned run(uint16_t port, unsigned total, unsigned parallel)
{
        pthread_t threads[THREADS_MAX];
        unsigned n = 0;

        if (port != 53)
                return 0;
        next = answered = 0;
        wanted = total;
        while (n < parallel && n < THREADS_MAX &&
                pthread_create(&threads[n], NULL, work, NULL) == 0)
                n++;
        while (n > 0)
                pthread_join(threads[--n], NULL);
        return answered;
}

const DnsBench bench_getaddrinfo = { "getaddrinfo, threads", run };
