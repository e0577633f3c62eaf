/* SPDX-License-Identifier: MIT */
#include "daemon/config-value.h"
#include "state/table.h"
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* More than anyone lists by hand; a file that lists more is a mistake. */
#define LIST_MAX 256

static int refuse(ConfigValue *v, const char *fmt, ...) _printf_(2, 3);
static int refuse(ConfigValue *v, const char *fmt, ...)
{
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(v->why, sizeof(v->why), fmt, ap);
        va_end(ap);
        return -EINVAL;
}

static bool reset_scalar(ConfigValue *v)
{
        if (*v->text)
                return false;
        memcpy(v->field, v->initial, v->size);
        return true;
}

/* "yes" or "no" for what systemd takes for one of them, else the text as it is. */
static const char *yes_or_no(const char *text)
{
        static const char *const words[][2] = { { "yes", "no" }, { "y", "n" }, { "true", "false" },
                { "t", "f" }, { "on", "off" }, { "1", "0" } };

        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                for (size_t k = 0; k < 2; k++)
                        if (strcasecmp(words[i][k], text) == 0)
                                return words[0][k];
        return text;
}

int config_parse_bool(ConfigValue *v)
{
        const char *word = yes_or_no(v->text);

        if (reset_scalar(v))
                return 0;
        if (strcmp(word, "yes") != 0 && strcmp(word, "no") != 0)
                return refuse(v, "expected yes or no");
        *(bool *) v->field = strcmp(word, "yes") == 0;
        return 0;
}

int config_parse_enum(ConfigValue *v)
{
        const char *word = yes_or_no(v->text);
        size_t used;

        if (reset_scalar(v))
                return 0;
        for (int i = 0; v->names[i]; i++)
                if (strcmp(v->names[i], word) == 0) {
                        *(int *) v->field = i;
                        return 0;
                }
        used = (size_t) snprintf(v->why, sizeof(v->why), "expected one of");
        for (int i = 0; v->names[i] && used < sizeof(v->why); i++)
                used += (size_t) snprintf(v->why + used, sizeof(v->why) - used, " %s", v->names[i]);
        return -EINVAL;
}

static int parse_u64(const char *text, const char **ret_end, uint64_t *ret)
{
        uint64_t value = 0;
        const char *p = text;

        for (; isdigit((unsigned char) *p); p++) {
                unsigned digit = (unsigned) (*p - '0');

                if (value > (UINT64_MAX - digit) / 10)
                        return -ERANGE;
                value = value * 10 + digit;
        }
        if (p == text)
                return -EINVAL;
        *ret_end = p;
        *ret = value;
        return 0;
}

int config_parse_unsigned(ConfigValue *v)
{
        uint64_t value;
        const char *end;

        if (reset_scalar(v))
                return 0;
        if (parse_u64(v->text, &end, &value) < 0 || *end || value < v->low || value > v->high)
                return refuse(v, "expected a number from %llu to %llu", (unsigned long long) v->low,
                        (unsigned long long) v->high);
        *(uint32_t *) v->field = (uint32_t) value;
        return 0;
}

int config_parse_size(ConfigValue *v)
{
        static const char suffixes[] = "KMGT";
        const char *end, *suffix;
        unsigned shift = 0;
        uint64_t value;

        if (reset_scalar(v))
                return 0;
        if (parse_u64(v->text, &end, &value) < 0)
                return refuse(v, "expected a number of bytes, such as 4M");
        if (*end && (suffix = strchr(suffixes, *end))) {
                shift = 10 * (unsigned) (suffix - suffixes + 1);
                end++;
        }
        if (*end || value > v->high >> shift)
                return refuse(v, "expected a number of bytes, such as 4M, up to %llu",
                        (unsigned long long) v->high);
        *(size_t *) v->field = (size_t) value << shift;
        return 0;
}

/* -- Times ------------------------------------------------------------------------------------- */

