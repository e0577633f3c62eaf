/* SPDX-License-Identifier: MIT */
/* Through the client library, across restarts of lwsd: wait, hold. And monitor. */
#include "ctl/ctl.h"
#include "dbus/names.h"
#include <lwsd/lwsd-client.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int new_client(const Ctl *ctl, lwsd_client **ret)
{
        int r = ctl->socket ? lwsd_client_new_socket(ret, ctl->socket) : lwsd_client_new(ret);

        return r < 0 ? complain(STATUS_FAILED, "%s", strerror(-r)) : 0;
}

/* The state, or an error in words. */
static int parse_state(const char *name)
{
        int state = lwsd_state_from_string(name);

        if (state > LWS_SYSTATE_UNKNOWN && state <= LWS_SYSTATE_OPERATIONAL)
                return state;
        complain(STATUS_USAGE, "%s is no state; they are, in order:", name);
        for (int i = LWS_SYSTATE_CONTEXT_CREATED; i <= LWS_SYSTATE_OPERATIONAL; i++)
                fprintf(stderr, "%s%s", i > 1 ? " " : "  ",
                        lwsd_state_to_string((lws_system_states_t) i));
        fputc('\n', stderr);
        return -EINVAL;
}

/* -- wait ------------------------------------------------------------------------------------- */

typedef struct Wait Wait;
struct Wait {
        Ctl *ctl;
        const char *name;
        lws_system_states_t state;
        bool reached, connected, was_connected, stale;
        char shown[1024];
};

static void on_reached(lwsd_attachment *attachment, void *opaque)
{
        ((Wait *) opaque)->reached = true;
}

static void on_status(
        lwsd_client *client, lwsd_client_status_t status, int error, const char *text, void *opaque)
{
        Wait *w = opaque;

        if (status == LWSD_CLIENT_REFUSED) {
                complain(STATUS_FAILED, "%s", text);
                return;
        }
        w->connected = status == LWSD_CLIENT_CONNECTED;
        w->was_connected |= w->connected;
        w->stale = true;
}

static int on_news(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        ((Wait *) userdata)->stale = true;
        return 0;
}

static void wait_show(Wait *w, const char *line)
{
        if (strcmp(line, w->shown) == 0)
                return;
        snprintf(w->shown, sizeof w->shown, "%s", line);
        if (isatty(STDERR_FILENO)) /* one line, or it could not be taken back */
                fprintf(stderr, "\r\x1b[K%.*s", (int) terminal_width(STDERR_FILENO) - 1, line);
        else
                fprintf(stderr, "%s\n", line);
}

/* Says what is being waited for; costs lwsd one call for each change. */
static void wait_explain(Wait *w)
{
        _cleanup_json_ json_t *manager = NULL;
        char line[1024];

        w->stale = false;
        if (!w->connected) {
                ctl_disconnect(w->ctl);
                wait_show(w, "lwsd is not there: waiting for it");
                return;
        }
        if (!w->ctl->bus && (ctl_try_connect(w->ctl) < 0 || ctl_listen(w->ctl, on_news, w) < 0)) {
                ctl_disconnect(w->ctl);
                return;
        }
        if (ctl_get_all(w->ctl, &manager, LWSD_OBJECT_PATH, LWSD_INTERFACE_MANAGER) < 0) {
                ctl_disconnect(w->ctl);
                return;
        }
        describe_waiting(manager, line, sizeof line);
        wait_show(w, line);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
        return a < b ? a : b;
}

static int wait_poll(Wait *w, lwsd_client *client, uint64_t until)
{
        struct pollfd p[2] = { { .fd = lwsd_client_get_fd(client), .events = POLLIN },
                { .fd = -1 } };
        uint64_t now = monotonic_now(), bus_until = UINT64_MAX;
        struct timespec ts, *timeout = NULL;

        if (w->ctl->bus) {
                p[1].fd = sd_bus_get_fd(w->ctl->bus);
                p[1].events = (short) sd_bus_get_events(w->ctl->bus);
                (void) sd_bus_get_timeout(w->ctl->bus, &bus_until);
        }
        until = earlier(until, bus_until);
        if (until != UINT64_MAX) {
                until = until > now ? until - now : 0;
                ts.tv_sec = (time_t) (until / 1000000);
                ts.tv_nsec = (long) (until % 1000000) * 1000;
                timeout = &ts;
        }
        return ppoll(p, 2, timeout, NULL);
}

