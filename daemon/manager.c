/* SPDX-License-Identifier: MIT */
#include "daemon/manager.h"
#include "daemon/bus.h"
#include "daemon/caller.h"
#include "daemon/holds.h"
#include "daemon/private-socket.h"
#include "daemon/resolved.h"
#include "dbus/names.h"
#include "helper/resolver.h"
#include "state/table.h"
#include "util/fd.h"
#include "util/log.h"
#include "util/message-id.h"
#include "util/text.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

/* After a restart the ladder is given this long to come back to where it was: to DHCP, which takes
 * only what the kernel says, and to the rest, which takes answers from servers. */
#define RESUME_NETWORK_USEC (2 * USEC_PER_SEC)
#define RESUME_USEC         (10 * USEC_PER_SEC)
/* A ladder that has not moved for this long is waiting for something. */
#define SETTLE_USEC (500 * USEC_PER_MSEC)
/* For this long the steps of the start give way to answers that have come. */
#define START_USEC (20 * USEC_PER_MSEC)
/* What one user's messages may take while they are on their way: a few times what one connection
 * may, and so little that several users and root stay under the unit's MemoryMax=. */
#define QUOTA_BYTES_MAX (4 * 1024 * 1024)
/* While it exists in the runtime or the state directory, the clock is left alone: what
 * lwsd-time.service says for now, and for the next boot. */
#define TIME_OFF_FILE "time-off"

/* -- What changes ------------------------------------------------------------------------------ */

static int build_state_changed(sd_bus_message *m, const void *arg)
{
        const ViewChange *change = arg;

        return sd_bus_message_append(
                m, "ss", state_to_string(change->old_state), state_to_string(change->new_state));
}

/* What is seen from outside changed: the one place that says so, to everyone. */
static void publish_change(Manager *m, const ViewChange *change)
{
        const char *old = state_to_string(change->old_state);
        const char *new = state_to_string(change->new_state);
        bool up = state_reach(change->new_state) > state_reach(change->old_state);

        log_event(up ? LOG_SEV_INFO : LOG_SEV_NOTICE,
                LOG_FIELDS({ "MESSAGE_ID", MESSAGE_STATE }, { "LWSD_STATE", new },
                        { "LWSD_OLD_STATE", old }),
                up ? "State %s, after %s" : "Back in state %s, from %s", new, old);
        if (m->bus)
                bus_broadcast(m->bus, LWSD_OBJECT_PATH, LWSD_INTERFACE_MANAGER, "StateChanged",
                        build_state_changed, change);
        broker_change(m->broker, m->view.state, m->view.serial, m->view.monotonic_usec);
        m->files_dirty = true;
        timer_set(&m->turn_timer, 0);
        bus_dirty(m->bus, BUS_DIRTY_MANAGER);
}

static void on_ladder_change(LadderWatch *watch, const LadderChange *change)
{
        Manager *m = container_of(watch, Manager, ladder_watch);
        ViewChange seen;

        if (view_change(&m->view, change->new_state, change->realtime_usec, change->monotonic_usec,
                    &seen))
                publish_change(m, &seen);
        if (!m->view.resuming)
                timer_cancel(&m->resume_timer);
        timer_set(&m->settle_timer, thread_now(m->thread) + SETTLE_USEC);
}

static void on_ladder_waiting(LadderWatch *watch)
{
        Manager *m = container_of(watch, Manager, ladder_watch);

        timer_set(&m->turn_timer, 0);
        timer_set(&m->settle_timer, thread_now(m->thread) + SETTLE_USEC);
        bus_dirty(m->bus, BUS_DIRTY_MANAGER);
}

static void on_resume_timer(Timer *t, usec_t now)
{
        Manager *m = container_of(t, Manager, resume_timer);
        ViewChange seen;

        if (!m->resume_network_checked) {
                m->resume_network_checked = true;
                if (ladder_reached(m->ladder, LWS_SYSTATE_DHCP)) {
                        timer_set(t, now + RESUME_USEC - RESUME_NETWORK_USEC);
                        return;
                }
        }
        if (view_end_resume(&m->view, ladder_state(m->ladder), clock_realtime_usec(),
                    clock_monotonic_usec(), &seen))
                publish_change(m, &seen);
}

