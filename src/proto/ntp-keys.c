/* SPDX-License-Identifier: MIT */
#include "proto/ntp-keys.h"
#include "util/error.h"
#include <ctype.h>
#include <string.h>
#include <strings.h>

#define LINE_MAX    511
#define TEXT_MAX    20 /* what is longer and hexadecimal is meant so, by ntpd at least */
#define STRONG_SIZE 16

/* What chronyd, ntpd and NTPsec call them. */
static const struct {
        const char *name;
        MacType type;
} types[] = {
        { "AES128", MAC_AES128 },
        { "AES-128", MAC_AES128 },
        { "AES128CMAC", MAC_AES128 },
        { "AES-128-CMAC", MAC_AES128 },
        { "AES-CMAC", MAC_AES128 },
        { "AES", MAC_AES128 },
        { "AES256", MAC_AES256 },
        { "AES-256", MAC_AES256 },
        { "AES256CMAC", MAC_AES256 },
        { "AES-256-CMAC", MAC_AES256 },
        { "SHA256", MAC_SHA256 },
        { "SHA384", MAC_SHA384 },
        { "SHA512", MAC_SHA512 },
        { "SHA1", MAC_SHA1 },
        { "SHA", MAC_SHA1 },
        { "MD5", MAC_MD5 },
        { "M", MAC_MD5 },
};

static int find_type(const char *name)
{
        for (size_t i = 0; i < ELEMENTSOF(types); i++)
                if (strcasecmp(types[i].name, name) == 0)
                        return (int) types[i].type;
        return -EINVAL;
}

uint32_t ntp_key_id_parse(const char *text)
{
        uint64_t id = 0;

        for (; isdigit((unsigned char) *text) && id <= UINT32_MAX; text++)
                id = id * 10 + (uint64_t) (*text - '0');
        return *text || id > UINT32_MAX ? 0 : (uint32_t) id;
}

static unsigned nibble(char c)
{
        return isdigit((unsigned char) c) ? (unsigned) (c - '0')
                                          : (unsigned) (tolower((unsigned char) c) - 'a' + 10);
}

static bool is_hex(const char *text)
{
        for (; *text; text++)
                if (!isxdigit((unsigned char) *text))
                        return false;
        return true;
}

static const char *take_hex(NtpKey *key, const char *text)
{
        size_t len = strlen(text);

        if (!is_hex(text) || len % 2 != 0)
                return "the key is not an even number of hexadecimal digits";
        if (len / 2 > NTP_KEY_MAX)
                return "the key is longer than 128 octets";
        key->size = (uint8_t) (len / 2);
        for (size_t i = 0; i < len / 2; i++)
                key->data[i] = (uint8_t) (nibble(text[2 * i]) << 4 | nibble(text[2 * i + 1]));
        return NULL;
}

static const char *take_text(NtpKey *key, const char *text)
{
        size_t len = strlen(text);

        if (len > NTP_KEY_MAX)
                return "the key is longer than 128 octets";
        for (size_t i = 0; i < len; i++)
                if (iscntrl((unsigned char) text[i]))
                        return "a control character in the key";
        key->size = (uint8_t) len;
        memcpy(key->data, text, len);
        return NULL;
}

/* chronyd says which it is, and means text where it does not; ntpd means hexadecimal by whatever
 * has more than 20 digits. */
static const char *take_key(NtpKey *key, const char *text)
{
        const char *why;

        if (strncmp(text, "HEX:", 4) == 0)
                why = take_hex(key, text + 4);
        else if (strncmp(text, "ASCII:", 6) == 0)
                why = take_text(key, text + 6);
        else if (strlen(text) > TEXT_MAX && is_hex(text))
                why = take_hex(key, text);
        else
                why = take_text(key, text);
        if (why)
                return why;
        if (key->size == 0)
                return "the key is empty";
        if (mac_key_size(key->type) != 0 && mac_key_size(key->type) != key->size)
                return key->type == MAC_AES128 ? "a key of AES128 has 16 octets"
                                               : "a key of AES256 has 32 octets";
        return NULL;
}

