/* SPDX-License-Identifier: MIT */
#include "ctl/ctl.h"
#include "ctl/rr.h"
#include "dbus/names.h"
#include "util/text.h"
#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

/* Flags of an answer, as org.freedesktop.resolve1 has them. */
#define FLAG_AUTHENTICATED (UINT64_C(1) << 9)
#define FLAG_CONFIDENTIAL  (UINT64_C(1) << 18)
#define FLAG_SYNTHETIC     (UINT64_C(1) << 19)
#define FLAG_FROM_CACHE    (UINT64_C(1) << 20)

#define DNS_CLASS_IN  1
#define DNS_TYPE_A    1
#define DNS_TYPE_PTR  12
#define DNS_TYPE_AAAA 28

/* A look-up may go through every server and its retries. */
#define RESOLVE_TIMEOUT_USEC UINT64_C(120000000)

typedef struct Answer Answer;
struct Answer {
        json_t *items; /* objects with what is printed as "text" */
        json_t *steps; /* words of what was done */
        uint64_t flags, took_usec;
        char protocol[16], server[320]; /* "": none was asked */
};

/* The name of the PTR record of an address, or false. */
static bool reverse_name(const char *name, char *buf, size_t size)
{
        uint8_t bytes[16];
        size_t n = 0;

        if (inet_pton(AF_INET, name, bytes) == 1) {
                snprintf(buf, size, "%u.%u.%u.%u.in-addr.arpa", bytes[3], bytes[2], bytes[1],
                        bytes[0]);
                return true;
        }
        if (inet_pton(AF_INET6, name, bytes) != 1)
                return false;
        for (int i = 15; i >= 0; i--)
                n += (size_t) snprintf(buf + n, size - n, "%x.%x.", bytes[i] & 15, bytes[i] >> 4);
        snprintf(buf + n, size - n, "ip6.arpa");
        return true;
}

/* An array of structures with `contents`, each of which `read` finds itself in. */
static int read_items(sd_bus_message *m, const char *contents,
        int (*read)(sd_bus_message *m, Answer *answer), Answer *answer)
{
        char structure[16];
        int r;

        snprintf(structure, sizeof structure, "(%s)", contents);
        r = sd_bus_message_enter_container(m, 'a', structure);
        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'r', contents)) > 0) {
                r = read(m, answer);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int read_address(sd_bus_message *m, Answer *answer)
{
        char text[INET6_ADDRSTRLEN + 1 + IFNAMSIZ], link[IFNAMSIZ];
        const uint8_t *bytes;
        int ifindex, family, r;
        json_t *item;
        size_t size;

        r = sd_bus_message_read(m, "ii", &ifindex, &family);
        if (r >= 0)
                r = sd_bus_message_read_array(m, 'y', (const void **) &bytes, &size);
        if (r < 0)
                return r;
        if (size != (family == AF_INET ? 4 : 16) || !inet_ntop(family, bytes, text, sizeof text))
                return -EBADMSG;
        if (family == AF_INET6 && bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80 && ifindex > 0 &&
                if_indextoname((unsigned) ifindex, link))
                snprintf(text + strlen(text), sizeof text - strlen(text), "%%%s", link);
        item = json_pack("{s:s, s:s, s:i}", "text", text, "family",
                family == AF_INET ? "ipv4" : "ipv6", "ifindex", ifindex);
        return json_array_append_new(answer->items, item) == 0 ? 0 : -ENOMEM;
}

/* "1.2 ms A 192.0.2.53:53 udp answers" */
static int read_steps(sd_bus_message *m, Answer *answer)
{
        const char *server, *protocol, *what;
        char line[512], type[16];
        uint16_t rr_type;
        uint64_t at;
        int r;

        r = sd_bus_message_enter_container(m, 'v', "a(tqsss)");
        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'a', "(tqsss)");
        while (r >= 0 && (r = sd_bus_message_read(
                                  m, "(tqsss)", &at, &rr_type, &server, &protocol, &what)) > 0) {
                rr_type_to_string(rr_type, type, sizeof type);
                snprintf(line, sizeof line, "%.1f ms %s%s%s%s%s: %s", (double) at / 1000, type,
                        *server ? " " : "", server, *protocol ? " " : "", protocol, what);
                if (json_array_append_new(answer->steps, json_string(line)) < 0)
                        r = -ENOMEM;
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

/* Where it comes from. */
static int read_details(sd_bus_message *m, Answer *answer)
{
        const char *key, *text;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                bool protocol, server, steps;

                r = sd_bus_message_read(m, "s", &key);
                if (r < 0)
                        break;
                protocol = strcmp(key, "protocol") == 0;
                server = strcmp(key, "server") == 0;
                steps = strcmp(key, "steps") == 0;
                if (steps)
                        r = read_steps(m, answer);
                else if (protocol || server)
                        r = sd_bus_message_read(m, "v", "s", &text);
                else
                        r = sd_bus_message_skip(m, "v");
                if (r >= 0 && protocol)
                        text_copy(answer->protocol, sizeof answer->protocol, text);
                if (r >= 0 && server)
                        text_copy(answer->server, sizeof answer->server, text);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        return r;
}

static void print_steps(const Answer *answer)
{
        for (size_t i = 0; i < json_array_size(answer->steps); i++) {
                const char *step = json_string_value(json_array_get(answer->steps, i));

                fprintf(stderr, "; %s\n", step ? step : "");
        }
}

static int on_reply(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        *(sd_bus_message **) userdata = sd_bus_message_ref(m);
        return 0;
}

/* The reply, be it an error: sd_bus_call() would keep what an error brings besides its words. */
static int exchange(Ctl *ctl, sd_bus_message *m, sd_bus_message **ret)
{
        _cleanup_(sd_bus_slot_unrefp) sd_bus_slot *slot = NULL;
        int r;

        r = sd_bus_call_async(ctl->bus, &slot, m, on_reply, ret, RESOLVE_TIMEOUT_USEC);
        while (r >= 0 && !*ret) {
                r = sd_bus_process(ctl->bus, NULL);
                if (r == 0)
                        r = sd_bus_wait(ctl->bus, UINT64_MAX);
        }
        return r;
}

static int explain_error(Ctl *ctl, sd_bus_message *m, Answer *answer)
{
        const sd_bus_error *error = sd_bus_message_get_error(m);
        char text[1024];

        if (ctl->trace && sd_bus_message_skip(m, "s") >= 0 && read_details(m, answer) >= 0)
                print_steps(answer);
        text_copy(text, sizeof text, error->message ? error->message : error->name);
        complain(STATUS_FAILED, "%s: %s", ctl->arguments[0], text);
        return sd_bus_error_has_name(error, LWSD_ERROR_TIMEOUT) ? -ETIMEDOUT : -EIO;
}

static int call(
        Ctl *ctl, sd_bus_message **ret, Answer *answer, const char *member, const char *types, ...)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        uint64_t start = monotonic_now();
        va_list ap;
        int r;

        r = sd_bus_message_new_method_call(
                ctl->bus, &m, ctl->destination, LWSD_OBJECT_PATH, LWSD_INTERFACE_RESOLVER, member);
        va_start(ap, types);
        if (r >= 0)
                r = sd_bus_message_appendv(m, types, ap);
        va_end(ap);
        if (r >= 0)
                r = exchange(ctl, m, ret);
        answer->took_usec = monotonic_now() - start;
        if (r < 0)
                complain(STATUS_FAILED, "%s: %s", ctl->arguments[0], strerror(-r));
        else if (sd_bus_message_is_method_error(*ret, NULL))
                r = explain_error(ctl, *ret, answer);
        return r;
}

static int resolve_addresses(Ctl *ctl, int family, Answer *answer)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        const char *canonical;
        int r = call(ctl, &m, answer, "TraceHostname", "isit", 0, ctl->arguments[0], family,
                UINT64_C(0));

        if (r < 0)
                return r;
        r = read_items(m, "iiay", read_address, answer);
        if (r >= 0)
                r = sd_bus_message_read(m, "st", &canonical, &answer->flags);
        return r < 0 ? r : read_details(m, answer);
}

