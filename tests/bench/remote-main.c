/* SPDX-License-Identifier: MIT */
/*
 * remote LWSD: remote attach, beside a bare sd-bus call and signal on the same transport and a bare
 * socketpair. Everything runs in a network and a /run of its own.
 */
#include "lib/netns.h"
#include "remote.h"
#include "tests/client/private-bus.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#define SOCKET_PATH "/run/lwsd/private"
#define SOCKET      "unix:path=" SOCKET_PATH

enum { MANY = 100000, CONNECTIONS = 1000 };

static PrivateBus daemon_bus;
static pid_t broker, lwsd;

static void __attribute__((noreturn)) fail(const char *what)
{
        fprintf(stderr, "remote: %s: %s\n", what, strerror(errno));
        exit(1);
}

/* -- The stage -------------------------------------------------------------------------------- */

/* Runs fn until it returns true, or 10 s. */
static void until(bool (*fn)(void), const char *what)
{
        double end = now_usec() + 10e6;

        while (!fn()) {
                if (now_usec() > end)
                        fail(what);
                (void) sched_yield();
        }
}

static bool socket_is_there(void)
{
        return access(SOCKET_PATH, F_OK) == 0;
}

/* The launcher of dbus-broker takes its socket as systemd gives it, and wants a journal and a
 * manager to talk to: a socket and the other bus do for both. */
static bool start_broker(void)
{
        struct sockaddr_un journal = { .sun_family = AF_UNIX,
                .sun_path = "/run/systemd/journal/socket" };
        struct sockaddr_un listener = { .sun_family = AF_UNIX, .sun_path = "/run/broker" };
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        static int log = -1;

        if (access("/usr/bin/dbus-broker-launch", X_OK) < 0)
                return false;
        log = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (netns_sh("mkdir -p /run/systemd/journal") < 0 ||
                bind(log, (struct sockaddr *) &journal, sizeof journal) < 0 ||
                bind(fd, (struct sockaddr *) &listener, sizeof listener) < 0 ||
                listen(fd, 1000) < 0)
                fail("broker");
        broker = fork();
        if (broker == 0) {
                char pid[16];

                prctl(PR_SET_PDEATHSIG, SIGKILL);
                snprintf(pid, sizeof pid, "%d", (int) getpid());
                setenv("LISTEN_PID", pid, 1);
                setenv("LISTEN_FDS", "1", 1);
                setenv("DBUS_SESSION_BUS_ADDRESS", daemon_bus.address, 1);
                setenv("XDG_RUNTIME_DIR", "/run", 1);
                dup2(fd, 3);
                execlp("dbus-broker-launch", "dbus-broker-launch", "--scope", "user",
                        "--config-file", daemon_bus.config, NULL);
                _exit(127);
        }
        close(fd);
        return true;
}

static void start_lwsd(const char *path, const char *bus)
{
        unlink(SOCKET_PATH);
        lwsd = fork();
        if (lwsd == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                setenv("DBUS_SYSTEM_BUS_ADDRESS", bus, 1);
                dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
                execl(path, path, "--config=/run/lwsd.conf", "--state-dir=/run/lwsd-state",
                        "--private-socket=" SOCKET_PATH, NULL);
                _exit(127);
        }
        until(socket_is_there, "lwsd");
}

static void stop(pid_t *pid)
{
        if (*pid > 0) {
                kill(*pid, SIGKILL);
                waitpid(*pid, NULL, 0);
        }
        *pid = 0;
}

/* A value of /proc/PID/status in KiB. */
static long memory(pid_t pid, const char *key)
{
        char path[64], line[256];
        long kib = -1;
        FILE *f;

        snprintf(path, sizeof path, "/proc/%d/status", (int) pid);
        f = fopen(path, "re");
        while (f && fgets(line, sizeof line, f))
                if (strncmp(line, key, strlen(key)) == 0)
                        kib = strtol(line + strlen(key) + 1, NULL, 10);
        if (f)
                fclose(f);
        return kib;
}

