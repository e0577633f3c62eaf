/* SPDX-License-Identifier: MIT */
/*
 * client-kills LWSD SECONDS [SEED]: the real lwsd is killed, and its bus, at random moments, under
 * 50 clients on both ways in, while the link it depends on goes up and down. Each client must be
 * told entered and left in turn and end at the true level, each one-shot exactly once; a kill alone
 * must not look like a fall; descriptors and memory must not grow.
 */
#include "lib/netns.h"
#include "tests/client/private-bus.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <lwsd/lwsd-client.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

enum { CLIENTS = 50, SETTLE_MSEC = 15000 };

typedef struct Watcher Watcher;
struct Watcher {
        lwsd_client *client;
        lws_system_states_t state;
        unsigned entered, left, asked, told;
        bool once_told; /* since the last one-shot was asked for */
};

static char folder[64], socket_path[96];
static PrivateBus bus;
static Watcher watchers[CLIENTS];
static int epoll_fd;
static pid_t lwsd;
static const char *lwsd_path;
static unsigned kills, bus_kills, toggles;

static void __attribute__((noreturn, format(printf, 1, 2))) die(const char *fmt, ...)
{
        va_list ap;

        va_start(ap, fmt);
        vfprintf(stderr, fmt, ap);
        va_end(ap);
        fprintf(stderr, "\nafter %u kills of lwsd, %u of the bus, %u changes of the link\n", kills,
                bus_kills, toggles);
        if (lwsd > 0)
                kill(lwsd, SIGKILL);
        private_bus_kill(&bus);
        exit(1);
}

static uint64_t now_msec(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t) ts.tv_sec * 1000 + (uint64_t) ts.tv_nsec / 1000000;
}

static uint64_t next_random(uint64_t *x)
{
        *x ^= *x << 13;
        *x ^= *x >> 7;
        *x ^= *x << 17;
        return *x;
}

/* -- lwsd and its link ------------------------------------------------------------------------ */

static void start_lwsd(void)
{
        char options[4][128];

        snprintf(options[0], sizeof options[0], "--config=%s/lwsd.conf", folder);
        snprintf(options[1], sizeof options[1], "--runtime-dir=%s/run", folder);
        snprintf(options[2], sizeof options[2], "--state-dir=%s/state", folder);
        snprintf(options[3], sizeof options[3], "--private-socket=%s", socket_path);
        lwsd = fork();
        if (lwsd < 0)
                die("fork: %s", strerror(errno));
        if (lwsd == 0) {
                char log[128];
                int fd;

                prctl(PR_SET_PDEATHSIG, SIGKILL);
                snprintf(log, sizeof log, "%s/log", folder);
                fd = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
                dup2(fd, STDERR_FILENO);
                execl(lwsd_path, lwsd_path, options[0], options[1], options[2], options[3], NULL);
                _exit(127);
        }
}

static void wait_for_socket(void)
{
        uint64_t end = now_msec() + SETTLE_MSEC;

        while (access(socket_path, F_OK) < 0) {
                if (now_msec() > end)
                        die("lwsd does not start");
                (void) poll(NULL, 0, 1);
        }
}

static void kill_lwsd(void)
{
        kill(lwsd, SIGKILL);
        waitpid(lwsd, NULL, 0);
        lwsd = 0;
        kills++;
}

static void set_link(bool up)
{
        if (netns_sh(up ? "ip link set up0 up\nip route replace default via 10.77.0.2"
                        : "ip link set up0 down") < 0)
                die("ip does not work");
        toggles++;
}

/* -- The clients ------------------------------------------------------------------------------ */

static void on_entered(lwsd_attachment *a, void *opaque)
{
        Watcher *w = opaque;

        if (++w->entered != w->left + 1)
                die("client %td: entered %u times, left %u", w - watchers, w->entered, w->left);
}

static void on_left(lwsd_attachment *a, void *opaque)
{
        Watcher *w = opaque;

        if (++w->left != w->entered)
                die("client %td: entered %u times, left %u", w - watchers, w->entered, w->left);
}

static void on_once(lwsd_attachment *a, void *opaque)
{
        Watcher *w = opaque;

        if (++w->told > w->asked)
                die("client %td: a one-shot ran twice", w - watchers);
        w->once_told = true;
}