static int wait_loop(Wait *w, lwsd_client *client)
{
        lws_system_states_t state;
        uint64_t start = monotonic_now(), end, explain = start + 1000000, connect;

        end = w->ctl->timeout_usec > UINT64_MAX - start ? UINT64_MAX : start + w->ctl->timeout_usec;
        connect = start + CONNECT_TIMEOUT_USEC;
        for (;;) {
                uint64_t now, until = end;
                int r = lwsd_client_process(client);

                if (r < 0)
                        return complain(STATUS_FAILED, "%s", strerror(-r));
                if (w->reached)
                        return STATUS_DONE;
                while (w->ctl->bus && (r = sd_bus_process(w->ctl->bus, NULL)) > 0)
                        ;
                if (w->ctl->bus && r < 0)
                        ctl_disconnect(w->ctl);
                now = monotonic_now();
                /* With no time at all, lwsd still gets to say where it stands. */
                if (w->ctl->timeout_usec == 0 && w->connected &&
                        lwsd_client_get_state(client, &state) == 1)
                        return lwsd_state_reached(state, w->state) ? STATUS_DONE : STATUS_TIMEOUT;
                if (now >= end && w->ctl->timeout_usec)
                        return STATUS_TIMEOUT;
                if (!w->was_connected && now >= connect)
                        return complain(STATUS_FAILED, "lwsd does not answer");
                if (w->stale && now >= explain)
                        wait_explain(w);
                if (w->ctl->timeout_usec == 0 && !w->was_connected)
                        until = connect;
                if (!w->was_connected)
                        until = earlier(until, connect);
                if (now < explain)
                        until = earlier(until, explain);
                if (lwsd_client_process(client) == 0 && !w->reached)
                        (void) wait_poll(w, client, until);
        }
}

int command_wait(Ctl *ctl)
{
        int state = parse_state(ctl->arguments[0]), status;
        Wait w = { .ctl = ctl, .name = ctl->arguments[0], .stale = true };
        lwsd_client *client = NULL;

        if (state < 0)
                return STATUS_USAGE;
        w.state = (lws_system_states_t) state;
        if (new_client(ctl, &client) != 0)
                return STATUS_FAILED;
        lwsd_client_set_status_callback(client, on_status, &w);
        status = lwsd_client_attach(client, NULL, (lws_system_states_t) state, on_reached, &w);
        status = status < 0 ? complain(STATUS_FAILED, "%s", strerror(-status))
                            : wait_loop(&w, client);
        lwsd_client_unref(client);
        if (w.shown[0] && isatty(STDERR_FILENO))
                fputs("\r\x1b[K", stderr);
        if (status == STATUS_TIMEOUT)
                complain(status, "timed out; %s", w.shown[0] ? w.shown : "lwsctl why says more");
        else if (status == STATUS_DONE && ctl->json)
                printf("{\"reached\": \"%s\"}\n", w.name);
        return status;
}

/* -- hold ------------------------------------------------------------------------------------- */

typedef struct Holding Holding;
struct Holding {
        const char *name;
        bool taken;
        int refused;
};

static void on_hold(lwsd_hold *hold, int result, void *opaque)
{
        Holding *h = opaque;

        switch (result) {
        case LWSD_HOLD_TAKEN:
                h->taken = true;
                break;
        case LWSD_HOLD_LOST:
                complain(STATUS_FAILED, "lwsd lost the hold on %s: taking it again", h->name);
                break;
        case LWSD_HOLD_TAKEN_AGAIN:
                complain(STATUS_FAILED, "%s is held again; it may have been entered meanwhile",
                        h->name);
                break;
        default:
                h->refused = result;
        }
}

static int hold_take(Holding *h, lwsd_client *client)
{
        uint64_t end = monotonic_now() + CONNECT_TIMEOUT_USEC, now;
        struct pollfd p = { .fd = lwsd_client_get_fd(client), .events = POLLIN };

        while (!h->taken && !h->refused && (now = monotonic_now()) < end)
                if (lwsd_client_process(client) == 0 && !h->taken && !h->refused)
                        (void) poll(&p, 1, (int) ((end - now) / 1000) + 1);
        if (h->taken)
                return STATUS_DONE;
        return complain(STATUS_FAILED, "cannot hold %s: %s", h->name,
                h->refused == -EACCES ? "only root and members of group lwsd may"
                : h->refused          ? strerror(-h->refused)
                                      : "lwsd does not answer");
}

static pid_t hold_spawn(char **argv, const sigset_t *mask)
{
        pid_t pid = fork();

        if (pid != 0)
                return pid;
        sigprocmask(SIG_SETMASK, mask, NULL);
        signal(SIGINT, SIG_DFL);
        execvp(argv[0], argv);
        complain(STATUS_FAILED, "%s: %s", argv[0], strerror(errno));
        _exit(errno == ENOENT ? 127 : 126);
}

/* Runs the loop until the command has ended; passes on the signals that are meant for it. */
static int hold_run(lwsd_client *client, pid_t pid, int signals)
{
        struct pollfd p[2] = { { .fd = lwsd_client_get_fd(client), .events = POLLIN },
                { .fd = signals, .events = POLLIN } };
        struct signalfd_siginfo info;
        int status;

        for (;;) {
                if (lwsd_client_process(client) == 0)
                        (void) poll(p, 2, -1);
                while (read(signals, &info, sizeof info) == (ssize_t) sizeof info)
                        if (info.ssi_signo != SIGCHLD)
                                kill(pid, (int) info.ssi_signo);
                if (waitpid(pid, &status, WNOHANG) == pid)
                        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        }
}

