/* SPDX-License-Identifier: MIT */
/*
 * lwsd as its clients see it, over the private socket and over a bus of its own: the real program
 * in a private network, where a link goes up and down. test-net-daemon LWSD
 */
#include "dbus/names.h"
#include "lib/netns.h"
#include "util/clock.h"
#include "util/error.h"
#include <assert.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

/* No higher than to where a build without a time client comes as well. */
#define CONFIG                                                                                     \
        "[Manager]\nTarget=cpd-pre-time\nFlapSec=20ms\nQuotaAttachments=3\n"                       \
        "[CaptivePortal]\nCheck=no\n[Time]\nObserve=yes\n"
#define BUS_ADDRESS "unix:path=/run/bus"
#define MANAGER     LWSD_BUS_NAME, LWSD_OBJECT_PATH, LWSD_INTERFACE_MANAGER

static const char *lwsd_path;

/* -- The world --------------------------------------------------------------------------------- */

static void write_file(const char *path, const char *text)
{
        FILE *f = fopen(path, "w");

        assert(f);
        fputs(text, f);
        assert(fclose(f) == 0);
}

static Server lwsd_start(const char *name, bool with_bus, const char *ready)
{
        char runtime[64], state[64];
        const char *argv[] = { lwsd_path, "--config=/run/lwsd.conf", runtime, state,
                with_bus ? NULL : "--no-bus", NULL };
        Server s = SERVER_NULL;

        snprintf(runtime, sizeof(runtime), "--runtime-dir=/run/%s", name);
        snprintf(state, sizeof(state), "--state-dir=/run/%s-state", name);
        assert(server_start(&s, NULL, ready, argv) == 0);
        return s;
}

static void link_up(void)
{
        assert(netns_sh("ip link set up0 up; ip address replace 10.9.0.2/24 dev up0\n"
                        "ip route replace default via 10.9.0.1") == 0);
}

static void link_down(void)
{
        assert(netns_sh("ip link set up0 down; ip address flush dev up0") == 0);
}

/* -- A client ---------------------------------------------------------------------------------- */

static sd_bus *client_new(const char *address, bool bus_client)
{
        sd_bus *bus;

        assert(sd_bus_new(&bus) >= 0);
        assert(sd_bus_set_address(bus, address) >= 0);
        assert(sd_bus_set_bus_client(bus, bus_client) >= 0);
        assert(sd_bus_negotiate_fds(bus, 1) >= 0);
        assert(sd_bus_start(bus) >= 0);
        return bus;
}

static sd_bus *peer_new(const char *name)
{
        char address[64];

        snprintf(address, sizeof(address), "unix:path=/run/%s/private", name);
        return client_new(address, false);
}

/* The signals of the Manager that came, as "Attached dhcp 1 2;StateChanged a b;" */
static char heard[16384];

static int on_signal(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        const char *member = sd_bus_message_get_member(m), *a, *b;
        size_t n = strlen(heard);
        const uint64_t *ids;
        size_t size;

        if (!sd_bus_message_is_signal(m, LWSD_INTERFACE_MANAGER, NULL))
                return 0;
        if (strcmp(member, "StateChanged") == 0) {
                assert(sd_bus_message_read(m, "ss", &a, &b) >= 0);
                snprintf(heard + n, sizeof(heard) - n, "%s %s;", a, b);
                return 0;
        }
        assert(sd_bus_message_read_array(m, 't', (const void **) &ids, &size) >= 0);
        assert(sd_bus_message_read(m, "s", &a) >= 0);
        n += (size_t) snprintf(heard + n, sizeof(heard) - n, "%s %s", member, a);
        for (size_t i = 0; i < size / 8 && i < 8; i++)
                n += (size_t) snprintf(
                        heard + n, sizeof(heard) - n, " %llu", (unsigned long long) ids[i]);
        snprintf(heard + n, sizeof(heard) - n, ";");
        return 0;
}

