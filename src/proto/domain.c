/* SPDX-License-Identifier: MIT */
#include "proto/domain.h"
#include <string.h>

static bool is_letter_or_digit(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool label_is_valid(const char *label, size_t len)
{
        if (len == 0 || len > 63 || label[0] == '-' || label[len - 1] == '-')
                return false;
        for (size_t i = 0; i < len; i++)
                if (!is_letter_or_digit(label[i]) && label[i] != '-')
                        return false;
        return true;
}

bool domain_is_valid(const char *name)
{
        size_t total = strlen(name);

        if (total == 0 || total >= DOMAIN_NAME_SIZE)
                return false;
        for (;;) {
                size_t len = strcspn(name, ".");

                if (!label_is_valid(name, len))
                        return false;
                if (!name[len])
                        return true;
                name += len + 1;
        }
}

typedef struct NameText NameText;
struct NameText {
        char *text;
        size_t len;
        bool valid; /* every label so far could be part of a host name */
};

static bool append_label(NameText *n, Reader *r, size_t len)
{
        const char *label = (const char *) reader_bytes(r, len);

        if (!label || n->len + len + 1 >= DOMAIN_NAME_SIZE)
                return false;
        n->valid = n->valid && label_is_valid(label, len);
        if (n->len > 0)
                n->text[n->len++] = '.';
        memcpy(n->text + n->len, label, len);
        n->len += len;
        return true;
}

bool domain_read(Reader *r, char ret[static DOMAIN_NAME_SIZE])
{
        char text[DOMAIN_NAME_SIZE];
        NameText n = { .text = text, .valid = true };
        Reader at = *r;
        size_t limit = r->pos;
        bool jumped = false;

        for (;;) {
                uint8_t len = reader_u8(&at);

                if (at.failed)
                        return false;
                if (len == 0)
                        break;
                if ((len & 0xc0) == 0xc0) {
                        size_t target = (size_t) (len & 0x3f) << 8 | reader_u8(&at);

                        if (at.failed || target >= limit)
                                return false;
                        if (!jumped)
                                *r = at;
                        jumped = true;
                        limit = target;
                        reader_seek(&at, target);
                } else if ((len & 0xc0) || !append_label(&n, &at, len)) {
                        return false;
                }
        }
        if (!jumped)
                *r = at;
        text[n.valid ? n.len : 0] = 0;
        memcpy(ret, text, n.valid ? n.len + 1 : 1);
        return true;
}

bool domain_read_list(Reader *r, char *list, size_t size)
{
        char name[DOMAIN_NAME_SIZE];

        list[0] = 0;
        while (reader_left(r) > 0) {
                if (!domain_read(r, name)) {
                        list[0] = 0;
                        return false;
                }
                if (name[0])
                        domain_list_add(list, size, name);
        }
        return true;
}

static bool list_has(const char *list, const char *name)
{
        size_t len = strlen(name);

        while (*list) {
                size_t n = strcspn(list, " ");

                if (n == len && memcmp(list, name, n) == 0)
                        return true;
                list += n + (list[n] == ' ');
        }
        return false;
}

void domain_list_add(char *list, size_t size, const char *name)
{
        size_t used = strlen(list), len = strlen(name), blank = used > 0;

        if (used + blank + len + 1 > size || list_has(list, name))
                return;
        if (blank)
                list[used] = ' ';
        memcpy(list + used + blank, name, len + 1);
}

bool option_read_text(Reader *r, char *ret, size_t size)
{
        size_t len = reader_left(r);
        const char *p = (const char *) reader_bytes(r, len);

        while (p && len > 0 && !p[len - 1])
                len--;
        if (!p || len == 0 || len >= size || memchr(p, 0, len))
                return false;
        memcpy(ret, p, len);
        ret[len] = 0;
        return true;
}

bool option_read_uri(Reader *r, char *ret, size_t size)
{
        char uri[256];

        if (!option_read_text(r, uri, sizeof(uri)) || strncmp(uri, "https://", 8) != 0)
                return false;
        for (const char *p = uri; *p; p++)
                if (*p <= ' ' || *p >= 0x7f || strchr("\"<>\\^`{|}", *p))
                        return false;
        if (strlen(uri) >= size)
                return false;
        strcpy(ret, uri);
        return true;
}