static usec_t unit_usec(const char *unit, size_t len)
{
        static const struct {
                const char *name;
                usec_t usec;
        } units[] = {
                { "us", 1 },
                { "usec", 1 },
                { "µs", 1 },
                { "μs", 1 },
                { "ms", USEC_PER_MSEC },
                { "msec", USEC_PER_MSEC },
                { "", USEC_PER_SEC },
                { "s", USEC_PER_SEC },
                { "sec", USEC_PER_SEC },
                { "second", USEC_PER_SEC },
                { "seconds", USEC_PER_SEC },
                { "m", USEC_PER_MIN },
                { "min", USEC_PER_MIN },
                { "minute", USEC_PER_MIN },
                { "minutes", USEC_PER_MIN },
                { "h", USEC_PER_HOUR },
                { "hr", USEC_PER_HOUR },
                { "hour", USEC_PER_HOUR },
                { "hours", USEC_PER_HOUR },
                { "d", USEC_PER_DAY },
                { "day", USEC_PER_DAY },
                { "days", USEC_PER_DAY },
                { "w", 7 * USEC_PER_DAY },
                { "week", 7 * USEC_PER_DAY },
                { "weeks", 7 * USEC_PER_DAY },
                { "M", 2629800 * USEC_PER_SEC },
                { "month", 2629800 * USEC_PER_SEC },
                { "months", 2629800 * USEC_PER_SEC },
                { "y", 31557600 * USEC_PER_SEC },
                { "year", 31557600 * USEC_PER_SEC },
                { "years", 31557600 * USEC_PER_SEC },
        };

        for (size_t i = 0; i < ELEMENTSOF(units); i++)
                if (strlen(units[i].name) == len && memcmp(units[i].name, unit, len) == 0)
                        return units[i].usec;
        return 0;
}

/* One NUMBER[.FRACTION][UNIT] or .FRACTION[UNIT]; moves `*p` behind it. */
static int usec_parse_part(const char **p, usec_t *ret)
{
        uint64_t whole = 0, fraction = 0, scale = 1;
        const char *end = *p, *unit;
        usec_t factor;

        if (*end != '.' && parse_u64(*p, &end, &whole) < 0)
                return -EINVAL;
        if (*end == '.') {
                for (end++; isdigit((unsigned char) *end); end++)
                        if (scale < 1000000) {
                                fraction = fraction * 10 + (unsigned) (*end - '0');
                                scale *= 10;
                        }
                if (scale == 1)
                        return -EINVAL;
        }
        while (*end == ' ')
                end++;
        for (unit = end; *end && *end != ' ' && !isdigit((unsigned char) *end); end++)
                ;
        factor = unit_usec(unit, (size_t) (end - unit));
        if (factor == 0 || whole > (USEC_INFINITY - 1) / factor - 1)
                return -EINVAL;
        *ret = whole * factor + fraction * factor / scale;
        while (*end == ' ')
                end++;
        *p = end;
        return 0;
}

int usec_parse(const char *text, usec_t *ret)
{
        usec_t sum = 0, part;

        if (strcmp(text, "infinity") == 0) {
                *ret = USEC_INFINITY;
                return 0;
        }
        if (!*text)
                return -EINVAL;
        while (*text) {
                if (usec_parse_part(&text, &part) < 0)
                        return -EINVAL;
                sum = usec_add(sum, part);
        }
        if (sum == USEC_INFINITY)
                return -EINVAL;
        *ret = sum;
        return 0;
}

int config_parse_usec(ConfigValue *v)
{
        usec_t usec;

        if (reset_scalar(v))
                return 0;
        if (usec_parse(v->text, &usec) < 0)
                return refuse(v, "expected a time, such as 300ms, 5 or 1min 30s");
        if (usec < v->low)
                return refuse(v, "too short");
        if (v->high > 0 && usec > v->high)
                return refuse(v, "too long");
        *(usec_t *) v->field = usec;
        return 0;
}

int config_parse_state(ConfigValue *v)
{
        int state;

        if (reset_scalar(v))
                return 0;
        state = state_from_string(v->text);
        if (state < 0 || !state_is_attachable(state))
                return refuse(v, "not a state of the ladder");
        *(int *) v->field = state;
        return 0;
}