static void on_network_change(NetworkWatch *watch, bool epoch_changed)
{
        Manager *m = container_of(watch, Manager, network_watch);
        const Network *network = system_network(m->system);

        m->servers_dirty = true;
        if (m->view.network_digest != network_epoch_digest(network) || epoch_changed) {
                m->view.network_epoch = network_epoch(network);
                m->view.network_digest = network_epoch_digest(network);
                m->files_dirty = true;
        }
        timer_set(&m->turn_timer, 0);

        bus_dirty(m->bus,
                BUS_DIRTY_LINKS | BUS_DIRTY_RESOLVER | (epoch_changed ? BUS_DIRTY_MANAGER : 0));
}

static void on_time_change(TimeWatch *watch)
{
        bus_dirty(container_of(watch, Manager, time_watch)->bus, BUS_DIRTY_TIME);
}

static int build_clock_stepped(sd_bus_message *m, const void *arg)
{
        return sd_bus_message_append(m, "x", *(const int64_t *) arg);
}

static void on_clock_stepped(TimeWatch *watch, int64_t usec)
{
        Manager *m = container_of(watch, Manager, time_watch);

        if (m->bus)
                bus_broadcast(m->bus, LWSD_OBJECT_PATH, LWSD_INTERFACE_TIME, "ClockStepped",
                        build_clock_stepped, &usec);
        bus_dirty(m->bus, BUS_DIRTY_TIME | BUS_DIRTY_LINKS);
}

static void on_upper_change(UpperWatch *watch)
{
        bus_dirty(container_of(watch, Manager, upper_watch)->bus, BUS_DIRTY_MANAGER);
}

/* -- What is said ------------------------------------------------------------------------------ */

typedef struct WaitingText WaitingText;
struct WaitingText {
        char key[256];  /* what makes it another wait */
        char text[512]; /* for people */
        char who[64];
        int state;
        size_t n;
};

static void add_waiting(void *userdata, Hold *hold, const HoldInfo *info)
{
        WaitingText *w = userdata;
        size_t key = strlen(w->key), text = strlen(w->text);

        if (w->n++ == 0) {
                w->state = info->state;
                text_copy(w->who, sizeof(w->who), info->who);
        }
        snprintf(w->key + key, sizeof(w->key) - key, "%d %s %s;", info->state, info->who,
                info->code);
        snprintf(w->text + text, sizeof(w->text) - text, "%s%s: %s", text > 0 ? "; " : "",
                info->who, info->why);
}

static WaitingText waiting_text(Manager *m)
{
        WaitingText w = { 0 };

        ladder_foreach_waiting(m->ladder, add_waiting, &w);
        return w;
}

/* One line when the DNS servers in use are others than before. */
static void log_servers(Manager *m)
{
        char text[sizeof(m->servers_logged)] = "";
        Resolver *resolver = system_resolver(m->system);
        ResolverServer server;
        size_t n = 0;

        for (size_t i = 0; resolver && n < sizeof(text) && resolver_server(resolver, i, &server);
                i++) {
                char endpoint[ENDPOINT_STRLEN];

                n += (size_t) snprintf(text + n, sizeof(text) - n, " %s",
                        endpoint_format(&server.endpoint, endpoint));
        }
        if (strcmp(text, m->servers_logged) == 0)
                return;
        strcpy(m->servers_logged, text);
        log_event(LOG_SEV_INFO,
                LOG_FIELDS({ "MESSAGE_ID", MESSAGE_SERVER }, { "LWSD_HELPER", "dns" }),
                "DNS servers:%s", *text ? text : " none");
}

