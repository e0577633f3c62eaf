/* SPDX-License-Identifier: MIT */
#include "ctl/rr.h"
#include "util/base64.h"
#include "util/buf.h"
#include "util/error.h"
#include <arpa/inet.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
        TYPE_A = 1,
        TYPE_NS = 2,
        TYPE_CNAME = 5,
        TYPE_SOA = 6,
        TYPE_PTR = 12,
        TYPE_HINFO = 13,
        TYPE_MX = 15,
        TYPE_TXT = 16,
        TYPE_AAAA = 28,
        TYPE_SRV = 33,
        TYPE_NAPTR = 35,
        TYPE_DNAME = 39,
        TYPE_DS = 43,
        TYPE_SSHFP = 44,
        TYPE_TLSA = 52,
        TYPE_SVCB = 64,
        TYPE_HTTPS = 65,
        TYPE_SPF = 99,
        TYPE_CAA = 257,
};

/*
 * The data of a type as a list of fields: B W L numbers of 8, 16 and 32 bits, N a name, 4 and 6
 * addresses, S one character string, T all that follow, X the rest in hex, Q the rest as a quoted
 * string, P the rest as service parameters.
 */
static const struct {
        uint16_t type;
        const char *name, *fields;
} types[] = {
        { TYPE_A, "A", "4" }, { TYPE_NS, "NS", "N" }, { TYPE_CNAME, "CNAME", "N" },
        { TYPE_SOA, "SOA", "NNLLLLL" }, { TYPE_PTR, "PTR", "N" }, { TYPE_HINFO, "HINFO", "SS" },
        { TYPE_MX, "MX", "WN" }, { TYPE_TXT, "TXT", "T" }, { TYPE_AAAA, "AAAA", "6" },
        { TYPE_SRV, "SRV", "WWWN" }, { TYPE_NAPTR, "NAPTR", "WWSSSN" },
        { TYPE_DNAME, "DNAME", "N" }, { TYPE_DS, "DS", "WBBX" }, { TYPE_SSHFP, "SSHFP", "BBX" },
        { TYPE_TLSA, "TLSA", "BBBX" }, { TYPE_SVCB, "SVCB", "WNP" }, { TYPE_HTTPS, "HTTPS", "WNP" },
        { TYPE_SPF, "SPF", "T" },
        { TYPE_CAA, "CAA", "BCQ" }, /* C: a character string without quotes */
};

int rr_type_from_string(const char *s, uint16_t *ret)
{
        unsigned long number;
        char *end;

        for (size_t i = 0; i < ELEMENTSOF(types); i++)
                if (strcasecmp(types[i].name, s) == 0) {
                        *ret = types[i].type;
                        return 0;
                }
        if (strncasecmp(s, "TYPE", 4) != 0 || s[4] < '0' || s[4] > '9')
                return -EINVAL;
        number = strtoul(s + 4, &end, 10);
        if (*end || number == 0 || number > UINT16_MAX)
                return -EINVAL;
        *ret = (uint16_t) number;
        return 0;
}

void rr_type_to_string(uint16_t type, char *buf, size_t size)
{
        for (size_t i = 0; i < ELEMENTSOF(types); i++)
                if (types[i].type == type) {
                        snprintf(buf, size, "%s", types[i].name);
                        return;
                }
        snprintf(buf, size, "TYPE%u", type);
}

/* -- Text ------------------------------------------------------------------------------------- */

static void put(Writer *w, const char *fmt, ...) _printf_(2, 3);

static void put(Writer *w, const char *fmt, ...)
{
        char text[128];
        va_list ap;
        int n;

        va_start(ap, fmt);
        n = vsnprintf(text, sizeof text, fmt, ap);
        va_end(ap);
        writer_bytes(w, text, (size_t) n);
}

/* One byte of a name or a string: what is not plain becomes \DDD. */
static void put_byte(Writer *w, uint8_t c, const char *special)
{
        if (c < 0x20 || c > 0x7e)
                put(w, "\\%03u", c);
        else if (strchr(special, c))
                put(w, "\\%c", c);
        else
                writer_u8(w, c);
}

static void put_name(Writer *w, Reader *r)
{
        size_t start = r->pos;
        bool root = true;
        uint8_t len;

        while ((len = reader_u8(r)) != 0 && !r->failed) {
                /* No pointers here; 255 bytes is all that a name may have. */
                if (len > 63 || r->pos + len - start > 255) {
                        r->failed = true;
                        return;
                }
                for (uint8_t i = 0; i < len; i++)
                        put_byte(w, reader_u8(r), " .\\\"();@$");
                put(w, ".");
                root = false;
        }
        if (root)
                put(w, ".");
}

static void put_quoted(Writer *w, Reader *r, size_t len)
{
        put(w, "\"");
        for (size_t i = 0; i < len && !r->failed; i++)
                put_byte(w, reader_u8(r), "\"\\");
        put(w, "\"");
}

static void put_hex(Writer *w, Reader *r)
{
        while (reader_left(r) > 0)
                put(w, "%02x", reader_u8(r));
}

static void put_address(Writer *w, Reader *r, int family)
{
        const uint8_t *bytes = reader_bytes(r, family == AF_INET ? 4 : 16);
        char text[INET6_ADDRSTRLEN];

        if (bytes)
                put(w, "%s", inet_ntop(family, bytes, text, sizeof text));
}

/* -- Service parameters (RFC 9460) ------------------------------------------------------------ */

enum {
        KEY_MANDATORY,
        KEY_ALPN,
        KEY_NO_DEFAULT_ALPN,
        KEY_PORT,
        KEY_IPV4HINT,
        KEY_ECH,
        KEY_IPV6HINT
};