static void listen_to(sd_bus *bus)
{
        heard[0] = 0;
        assert(sd_bus_add_filter(bus, NULL, on_signal, NULL) >= 0);
}

/* Until `text` was heard; fails after 10 s. */
static void expect(sd_bus *bus, const char *text)
{
        usec_t end = clock_monotonic_usec() + 10 * USEC_PER_SEC;

        while (!strstr(heard, text)) {
                int r = sd_bus_process(bus, NULL);

                assert(r >= 0);
                if (r == 0)
                        (void) sd_bus_wait(bus, 100 * USEC_PER_MSEC);
                if (clock_monotonic_usec() > end) {
                        fprintf(stderr, "heard: %s\nnot: %s\n", heard, text);
                        abort();
                }
        }
        heard[0] = 0;
}

static uint64_t attach(sd_bus *bus, const char *state, bool persistent, uint64_t timeout)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        uint64_t id;

        assert(sd_bus_call_method(bus, MANAGER, "Attach", NULL, &reply, "sa{sv}", state, 2,
                       "persistent", "b", persistent, "timeout-usec", "t", timeout) >= 0);
        assert(!heard[0]); /* never before the reply */
        assert(sd_bus_message_read(reply, "t", &id) >= 0);
        return id;
}

/* The name of the error that a call must end in. */
static void refused(int r, sd_bus_error *error, const char *name)
{
        if (r >= 0 || !error->name || strcmp(error->name, name) != 0) {
                fprintf(stderr, "%s instead of %s\n", error->name ? error->name : "success", name);
                abort();
        }
        assert(error->message && strlen(error->message) > 10);
        sd_bus_error_free(error);
}

static char *state_of(sd_bus *bus)
{
        char *state;

        assert(sd_bus_get_property_string(bus, MANAGER, "State", NULL, &state) >= 0);
        return state;
}

static uint64_t number(sd_bus *bus, const char *property, char type)
{
        uint64_t v = 0;
        uint32_t v32 = 0;
        int r = sd_bus_get_property_trivial(
                bus, MANAGER, property, NULL, type, type == 't' ? (void *) &v : (void *) &v32);

        assert(r >= 0);
        return type == 't' ? v : v32;
}

/* -- Tests ------------------------------------------------------------------------------------- */

static void test_attach(void)
{
        Server s = lwsd_start("a", false, "initialized");
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = peer_new("a"), *other = peer_new("a");
        sd_bus_error error = SD_BUS_ERROR_NULL;

        listen_to(bus);
        assert(attach(bus, "initialized", false, 0) == 1); /* holds already */
        expect(bus, "Attached initialized 1;");
        assert(attach(bus, "dhcp", true, 0) == 2);
        assert(attach(bus, "dhcp", false, 0) == 3);
        assert(attach(bus, "operational", false, 50000) == 4);
        assert(attach(other, "dhcp", true, 0) == 5);
        assert(number(bus, "PendingAttachments", 'u') == 4);
        expect(bus, "Expired operational 4;");
        link_up();
        expect(bus, "Attached dhcp 2 3;");
        link_down();
        expect(bus, "Left dhcp 2;");
        link_up();
        expect(bus, "Attached dhcp 2;");

        refused(sd_bus_call_method(
                        bus, MANAGER, "Detach", &error, NULL, "at", 2, UINT64_C(2), UINT64_C(3)),
                &error, LWSD_ERROR_NO_SUCH_ATTACHMENT);
        assert(sd_bus_call_method(bus, MANAGER, "Detach", NULL, NULL, "at", 1, UINT64_C(2)) >= 0);
        refused(sd_bus_call_method(
                        bus, MANAGER, "Attach", &error, NULL, "sa{sv}", "policy-invalid", 0),
                &error, LWSD_ERROR_INVALID_STATE);
        refused(sd_bus_call_method(bus, MANAGER, "Attach", &error, NULL, "sa{sv}", "dhcp", 1,
                        "persistent", "s", "yes"),
                &error, SD_BUS_ERROR_INVALID_ARGS);
        refused(sd_bus_call_method(bus, MANAGER, "GetLinkByName", &error, NULL, "s", "nosuch"),
                &error, LWSD_ERROR_NO_SUCH_LINK);
        refused(sd_bus_call_method(bus, MANAGER, "GetToken", &error, NULL, "s", "auth1"), &error,
                LWSD_ERROR_NO_SUCH_TOKEN);
        refused(sd_bus_call_method(bus, LWSD_BUS_NAME, "/org/lwsd1/link/_31", LWSD_INTERFACE_LINK,
                        "Renew", &error, NULL, NULL),
                &error, LWSD_ERROR_NOT_MANAGED);
        link_down();
        assert(server_stop(&s) == 0);
}