static void start_clients(void)
{
        for (unsigned i = 0; i < CLIENTS; i++) {
                struct epoll_event event = { .events = EPOLLIN, .data.u32 = i };
                Watcher *w = &watchers[i];

                w->state = i % 2 ? LWS_SYSTATE_DHCP : LWS_SYSTATE_IFACE_COLDPLUG;
                /* every other pair finds no private socket, and takes the bus */
                setenv("LWSD_SOCKET", i / 2 % 2 ? "/nonexistent/lwsd" : socket_path, 1);
                if (lwsd_client_new(&w->client) < 0 ||
                        lwsd_client_watch(w->client, NULL, w->state, on_entered, on_left, w) < 0 ||
                        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, lwsd_client_get_fd(w->client), &event) <
                                0)
                        die("client %u does not start", i);
        }
}

static void turn(int msec)
{
        uint64_t end = now_msec() + (uint64_t) msec, now;
        struct epoll_event events[CLIENTS];

        while ((now = now_msec()) <= end) {
                int n = epoll_wait(epoll_fd, events, CLIENTS, (int) (end - now));

                for (int i = 0; i < n; i++)
                        if (lwsd_client_process(watchers[events[i].data.u32].client) < 0)
                                die("client %u fails", events[i].data.u32);
                if (n == 0)
                        return;
        }
}

/* One in so many clients, at random. */
static void ask_once(uint64_t *seed, unsigned one_in)
{
        for (unsigned i = 0; i < CLIENTS; i++) {
                Watcher *w = &watchers[i];

                if (next_random(seed) % one_in || w->asked != w->told)
                        continue;
                w->asked++;
                w->once_told = false;
                if (lwsd_client_attach(w->client, NULL, w->state, on_once, w) < 0)
                        die("client %u cannot attach", i);
        }
}

/* Waits until all are where they should be with the link up: everything holds. */
static void settle(const char *what)
{
        uint64_t end = now_msec() + SETTLE_MSEC;
        unsigned i;

        for (;;) {
                for (i = 0; i < CLIENTS; i++)
                        if (watchers[i].entered != watchers[i].left + 1 ||
                                watchers[i].asked != watchers[i].told ||
                                lwsd_client_is_connected(watchers[i].client) <= 0)
                                break;
                if (i == CLIENTS)
                        return;
                if (now_msec() > end)
                        die("%s: client %u (%s, on the %s) hangs: entered %u, left %u, one-shots "
                            "asked %u, told %u",
                                what, i, lwsd_state_to_string(watchers[i].state),
                                i / 2 % 2 ? "bus" : "socket", watchers[i].entered, watchers[i].left,
                                watchers[i].asked, watchers[i].told);
                turn(20);
        }
}

typedef struct Use Use;
struct Use {
        unsigned fds, kib;
};

static unsigned count_fds(pid_t pid)
{
        char path[64];
        unsigned n = 0;
        DIR *dir;

        snprintf(path, sizeof path, "/proc/%d/fd", (int) pid);
        dir = opendir(path);
        if (!dir)
                return 0;
        while (readdir(dir))
                n++;
        closedir(dir);
        return n;
}

static Use use_of(pid_t pid)
{
        Use use = { .fds = count_fds(pid) };
        unsigned pages = 0;
        char path[64];
        FILE *f;

        snprintf(path, sizeof path, "/proc/%d/statm", (int) pid);
        f = fopen(path, "re");
        if (f && fscanf(f, "%u %u", &pages, &use.kib) == 2)
                use.kib *= 4;
        if (f)
                fclose(f);
        return use;
}

static void check_growth(const char *what, Use before, Use after)
{
        if (after.fds > before.fds + 8 || after.kib > before.kib + before.kib / 4 + 1024)
                die("%s: %u descriptors and %u KiB became %u and %u", what, before.fds, before.kib,
                        after.fds, after.kib);
}

/* -- The story -------------------------------------------------------------------------------- */

