/* SPDX-License-Identifier: MIT */
/*
 * The resolver alone, asked from a pipe: each line of stdin is `NAME [TYPE] [FLAGS]`, answered by
 * one line NAME ERROR PROTOCOL [cache|stale] ADDRESS|TTL:HEX... in the order in which the answers
 * come. Without a type both address families are asked.
 */
#include "core/wsi.h"
#include "helper/resolver.h"
#include "lib/fake-network.h"
#include "proto/dns-record.h"
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

typedef struct Ask Ask;
struct Ask {
        struct lws_context *cx;
        Resolver *resolver;
        struct lws *input;
        unsigned n_pending;
        bool eof;
        char line[65536];
        size_t size;
};

typedef struct Question Question;
struct Question {
        Ask *ask;
        char name[1100];
};

static void print_wire(const LookupRecord *rr)
{
        printf(" %u:", rr->ttl);
        for (size_t i = 0; i < rr->wire_size; i++)
                printf("%02x", rr->wire[i]);
}

static void on_result(Lookup *lookup, const LookupResult *res, void *userdata)
{
        Question *q = userdata;
        Ask *ask = q->ask;
        char ip[IP_ADDR_STRLEN];

        (void) lookup;
        printf("%s %s %s%s", q->name, res->error ? strerrorname_np(-res->error) : "0",
                res->protocol,
                res->stale        ? " stale"
                : res->from_cache ? " cache"
                                  : "");
        for (size_t i = 0; i < res->n_addresses; i++)
                printf(" %s", ip_format(&res->addresses[i].addr, ip));
        for (size_t i = 0; i < res->n_records; i++)
                print_wire(&res->records[i]);
        if (res->certificate_dates)
                printf(" dates");
        if (res->why[0])
                printf(" (%s)", res->why);
        printf("\n");
        free(q);
        ask->n_pending--;
}

static void ask_line(Ask *ask, char *line)
{
        char *save, *name = strtok_r(line, " ", &save), *type = strtok_r(NULL, " ", &save);
        char *flags = type ? strtok_r(NULL, " ", &save) : NULL;
        unsigned bits = flags ? (unsigned) strtoul(flags, NULL, 0) : 0;
        Question *q = calloc(1, sizeof(*q));
        int r;

        if (!name || !q)
                abort();
        q->ask = ask;
        snprintf(q->name, sizeof(q->name), "%s", name);
        ask->n_pending++;
        if (!type || strcmp(type, "-") == 0)
                r = resolver_lookup_host(
                        ask->resolver, NULL, 0, name, AF_UNSPEC, bits, on_result, q);
        else if (strcmp(type, "4") == 0 || strcmp(type, "6") == 0)
                r = resolver_lookup_host(ask->resolver, NULL, 0, name,
                        *type == '4' ? AF_INET : AF_INET6, bits, on_result, q);
        else
                r = resolver_lookup_record(ask->resolver, NULL, 0, name, DNS_CLASS_IN,
                        (uint16_t) dns_type_from_string(type), bits, on_result, q);
        if (r < 0) {
                LookupResult res = { .error = r, .protocol = "local", .why = "" };

                on_result(NULL, &res, q);
        }
}

static void on_input(struct lws *wsi, uint32_t revents)
{
        Ask *ask = wsi_userdata(wsi);
        ssize_t n = read(wsi_fd(wsi), ask->line + ask->size, sizeof(ask->line) - 1 - ask->size);
        char *start = ask->line, *eol;

        (void) revents;
        if (n <= 0) {
                ask->eof = true;
                ask->input = wsi_free(ask->input);
                return;
        }
        ask->size += (size_t) n;
        ask->line[ask->size] = 0;
        while ((eol = strchr(start, '\n'))) {
                *eol = 0;
                if (strcmp(start, "flush") == 0)
                        resolver_flush(ask->resolver);
                else if (*start)
                        ask_line(ask, start);
                start = eol + 1;
        }
        ask->size -= (size_t) (start - ask->line);
        memmove(ask->line, start, ask->size);
}

static void set_option(Settings *s, int option, const char *arg)
{
        Endpoint e = { 0 };

        switch (option) {
        case 's':
        case 'S':
                if (endpoint_parse(arg, &e) < 0 ||
                        endpoint_list_add(option == 's' ? &s->dns.servers : &s->dns.stub, &e) < 0)
                        abort();
                break;
        case 't':
                s->dns.over_tls =
                        strcmp(arg, "yes") == 0 ? DNS_OVER_TLS_YES : DNS_OVER_TLS_OPPORTUNISTIC;
                break;
        case 'c':
                s->dns.certificate_authority = strdup(arg);
                break;
        case 'p':
                (void) string_list_add(&s->dns.pins, arg);
                break;
        case 'd':
                (void) string_list_add(&s->dns.domains, arg);
                break;
        case 'r':
                s->runtime_dir = strdup(arg);
                break;
        case 'x':
                s->dns.stale_usec = (usec_t) atoi(arg) * USEC_PER_SEC;
                break;
        default:
                fprintf(stderr, "usage: dns-ask --server=... [--tls=yes|opportunistic]\n");
                exit(2);
        }
}

int main(int argc, char **argv)
{
        static const struct option options[] = { { "server", 1, NULL, 's' },
                { "stub", 1, NULL, 'S' }, { "tls", 1, NULL, 't' }, { "ca", 1, NULL, 'c' },
                { "pin", 1, NULL, 'p' }, { "domain", 1, NULL, 'd' }, { "runtime", 1, NULL, 'r' },
                { "stale", 1, NULL, 'x' }, { 0 } };
        struct lws_context_creation_info info;
        Settings *settings = NULL;
        Network *network = NULL;
        static Ask ask;
        int option;

        if (settings_new(&settings) < 0)
                return 1;
        while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0)
                set_option(settings, option, optarg);
        lws_context_info_defaults(&info, NULL);
        ask.cx = lws_create_context(&info);
        if (!ask.cx || fake_network_new(&network, ask.cx, settings) < 0 ||
                resolver_new(&ask.resolver, ask.cx, network, settings) < 0 ||
                wsi_new(&ask.input, context_vhost_system(ask.cx), context_thread(ask.cx, 0), 0,
                        EPOLLIN, on_input, &ask) < 0)
                return 1;
        while (!(ask.eof && ask.n_pending == 0) && lws_service(ask.cx, 0) == 0)
                fflush(stdout);
        resolver_free(ask.resolver);
        fake_network_free(network);
        lws_context_destroy(ask.cx);
        settings_free(settings);
        return 0;
}
