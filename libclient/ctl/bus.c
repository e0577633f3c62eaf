/* SPDX-License-Identifier: MIT */
#include "ctl/ctl.h"
#include "dbus/names.h"
#include "util/text.h"
#include <arpa/inet.h>
#include <limits.h>
#include <lwsd/lwsd-client.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* -- Values ----------------------------------------------------------------------------------- */

static json_t *json_from_bytes(const void *bytes, size_t size)
{
        char text[INET6_ADDRSTRLEN];
        json_t *json;
        char *hex;

        if (size == 0)
                return json_string("");
        if (size == 4 || size == 16) {
                inet_ntop(size == 4 ? AF_INET : AF_INET6, bytes, text, sizeof text);
                return json_string(text);
        }
        hex = malloc(2 * size + 1);
        if (!hex)
                return NULL;
        for (size_t i = 0; i < size; i++)
                snprintf(hex + 2 * i, 3, "%02x", ((const uint8_t *) bytes)[i]);
        json = json_string(hex);
        free(hex);
        return json;
}

/* JSON has no unsigned 64 bits here; what does not fit means "never" or "not known". */
static json_t *json_from_u64(uint64_t v)
{
        return v > INT64_MAX ? json_null() : json_integer((json_int_t) v);
}

static int json_from_basic(sd_bus_message *m, char type, json_t **ret)
{
        union {
                const char *s;
                int b, i;
                uint8_t y;
                int16_t n;
                uint16_t q;
                uint32_t u;
                int64_t x;
                uint64_t t;
                double d;
        } v;
        int r = sd_bus_message_read_basic(m, type, &v);

        if (r < 0)
                return r;
        switch (type) {
        case 's':
        case 'o':
        case 'g':
                *ret = json_string(v.s);
                break;
        case 'b':
                *ret = json_boolean(v.b);
                break;
        case 'y':
                *ret = json_integer(v.y);
                break;
        case 'n':
                *ret = json_integer(v.n);
                break;
        case 'q':
                *ret = json_integer(v.q);
                break;
        case 'i':
        case 'h':
                *ret = json_integer(v.i);
                break;
        case 'u':
                *ret = json_integer(v.u);
                break;
        case 'x':
                *ret = json_integer(v.x);
                break;
        case 't':
                *ret = json_from_u64(v.t);
                break;
        case 'd':
                *ret = json_real(v.d);
                break;
        default:
                return -EBADMSG;
        }
        return *ret ? 0 : -ENOMEM;
}

static int json_from_dictionary(sd_bus_message *m, const char *contents, json_t *object)
{
        char entry[256];
        int r;

        snprintf(entry, sizeof entry, "%.*s", (int) strlen(contents) - 2, contents + 1);
        while ((r = sd_bus_message_enter_container(m, 'e', entry)) > 0) {
                json_t *value = NULL;
                const char *key;

                if (entry[0] != 's')
                        return -EBADMSG;
                r = sd_bus_message_read(m, "s", &key);
                if (r >= 0)
                        r = json_from_message(m, &value);
                if (r < 0)
                        return r;
                json_object_set_new(object, key, value);
                r = sd_bus_message_exit_container(m);
                if (r < 0)
                        return r;
        }
        return r;
}