/* QuotaAttachments=3 is 30 for root. */
static void test_quota(void)
{
        Server s = lwsd_start("a", false, "initialized");
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = peer_new("a");
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        sd_bus_error error = SD_BUS_ERROR_NULL;

        listen_to(bus);
        for (int i = 0; i < 20; i++)
                (void) attach(bus, "operational", false, 0);
        assert(sd_bus_message_new_method_call(bus, &m, MANAGER, "AttachMany") >= 0);
        assert(sd_bus_message_open_container(m, 'a', "(sa{sv})") >= 0);
        for (int i = 0; i < 11; i++)
                assert(sd_bus_message_append(m, "(sa{sv})", "auth1", 0) >= 0);
        assert(sd_bus_message_close_container(m) >= 0);
        refused(sd_bus_call(bus, m, 0, &error, NULL), &error, LWSD_ERROR_QUOTA_EXCEEDED);
        assert(number(bus, "PendingAttachments", 'u') == 20);
        for (int i = 0; i < 10; i++)
                (void) attach(bus, "operational", false, 0);
        refused(sd_bus_call_method(bus, MANAGER, "Attach", &error, NULL, "sa{sv}", "dhcp", 0),
                &error, LWSD_ERROR_QUOTA_EXCEEDED);
        assert(server_stop(&s) == 0);
}

static int take_hold(sd_bus *bus, const char *state)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int fd;

        assert(sd_bus_call_method(
                       bus, MANAGER, "Hold", NULL, &reply, "sss", state, "tester", "a test") >= 0);
        assert(sd_bus_message_read(reply, "h", &fd) >= 0);
        return fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

static void test_hold(void)
{
        Server s = lwsd_start("a", false, "initialized");
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = peer_new("a"), *holder = peer_new("a");
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *state, *who, *why;
        int fd;

        listen_to(bus);
        fd = take_hold(holder, "dhcp");
        sd_bus_flush_close_unref(TAKE_PTR(holder)); /* the descriptor is what counts */
        assert(sd_bus_call_method(bus, MANAGER, "ListHolds", NULL, &reply, NULL) >= 0);
        assert(sd_bus_message_enter_container(reply, 'a', "(sssuu)") >= 0);
        assert(sd_bus_message_read(reply, "(sssuu)", &state, &who, &why, NULL, NULL) > 0);
        assert(strcmp(state, "dhcp") == 0 && strcmp(who, "tester") == 0);
        link_up();
        expect(bus, "initialized iface-coldplug;");
        free(state_of(bus));
        assert(!strstr(heard, "dhcp"));
        close(fd);
        expect(bus, "iface-coldplug dhcp;");
        link_down();
        expect(bus, "cpd-pre-time initialized;");
        assert(server_stop(&s) == 0);
}

