/* SPDX-License-Identifier: MIT */
#include "helper/time-nts-file.h"
#include "util/fd.h"
#include <stdio.h>
#include <string.h>

#define FILE_MAX (4096 + 2 * NTS_COOKIES * NTS_COOKIE_MAX)

/* Never sooner than in 10 s (REQ_NTP 37), with what chance takes away. */
void nts_stored_init(NtsStored *s)
{
        *s = (NtsStored){ .backoff = { .first_usec = 11 * USEC_PER_SEC,
                                  .max_usec = NTS_BACKOFF_MAX_USEC,
                                  .jitter_percent = 5 } };
}

/* The host is a name or an address as in the configuration; only '/' must not be in a file name. */
static int file_name(char *buf, size_t size, const char *host, uint16_t port)
{
        int n = snprintf(buf, size, "nts-%s-%u", host, port ? port : NTS_KE_PORT);

        if (n < 0 || (size_t) n >= size || strchr(buf, '/'))
                return -ENAMETOOLONG;
        return 0;
}

static void write_hex(FILE *out, const char *key, const uint8_t *data, size_t size)
{
        fprintf(out, "%s ", key);
        for (size_t i = 0; i < size; i++)
                fprintf(out, "%02x", data[i]);
        fputc('\n', out);
}

static size_t read_hex(const char *text, uint8_t *out, size_t max)
{
        size_t n = 0;
        unsigned byte;

        while (n < max && sscanf(text + 2 * n, "%2x", &byte) == 1 && text[2 * n + 1])
                out[n++] = (uint8_t) byte;
        return n;
}

void nts_stored_save(TimeFiles *f, const char *host, uint16_t port, const NtsStored *s)
{
        char name[300], endpoint[ENDPOINT_STRLEN], *text = NULL;
        size_t size = 0, first = MIN(s->session.unsaved, s->session.n_cookies);
        FILE *out;

        if (f->dirfd < 0 || file_name(name, sizeof(name), host, port) < 0)
                return;
        out = open_memstream(&text, &size);
        if (!out)
                return;
        fprintf(out, "tries %u\nnot-before %lld\n", s->backoff.tries,
                (long long) s->not_before_sec);
        if (first < s->session.n_cookies) {
                fprintf(out, "server %s\nvalid %lld %lld\n", endpoint_format(&s->server, endpoint),
                        (long long) s->valid_from_sec, (long long) s->valid_until_sec);
                if (s->relaxed)
                        fputs("relaxed\n", out);
                write_hex(out, "c2s", s->session.c2s, sizeof(s->session.c2s));
                write_hex(out, "s2c", s->session.s2c, sizeof(s->session.s2c));
                for (size_t i = first; i < s->session.n_cookies; i++)
                        write_hex(out, "cookie", s->session.cookies[i].data,
                                s->session.cookies[i].size);
        }
        if (fclose(out) == 0 && text)
                time_files_write(f, name, text, size, 0600);
        if (text)
                explicit_bzero(text, size);
        free(text);
}

static void load_line(NtsStored *s, const char *line, unsigned *keys)
{
        uint8_t data[NTS_COOKIE_MAX + 1];
        long long from, until;
        Endpoint e;
        size_t n;

        if (strncmp(line, "cookie ", 7) == 0) {
                n = read_hex(line + 7, data, sizeof(data));
                (void) nts_session_add_cookie(&s->session, data, n);
        } else if (strncmp(line, "c2s ", 4) == 0) {
                *keys += read_hex(line + 4, s->session.c2s, SIV_KEY_SIZE) == SIV_KEY_SIZE;
        } else if (strncmp(line, "s2c ", 4) == 0) {
                *keys += read_hex(line + 4, s->session.s2c, SIV_KEY_SIZE) == SIV_KEY_SIZE;
        } else if (strncmp(line, "server ", 7) == 0 && endpoint_parse(line + 7, &e) == 0) {
                s->server = e;
                *keys += 1;
        } else if (sscanf(line, "valid %lld %lld", &from, &until) == 2) {
                s->valid_from_sec = from;
                s->valid_until_sec = until;
        } else if (strcmp(line, "relaxed") == 0) {
                s->relaxed = true;
        } else if (strncmp(line, "tries ", 6) == 0) {
                s->backoff.tries = (unsigned) MIN(strtoul(line + 6, NULL, 10), 32ul);
        } else if (strncmp(line, "not-before ", 11) == 0) {
                s->not_before_sec = strtoll(line + 11, NULL, 10);
        }
}

bool nts_stored_load(const TimeFiles *f, const char *host, uint16_t port, NtsStored *ret)
{
        _cleanup_(freep) char *text = NULL;
        char name[300], *save = NULL;
        NtsStored s;
        unsigned keys = 0;
        size_t size;

        if (f->dirfd < 0 || file_name(name, sizeof(name), host, port) < 0 ||
                file_read(f->dirfd, name, FILE_MAX, &text, &size) < 0)
                return false;
        nts_stored_init(&s);
        for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
                load_line(&s, line, &keys);
        explicit_bzero(text, size);
        if (keys != 3)
                s.session = (NtsSession){ 0 };
        s.session.unsaved = 0;
        *ret = s;
        return true;
}