static void on_turn(Timer *t, usec_t now)
{
        Manager *m = container_of(t, Manager, turn_timer);
        WaitingText w;
        char status[600];

        if (m->start) /* open_up() comes back to it */
                return;
        w = waiting_text(m);
        if (m->files_dirty)
                states_dir_update(m->states, &m->view);
        m->files_dirty = false;
        if (m->servers_dirty) {
                log_servers(m);
                resolved_update(m->resolved);
        }
        m->servers_dirty = false;
        if (w.n > 0)
                snprintf(status, sizeof(status), "%s; waiting for %s: %s",
                        state_to_string(m->view.state), state_to_string(w.state), w.text);
        else
                snprintf(status, sizeof(status), "%s", state_to_string(m->view.state));
        text_copy(status, sizeof(status), status);
        notify_status(status);
}

static void on_settled(Timer *t, usec_t now)
{
        Manager *m = container_of(t, Manager, settle_timer);
        WaitingText w = waiting_text(m);

        if (strcmp(w.key, m->waiting_logged) == 0)
                return;
        snprintf(m->waiting_logged, sizeof(m->waiting_logged), "%s", w.key);
        if (w.n > 0)
                log_event(LOG_SEV_INFO,
                        LOG_FIELDS({ "MESSAGE_ID", MESSAGE_WAITING },
                                { "LWSD_STATE", state_to_string(w.state) },
                                { "LWSD_HELPER", w.who }),
                        "Waiting for %s: %s", state_to_string(w.state), w.text);
}

/* -- The broker -------------------------------------------------------------------------------- */

static void on_broker_timer(Timer *t, usec_t now)
{
        broker_process(container_of(t, Manager, broker_timer)->broker, now);
}

static void broker_emit(void *userdata, const BrokerSignal *signal)
{
        (void) userdata;
        bus_tell_owner(signal);
}

static void broker_wake(void *userdata, usec_t deadline)
{
        Manager *m = userdata;

        if (!timer_is_set(&m->broker_timer) || deadline < m->broker_timer.deadline)
                timer_set(&m->broker_timer, deadline);
}

/* -- The start ---------------------------------------------------------------------------------
 *
 * In one written order: manager_new() has what refuses to start at all, and then what first packets
 * need, so that they are under way before anything else is done; start_steps[] has the rest, which
 * the loop goes through while answers come. No state is entered, nobody accepted and READY not said
 * before all is there. What has not been reached yet is NULL.
 */

/* What keeps it from being made is said of what is to be in it. */
static void make_folder_of(const char *path)
{
        const char *slash = strrchr(path, '/');
        _cleanup_(freep) char *folder = slash ? strndup(path, (size_t) (slash - path)) : NULL;

        if (folder && *folder)
                (void) dir_make(folder);
}

static int complain_of_runtime_dir(const Manager *m, int error)
{
        log_error("The runtime directory %s cannot be used: %s", m->options.runtime_dir,
                strerror(-error));
        return error;
}