/* One that asks and asks and never reads costs the others nothing. */
static void test_deaf_client(void)
{
        Server s = lwsd_start("a", false, "initialized");
        struct sockaddr_un sa = { .sun_family = AF_UNIX, .sun_path = "/run/a/private" };
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = peer_new("a");
        _cleanup_(sd_bus_unrefp) sd_bus *deaf = peer_new("a");
        int half = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        usec_t start;

        free(state_of(deaf));
        for (int i = 0; i < 20000; i++) {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;

                assert(sd_bus_message_new_method_call(deaf, &m, LWSD_BUS_NAME, LWSD_OBJECT_PATH,
                               "org.freedesktop.DBus.Introspectable", "Introspect") >= 0);
                assert(sd_bus_send(deaf, m, NULL) >= 0);
        }
        assert(connect(half, (struct sockaddr *) &sa, sizeof(sa)) == 0);
        assert(write(half, "\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\nl\1\0\1\377\377", 34) > 0);
        start = clock_monotonic_usec();
        for (int i = 0; i < 100; i++)
                free(state_of(bus));
        assert(clock_monotonic_usec() - start < 5 * USEC_PER_SEC);
        close(half);
        assert(server_stop(&s) == 0);
}

/* What one is told and does not read has a limit; then it is closed, and nobody else notices. */
static void test_flooded_client(void)
{
        Server s = lwsd_start("a", false, "initialized");
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = peer_new("a");
        _cleanup_(sd_bus_unrefp) sd_bus *flooded = peer_new("a");
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;

        assert(sd_bus_message_new_method_call(flooded, &m, MANAGER, "AttachMany") >= 0);
        assert(sd_bus_message_open_container(m, 'a', "(sa{sv})") >= 0);
        for (int i = 0; i < 40000; i++)
                assert(sd_bus_message_append(m, "(sa{sv})", "dhcp", 1, "persistent", "b", 1) >= 0);
        assert(sd_bus_message_close_container(m) >= 0);
        assert(sd_bus_call(flooded, m, 0, NULL, NULL) >= 0);
        listen_to(bus);
        for (int i = 0; i < 5; i++) {
                link_up();
                expect(bus, "iface-coldplug dhcp;");
                link_down();
                expect(bus, " initialized;");
        }
        assert(number(bus, "PendingAttachments", 'u') == 0);
        assert(server_stop(&s) == 0);
}

static void test_reload(void)
{
        Server s = lwsd_start("a", false, "initialized");
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = peer_new("a");
        sd_bus_error error = SD_BUS_ERROR_NULL;
        char *target;

        write_file("/run/lwsd.conf", "[Manager]\nTarget=nowhere\n");
        refused(sd_bus_call_method(bus, MANAGER, "Reload", &error, NULL, NULL), &error,
                LWSD_ERROR_BAD_CONFIGURATION);
        write_file("/run/lwsd.conf", "[Manager]\nTarget=dhcp\n[Link up0]\nDHCP=no\n");
        assert(sd_bus_call_method(bus, MANAGER, "Reload", NULL, NULL, NULL) >= 0);
        assert(sd_bus_get_property_string(bus, MANAGER, "Target", NULL, &target) >= 0);
        assert(strcmp(target, "dhcp") == 0);
        free(target);
        write_file("/run/lwsd.conf", CONFIG);
        assert(kill(s.pid, SIGHUP) == 0);
        assert(server_stop(&s) == 0);
}

static void test_restart_is_no_fall(void)
{
        Server s;
        sd_bus *bus;
        uint64_t serial;
        struct stat before, after;
        char *state;

        link_up();
        s = lwsd_start("a", false, "State cpd-pre-time");
        bus = peer_new("a");
        serial = number(bus, "StateSerial", 't');
        assert(stat("/run/a/states/cpd-pre-time", &before) == 0);
        sd_bus_flush_close_unref(bus);
        kill(s.pid, SIGKILL);
        assert(WIFSIGNALED(server_stop(&s)));

        s = lwsd_start("a", false, "Coming back to state cpd-pre-time");
        bus = peer_new("a");
        listen_to(bus);
        (void) attach(bus, "cpd-pre-time", true, 0);
        expect(bus, "Attached cpd-pre-time 1;");
        state = state_of(bus);
        assert(strcmp(state, "cpd-pre-time") == 0);
        free(state);
        assert(number(bus, "StateSerial", 't') == serial);
        assert(stat("/run/a/states/cpd-pre-time", &after) == 0 && after.st_ino == before.st_ino);
        /* and what happens then is told as ever */
        link_down();
        expect(bus, "cpd-pre-time initialized;");
        sd_bus_flush_close_unref(bus);
        assert(server_stop(&s) == 0);
}