int config_parse_string(ConfigValue *v)
{
        char **field = v->field, *copy = NULL;

        if (*v->text) {
                copy = strdup(v->text);
                if (!copy)
                        return -ENOMEM;
        }
        free(*field);
        *field = copy;
        return 0;
}

/* -- Lists, separated by blanks ---------------------------------------------------------------- */

/* Calls `add` for each word. What went in before a bad one stays: the file is refused anyway. */
static int for_each_word(ConfigValue *v, int (*add)(ConfigValue *v, const char *word))
{
        char copy[256], *save = NULL;

        if ((size_t) snprintf(copy, sizeof(copy), "%s", v->text) >= sizeof(copy))
                return refuse(v, "too long");
        for (char *w = strtok_r(copy, " \t", &save); w; w = strtok_r(NULL, " \t", &save)) {
                int r = add(v, w);

                if (r < 0)
                        return r;
        }
        return 0;
}

static int check_room(ConfigValue *v, size_t n)
{
        return n < LIST_MAX ? 0 : refuse(v, "more than %d entries", LIST_MAX);
}

static int add_string(ConfigValue *v, const char *word)
{
        StringList *l = v->field;
        int r = check_room(v, l->n);

        return r < 0 ? r : string_list_add(l, word);
}

int config_parse_strings(ConfigValue *v)
{
        if (*v->text)
                return for_each_word(v, add_string);
        string_list_clear(v->field);
        return 0;
}

static bool is_host_name(const char *s)
{
        size_t len = strlen(s), label = 0;

        if (len == 0 || len > 253)
                return false;
        for (; *s; s++) {
                if (*s == '.') {
                        if (label == 0)
                                return false;
                        label = 0;
                } else if (isalnum((unsigned char) *s) || *s == '-' || *s == '_' ||
                           (unsigned char) *s >= 0x80) {
                        if (++label > 63)
                                return false;
                } else {
                        return false;
                }
        }
        return true;
}

static int add_domain(ConfigValue *v, const char *word)
{
        const char *name = word[0] == '~' ? word + 1 : word;

        if (strcmp(word, "~.") != 0 && !is_host_name(name))
                return refuse(v, "%s is not a domain name", word);
        return add_string(v, word);
}

int config_parse_domains(ConfigValue *v)
{
        if (*v->text)
                return for_each_word(v, add_domain);
        string_list_clear(v->field);
        return 0;
}

static int add_endpoint(ConfigValue *v, const char *word)
{
        EndpointList *l = v->field;
        Endpoint e;
        int r;

        r = check_room(v, l->n);
        if (r < 0)
                return r;
        if (endpoint_parse(word, &e) < 0)
                return refuse(
                        v, "%s is not an address, such as 1.2.3.4 or [fe80::1%%eth0]:53", word);
        return endpoint_list_add(l, &e);
}

int config_parse_endpoints(ConfigValue *v)
{
        if (*v->text)
                return for_each_word(v, add_endpoint);
        endpoint_list_clear(v->field);
        return 0;
}

/* An address of this machine to listen on: there is nobody whose certificate could be checked, and
 * nobody else is served. */
static int add_listener(ConfigValue *v, const char *word)
{
        Endpoint e;

        if (strchr(word, '#'))
                return refuse(v, "%s has a #NAME, which only servers have", word);
        if (endpoint_parse(word, &e) == 0 && !ip_is_loopback(&e.addr))
                return refuse(v, "%s is no loopback address, such as 127.0.0.54", word);
        return add_endpoint(v, word);
}

int config_parse_listeners_or_no(ConfigValue *v)
{
        if (*v->text && strcmp(yes_or_no(v->text), "no") != 0)
                return for_each_word(v, add_listener);
        endpoint_list_clear(v->field);
        return 0;
}

static int add_gateway(ConfigValue *v, const char *word)
{
        Endpoint e;

        if (endpoint_parse(word, &e) == 0 && (e.port || e.name[0]))
                return refuse(v, "%s has a port or #NAME, which a gateway has not", word);
        return add_endpoint(v, word);
}

