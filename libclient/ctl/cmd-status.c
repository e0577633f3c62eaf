/* SPDX-License-Identifier: MIT */
/* Reading and showing: status, why, timeline, time, links, attachments, holds. */
#include "ctl/ctl.h"
#include "dbus/names.h"
#include <stdio.h>
#include <string.h>

/* -- Links ------------------------------------------------------------------------------------ */

/* "10.0.0.2/24" out of (family, address, prefix length); "10.0.0.1" out of (family, address). */
static void format_addresses(const json_t *value, char *buf, size_t size)
{
        size_t used = 0;

        buf[0] = '\0';
        for (size_t i = 0; i < json_array_size(value) && used + 1 < size; i++) {
                const json_t *address = json_array_get(value, i);
                const char *text = json_string_value(json_array_get(address, 1));
                int n = snprintf(
                        buf + used, size - used, "%s%s", used ? " " : "", text ? text : "-");

                if (n > 0 && json_array_size(address) > 2 && used + (size_t) n < size)
                        n += snprintf(buf + used + n, size - used - (size_t) n,
                                "/%" JSON_INTEGER_FORMAT,
                                json_integer_value(json_array_get(address, 2)));
                used += n > 0 ? (size_t) n : 0;
        }
        if (!buf[0])
                snprintf(buf, size, "-");
}

static int get_links(Ctl *ctl, json_t **ret)
{
        _cleanup_json_ json_t *reply = NULL, *links = json_array();
        const json_t *list;
        int r = ctl_call(ctl, &reply, LWSD_OBJECT_PATH, LWSD_INTERFACE_MANAGER, "ListLinks", NULL);

        if (r < 0)
                return r;
        list = json_array_get(reply, 0);
        for (size_t i = 0; i < json_array_size(list); i++) {
                const json_t *tuple = json_array_get(list, i);
                json_t *link = NULL;

                /* A link may be gone by now. */
                if (ctl_get_all(ctl, &link, json_string_value(json_array_get(tuple, 2)),
                            LWSD_INTERFACE_LINK) < 0)
                        continue;
                json_object_set(link, "IfIndex", json_array_get(tuple, 0));
                json_array_append_new(links, link);
        }
        *ret = json_incref(links);
        return 0;
}

static const Column link_columns[] = {
        { "Name", "LINK", NULL },
        { "Managed", "MANAGED", NULL },
        { "Carrier", "CARRIER", NULL },
        { "DhcpState", "DHCP", NULL },
        { "Addresses", "ADDRESSES", format_addresses },
        { "Gateways", "GATEWAYS", format_addresses },
        { "Dns", "DNS", format_addresses },
        { "LeaseServer", "SERVER", NULL },
        { "LeaseExpiresUSec", "EXPIRES", format_realtime },
};

int command_links(Ctl *ctl)
{
        _cleanup_json_ json_t *links = NULL;
        int r = get_links(ctl, &links);

        return r < 0 ? r : output_rows(ctl, links, link_columns, ELEMENTSOF(link_columns));
}

/* -- Time ------------------------------------------------------------------------------------- */

static const char *const source_fields[] = { "name", "address", "stratum", "offset", "delay",
        "reach", "selected" };

/* Why a source is not the one, as far as what is known of it says. */
static const char *source_verdict(const json_t *source)
{
        json_int_t stratum = json_integer_value(json_object_get(source, "stratum"));

        if (json_is_true(json_object_get(source, "selected")))
                return "selected";
        if (json_integer_value(json_object_get(source, "reach")) == 0)
                return "does not answer";
        if (stratum == 0 || stratum >= 16)
                return "has no time itself";
        return "not selected";
}

static void format_reach(const json_t *value, char *buf, size_t size)
{
        snprintf(buf, size, "%03o", (unsigned) json_integer_value(value) & 0xff);
}

static json_t *get_sources(const json_t *time)
{
        json_t *rows = rows_from_tuples(
                json_object_get(time, "Sources"), source_fields, ELEMENTSOF(source_fields));

        for (size_t i = 0; i < json_array_size(rows); i++) {
                json_t *row = json_array_get(rows, i);

                json_t *verdict = json_array_get(json_object_get(time, "SourceVerdicts"), i);

                if (json_is_string(verdict))
                        json_object_set(row, "verdict", verdict);
                else /* a daemon that does not say */
                        json_object_set_new(row, "verdict", json_string(source_verdict(row)));
                if (json_is_string(json_array_get(json_object_get(time, "SourceModes"), i)))
                        json_object_set(row, "mode",
                                json_array_get(json_object_get(time, "SourceModes"), i));
        }
        return rows;
}

static bool any_interleaved(const json_t *sources)
{
        for (size_t i = 0; i < json_array_size(sources); i++) {
                const char *mode =
                        json_string_value(json_object_get(json_array_get(sources, i), "mode"));

                if (mode && strcmp(mode, "basic") != 0)
                        return true;
        }
        return false;
}

static void format_server(const json_t *value, char *buf, size_t size)
{
        format_plain(json_array_get(value, 1), buf, size);
}

