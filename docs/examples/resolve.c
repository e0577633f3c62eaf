/* SPDX-License-Identifier: MIT */
/* Prints the addresses of a name, in the order in which to try them.
 *
 *   cc resolve.c $(pkg-config --cflags --libs lws-dns)
 */
#include <arpa/inet.h>
#include <lwsd/lws-dns.h>
#include <lwsd/lws-system.h>
#include <netdb.h>
#include <stdio.h>

static void on_result(struct lws_context *cx, int tsi, const lws_dns_result_t *result, void *opaque)
{
        char text[NI_MAXHOST];

        for (const struct addrinfo *ai = result->addresses; ai; ai = ai->ai_next)
                if (getnameinfo(ai->ai_addr, ai->ai_addrlen, text, sizeof(text), NULL, 0,
                            NI_NUMERICHOST) == 0)
                        puts(text);
        if (result->error < 0)
                fprintf(stderr, "%s: %s %s\n", (const char *) opaque, strerror(-result->error),
                        result->why);
        lws_context_destroy(cx);
}

int main(int argc, char **argv)
{
        const char *name = argc > 1 ? argv[1] : "localhost";
        struct lws_context_creation_info info;
        struct lws_context *cx;

        lws_set_log_level(LLL_ERR, NULL);
        lws_context_info_defaults(&info, NULL);
        cx = lws_create_context(&info);
        if (!cx || lws_dns_query(cx, 0, name, AF_UNSPEC, 0, 0, on_result, (void *) name, NULL) < 0)
                return 1;
        while (lws_service(cx, 0) == 0)
                ;
        return 0;
}