static int open_directories(Manager *m)
{
        int r;

        r = dir_make(m->options.runtime_dir);
        if (r >= 0) {
                m->runtime_fd = open(m->options.runtime_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                r = m->runtime_fd < 0 ? -errno : 0;
        }
        if (r < 0)
                return complain_of_runtime_dir(m, r);
        make_folder_of(m->options.private_socket);
        r = dir_make(m->options.state_dir);
        if (r < 0)
                log_warning("The state directory %s cannot be made, nothing will be kept over a "
                            "reboot: %s",
                        m->options.state_dir, strerror(-r));
        return 0;
}

static bool is_time_off(const Manager *m)
{
        char path[4096];

        if (faccessat(m->runtime_fd, TIME_OFF_FILE, F_OK, 0) == 0)
                return true;
        snprintf(path, sizeof(path), "%s/" TIME_OFF_FILE, m->options.state_dir);
        return access(path, F_OK) == 0;
}

static int take_settings(Manager *m, Settings *settings)
{
        free(settings->runtime_dir);
        free(settings->state_dir);
        settings->runtime_dir = strdup(m->options.runtime_dir);
        settings->state_dir = strdup(m->options.state_dir);
        if (!settings->runtime_dir || !settings->state_dir)
                return -ENOMEM;
        if (is_time_off(m))
                settings->time.observe = TIME_OBSERVE_YES;
        m->quota.limits[QUOTA_ATTACHMENTS] = settings->quota_attachments;
        m->quota.limits[QUOTA_HOLDS] = settings->quota_holds;
        m->quota.limits[QUOTA_LOOKUPS] = settings->quota_lookups;
        m->quota.limits[QUOTA_CONNECTIONS] = settings->quota_connections;
        m->quota.limits[QUOTA_BYTES] = QUOTA_BYTES_MAX;
        return 0;
}

static int on_stop_signal(sd_event_source *s, const struct signalfd_siginfo *si, void *userdata)
{
        return sd_event_exit(sd_event_source_get_event(s), 0);
}

static int on_reload_signal(sd_event_source *s, const struct signalfd_siginfo *si, void *userdata)
{
        char error[CONFIG_ERROR_SIZE] = "";

        if (manager_reload(userdata, error) < 0)
                log_error("%s", error[0] ? error : "The configuration cannot be read again");
        return 0;
}

/* Signals are kept back from here on, and taken when there is something to stop or to reload. */
static int make_event(Manager *m)
{
        sigset_t signals;

        sigemptyset(&signals);
        sigaddset(&signals, SIGTERM);
        sigaddset(&signals, SIGINT);
        sigaddset(&signals, SIGHUP);
        if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
                return -errno;
        return sd_event_new(&m->event);
}

/* lws_system_ops_t.reboot: logind knows what must end first. */
static int reboot_by_logind(void)
{
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        r = sd_bus_open_system(&bus);
        if (r >= 0)
                r = sd_bus_call_method(bus, "org.freedesktop.login1", "/org/freedesktop/login1",
                        "org.freedesktop.login1.Manager", "Reboot", &error, NULL, "b", 0);
        if (r < 0)
                log_error("logind does not reboot the machine: %s",
                        error.message ? error.message : strerror(-r));
        sd_bus_error_free(&error);
        return r < 0;
}

/* A machine that is never idle starts all the same. */
static void on_start_timer(Timer *t, usec_t now)
{
        Manager *m = container_of(t, Manager, start_timer);

        (void) sd_event_source_set_priority(m->steps, SD_EVENT_PRIORITY_IMPORTANT);
}

static int make_context(Manager *m)
{
        void *loops[] = { m->event };
        lws_system_ops_t ops = { .reboot = reboot_by_logind };
        struct lws_context_creation_info info;
        int r;

        lws_context_info_defaults(&info, NULL);
        info.options = LWS_SERVER_OPTION_SDEVENT;
        info.foreign_loops = loops;
        info.count_threads = 1;
        info.system_ops = &ops;
        info.user = m;
        m->cx = lws_create_context(&info);
        if (!m->cx)
                return -ENOMEM;
        m->thread = context_thread(m->cx, 0);
        m->ladder = context_ladder(m->cx);
        timer_init(&m->start_timer, m->thread, on_start_timer);
        timer_init(&m->broker_timer, m->thread, on_broker_timer);
        timer_init(&m->resume_timer, m->thread, on_resume_timer);
        timer_init(&m->turn_timer, m->thread, on_turn);
        timer_init(&m->settle_timer, m->thread, on_settled);
        ladder_set_flap(m->ladder, m->settings->flap_usec);
        (void) ladder_set_target(m->ladder, m->settings->target);
        r = hold_new(&m->start, m->ladder, LWS_SYSTATE_CONTEXT_CREATED, HOLD_ENTRY, "start");
        if (r >= 0)
                hold_assert(m->start, "starting", 0, "lwsd is starting");
        return r;
}

static int on_connection(void *userdata, int fd)
{
        return bus_accept(((Manager *) userdata)->bus, fd);
}

/* Before anything is read or written in the runtime directory: it may be another lwsd's. */
static int make_socket(Manager *m)
{
        return private_socket_new(&m->socket, m->thread, m->options.private_socket, m->fds,
                m->n_fds, on_connection, m);
}

int manager_new(Manager **ret, const ManagerOptions *options, Settings *settings)
{
        _cleanup_(manager_freep) Manager *m = calloc(1, sizeof(*m));
        int r;

        if (!m) {
                settings_free(settings);
                return -ENOMEM;
        }
        m->options = *options;
        m->settings = settings;
        m->runtime_fd = -EBADF;
        if ((r = notify_take_fds(&m->fds, &m->n_fds)) < 0 || (r = open_directories(m)) < 0 ||
                (r = take_settings(m, settings)) < 0 || (r = make_event(m)) < 0 ||
                (r = make_context(m)) < 0 || (r = make_socket(m)) < 0 ||
                (r = system_new(&m->system, m->cx, settings)) < 0)
                return r;
        *ret = TAKE_PTR(m);
        return 0;
}

/* -- Its steps, with packets under way -----------------------------------------------------------
 */

static int make_broker(Manager *m)
{
        static const BrokerOps ops = { broker_emit, broker_wake };
        sd_id128_t id;
        int r;

        r = sd_id128_randomize(&id);
        if (r < 0)
                return r;
        sd_id128_to_string(id, m->instance_id);
        r = broker_new(&m->broker, &m->quota, LWSD_IDS_PER_SIGNAL, &ops, m);
        if (r >= 0)
                r = callers_new(&m->callers, m, m->broker, &m->quota, bus_resolver_forget);
        return r;
}

/* Holds that outlived the last run, and where it stood, if that was in this boot; each rung with
 * the time of its own entry. */
static int resume(Manager *m)
{
        const View *view = &m->view;
        int r;

        r = holds_new(&m->holds, m->thread, m->ladder, &m->quota, m->runtime_fd);
        if (r < 0)
                return r;
        r = states_dir_new(&m->states, m->runtime_fd);
        if (r < 0)
                return complain_of_runtime_dir(m, r);
        holds_restore(m->holds, m->fds, m->n_fds);
        states_dir_load(m->states, &m->view);
        if (m->view.resuming) {
                log_info("Coming back to state %s", state_to_string(m->view.state));
                timer_set(&m->resume_timer, thread_now(m->thread) + RESUME_NETWORK_USEC);
        }
        for (size_t i = 0; i < view->n_timeline; i++)
                broker_change(m->broker, view->timeline[i].state,
                        view->serial - (view->n_timeline - 1 - i),
                        view->timeline[i].monotonic_usec);
        broker_change(m->broker, view->state, view->serial, view->monotonic_usec);
        m->files_dirty = true;
        m->ladder_watch.changed = on_ladder_change;
        m->ladder_watch.waiting = on_ladder_waiting;
        ladder_watch_link(m->ladder, &m->ladder_watch);
        return 0;
}

static int start_network(Manager *m)
{
        Network *network = system_network(m->system);
        int r = resolved_new(&m->resolved, network);

        if (r < 0)
                return r;
        if (m->view.network_epoch > 0)
                network_epoch_resume(network, m->view.network_epoch, m->view.network_digest);
        m->network_watch.changed = on_network_change;
        network_watch_link(network, &m->network_watch);
        return system_start_network(m->system);
}

static int start_helpers(Manager *m)
{
        int r;

        r = system_start(m->system);
        if (r < 0)
                return r;
        if (m->view.resuming)
                system_resume(m->system, m->view.state);
        m->time_watch.changed = on_time_change;
        m->time_watch.stepped = on_clock_stepped;
        if (system_time(m->system))
                time_client_watch_link(system_time(m->system), &m->time_watch);
        m->upper_watch.changed = on_upper_change;
        system_watch(m->system, &m->upper_watch);
        return 0;
}

static int make_bus(Manager *m)
{
        int r;

        r = bus_new(&m->bus, m);
        if (r < 0)
                return r;
        bus_dirty(m->bus, BUS_DIRTY_ALL);
        return m->options.no_bus ? 0 : bus_connect(m->bus);
}

static int watch_signals(Manager *m)
{
        int r;

        if ((r = sd_event_add_signal(m->event, NULL, SIGTERM, on_stop_signal, m)) < 0 ||
                (r = sd_event_add_signal(m->event, NULL, SIGINT, on_stop_signal, m)) < 0 ||
                (r = sd_event_add_signal(m->event, NULL, SIGHUP, on_reload_signal, m)) < 0)
                return r;
        /* only where WatchdogSec= asks for it */
        return sd_event_set_watchdog(m->event, true);
}

static void close_fds(Manager *m)
{
        for (size_t i = 0; i < m->n_fds; i++)
                fd_close(m->fds[i].fd);
        m->n_fds = 0;
        free(m->fds);
        m->fds = NULL;
}

/* All is there: whoever waits is let in, and the ladder begins to climb. Signals are taken in the
 * same step, for a reload says READY, too. */
static int open_up(Manager *m)
{
        int r = private_socket_serve(m->socket);

        if (r < 0 || (r = watch_signals(m)) < 0)
                return r;
        close_fds(m);
        notify_ready();
        m->start = hold_free(m->start);
        timer_set(&m->turn_timer, 0);
        return 0;
}

static int (*const start_steps[])(
        Manager *m) = { make_broker, resume, start_network, start_helpers, make_bus, open_up };

static int on_step(sd_event_source *s, void *userdata)
{
        Manager *m = userdata;
        int r = start_steps[m->next_step++](m);

        if (r < 0) {
                log_error("lwsd cannot start: %s", strerror(-r));
                return sd_event_exit(m->event, r);
        }
        if (m->next_step < ELEMENTSOF(start_steps))
                return 0;
        timer_cancel(&m->start_timer);
        m->steps = sd_event_source_disable_unref(s);
        return 0;
}

static int take_steps(Manager *m)
{
        int r;

        if ((r = sd_event_add_defer(m->event, &m->steps, on_step, m)) < 0 ||
                (r = sd_event_source_set_priority(m->steps, SD_EVENT_PRIORITY_IDLE)) < 0)
                return r;
        timer_set(&m->start_timer, thread_now(m->thread) + START_USEC);
        return sd_event_source_set_enabled(m->steps, SD_EVENT_ON);
}

/* The reverse of the start. What is shown outside stays as it was: a stop is no fall. */
Manager *manager_free(Manager *m)
{
        if (!m)
                return NULL;
        if (m->ladder)
                ladder_watch_unlink(&m->ladder_watch);
        if (m->bus)
                bus_flush(m->bus);
        private_socket_free(m->socket);
        m->bus = bus_free(m->bus);
        m->resolved = resolved_free(m->resolved);
        if (m->system) {
                network_watch_unlink(&m->network_watch);
                if (system_time(m->system))
                        time_client_watch_unlink(&m->time_watch);
                upper_watch_unlink(&m->upper_watch);
        }
        m->system = system_free(m->system);
        holds_free(m->holds);
        callers_free(m->callers);
        broker_free(m->broker);
        quota_deinit(&m->quota);
        if (m->cx) {
                hold_free(m->start);
                timer_cancel(&m->start_timer);
                timer_cancel(&m->broker_timer);
                timer_cancel(&m->resume_timer);
                timer_cancel(&m->turn_timer);
                timer_cancel(&m->settle_timer);
                lws_context_destroy(m->cx);
        }
        sd_event_source_disable_unref(m->steps);
        sd_event_unref(m->event);
        close_fds(m);
        states_dir_free(m->states);
        fd_close(m->runtime_fd);
        settings_free(m->settings);
        free(m);
        return NULL;
}

int manager_run(Manager *m)
{
        int r;

        r = take_steps(m);
        if (r >= 0)
                r = sd_event_loop(m->event);
        notify_stopping();
        if (m->files_dirty)
                states_dir_update(m->states, &m->view);
        return r;
}

int manager_reload(Manager *m, char error[static CONFIG_ERROR_SIZE])
{
        Settings *settings, *old = m->settings;
        int r;

        notify_reloading();
        r = config_load(&settings, &m->options.config, error);
        if (r >= 0) {
                r = take_settings(m, settings);
                if (r >= 0)
                        r = system_reload(m->system, settings);
                m->settings = settings;
                settings_free(old);
                ladder_set_flap(m->ladder, settings->flap_usec);
                (void) ladder_set_target(m->ladder, settings->target);
                callers_find_group(m->callers);
                bus_dirty(m->bus, BUS_DIRTY_ALL);
                log_info("The configuration was read again");
        }
        notify_ready();
        return r;
}