static void format_span(const json_t *value, char *buf, size_t size)
{
        if (json_is_integer(value))
                format_duration((uint64_t) json_integer_value(value), buf, size);
        else
                snprintf(buf, size, "-");
}

int command_time(Ctl *ctl)
{
        static const Column fields[] = {
                { "Synchronized", "synchronized", NULL },
                { "Confidence", "confidence", NULL },
                { "ServerName", "server", NULL },
                { "ServerAddress", "address", format_server },
                { "OffsetUSec", "offset", format_offset },
                { "DelayUSec", "delay", format_span },
                { "JitterUSec", "jitter", format_span },
                { "RootDistanceUSec", "root-distance", format_span },
                { "Stratum", "stratum", NULL },
                { "Leap", "leap", NULL },
                { "PollIntervalUSec", "poll-interval", format_span },
                { "Authenticated", "authenticated", NULL },
                { "LastSyncUSec", "last-sync", format_realtime },
        };
        static const Column source_columns[] = {
                { "name", "SOURCE", NULL }, { "address", "ADDRESS", NULL },
                { "stratum", "STRATUM", NULL }, { "offset", "OFFSET", format_offset },
                { "delay", "DELAY", format_span }, { "reach", "REACH", format_reach },
                { "verdict", "VERDICT", NULL },
                { "mode", "MODE", NULL }, /* where it says more than "basic" */
        };
        _cleanup_json_ json_t *time = NULL, *sources = NULL;
        size_t columns = ELEMENTSOF(source_columns);
        int r = ctl_get_all(ctl, &time, LWSD_OBJECT_PATH, LWSD_INTERFACE_TIME);

        if (r < 0)
                return r;
        sources = get_sources(time);
        if (ctl->json) {
                json_object_set(time, "Sources", sources);
                return output_json(ctl, time);
        }
        output_fields(ctl, time, fields, ELEMENTSOF(fields));
        if (json_array_size(sources) == 0)
                return STATUS_DONE;
        if (ctl->terminal)
                putchar('\n');
        if (!any_interleaved(sources))
                columns--;
        return output_rows(ctl, sources, source_columns, columns);
}

/* -- Timeline, attachments, holds ------------------------------------------------------------- */

int command_timeline(Ctl *ctl)
{
        static const char *const names[] = { "state", "realtime", "monotonic" };
        static const Column columns[] = {
                { "state", "STATE", NULL },
                { "realtime", "ENTERED", format_realtime },
                { "monotonic", "UPTIME", format_uptime },
                { "after", "AFTER", format_span },
        };
        _cleanup_json_ json_t *manager = NULL, *rows = NULL;
        json_int_t last = 0;
        int r = ctl_get_all(ctl, &manager, LWSD_OBJECT_PATH, LWSD_INTERFACE_MANAGER);

        if (r < 0)
                return r;
        rows = rows_from_tuples(json_object_get(manager, "Timeline"), names, ELEMENTSOF(names));
        for (size_t i = 0; i < json_array_size(rows); i++) {
                json_t *row = json_array_get(rows, i);
                json_int_t at = json_integer_value(json_object_get(row, "monotonic"));

                json_object_set_new(
                        row, "after", i > 0 && at >= last ? json_integer(at - last) : json_null());
                last = at;
        }
        return output_rows(ctl, rows, columns, ELEMENTSOF(columns));
}

static int list(
        Ctl *ctl, const char *member, const char *const *names, const Column *columns, size_t n)
{
        _cleanup_json_ json_t *reply = NULL, *rows = NULL;
        int r = ctl_call(ctl, &reply, LWSD_OBJECT_PATH, LWSD_INTERFACE_MANAGER, member, NULL);

        if (r < 0)
                return r;
        rows = rows_from_tuples(json_array_get(reply, 0), names, n);
        return output_rows(ctl, rows, columns, n);
}

int command_attachments(Ctl *ctl)
{
        static const char *const names[] = { "id", "state", "owner", "persistent", "uid", "pid" };
        static const Column columns[] = {
                { "id", "ID", NULL },
                { "state", "STATE", NULL },
                { "owner", "OWNER", NULL },
                { "persistent", "WATCH", NULL },
                { "uid", "USER", format_user },
                { "pid", "PID", NULL },
        };

        return list(ctl, "ListAttachments", names, columns, ELEMENTSOF(columns));
}

int command_holds(Ctl *ctl)
{
        static const char *const names[] = { "state", "who", "why", "uid", "pid" };
        static const Column columns[] = {
                { "state", "STATE", NULL },
                { "who", "WHO", NULL },
                { "why", "WHY", NULL },
                { "uid", "USER", format_user },
                { "pid", "PID", NULL },
        };

        return list(ctl, "ListHolds", names, columns, ELEMENTSOF(columns));
}

/* -- Status and why --------------------------------------------------------------------------- */

static const char *const waiting_fields[] = { "state", "who", "code", "why", "since", "next" };