/* Everything at random; ends with all there. */
static void round_of_chaos(uint64_t *seed)
{
        for (int i = 0; i < 10; i++) {
                ask_once(seed, 4);
                if (next_random(seed) % 2)
                        set_link(next_random(seed) % 2);
                if (next_random(seed) % 3) {
                        kill_lwsd();
                        turn((int) (next_random(seed) % 8));
                        start_lwsd();
                }
                if (next_random(seed) % 6 == 0) {
                        private_bus_kill(&bus);
                        bus_kills++;
                        turn((int) (next_random(seed) % 8));
                        if (private_bus_start(&bus) < 0)
                                die("no bus");
                }
                turn((int) (next_random(seed) % 40));
        }
        set_link(true);
        settle("chaos");
}

/* Only lwsd is killed: nobody may be told that anything was left. */
static void round_of_kills(uint64_t *seed)
{
        unsigned left[CLIENTS];

        for (unsigned i = 0; i < CLIENTS; i++)
                left[i] = watchers[i].left;
        for (int i = 0; i < 5; i++) {
                kill_lwsd();
                turn((int) (next_random(seed) % 20));
                start_lwsd();
                turn((int) (next_random(seed) % 60));
        }
        ask_once(seed, 1); /* what is told proves that the connection stands */
        settle("kills");
        for (unsigned i = 0; i < CLIENTS; i++)
                if (watchers[i].left != left[i])
                        die("client %u was told of a fall that was none", i);
}

static void set_up(void)
{
        char path[128];
        FILE *f;

        strcpy(folder, "/tmp/lwsd-kills-XXXXXX");
        if (!mkdtemp(folder) || private_bus_init(&bus, folder) < 0)
                die("no folder");
        snprintf(socket_path, sizeof socket_path, "%s/private", folder);
        snprintf(path, sizeof path, "%s/lwsd.conf", folder);
        f = fopen(path, "w");
        if (!f)
                die("%s: %s", path, strerror(errno));
        fputs("[Manager]\nFlapSec=0\n", f);
        fclose(f);
        setenv("DBUS_SYSTEM_BUS_ADDRESS", bus.address, 1);
        if (netns_sh("ip link add up0 type veth peer name down0\n"
                     "ip link set down0 up\nip address add 10.77.0.1/24 dev up0\n") < 0 ||
                private_bus_start(&bus) < 0)
                die("no network or no bus");
        epoll_fd = epoll_create1(EPOLL_CLOEXEC);
}

int main(int argc, char **argv)
{
        uint64_t seconds = argc > 2 ? strtoull(argv[2], NULL, 0) : 0, seed, x, end;
        Use ours = { 0 }, theirs = { 0 };
        unsigned most_fds;
        char command[128];

        if (seconds == 0) {
                fprintf(stderr, "usage: client-kills LWSD SECONDS [SEED]\n");
                return 2;
        }
        lwsd_path = argv[1];
        seed = argc > 3 ? strtoull(argv[3], NULL, 0) : (uint64_t) time(NULL);
        printf("LWSD_TEST_SEED=%" PRIu64 "\n", seed);
        fflush(stdout);
        if (netns_private() < 0)
                return TEST_SKIP;
        set_up();
        start_lwsd();
        wait_for_socket();
        start_clients();
        set_link(true);
        settle("start");
        /* as many as it ever has: later some found no socket after a kill and use the bus */
        most_fds = count_fds(lwsd);
        x = seed * 2 + 1;
        end = now_msec() + seconds * 1000;
        for (unsigned round = 0; now_msec() < end || round < 3; round++) {
                round_of_chaos(&x);
                round_of_kills(&x);
                if (round == 2) {
                        ours = use_of(getpid());
                        theirs = (Use){ .fds = most_fds, .kib = use_of(lwsd).kib };
                }
        }
        check_growth("the clients", ours, use_of(getpid()));
        check_growth("lwsd", theirs, use_of(lwsd));
        printf("%u kills of lwsd, %u of the bus, %u changes of the link under %u clients: every "
               "promise kept; the clients have %u KiB, lwsd %u\n",
                kills, bus_kills, toggles, CLIENTS, use_of(getpid()).kib, use_of(lwsd).kib);
        for (unsigned i = 0; i < CLIENTS; i++)
                lwsd_client_unref(watchers[i].client);
        kill_lwsd();
        private_bus_deinit(&bus);
        snprintf(command, sizeof command, "rm -rf %s", folder);
        return netns_sh(command) < 0;
}