static int read_record(sd_bus_message *m, Answer *answer)
{
        char type[16], line[2048];
        uint16_t rr_class, rr_type;
        const void *wire;
        RrText text;
        int ifindex, r;
        json_t *item;
        size_t size;

        r = sd_bus_message_read(m, "iqq", &ifindex, &rr_class, &rr_type);
        if (r >= 0)
                r = sd_bus_message_read_array(m, 'y', &wire, &size);
        if (r >= 0)
                r = rr_parse(wire, size, &text);
        if (r < 0)
                return r;
        rr_type_to_string(text.type, type, sizeof type);
        snprintf(line, sizeof line, "%s\t%u\tIN\t%s\t%s", text.name, text.ttl, type, text.data);
        item = json_pack("{s:s, s:s, s:s, s:I, s:s}", "text", line, "name", text.name, "type", type,
                "ttl", (json_int_t) text.ttl, "data", text.data);
        rr_text_deinit(&text);
        return json_array_append_new(answer->items, item) == 0 ? 0 : -ENOMEM;
}

static int resolve_records(Ctl *ctl, const char *name, uint16_t type, Answer *answer)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r = call(
                ctl, &m, answer, "TraceRecord", "isqqt", 0, name, DNS_CLASS_IN, type, UINT64_C(0));

        if (r < 0)
                return r;
        r = read_items(m, "iqqay", read_record, answer);
        if (r >= 0)
                r = sd_bus_message_read(m, "t", &answer->flags);
        return r < 0 ? r : read_details(m, answer);
}

static const char *answer_source(const Answer *answer)
{
        if (answer->flags & FLAG_SYNTHETIC)
                return "local";
        return answer->flags & FLAG_FROM_CACHE ? "cache" : "network";
}

static const char *answer_protocol(const Answer *answer)
{
        static const char *const names[][2] = { { "udp", "DNS over UDP" },
                { "tcp", "DNS over TCP" }, { "dot", "DNS over TLS" } };

        if (answer->flags & FLAG_SYNTHETIC)
                return "none";
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (strcmp(answer->protocol, names[i][0]) == 0)
                        return names[i][1];
        return answer->flags & FLAG_CONFIDENTIAL ? "DNS over TLS" : "DNS";
}