/* The launcher's child is the broker. */
static pid_t first_child(pid_t pid)
{
        char path[64];
        int child = 0;
        FILE *f;

        snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int) pid, (int) pid);
        f = fopen(path, "re");
        if (!f || fscanf(f, "%d", &child) != 1)
                child = 0;
        if (f)
                fclose(f);
        return child;
}

/* -- State ------------------------------------------------------------------------------------ */

static sd_bus *control;
static const char *wanted_state;

static bool is_in_state(void)
{
        char *state = NULL;
        bool is;

        if (sd_bus_get_property_string(
                    control, NULL, LWSD_PATH, LWSD_MANAGER, "State", NULL, &state) < 0)
                fail("State");
        is = strcmp(state, wanted_state) == 0;
        free(state);
        return is;
}

static void expect_state(const char *state)
{
        wanted_state = state;
        until(is_in_state, state);
}

/* Holds "dhcp" back with the link up, so that letting go enters it at once. */
static int take_hold(void)
{
        sd_bus_message *reply = NULL;
        int fd;

        if (netns_sh("ip link set up0 down") < 0)
                fail("link");
        expect_state("initialized");
        if (sd_bus_call_method(control, NULL, LWSD_PATH, LWSD_MANAGER, "Hold", NULL, &reply, "sss",
                    "dhcp", "bench", "until all are attached") < 0 ||
                sd_bus_message_read(reply, "h", &fd) < 0)
                fail("Hold");
        fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        sd_bus_message_unref(reply);
        if (netns_sh("ip link set up0 up\nip route replace default via 10.77.0.2") < 0)
                fail("link");
        expect_state("iface-coldplug");
        return fd;
}

static unsigned released;

static int on_attached(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        const void *ids;
        size_t size;

        if (sd_bus_message_is_signal(m, LWSD_MANAGER, "Attached") &&
                sd_bus_message_read_array(m, 't', &ids, &size) >= 0)
                released += (unsigned) (size / sizeof(uint64_t));
        return 0;
}

/* -- What is measured ------------------------------------------------------------------------- */

static void verdict(const char *what, double value, const char *unit, double wanted, bool below)
{
        printf("%-58s %10.2f %-6s", what, value, unit);
        if (wanted > 0)
                printf(" wanted %s %g: %s", below ? "<=" : ">=", wanted,
                        (below ? value <= wanted : value >= wanted) ? "yes" : "NO");
        putchar('\n');
        fflush(stdout);
}

static cpu_set_t allowed;

/* `cpu` negative: any. */
static void place(pid_t pid, int cpu)
{
        cpu_set_t cpus = allowed;

        if (cpu >= 0) {
                CPU_ZERO(&cpus);
                CPU_SET(cpu, &cpus);
        }
        if (sched_setaffinity(pid, sizeof cpus, &cpus) < 0)
                fail("sched_setaffinity");
}

static void compare_on(const char *transport, const char *where, Trips trips)
{
        char line[128];

        snprintf(line, sizeof line, "%s, %s: bare call and signal", transport, where);
        verdict(line, trips.a, "us", 0, true);
        snprintf(line, sizeof line, "%s, %s: attach, reply and signal", transport, where);
        verdict(line, trips.b, "us", 0, true);
        snprintf(line, sizeof line, "%s, %s: attach / bare", transport, where);
        verdict(line, trips.ratio, "", 1.05, true);
}

static int first_cpu(void)
{
        int cpu = 0;

        while (!CPU_ISSET(cpu, &allowed))
                cpu++;
        return cpu;
}

static int last_cpu(void)
{
        int cpu = CPU_SETSIZE - 1;

        while (!CPU_ISSET(cpu, &allowed))
                cpu--;
        return cpu;
}

/* Which CPU each process happens to run on makes more of a difference than what is measured. One
 * CPU is where a scheduler puts two that talk to each other; on two, with the client on the one,
 * most is the waking of a CPU that sleeps. Returns what it was on one. */