static void put_key(Writer *w, uint16_t key)
{
        static const char *const names[] = { "mandatory", "alpn", "no-default-alpn", "port",
                "ipv4hint", "ech", "ipv6hint", "dohpath" };

        if (key < ELEMENTSOF(names))
                put(w, "%s", names[key]);
        else
                put(w, "key%u", key);
}

static void put_alpn(Writer *w, Reader *r)
{
        put(w, "\"");
        for (bool first = true; reader_left(r) > 0; first = false) {
                uint8_t len = reader_u8(r);

                if (!first)
                        put(w, ",");
                for (uint8_t i = 0; i < len && !r->failed; i++)
                        put_byte(w, reader_u8(r), "\"\\,");
        }
        put(w, "\"");
}

static void put_base64(Writer *w, Reader *r)
{
        size_t size = reader_left(r);
        _cleanup_(freep) char *text = malloc(BASE64_ENCODED_SIZE(size));

        if (!text) {
                r->failed = true;
                return;
        }
        base64_encode(reader_bytes(r, size), size, text);
        writer_bytes(w, text, strlen(text));
}

static void put_value(Writer *w, Reader *r, uint16_t key)
{
        if (key == KEY_ECH) {
                put_base64(w, r);
                return;
        }
        if (key == KEY_ALPN) {
                put_alpn(w, r);
                return;
        }
        if (key != KEY_MANDATORY && key != KEY_PORT && key != KEY_IPV4HINT && key != KEY_IPV6HINT) {
                put_quoted(w, r, reader_left(r));
                return;
        }
        for (bool first = true; reader_left(r) > 0; first = false) {
                if (!first)
                        put(w, ",");
                if (key == KEY_MANDATORY)
                        put_key(w, reader_u16(r));
                else if (key == KEY_PORT)
                        put(w, "%u", reader_u16(r));
                else
                        put_address(w, r, key == KEY_IPV4HINT ? AF_INET : AF_INET6);
        }
}

static void put_parameters(Writer *w, Reader *r)
{
        while (reader_left(r) > 0) {
                uint16_t key = reader_u16(r);
                Reader value = reader_sub(r, reader_u16(r));

                put(w, " ");
                put_key(w, key);
                if (reader_left(&value) > 0) {
                        put(w, "=");
                        put_value(w, &value, key);
                }
                if (value.failed)
                        r->failed = true;
        }
}

/* -- Records ---------------------------------------------------------------------------------- */

static void put_field(Writer *w, Reader *r, char field)
{
        switch (field) {
        case 'B':
                put(w, "%u", reader_u8(r));
                break;
        case 'W':
                put(w, "%u", reader_u16(r));
                break;
        case 'L':
                put(w, "%u", reader_u32(r));
                break;
        case 'N':
                put_name(w, r);
                break;
        case '4':
        case '6':
                put_address(w, r, field == '4' ? AF_INET : AF_INET6);
                break;
        case 'S':
                put_quoted(w, r, reader_u8(r));
                break;
        case 'C':
                for (uint8_t len = reader_u8(r); len > 0 && !r->failed; len--)
                        put_byte(w, reader_u8(r), " \"\\();");
                break;
        case 'T':
                for (bool first = true; first || reader_left(r) > 0; first = false) {
                        if (!first)
                                put(w, " ");
                        put_quoted(w, r, reader_u8(r));
                        if (r->failed)
                                return;
                }
                break;
        case 'Q':
                put_quoted(w, r, reader_left(r));
                break;
        case 'X':
                put_hex(w, r);
                break;
        case 'P':
                put_parameters(w, r);
                break;
        }
}

/* The data as its type has it; false where it is not that. */
static bool put_known(Writer *w, Reader r, uint16_t type)
{
        const char *fields = NULL;

        for (size_t i = 0; i < ELEMENTSOF(types); i++)
                if (types[i].type == type)
                        fields = types[i].fields;
        if (!fields)
                return false;
        for (const char *f = fields; *f && !r.failed; f++) {
                if (f != fields && *f != 'P')
                        put(w, " ");
                put_field(w, &r, *f);
        }
        return !r.failed && reader_left(&r) == 0;
}

static char *text_take(Writer *w)
{
        writer_u8(w, '\0');
        return w->failed ? NULL : strdup((char *) w->data);
}

int rr_parse(const void *wire, size_t size, RrText *ret)
{
        Reader r = READER_INIT(wire, size), data;
        /* A byte becomes four characters at most, a list of small numbers some more. */
        size_t room = 16 * size + 64;
        _cleanup_(freep) char *space = malloc(room);
        Writer w = WRITER_INIT(space, room);
        RrText text = { 0 };

        if (!space)
                return -ENOMEM;
        put_name(&w, &r);
        text.type = reader_u16(&r);
        text.class = reader_u16(&r);
        text.ttl = reader_u32(&r);
        data = reader_sub(&r, reader_u16(&r));
        if (r.failed || reader_left(&r) > 0)
                return -EBADMSG;
        text.name = text_take(&w);
        w = WRITER_INIT(space, room);
        if (!put_known(&w, data, text.type)) {
                w = WRITER_INIT(space, room);
                put(&w, "\\# %zu%s", data.size, data.size > 0 ? " " : "");
                put_hex(&w, &data);
        }
        text.data = text_take(&w);
        if (!text.name || !text.data) {
                rr_text_deinit(&text);
                return -ENOMEM;
        }
        *ret = text;
        return 0;
}

void rr_text_deinit(RrText *text)
{
        free(text->name);
        free(text->data);
        *text = (RrText){ 0 };
}
