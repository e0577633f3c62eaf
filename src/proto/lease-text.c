/* SPDX-License-Identifier: MIT */
#include "proto/lease-text.h"
#include "proto/domain.h"
#include "util/buf.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void lease_text_add(LeaseText *t, const char *fmt, ...)
{
        size_t left = t->len < t->size ? t->size - t->len : 0;
        va_list ap;
        int n;

        va_start(ap, fmt);
        n = vsnprintf(left ? t->buf + t->len : NULL, left, fmt, ap);
        va_end(ap);
        t->len += n > 0 ? (size_t) n : 0;
}

void lease_text_time(LeaseText *t, const char *key, usec_t boottime)
{
        if (boottime != USEC_INFINITY)
                lease_text_add(t, "%s-boottime-usec=%" PRIu64 "\n", key, boottime);
}

void lease_text_hex(LeaseText *t, const char *key, const uint8_t *bytes, size_t n)
{
        lease_text_add(t, "%s=", key);
        for (size_t i = 0; i < n; i++)
                lease_text_add(t, "%02x", bytes[i]);
        lease_text_add(t, "\n");
}

void lease_text_clocks(LeaseText *t, const LeaseClocks *at)
{
        lease_text_add(t, "boot-id=%s\n", at->boot_id);
        lease_text_add(t, "saved-boottime-usec=%" PRIu64 "\n", at->boottime);
        lease_text_add(t, "saved-realtime-usec=%" PRIu64 "\n", at->realtime);
}

void lease_text_names(LeaseText *t, const char *search, const char *captive_portal)
{
        if (search[0])
                lease_text_add(t, "domains=%s\n", search);
        if (captive_portal[0])
                lease_text_add(t, "captive-portal=%s\n", captive_portal);
}

void lease_text_resolvers(LeaseText *t, const DnrList *list)
{
        char text[ENDPOINT_STRLEN];

        for (size_t i = 0; i < list->n; i++)
                lease_text_add(t, "resolver=%s\n", endpoint_format(&list->items[i], text));
}

int lease_text_parse(const char *text, LeaseEntryFn *entry, void *userdata)
{
        char copy[LEASE_TEXT_SIZE], *save = NULL;

        if (strlen(text) >= sizeof(copy))
                return -EBADMSG;
        strcpy(copy, text);
        for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
                char *value = strchr(line, '=');

                if (line[0] == '#')
                        continue;
                if (!value)
                        return -EBADMSG;
                *value++ = 0;
                if (!entry(userdata, line, value))
                        return -EBADMSG;
        }
        return 0;
}

bool lease_number(const char *s, uint64_t max, uint64_t *ret)
{
        uint64_t v = 0;

        if (!*s)
                return false;
        for (; *s; s++) {
                if (*s < '0' || *s > '9' || v > (UINT64_MAX - 9) / 10)
                        return false;
                v = v * 10 + (uint64_t) (*s - '0');
        }
        if (v > max)
                return false;
        *ret = v;
        return true;
}

bool lease_string(const char *s, char *ret, size_t size)
{
        size_t len = strlen(s);

        if (len >= size)
                return false;
        memset(ret, 0, size);
        memcpy(ret, s, len);
        return true;
}

static int digit(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int lease_hex(const char *s, uint8_t *ret, size_t size)
{
        size_t n = 0;

        for (; *s; s += 2) {
                int high = digit(s[0]), low = high < 0 ? -1 : digit(s[1]);

                if (low < 0 || n == size)
                        return -1;
                ret[n++] = (uint8_t) (high << 4 | low);
        }
        return (int) n;
}

bool lease_uri(const char *s, char *ret, size_t size)
{
        Reader r = READER_INIT(s, strlen(s));

        memset(ret, 0, size);
        return option_read_uri(&r, ret, size);
}

bool lease_domains(char *s, char *list, size_t size)
{
        char *save = NULL;

        for (char *name = strtok_r(s, " ", &save); name; name = strtok_r(NULL, " ", &save)) {
                if (!domain_is_valid(name))
                        return false;
                domain_list_add(list, size, name);
        }
        return true;
}