/* It says `why` and exits with 1. */
static void cannot_start(const char *socket, const char *why)
{
        const char *const argv[] = { lwsd_path, "--config=/run/lwsd.conf", "--runtime-dir=/run/a",
                "--state-dir=/run/a-state", "--no-bus", socket, NULL };
        Server s = SERVER_NULL;
        int status;

        assert(server_start(&s, NULL, why, argv) == 0);
        assert(waitpid(s.pid, &status, 0) == s.pid);
        assert(WIFEXITED(status) && WEXITSTATUS(status) == 1);
        s.pid = 0;
        server_stop(&s);
}

/* lwsd died while it started another program: for a moment its child has the socket, too. */
static void test_socket_of_a_dead_one(void)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "/run/a/private" };
        int out[2], status;
        pid_t dead, child;
        Server s;

        assert(mkdir("/run/a", 0755) == 0 || errno == EEXIST);
        assert(pipe(out) == 0);
        dead = fork();
        if (dead == 0) {
                int fd = socket(AF_UNIX, SOCK_STREAM, 0);

                if (bind(fd, (struct sockaddr *) &address, sizeof(address)) < 0 ||
                        listen(fd, 5) < 0)
                        _exit(1);
                child = fork();
                if (child == 0) {
                        pause();
                        _exit(0);
                }
                _exit(write(out[1], &child, sizeof(child)) != sizeof(child));
        }
        assert(waitpid(dead, &status, 0) == dead && status == 0);
        assert(read(out[0], &child, sizeof(child)) == sizeof(child));
        close(out[0]);
        close(out[1]);
        s = lwsd_start("a", false, "initialized");
        assert(kill(child, SIGKILL) == 0);
        assert(server_stop(&s) == 0);
}

static void test_two_of_them(void)
{
        Server s = lwsd_start("a", false, "initialized");

        cannot_start(NULL, "Another lwsd serves");
        kill(s.pid, SIGKILL);
        server_stop(&s);
        assert(access("/run/a/private", F_OK) == 0); /* left by a dead one */
        s = lwsd_start("a", false, "initialized");
        assert(server_stop(&s) == 0);
        assert(access("/run/a/private", F_OK) < 0);

        write_file("/run/mine", "kept");
        cannot_start(
                "--runtime-dir=/run/mine/a/b", "/run/mine/a/b cannot be used: Not a directory");
        assert(mkdir("/run/odd", 0755) == 0);
        write_file("/run/odd/states", "no folder");
        cannot_start("--runtime-dir=/run/odd", "/run/odd cannot be used: Not a directory");
        cannot_start("--private-socket=/run/mine", "/run/mine is no socket");
        assert(access("/run/mine", F_OK) == 0);
        cannot_start(
                "--private-socket=/run/mine/a/b", "/run/mine/a/b cannot be made: Not a directory");
        assert(rename("/run/mine", "/run/socket.new") == 0);
        cannot_start("--private-socket=/run/socket", "/run/socket.new is no socket");
        assert(access("/run/socket.new", F_OK) == 0 && access("/run/socket", F_OK) < 0);
}

static void test_socket_in_a_new_folder(void)
{
        const char *const argv[] = { lwsd_path, "--config=/run/lwsd.conf", "--runtime-dir=/run/a",
                "--state-dir=/run/a-state", "--no-bus", "--private-socket=/run/new/er/socket",
                NULL };
        Server s = SERVER_NULL;

        assert(server_start(&s, NULL, "initialized", argv) == 0);
        assert(access("/run/new/er/socket", F_OK) == 0);
        assert(server_stop(&s) == 0);
}