static const char *server_word(const Answer *answer)
{
        return answer->server[0] ? ", server " : "";
}

/* The servers in the order in which lwsd prefers them. */
static json_t *get_servers(Ctl *ctl)
{
        static const char *const names[] = { "ifindex", "family", "address", "name", "protocol" };
        _cleanup_json_ json_t *resolver = NULL;

        if (ctl_get_all(ctl, &resolver, LWSD_OBJECT_PATH, LWSD_INTERFACE_RESOLVER) < 0)
                return json_array();
        return rows_from_tuples(json_object_get(resolver, "Servers"), names, ELEMENTSOF(names));
}

static void print_origin(Ctl *ctl, const Answer *answer)
{
        char took[32];

        format_duration(answer->took_usec, took, sizeof took);
        printf("%s-- %s from %s%s%s, %s, in %s%s\n", color(ctl, COLOR_GREEN),
                answer->flags & FLAG_AUTHENTICATED && !(answer->flags & FLAG_SYNTHETIC)
                        ? "authenticated"
                        : "answered",
                answer_source(answer), server_word(answer), answer->server, answer_protocol(answer),
                took, color(ctl, COLOR_OFF));
}

/* What there is to know of the way: the servers and how the cache did. */
static void print_trace(Ctl *ctl, const Answer *answer)
{
        _cleanup_json_ json_t *servers = get_servers(ctl), *resolver = NULL;
        char text[1024], took[32];

        format_duration(answer->took_usec, took, sizeof took);
        print_steps(answer);
        fprintf(stderr, "; %s, from %s%s%s, %s, in %s\n", ctl->arguments[0], answer_source(answer),
                server_word(answer), answer->server, answer_protocol(answer), took);
        for (size_t i = 0; i < json_array_size(servers); i++) {
                const json_t *server = json_array_get(servers, i);

                format_plain(json_object_get(server, "address"), text, sizeof text);
                fprintf(stderr, "; server %s", text);
                format_plain(json_object_get(server, "protocol"), text, sizeof text);
                fprintf(stderr, " %s", text);
                format_plain(json_object_get(server, "name"), text, sizeof text);
                fprintf(stderr, " %s\n", text);
        }
        if (ctl_get_all(ctl, &resolver, LWSD_OBJECT_PATH, LWSD_INTERFACE_RESOLVER) < 0)
                return;
        format_plain(json_object_get(resolver, "CacheStatistics"), text, sizeof text);
        fprintf(stderr, "; cache: entries, hits, misses: %s\n", text);
        format_plain(json_object_get(resolver, "TransactionStatistics"), text, sizeof text);
        fprintf(stderr, "; transactions: now, in all: %s\n", text);
}

static int print_answer(Ctl *ctl, const Answer *answer)
{
        _cleanup_json_ json_t *json = NULL, *servers = NULL;

        if (ctl->trace)
                print_trace(ctl, answer);
        if (ctl->json) {
                servers = get_servers(ctl);
                json = json_pack("{s:s, s:O, s:s, s:s, s:s, s:I, s:O}", "name", ctl->arguments[0],
                        "answers", answer->items, "source", answer_source(answer), "server",
                        answer->server, "protocol", answer_protocol(answer), "usec",
                        (json_int_t) answer->took_usec, "servers", servers);
                return output_json(ctl, json);
        }
        for (size_t i = 0; i < json_array_size(answer->items); i++)
                puts(json_string_value(json_object_get(json_array_get(answer->items, i), "text")));
        if (ctl->terminal)
                print_origin(ctl, answer);
        return STATUS_DONE;
}

int command_resolve(Ctl *ctl)
{
        _cleanup_json_ json_t *items = json_array(), *steps = json_array();
        const char *name = ctl->arguments[0];
        Answer answer = { .items = items, .steps = steps };
        uint16_t type = 0;
        char reverse[128];
        int r;

        if (ctl->n_arguments > 1 && rr_type_from_string(ctl->arguments[1], &type) < 0)
                return complain(STATUS_USAGE, "%s is no type of record; TYPE123 names any",
                        ctl->arguments[1]);
        if ((type == 0 || type == DNS_TYPE_PTR) && reverse_name(name, reverse, sizeof reverse))
                r = resolve_records(ctl, reverse, DNS_TYPE_PTR, &answer);
        else if (type == 0 || type == DNS_TYPE_A || type == DNS_TYPE_AAAA)
                r = resolve_addresses(ctl,
                        type == 0            ? AF_UNSPEC
                        : type == DNS_TYPE_A ? AF_INET
                                             : AF_INET6,
                        &answer);
        else
                r = resolve_records(ctl, name, type, &answer);
        if (r == -EBADMSG)
                complain(STATUS_FAILED, "%s: lwsd sent an answer that cannot be read", name);
        if (r < 0)
                return r == -ETIMEDOUT ? STATUS_TIMEOUT : STATUS_FAILED;
        return print_answer(ctl, &answer);
}