int command_hold(Ctl *ctl)
{
        int state = parse_state(ctl->arguments[0]), status, signals, r;
        Holding h = { .name = ctl->arguments[0] };
        lwsd_client *client = NULL;
        lwsd_hold *hold = NULL;
        sigset_t mask, old;
        pid_t pid;

        if (state < 0)
                return STATUS_USAGE;
        if (new_client(ctl, &client) != 0)
                return STATUS_FAILED;
        sigemptyset(&mask);
        sigaddset(&mask, SIGCHLD);
        sigaddset(&mask, SIGTERM);
        sigaddset(&mask, SIGHUP);
        sigprocmask(SIG_BLOCK, &mask, &old);
        signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
        signal(SIGINT, SIG_IGN); /* the terminal sends it to the command, too */
        r = lwsd_client_hold(client, &hold, (lws_system_states_t) state,
                ctl->who ? ctl->who : "lwsctl", ctl->why ? ctl->why : ctl->arguments[1], on_hold,
                &h);
        status = r < 0 ? complain(r == -E2BIG ? STATUS_USAGE : STATUS_FAILED, "%s", strerror(-r))
                       : hold_take(&h, client);
        if (status == STATUS_DONE) {
                pid = hold_spawn(ctl->arguments + 1, &old);
                status = pid < 0 ? complain(STATUS_FAILED, "%s", strerror(errno))
                                 : hold_run(client, pid, signals);
        }
        lwsd_hold_unref(hold);
        lwsd_client_unref(client);
        close(signals);
        return status;
}

/* -- monitor ---------------------------------------------------------------------------------- */

static void print_change(const Ctl *ctl, const char *what, const char *before, const char *after)
{
        _cleanup_json_ json_t *line = NULL, *at = NULL;
        struct timespec ts;
        char when[64];

        clock_gettime(CLOCK_REALTIME, &ts);
        at = json_integer((json_int_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000);
        if (ctl->json) {
                line = json_pack("{s:O, s:s, s:s*, s:s}", "realtime", at, "what", what, "old",
                        before, "new", after);
                json_dumpf(line, stdout, 0);
                putchar('\n');
        } else {
                format_realtime(at, when, sizeof when);
                printf("%s\t%s\t%s%s%s%s%s\n", when, what, before ? before : "",
                        before ? " -> " : "", color(ctl, COLOR_BOLD), after, color(ctl, COLOR_OFF));
        }
        fflush(stdout);
}

static void print_waiting(Ctl *ctl)
{
        _cleanup_json_ json_t *manager = NULL;
        char line[1024];

        if (ctl_get_all(ctl, &manager, LWSD_OBJECT_PATH, LWSD_INTERFACE_MANAGER) < 0)
                return;
        describe_waiting(manager, line, sizeof line);
        print_change(ctl, "waiting", NULL, line);
}

static int on_change(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        _cleanup_json_ json_t *changed = NULL;
        const char *before, *after, *interface, *key;
        Ctl *ctl = userdata;
        json_t *value;

        if (sd_bus_message_is_signal(m, LWSD_INTERFACE_MANAGER, "StateChanged")) {
                if (sd_bus_message_read(m, "ss", &before, &after) >= 0)
                        print_change(ctl, "state", before, after);
                return 0;
        }
        if (!sd_bus_message_is_signal(m, "org.freedesktop.DBus.Properties", "PropertiesChanged") ||
                sd_bus_message_read(m, "s", &interface) < 0 || json_from_message(m, &changed) < 0)
                return 0;
        json_object_foreach(changed, key, value)
        {
                char text[1024];

                if (strcmp(key, "Waiting") == 0 || strncmp(key, "State", 5) == 0)
                        continue;
                format_plain(value, text, sizeof text);
                print_change(ctl, key, NULL, text);
        }
        if (json_object_get(changed, "Waiting") &&
                json_array_size(json_object_get(changed, "Waiting")))
                print_waiting(ctl);
        return 0;
}

int command_monitor(Ctl *ctl)
{
        for (;;) {
                _cleanup_json_ json_t *manager = NULL;
                const char *state;
                int r = ctl_listen(ctl, on_change, ctl);

                if (r < 0)
                        return complain(STATUS_FAILED, "%s", strerror(-r));
                if (ctl_get_all(ctl, &manager, LWSD_OBJECT_PATH, LWSD_INTERFACE_MANAGER) >= 0) {
                        state = json_string_value(json_object_get(manager, "State"));
                        print_change(ctl, "state", NULL, state ? state : "unknown");
                }
                while ((r = sd_bus_process(ctl->bus, NULL)) >= 0)
                        if (r == 0 && sd_bus_wait(ctl->bus, UINT64_MAX) < 0)
                                break;
                print_change(ctl, "lwsd", NULL, "gone");
                do
                        ctl_disconnect(ctl);
                while (ctl_connect(ctl, UINT64_MAX) != 0);
                print_change(ctl, "lwsd", NULL, "back");
        }
}