int config_parse_gateways(ConfigValue *v)
{
        if (*v->text)
                return for_each_word(v, add_gateway);
        endpoint_list_clear(v->field);
        return 0;
}

static int add_prefix(ConfigValue *v, const char *word)
{
        PrefixList *l = v->field;
        IpPrefix p;
        int r;

        r = check_room(v, l->n);
        if (r < 0)
                return r;
        if (ip_prefix_parse(word, &p) < 0)
                return refuse(v, "%s is not an address with its length, such as 10.0.0.2/24", word);
        return prefix_list_add(l, &p);
}

int config_parse_prefixes(ConfigValue *v)
{
        if (*v->text)
                return for_each_word(v, add_prefix);
        prefix_list_clear(v->field);
        return 0;
}

static int port_parse(const char *text, uint16_t *ret)
{
        const char *end;
        uint64_t port;

        if (parse_u64(text, &end, &port) < 0 || *end || port == 0 || port > UINT16_MAX)
                return -EINVAL;
        *ret = (uint16_t) port;
        return 0;
}

/* One NAME[:PORT], `[IPV6]:PORT` or bare IPv6 address; -EINVAL when it can be neither. */
static int host_port_parse(const char *text, char ret_host[static 256], uint16_t *ret_port)
{
        const char *colon = strrchr(text, ':');
        uint16_t port = 0;
        char host[256];
        Endpoint e;

        if (endpoint_parse(text, &e) == 0 && !e.name[0]) {
                char ip[IP_ADDR_STRLEN];

                snprintf(ret_host, 256, "%s%s%s", ip_format(&e.addr, ip), e.ifname[0] ? "%" : "",
                        e.ifname);
                *ret_port = e.port;
                return 0;
        }
        if ((size_t) snprintf(host, sizeof(host), "%.*s",
                    colon ? (int) (colon - text) : (int) strlen(text), text) >= sizeof(host))
                return -EINVAL;
        if (colon && port_parse(colon + 1, &port) < 0)
                return -EINVAL;
        if (!is_host_name(host))
                return -EINVAL;
        strcpy(ret_host, host);
        *ret_port = port;
        return 0;
}

static int add_host(ConfigValue *v, const char *word)
{
        const char *hash = strchr(word, '#');
        size_t len = hash ? (size_t) (hash - word) : strlen(word);
        HostPortList *l = v->field;
        char text[256], host[256];
        uint32_t key = 0;
        uint16_t port;
        int r;

        r = check_room(v, l->n);
        if (r < 0)
                return r;
        if ((size_t) snprintf(text, sizeof(text), "%.*s", (int) len, word) >= sizeof(text) ||
                host_port_parse(text, host, &port) < 0)
                return refuse(v, "%.80s is not a name or address with an optional port", word);
        if (hash && (key = ntp_key_id_parse(hash + 1)) == 0)
                return refuse(v, "behind the # of %.80s stands no number of a key", word);
        return host_port_list_add(l, host, port, key);
}

int config_parse_hosts(ConfigValue *v)
{
        if (*v->text)
                return for_each_word(v, add_host);
        host_port_list_clear(v->field);
        return 0;
}

static int add_hold(ConfigValue *v, const char *word)
{
        const char *colon = strchr(word, ':');
        ExpectedHoldList *l = v->field;
        char name[32];
        int state, r;

        r = check_room(v, l->n);
        if (r < 0)
                return r;
        if (!colon || !colon[1] || colon - word >= (ptrdiff_t) sizeof(name))
                return refuse(v, "%s is not STATE:WHO", word);
        snprintf(name, sizeof(name), "%.*s", (int) (colon - word), word);
        state = state_from_string(name);
        if (state < 0 || !state_is_attachable(state))
                return refuse(v, "%s is not a state of the ladder", name);
        return expected_hold_list_add(l, state, colon + 1);
}

int config_parse_holds(ConfigValue *v)
{
        if (*v->text)
                return for_each_word(v, add_hold);
        expected_hold_list_clear(v->field);
        return 0;
}