static Server bus_start(void)
{
        static const char *const argv[] = { "dbus-daemon", "--config-file=/run/bus.conf",
                "--nofork", "--print-address", NULL };
        Server s = SERVER_NULL;

        (void) unlink("/run/bus");
        assert(server_start(&s, NULL, "unix:path", argv) == 0);
        return s;
}

/* Until somebody has the name. */
static void wait_for_name(sd_bus *bus)
{
        usec_t end = clock_monotonic_usec() + 10 * USEC_PER_SEC;
        int has = 0;

        while (!has && clock_monotonic_usec() < end) {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;

                assert(sd_bus_call_method(bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                               "org.freedesktop.DBus", "NameHasOwner", NULL, &reply, "s",
                               LWSD_BUS_NAME) >= 0);
                assert(sd_bus_message_read(reply, "b", &has) >= 0);
                if (!has)
                        (void) poll(NULL, 0, 10);
        }
        assert(has);
}

/* No bus at first; then one; then another; and two daemons for one name. */
static void test_bus(void)
{
        Server a = lwsd_start("a", true, "initialized"), b, dbus;
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus *bus, *peer;

        peer = peer_new("a"); /* needs no bus */
        free(state_of(peer));
        dbus = bus_start();
        bus = client_new(BUS_ADDRESS, true);
        wait_for_name(bus);
        listen_to(bus);
        assert(sd_bus_match_signal(bus, NULL, LWSD_BUS_NAME, NULL, NULL, NULL, NULL, NULL) >= 0);
        assert(attach(bus, "initialized", true, 0) == 1);
        expect(bus, "Attached initialized 1;");
        refused(sd_bus_call_method(bus, MANAGER, "Detach", &error, NULL, "at", 1, UINT64_C(77)),
                &error, LWSD_ERROR_NO_SUCH_ATTACHMENT);
        assert(sd_bus_set_property(bus, LWSD_BUS_NAME, LWSD_LOG_CONTROL_PATH,
                       LWSD_LOG_CONTROL_INTERFACE, "LogLevel", NULL, "s", "debug") >= 0);

        b = lwsd_start("b", true, "Another process has the name");
        sd_bus_flush_close_unref(peer_new("b"));
        assert(server_stop(&a) == 0);
        wait_for_name(bus); /* the second one, from the queue */
        free(state_of(bus));
        sd_bus_flush_close_unref(peer);
        sd_bus_flush_close_unref(bus);

        server_stop(&dbus);
        dbus = bus_start();
        bus = client_new(BUS_ADDRESS, true);
        wait_for_name(bus);
        heard[0] = 0;
        assert(attach(bus, "initialized", false, 0) > 0);
        sd_bus_flush_close_unref(bus);
        assert(server_stop(&b) == 0);
        server_stop(&dbus);
}

/* -- A systemd-resolved that writes down what it is told --------------------------------------- */

static char told[1024];

static int on_set_dns(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        int32_t ifindex, family;
        const uint8_t *bytes;
        size_t size, n = strlen(told);

        assert(sd_bus_message_read(m, "i", &ifindex) >= 0);
        n += (size_t) snprintf(told + n, sizeof(told) - n, "dns");
        assert(sd_bus_message_enter_container(m, 'a', "(iay)") >= 0);
        while (sd_bus_message_enter_container(m, 'r', "iay") > 0) {
                assert(sd_bus_message_read(m, "i", &family) >= 0);
                assert(sd_bus_message_read_array(m, 'y', (const void **) &bytes, &size) >= 0);
                assert(family == AF_INET && size == 4);
                n += (size_t) snprintf(told + n, sizeof(told) - n, " %d.%d", bytes[0], bytes[3]);
                assert(sd_bus_message_exit_container(m) >= 0);
        }
        snprintf(told + n, sizeof(told) - n, ";");
        return sd_bus_reply_method_return(m, NULL);
}