static Trips compare(
        const char *transport, const Target *bare, const Target *attach, const pid_t servers[3])
{
        Trips one, two;

        place(0, first_cpu());
        for (int i = 0; i < 3; i++)
                place(servers[i], first_cpu());
        one = round_trips(bare, attach);
        compare_on(transport, "one CPU", one);
        for (int i = 0; i < 3; i++)
                place(servers[i], last_cpu());
        if (first_cpu() != last_cpu()) {
                two = round_trips(bare, attach);
                compare_on(transport, "two CPUs", two);
        }
        place(0, -1);
        for (int i = 0; i < 3; i++)
                place(servers[i], -1);
        return one;
}

static void measure_release(const char *transport, sd_bus *bus, const char *destination)
{
        char line[128];
        int hold = take_hold(), r;
        double rate, start;

        rate = pipelined(bus, destination, MANY, "dhcp");
        snprintf(line, sizeof line, "%s: attaches through AttachMany", transport);
        verdict(line, rate / 1000, "k/s", 500, false);
        sd_bus_add_filter(bus, NULL, on_attached, NULL);
        released = 0;
        start = now_usec();
        close(hold);
        while (released < MANY) {
                r = sd_bus_process(bus, NULL);
                if (r == 0)
                        r = sd_bus_wait(bus, UINT64_MAX);
                if (r < 0)
                        fail("release");
        }
        snprintf(line, sizeof line, "%s: release of %d of one connection", transport, MANY);
        verdict(line, (now_usec() - start) / 1000, "ms", 20, true);
}

static void measure_connections(void)
{
        static sd_bus *buses[CONNECTIONS];
        struct epoll_event events[64];
        int epoll = epoll_create1(EPOLL_CLOEXEC), hold = take_hold();
        double start;

        for (int i = 0; i < CONNECTIONS; i++) {
                struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };

                buses[i] = open_at(SOCKET, 0);
                (void) pipelined(buses[i], NULL, MANY / CONNECTIONS, "dhcp");
                sd_bus_add_filter(buses[i], NULL, on_attached, NULL);
                event.data.ptr = buses[i];
                if (epoll_ctl(epoll, EPOLL_CTL_ADD, sd_bus_get_fd(buses[i]), &event) < 0)
                        fail("epoll");
        }
        released = 0;
        start = now_usec();
        close(hold);
        while (released < MANY) {
                int n = epoll_wait(epoll, events, 64, 10000);

                if (n <= 0)
                        fail("release of many connections");
                for (int i = 0; i < n; i++)
                        while (sd_bus_process(events[i].data.ptr, NULL) > 0)
                                ;
        }
        verdict("socket: release of 100000 of 1000 connections", (now_usec() - start) / 1000, "ms",
                300, true);
        verdict("lwsd: peak memory", (double) memory(lwsd, "VmHWM") / 1024, "MiB", 0, true);
        for (int i = 0; i < CONNECTIONS; i++)
                sd_bus_close_unref(buses[i]);
        close(epoll);
}

static void measure_socket(void)
{
        sd_bus *bus = open_at(SOCKET, 0), *bare;
        double floor, library;
        Trips trips;
        long before, after;
        pid_t child;
        int fds[2], hold;

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
                fail("socketpair");
        child = echo_start(fds[1]);
        floor = echo_round_trip(fds[0]);
        verdict("bare socketpair round trip", floor, "us", 0, true);
        stop(&child);
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
                fail("socketpair");
        child = bare_start(NULL, fds[1]);
        bare = open_fd(fds[0]);
        trips = compare("socket", &(Target){ bare, NULL, BARE_INTERFACE },
                &(Target){ bus, NULL, LWSD_MANAGER }, (pid_t[3]){ child, lwsd, lwsd });
        verdict("socket, one CPU: attach / bare socketpair", trips.b / floor, "", 0, true);
        place(0, first_cpu());
        place(lwsd, first_cpu());
        library = library_round_trip();
        place(0, -1);
        place(lwsd, -1);
        verdict("socket, one CPU: attach to callback through libclient", library, "us", 0, true);
        verdict("socket, one CPU: libclient / bare", library / trips.a, "", 0, true);
        stop(&child);

        hold = take_hold();
        before = memory(lwsd, "VmRSS");
        (void) pipelined(bus, NULL, MANY, "dhcp");
        after = memory(lwsd, "VmRSS");
        verdict("lwsd: memory of a waiting attachment", (double) (after - before) * 1024 / MANY,
                "bytes", 64, true);
        sd_bus_close_unref(bus);
        close(hold);
        bus = open_at(SOCKET, 0);
        measure_release("socket", bus, NULL);
        sd_bus_close_unref(bus);
        measure_connections();
}

