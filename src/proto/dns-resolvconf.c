/* SPDX-License-Identifier: MIT */
#include "proto/dns-resolvconf.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLANKS       " \t\r"
#define LINE_MAX_LEN 2048

static void parse_nameserver(DnsResolvConf *c, char *args)
{
        char *save, *word = strtok_r(args, BLANKS, &save);
        Endpoint e;

        if (!word || c->n_servers == DNS_SERVERS_MAX || endpoint_parse(word, &e) < 0)
                return;
        /* RFC-less custom: 0.0.0.0 is this host */
        if (ip_is_any(&e.addr) && e.addr.family == AF_INET)
                (void) ip_parse("127.0.0.1", &e.addr);
        c->servers[c->n_servers++] = e;
}

static void parse_search(DnsResolvConf *c, char *args, size_t max)
{
        char *save;

        c->n_search = 0;
        for (char *word = strtok_r(args, BLANKS, &save); word && c->n_search < max;
                word = strtok_r(NULL, BLANKS, &save)) {
                DnsName n;

                if (dns_name_from_text(word, &n, NULL) == 0 && n.len > 1)
                        c->search[c->n_search++] = n;
        }
}

static void parse_options(DnsResolvConf *c, char *args)
{
        char *save;

        for (char *word = strtok_r(args, BLANKS, &save); word; word = strtok_r(NULL, BLANKS, &save))
                if (strncmp(word, "ndots:", 6) == 0)
                        c->ndots = (unsigned) MIN(strtoul(word + 6, NULL, 10), DNS_NDOTS_MAX);
}

static void parse_line(DnsResolvConf *c, char *line)
{
        char *args;

        line += strspn(line, BLANKS);
        if (*line == '#' || *line == ';')
                return;
        args = line + strcspn(line, BLANKS);
        if (*args)
                *args++ = 0;
        if (strcmp(line, "nameserver") == 0)
                parse_nameserver(c, args);
        else if (strcmp(line, "search") == 0)
                parse_search(c, args, DNS_SEARCH_MAX);
        else if (strcmp(line, "domain") == 0)
                parse_search(c, args, 1);
        else if (strcmp(line, "options") == 0)
                parse_options(c, args);
}

void dns_resolvconf_parse(DnsResolvConf *ret, const char *text, size_t size)
{
        char line[LINE_MAX_LEN];
        const char *end = text + size;

        *ret = (DnsResolvConf){ .ndots = 1 };
        for (const char *eol; text < end; text = eol + 1) {
                size_t len;

                eol = memchr(text, '\n', (size_t) (end - text));
                if (!eol)
                        eol = end;
                len = (size_t) (eol - text);
                if (len >= sizeof(line) || memchr(text, 0, len))
                        continue;
                memcpy(line, text, len);
                line[len] = 0;
                parse_line(ret, line);
        }
}

int dns_resolvconf_format(const DnsResolvConf *c, const char *header, char *buf, size_t size)
{
        char endpoint[ENDPOINT_STRLEN], name[DNS_NAME_TEXT_MAX];
        FILE *f = fmemopen(buf, size, "w");
        long written;

        if (!f)
                return -errno;
        fprintf(f, "# %s\n", header);
        for (size_t i = 0; i < c->n_servers; i++) {
                Endpoint e = c->servers[i];

                e.port = 0;
                e.name[0] = 0;
                fprintf(f, "nameserver %s\n", endpoint_format(&e, endpoint));
        }
        for (size_t i = 0; i < c->n_search; i++)
                fprintf(f, "%s%s%s", i == 0 ? "search " : " ",
                        dns_name_to_text(&c->search[i], name), i + 1 == c->n_search ? "\n" : "");
        if (c->ndots != 1)
                fprintf(f, "options ndots:%u\n", c->ndots);
        fflush(f);
        written = ftell(f);
        fclose(f);
        return written < 0 || (size_t) written >= size ? -ENOBUFS : (int) written;
}