static int json_from_container(sd_bus_message *m, char type, const char *contents, json_t **ret)
{
        bool dictionary = type == 'a' && contents[0] == '{';
        _cleanup_json_ json_t *json = dictionary ? json_object() : json_array();
        int r = sd_bus_message_enter_container(m, type, contents);

        if (r >= 0 && dictionary)
                r = json_from_dictionary(m, contents, json);
        while (r >= 0 && !dictionary && (r = sd_bus_message_at_end(m, false)) == 0) {
                json_t *value = NULL;

                r = json_from_message(m, &value);
                if (r >= 0)
                        json_array_append_new(json, value);
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        if (r < 0)
                return r;
        *ret = type == 'v' ? json_incref(json_array_get(json, 0)) : json_incref(json);
        return *ret ? 0 : -EBADMSG;
}

int json_from_message(sd_bus_message *m, json_t **ret)
{
        const char *contents;
        const void *bytes;
        size_t size;
        char type;
        int r = sd_bus_message_peek_type(m, &type, &contents);

        if (r <= 0)
                return r < 0 ? r : -EBADMSG;
        if (type == 'a' && strcmp(contents, "y") == 0) {
                r = sd_bus_message_read_array(m, 'y', &bytes, &size);
                if (r < 0)
                        return r;
                *ret = json_from_bytes(bytes, size);
                return *ret ? 0 : -ENOMEM;
        }
        if (contents)
                return json_from_container(m, type, contents, ret);
        return json_from_basic(m, type, ret);
}

/* -- Connecting ------------------------------------------------------------------------------- */

static int open_bus(Ctl *ctl, const char *address, const char *destination)
{
        sd_bus *bus = NULL;
        int r = sd_bus_new(&bus);

        if (r < 0)
                return r;
        if ((r = sd_bus_set_address(bus, address)) >= 0 &&
                (r = sd_bus_set_bus_client(bus, destination != NULL)) >= 0 &&
                (r = sd_bus_negotiate_fds(bus, true)) >= 0)
                r = sd_bus_start(bus);
        /* Somebody may listen and nobody answer; and a bus is there without lwsd. */
        if (r >= 0 && destination) {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;

                r = sd_bus_call_method(bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                        "org.freedesktop.DBus", "GetNameOwner", NULL, &m, "s", destination);
        } else if (r >= 0) {
                r = sd_bus_call_method(bus, NULL, LWSD_OBJECT_PATH, "org.freedesktop.DBus.Peer",
                        "Ping", NULL, NULL, NULL);
        }
        if (r < 0) {
                sd_bus_close_unref(bus);
                return r;
        }
        ctl->bus = bus;
        ctl->destination = destination;
        return 0;
}

static const char *socket_path(const Ctl *ctl)
{
        return ctl->socket ? ctl->socket : LWSD_PRIVATE_SOCKET;
}

int ctl_try_connect(Ctl *ctl)
{
        char address[3 * PATH_MAX] = "unix:path=";
        const char *bus = secure_getenv("DBUS_SYSTEM_BUS_ADDRESS");
        size_t n = strlen(address);
        int r, r_bus;

        for (const char *p = socket_path(ctl); *p && n + 4 < sizeof address; p++)
                n += (size_t) (strchr(",;%= '\"", *p)
                                       ? snprintf(address + n, 4, "%%%02x", (unsigned char) *p)
                                       : snprintf(address + n, 2, "%c", *p));
        r = open_bus(ctl, address, NULL);
        if (r >= 0 || ctl->socket)
                return r;
        r_bus = open_bus(
                ctl, bus && bus[0] ? bus : "unix:path=/run/dbus/system_bus_socket", LWSD_BUS_NAME);
        return r_bus >= 0 ? 0 : r;
}

static void on_status(
        lwsd_client *client, lwsd_client_status_t status, int error, const char *text, void *opaque)
{
        if (status == LWSD_CLIENT_CONNECTED)
                *(bool *) opaque = true;
}

/* Waits until lwsd answers, as every client does. 0 or negative errno. */
static int wait_for_daemon(const Ctl *ctl, uint64_t timeout_usec)
{
        uint64_t end = monotonic_now(), now;
        lwsd_client *client = NULL;
        bool connected = false;
        struct pollfd p = { .events = POLLIN };
        int r = ctl->socket ? lwsd_client_new_socket(&client, ctl->socket)
                            : lwsd_client_new(&client);

        if (r < 0)
                return r;
        end = timeout_usec > UINT64_MAX - end ? UINT64_MAX : end + timeout_usec;
        lwsd_client_set_status_callback(client, on_status, &connected);
        p.fd = lwsd_client_get_fd(client);
        while (!connected && (now = monotonic_now()) < end) {
                r = lwsd_client_process(client);
                if (r == 0 && !connected)
                        (void) poll(&p, 1, end == UINT64_MAX ? -1 : (int) ((end - now) / 1000) + 1);
        }
        lwsd_client_unref(client);
        return connected ? 0 : -ETIMEDOUT;
}

int ctl_connect(Ctl *ctl, uint64_t timeout_usec)
{
        int r = ctl_try_connect(ctl);

        if (r < 0 && r != -EACCES && isatty(STDERR_FILENO))
                fprintf(stderr, "Waiting for lwsd at %s ...\n", socket_path(ctl));
        if (r < 0 && r != -EACCES && wait_for_daemon(ctl, timeout_usec) >= 0)
                r = ctl_try_connect(ctl);
        if (r >= 0)
                return 0;
        return complain(STATUS_FAILED, "lwsd does not answer at %s%s: %s", socket_path(ctl),
                ctl->socket ? "" : " nor on the system bus", strerror(-r));
}

void ctl_disconnect(Ctl *ctl)
{
        ctl->bus = sd_bus_flush_close_unref(ctl->bus);
}

/* -- Calls ------------------------------------------------------------------------------------ */

static void complain_of_error(const char *member, const sd_bus_error *error, int r)
{
        char text[1024];

        text_copy(text, sizeof text,
                error->message && error->message[0] ? error->message
                : error->name                       ? error->name
                                                    : strerror(-r));
        complain(STATUS_FAILED, "%s: %s", member, text);
}

int ctl_call(Ctl *ctl, json_t **ret, const char *path, const char *interface, const char *member,
        const char *types, ...)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;
        _cleanup_json_ json_t *values = json_array();
        va_list ap;
        int r;

        r = sd_bus_message_new_method_call(ctl->bus, &m, ctl->destination, path, interface, member);
        va_start(ap, types);
        if (r >= 0 && types)
                r = sd_bus_message_appendv(m, types, ap);
        va_end(ap);
        if (r >= 0)
                r = sd_bus_call(ctl->bus, m, 0, &error, &reply);
        while (r >= 0 && (r = sd_bus_message_at_end(reply, true)) == 0) {
                json_t *value = NULL;

                r = json_from_message(reply, &value);
                if (r >= 0)
                        json_array_append_new(values, value);
        }
        if (r < 0) {
                complain_of_error(member, &error, r);
                return r;
        }
        if (ret)
                *ret = json_incref(values);
        return 0;
}

int ctl_get_all(Ctl *ctl, json_t **ret, const char *path, const char *interface)
{
        _cleanup_json_ json_t *values = NULL;
        int r = ctl_call(
                ctl, &values, path, "org.freedesktop.DBus.Properties", "GetAll", "s", interface);

        if (r < 0)
                return r;
        *ret = json_incref(json_array_get(values, 0));
        return *ret ? 0 : -EBADMSG;
}

int ctl_listen(Ctl *ctl, sd_bus_message_handler_t fn, void *userdata)
{
        char rule[256];
        int r;

        /* Without a bus there is no sender to match, and lwsd is the only one there. */
        snprintf(rule, sizeof rule, "type='signal'%s%s%s", ctl->destination ? ",sender='" : "",
                ctl->destination ? ctl->destination : "", ctl->destination ? "'" : "");
        r = sd_bus_add_match(ctl->bus, NULL, rule, fn, userdata);
        return r;
}