static int on_set_domains(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        size_t n = strlen(told);
        const char *domain;
        int32_t ifindex;
        int route_only;

        assert(sd_bus_message_read(m, "i", &ifindex) >= 0);
        assert(sd_bus_message_enter_container(m, 'a', "(sb)") >= 0);
        while (sd_bus_message_read(m, "(sb)", &domain, &route_only) > 0)
                n += (size_t) snprintf(told + n, sizeof(told) - n, "%s %d;", domain, route_only);
        return sd_bus_reply_method_errorf(m, SD_BUS_ERROR_ACCESS_DENIED, "Not today");
}

static const sd_bus_vtable resolve1_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("SetLinkDNS", "ia(iay)", NULL, on_set_dns, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("SetLinkDomains", "ia(sb)", NULL, on_set_domains, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

static void test_resolved(void)
{
        usec_t end = clock_monotonic_usec() + 10 * USEC_PER_SEC;
        Server dbus = bus_start(), s;
        sd_bus *resolved;

        write_file("/run/lwsd.conf",
                CONFIG "[Link up0]\nDHCP=no\nDNS=9.0.0.7 8.0.0.6\nDomains=a.example ~b.example\n");
        s = lwsd_start("a", true, "initialized");
        resolved = client_new(BUS_ADDRESS, true);
        assert(sd_bus_add_object_vtable(resolved, NULL, "/org/freedesktop/resolve1",
                       "org.freedesktop.resolve1.Manager", resolve1_vtable, NULL) >= 0);
        assert(sd_bus_request_name(resolved, "org.freedesktop.resolve1", 0) >= 0);
        while (!strstr(told, "b.example 1;") && clock_monotonic_usec() < end) {
                if (sd_bus_process(resolved, NULL) == 0)
                        (void) sd_bus_wait(resolved, 100 * USEC_PER_MSEC);
        }
        assert(strcmp(told, "dns 9.7 8.6;a.example 0;b.example 1;") == 0);
        sd_bus_flush_close_unref(resolved);
        assert(server_stop(&s) == 0);
        server_stop(&dbus);
}

int main(int argc, char **argv)
{
        assert(argc == 2);
        lwsd_path = argv[1];
        if (netns_private() < 0 || geteuid() != 0)
                return TEST_SKIP;
        assert(netns_sh("ip netns add peer; ip link add up0 type veth peer name down0 netns peer\n"
                        "ip -n peer link set down0 up") == 0);
        write_file("/run/lwsd.conf", CONFIG);
        write_file("/run/bus.conf",
                "<busconfig><listen>" BUS_ADDRESS "</listen><policy context=\"default\">"
                "<allow user=\"*\"/><allow own=\"*\"/><allow send_destination=\"*\"/>"
                "<allow receive_sender=\"*\"/></policy></busconfig>");
        setenv("DBUS_SYSTEM_BUS_ADDRESS", BUS_ADDRESS, 1);
        test_attach();
        assert(netns_sh("rm -rf /run/a") == 0);
        test_quota();
        test_hold();
        test_deaf_client();
        assert(netns_sh("rm -rf /run/a") == 0);
        write_file("/run/lwsd.conf",
                "[Manager]\nTarget=cpd-pre-time\nFlapSec=20ms\n[CaptivePortal]\nCheck=no\n");
        test_flooded_client();
        test_reload();
        assert(netns_sh("rm -rf /run/a") == 0);
        test_restart_is_no_fall();
        assert(netns_sh("rm -rf /run/a") == 0);
        test_socket_of_a_dead_one();
        test_two_of_them();
        test_socket_in_a_new_folder();
        test_bus();
        assert(netns_sh("rm -rf /run/a") == 0);
        test_resolved();
        return 0;
}