int command_why(Ctl *ctl)
{
        _cleanup_json_ json_t *manager = NULL, *answer = NULL, *waiting = NULL;
        char line[1024];
        int r = ctl_get_all(ctl, &manager, LWSD_OBJECT_PATH, LWSD_INTERFACE_MANAGER);

        if (r < 0)
                return r;
        describe_waiting(manager, line, sizeof line);
        if (!ctl->json) {
                puts(line);
                return STATUS_DONE;
        }
        waiting = rows_from_tuples(
                json_object_get(manager, "Waiting"), waiting_fields, ELEMENTSOF(waiting_fields));
        answer = json_pack("{s:O?, s:O?, s:O, s:s}", "state", json_object_get(manager, "State"),
                "target", json_object_get(manager, "Target"), "waiting", waiting, "text", line);
        return output_json(ctl, answer);
}

/* Only what is built in is there to ask. */
static json_t *get_optional(Ctl *ctl, const char *interface)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        json_t *object = NULL;

        if (sd_bus_call_method(ctl->bus, ctl->destination, LWSD_OBJECT_PATH,
                    "org.freedesktop.DBus.Properties", "GetAll", &error, &reply, "s",
                    interface) >= 0)
                (void) json_from_message(reply, &object);
        return object ? object : json_object();
}

static void format_servers(const json_t *value, char *buf, size_t size)
{
        size_t used = 0;

        snprintf(buf, size, "-");
        for (size_t i = 0; i < json_array_size(value) && used + 1 < size; i++) {
                const json_t *server = json_array_get(value, i);
                const char *address = json_string_value(json_array_get(server, 2));
                const char *protocol = json_string_value(json_array_get(server, 4));
                int n = snprintf(buf + used, size - used, "%s%s (%s)", used ? " " : "",
                        address ? address : "-", protocol ? protocol : "-");

                used += n > 0 ? (size_t) n : 0;
        }
}

static void format_links(const json_t *value, char *buf, size_t size)
{
        size_t used = 0;

        snprintf(buf, size, "-");
        for (size_t i = 0; i < json_array_size(value) && used + 1 < size; i++) {
                const json_t *link = json_array_get(value, i);
                char name[64], addresses[512];
                int n;

                format_plain(json_object_get(link, "Name"), name, sizeof name);
                format_addresses(json_object_get(link, "Addresses"), addresses, sizeof addresses);
                n = snprintf(buf + used, size - used, "%s%s: %s, %s", used ? "; " : "", name,
                        json_is_true(json_object_get(link, "Carrier")) ? "carrier" : "no carrier",
                        addresses);
                used += n > 0 ? (size_t) n : 0;
        }
}

static const Column status_fields[] = {
        { "State", "state", NULL },
        { "StateTimestamp", "since", format_realtime },
        { "Target", "target", NULL },
        { "waits", "waiting", NULL },
        { "Links", "links", format_links },
        { "dns", "dns", format_servers },
        { "synchronized", "synchronized", NULL },
        { "timeserver", "time-server", NULL },
        { "offset", "offset", format_offset },
        { "CaptivePortal", "captive-portal", NULL },
        { "CaptivePortalUrl", "captive-portal-url", NULL },
        { "PolicyVersion", "policy-version", NULL },
        { "PendingAttachments", "pending-attachments", NULL },
        { "NetworkEpoch", "network-epoch", NULL },
        { "InstanceId", "instance", NULL },
        { "Version", "version", NULL },
};

int command_status(Ctl *ctl)
{
        _cleanup_json_ json_t *all = NULL, *links = NULL, *time = NULL, *resolver = NULL;
        json_t *waiting;
        char line[1024];
        int r = ctl_get_all(ctl, &all, LWSD_OBJECT_PATH, LWSD_INTERFACE_MANAGER);

        if (r < 0 || (r = get_links(ctl, &links)) < 0)
                return r;
        time = get_optional(ctl, LWSD_INTERFACE_TIME);
        resolver = get_optional(ctl, LWSD_INTERFACE_RESOLVER);
        describe_waiting(all, line, sizeof line);
        json_object_set(all, "Links", links);
        if (ctl->json) {
                waiting = rows_from_tuples(json_object_get(all, "Waiting"), waiting_fields,
                        ELEMENTSOF(waiting_fields));
                json_object_set_new(all, "Waiting", waiting);
                json_object_set(all, "Time", time);
                json_object_set(all, "Resolver", resolver);
                return output_json(ctl, all);
        }
        json_object_set_new(all, "waits", json_string(line));
        json_object_set(all, "dns", json_object_get(resolver, "Servers"));
        json_object_set(all, "synchronized", json_object_get(time, "Synchronized"));
        json_object_set(all, "timeserver", json_object_get(time, "ServerName"));
        json_object_set(all, "offset", json_object_get(time, "OffsetUSec"));
        if (json_string_length(json_object_get(all, "CaptivePortalUrl")) == 0)
                json_object_del(all, "CaptivePortalUrl");
        if (json_integer_value(json_object_get(all, "PolicyVersion")) == 0)
                json_object_del(all, "PolicyVersion");
        return output_fields(ctl, all, status_fields, ELEMENTSOF(status_fields));
}