static const char *parse_line(NtpKey *key, char *line)
{
        const char *word, *why;
        uint8_t mac[MAC_SIZE_MAX];
        char *save = NULL;
        size_t size;
        int type;

        key->id = ntp_key_id_parse(strtok_r(line, " \t\r", &save));
        if (key->id == 0)
                return "expected ID TYPE KEY, the ID a number from 1 to 4294967295";
        word = strtok_r(NULL, " \t\r", &save);
        if (!word)
                return "expected a type and a key behind the ID, such as AES128 HEX:...";
        type = find_type(word);
        word = strtok_r(NULL, " \t\r", &save);
        if (type < 0)
                return word && *word != '#'
                               ? "not a type behind the ID; it is one of AES128, AES256, SHA256, "
                                 "SHA384, SHA512, SHA1 and MD5"
                               : "no type between the ID and the key, which is MD5 to chronyd: "
                                 "write "
                                 "\"ID MD5 ASCII:KEY\" (HEX: stays HEX:), or have AES128 on both "
                                 "sides";
        key->type = (MacType) type;
        if (!word)
                return "expected a key behind the type";
        why = take_key(key, word);
        if (why)
                return why;
        word = strtok_r(NULL, " \t\r", &save);
        if (word && *word != '#')
                return "text behind the key; that a key is for some servers only is said in "
                       "Servers=";
        if (mac_compute(key->type, key->data, key->size, "", 0, mac, &size) < 0)
                return "OpenSSL on this machine does not offer this type";
        return NULL;
}

static int add(NtpKeys *keys, const NtpKey *key)
{
        NtpKey *items;

        /* An array that moves would leave its keys behind. */
        if (!keys->items) {
                items = calloc(NTP_KEYS_MAX, sizeof(*items));
                if (!items)
                        return -ENOMEM;
                keys->items = items;
        }
        keys->items[keys->n++] = *key;
        return 0;
}

static const char *take_line(NtpKeys *keys, char *line, int *ret_error)
{
        NtpKey key = { 0 };
        const char *why = NULL;

        line += strspn(line, " \t\r");
        if (*line && !strchr("#!;%", *line)) {
                why = parse_line(&key, line);
                if (!why && ntp_keys_find(keys, key.id))
                        why = "this ID stands in a line above";
                else if (!why && keys->n == NTP_KEYS_MAX)
                        why = "more than 256 keys";
                if (!why)
                        *ret_error = add(keys, &key);
        }
        explicit_bzero(&key, sizeof(key));
        return why;
}

int ntp_keys_parse(NtpKeys *ret, const char *text, size_t size, NtpKeysFault *ret_fault)
{
        const char *end = text + size, *why = NULL;
        NtpKeys keys = { 0 };
        char line[LINE_MAX + 1];
        unsigned n = 0;
        int r = 0;

        while (text < end && !why && r >= 0) {
                const char *nl = memchr(text, '\n', (size_t) (end - text));
                size_t len = (size_t) ((nl ? nl : end) - text);

                n++;
                if (len > LINE_MAX) {
                        why = "line over 511 bytes";
                } else if (memchr(text, 0, len)) {
                        why = "a NUL byte";
                } else {
                        memcpy(line, text, len);
                        line[len] = 0;
                        why = take_line(&keys, line, &r);
                }
                text += len + (nl ? 1 : 0);
        }
        explicit_bzero(line, sizeof(line));
        if (why || r < 0) {
                ntp_keys_clear(&keys);
                if (why)
                        *ret_fault = (NtpKeysFault){ n, why };
                return why ? -EINVAL : r;
        }
        *ret = keys;
        return 0;
}

const NtpKey *ntp_keys_find(const NtpKeys *keys, uint32_t id)
{
        for (size_t i = 0; i < keys->n; i++)
                if (keys->items[i].id == id)
                        return &keys->items[i];
        return NULL;
}

bool ntp_keys_equal(const NtpKeys *a, const NtpKeys *b)
{
        if (a->n != b->n)
                return false;
        for (size_t i = 0; i < a->n; i++) {
                const NtpKey *x = &a->items[i], *y = &b->items[i];

                if (x->id != y->id || x->type != y->type || x->size != y->size ||
                        memcmp(x->data, y->data, x->size) != 0)
                        return false;
        }
        return true;
}

void ntp_keys_clear(NtpKeys *keys)
{
        if (keys->items)
                explicit_bzero(keys->items, NTP_KEYS_MAX * sizeof(*keys->items));
        free(keys->items);
        *keys = (NtpKeys){ 0 };
}

bool ntp_key_is_strong(const NtpKey *key)
{
        return !mac_is_weak(key->type) && key->size >= STRONG_SIZE;
}