static void await_name(sd_bus *bus, const char *name)
{
        while (sd_bus_call_method(bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                       "org.freedesktop.DBus", "GetNameOwner", NULL, NULL, "s", name) < 0)
                (void) sched_yield();
}

static void measure_bus(const char *name, const char *address, pid_t daemon)
{
        sd_bus *bus = open_at(address, 1);
        pid_t bare = bare_start(address, -1);

        await_name(bus, BARE_NAME);
        await_name(bus, "org.lwsd1");
        (void) compare(name, &(Target){ bus, BARE_NAME, BARE_INTERFACE },
                &(Target){ bus, "org.lwsd1", LWSD_MANAGER }, (pid_t[3]){ bare, lwsd, daemon });
        measure_release(name, bus, "org.lwsd1");
        sd_bus_close_unref(bus);
        stop(&bare);
}

static void with_lwsd(const char *path, const char *bus)
{
        start_lwsd(path, bus);
        control = open_at(SOCKET, 0);
}

static void without_lwsd(void)
{
        sd_bus_close_unref(control);
        stop(&lwsd);
}

int main(int argc, char **argv)
{
        struct rlimit files = { .rlim_cur = 65536, .rlim_max = 65536 };
        FILE *f;

        if (argc != 2) {
                fprintf(stderr, "usage: remote LWSD\n");
                return 2;
        }
        (void) setrlimit(RLIMIT_NOFILE, &files);
        if (sched_getaffinity(0, sizeof allowed, &allowed) < 0)
                fail("sched_getaffinity");
        if (netns_private() < 0)
                return TEST_SKIP;
        if (private_bus_init(&daemon_bus, "/run") < 0 || private_bus_start(&daemon_bus) < 0)
                fail("dbus-daemon");
        f = fopen("/run/lwsd.conf", "we");
        if (!f)
                fail("/run/lwsd.conf");
        fputs("[Manager]\nFlapSec=0\nQuotaAttachments=1000000\nQuotaConnections=2000\n", f);
        fclose(f);
        if (netns_sh("ip link add up0 type veth peer name down0\n"
                     "ip link set down0 up\nip address add 10.77.0.1/24 dev up0\n") < 0)
                fail("link");
        setenv("LWSD_SOCKET", SOCKET_PATH, 1);

        with_lwsd(argv[1], daemon_bus.address);
        measure_socket();
        measure_bus("dbus-daemon", daemon_bus.address, daemon_bus.server.pid);
        verdict("dbus-daemon: peak memory", (double) memory(daemon_bus.server.pid, "VmHWM") / 1024,
                "MiB", 0, true);
        without_lwsd();
        if (start_broker()) {
                with_lwsd(argv[1], "unix:path=/run/broker");
                measure_bus("dbus-broker", "unix:path=/run/broker", first_child(broker));
                verdict("dbus-broker: peak memory",
                        (double) memory(first_child(broker), "VmHWM") / 1024, "MiB", 0, true);
                without_lwsd();
                stop(&broker);
        } else {
                printf("skipped: no dbus-broker\n");
        }
        private_bus_deinit(&daemon_bus);
        return 0;
}
