/* SPDX-License-Identifier: MIT */
#include "daemon/caller.h"
#include "core/timer.h"
#include "daemon/manager.h"
#include "util/log.h"
#include <grp.h>
#include <search.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define GROUP_NAME "lwsd"
#define GROUPS_MAX 65536 /* the kernel's own limit */
/* Where there is no such group, libc looks into every corner of the machine for it, which is no
 * part of the way up: a moment later is soon enough, unless somebody comes before. */
#define GROUP_USEC (200 * USEC_PER_MSEC)
/* Calls that stand in line while the bus is asked about their sender. */
#define PENDING_MAX 1024

typedef struct PendingCall PendingCall;
struct PendingCall {
        List link;
        sd_bus_message *message;
        CallFn fn;
        bool privileged;
};

struct CallerBus {
        List link; /* Callers.bus_callers */
        sd_bus_slot *match, *credentials;
        bool known, gone;
        List pending;
        size_t n_pending;
        char name[];
};

struct Callers {
        Manager *manager;
        Broker *broker;
        Quota *quota;
        void (*gone)(Caller *caller);
        void *by_name; /* tsearch(3) tree of Caller */
        List bus_callers;
        Timer group_timer; /* set: not looked up yet */
        gid_t group;
        bool have_group;
};

static void on_group_timer(Timer *t, usec_t now)
{
        callers_find_group(container_of(t, Callers, group_timer));
}

int callers_new(
        Callers **ret, Manager *manager, Broker *broker, Quota *quota, void (*gone)(Caller *caller))
{
        Callers *c = calloc(1, sizeof(*c));

        if (!c)
                return -ENOMEM;
        c->manager = manager;
        c->broker = broker;
        c->quota = quota;
        c->gone = gone;
        list_init(&c->bus_callers);
        timer_init(&c->group_timer, manager->thread, on_group_timer);
        timer_set(&c->group_timer, usec_add(thread_now(manager->thread), GROUP_USEC));
        *ret = c;
        return 0;
}

static int compare_names(const void *a, const void *b)
{
        return strcmp(((const Caller *) a)->name, ((const Caller *) b)->name);
}

Callers *callers_free(Callers *callers)
{
        if (!callers)
                return NULL;
        callers_drop_bus(callers, NULL);
        timer_cancel(&callers->group_timer);
        free(callers);
        return NULL;
}

void callers_find_group(Callers *callers)
{
        const struct group *group;

        timer_cancel(&callers->group_timer);
        group = getgrnam(GROUP_NAME);
        callers->have_group = group != NULL;
        if (group)
                callers->group = group->gr_gid;
}

static bool is_privileged(Callers *callers, uid_t uid, const gid_t *gids, size_t n)
{
        if (uid == 0)
                return true;
        if (timer_is_set(&callers->group_timer))
                callers_find_group(callers);
        for (size_t i = 0; callers->have_group && i < n; i++)
                if (gids[i] == callers->group)
                        return true;
        return false;
}

static int make_owner(Caller *caller)
{
        return broker_owner_new(&caller->owner, caller->callers->broker, caller->uid, caller->pid,
                caller->name ? caller->name : "private", caller);
}

/* -- Peers ------------------------------------------------------------------------------------- */

static bool peer_is_privileged(Callers *callers, int fd, const struct ucred *cred)
{
        _cleanup_(freep) gid_t *gids = NULL;
        socklen_t size = 64 * sizeof(gid_t);

        if (is_privileged(callers, cred->uid, &cred->gid, 1))
                return true;
        while (size <= GROUPS_MAX * sizeof(gid_t)) {
                gid_t *p = realloc(gids, size);

                if (!p)
                        return false;
                gids = p;
                if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, gids, &size) == 0)
                        return is_privileged(callers, cred->uid, gids, size / sizeof(gid_t));
                if (errno != ERANGE) /* else `size` says how many it takes */
                        return false;
        }
        return false;
}

int caller_new_peer(Caller **ret, Callers *callers, int fd)
{
        struct ucred cred;
        socklen_t len = sizeof(cred);
        Caller *caller;
        int r;

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
                return -errno;
        r = quota_take(callers->quota, cred.uid, QUOTA_CONNECTIONS, 1);
        if (r < 0)
                return r;
        caller = calloc(1, sizeof(*caller));
        if (caller) {
                caller->manager = callers->manager;
                caller->callers = callers;
                caller->uid = cred.uid;
                caller->pid = cred.pid;
                caller->privileged = peer_is_privileged(callers, fd, &cred);
                list_init(&caller->lookups);
        }
        if (!caller || make_owner(caller) < 0) {
                quota_give(callers->quota, cred.uid, QUOTA_CONNECTIONS, 1);
                free(caller);
                return -ENOMEM;
        }
        *ret = caller;
        return 0;
}

void caller_set_conn(Caller *caller, Conn *conn)
{
        caller->conn = conn;
}

static void caller_bus_free(Caller *caller)
{
        struct CallerBus *bus = caller->bus;

        if (!bus)
                return;
        tdelete(caller, &caller->callers->by_name, compare_names);
        list_unlink(&bus->link);
        sd_bus_slot_unref(bus->match);
        sd_bus_slot_unref(bus->credentials);
        list_foreach_safe (it, &bus->pending) {
                PendingCall *call = list_entry(it, PendingCall, link);

                sd_bus_message_unref(call->message);
                free(call);
        }
        free(bus);
}

Caller *caller_free(Caller *caller)
{
        if (!caller)
                return NULL;
        caller->callers->gone(caller);
        broker_owner_free(caller->owner);
        if (!caller->bus)
                quota_give(caller->callers->quota, caller->uid, QUOTA_CONNECTIONS, 1);
        caller_bus_free(caller);
        free(caller);
        return NULL;
}

/* -- Names on the bus -------------------------------------------------------------------------- */

void callers_drop_bus(Callers *callers, Conn *conn)
{
        list_foreach_safe (it, &callers->bus_callers) {
                struct CallerBus *bus = list_entry(it, struct CallerBus, link);
                Caller key = { .name = bus->name };
                Caller **found = tfind(&key, &callers->by_name, compare_names);

                if (!conn || (*found)->conn == conn)
                        caller_free(*found);
        }
}

static int run_call(
        Caller *caller, sd_bus_message *m, sd_bus_error *error, CallFn fn, bool privileged)
{
        if (privileged && !caller->privileged)
                return sd_bus_error_setf(error, SD_BUS_ERROR_ACCESS_DENIED,
                        "Only root and members of group %s may call %s()", GROUP_NAME,
                        sd_bus_message_get_member(m));
        return fn(caller, m, error);
}

static void run_pending(Caller *caller)
{
        List *it;

        while ((it = list_first(&caller->bus->pending))) {
                PendingCall *call = list_entry(it, PendingCall, link);
                sd_bus_error error = SD_BUS_ERROR_NULL;
                int r;

                list_unlink(&call->link);
                caller->bus->n_pending--;
                r = run_call(caller, call->message, &error, call->fn, call->privileged);
                if (r < 0 || sd_bus_error_is_set(&error))
                        (void) sd_bus_reply_method_errno(call->message, r, &error);
                sd_bus_error_free(&error);
                sd_bus_message_unref(call->message);
                free(call);
        }
}

/* a{sv} of GetConnectionCredentials(). */
static int read_credentials(Caller *caller, sd_bus_message *m)
{
        bool have_uid = false;
        const char *key;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = sd_bus_message_read(m, "s", &key);
                if (r < 0)
                        break;
                if (strcmp(key, "UnixUserID") == 0) {
                        uint32_t uid;

                        r = sd_bus_message_read(m, "v", "u", &uid);
                        caller->uid = uid;
                        have_uid = r >= 0;
                } else if (strcmp(key, "ProcessID") == 0) {
                        uint32_t pid;

                        r = sd_bus_message_read(m, "v", "u", &pid);
                        caller->pid = (pid_t) pid;
                } else if (strcmp(key, "UnixGroupIDs") == 0) {
                        const void *gids;
                        size_t size;

                        r = sd_bus_message_enter_container(m, 'v', "au");
                        if (r >= 0)
                                r = sd_bus_message_read_array(m, 'u', &gids, &size);
                        if (r >= 0 && is_privileged(caller->callers, (uid_t) -1, gids, size / 4))
                                caller->privileged = true;
                        if (r >= 0)
                                r = sd_bus_message_exit_container(m);
                } else {
                        r = sd_bus_message_skip(m, "v");
                }
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        if (r < 0)
                return r;
        if (!have_uid)
                return -ENODATA;
        if (caller->uid == 0)
                caller->privileged = true;
        return 0;
}

static int on_credentials(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        Caller *caller = userdata;
        int r;

        caller->bus->credentials = sd_bus_slot_unref(caller->bus->credentials);
        r = sd_bus_message_is_method_error(m, NULL) ? -ENXIO : read_credentials(caller, m);
        if (r >= 0)
                r = make_owner(caller);
        if (r < 0) { /* it left, or the bus knows nobody: its calls have nobody to answer to */
                log_debug("The bus knows nothing of %s: %s", caller->name, strerror(-r));
                caller_free(caller);
                return 0;
        }
        caller->bus->known = true;
        run_pending(caller);
        return 0;
}

static int on_name_owner_changed(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        const char *name, *old, *new;
        Caller *caller = userdata;

        if (sd_bus_message_read(m, "sss", &name, &old, &new) >= 0 && !*new)
                caller_free(caller);
        return 0;
}

/* The bus has a limit of matches: who it does not watch for us is not served, since nobody would
 * say when to drop what it attached. */
static int on_match_installed(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        Caller *caller = userdata;

        if (!sd_bus_message_is_method_error(m, NULL))
                return 0;
        log_warning("The bus refuses to watch %s: %s", caller->name,
                sd_bus_message_get_error(m)->message);
        list_foreach (it, &caller->bus->pending)
                (void) sd_bus_reply_method_errorf(list_entry(it, PendingCall, link)->message,
                        SD_BUS_ERROR_LIMITS_EXCEEDED,
                        "The bus cannot watch another client; use the private socket");
        caller_free(caller);
        return 0;
}

/* The match goes out before the question, so that a caller that leaves is not missed. */
static int ask_bus(Caller *caller)
{
        sd_bus *bus = conn_bus(caller->conn);
        char match[512];
        int r;

        snprintf(match, sizeof(match),
                "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"
                "interface='org.freedesktop.DBus',member='NameOwnerChanged',arg0='%s'",
                caller->name);
        r = sd_bus_add_match_async(
                bus, &caller->bus->match, match, on_name_owner_changed, on_match_installed, caller);
        if (r < 0)
                return r;
        return sd_bus_call_method_async(bus, &caller->bus->credentials, "org.freedesktop.DBus",
                "/org/freedesktop/DBus", "org.freedesktop.DBus", "GetConnectionCredentials",
                on_credentials, caller, "s", caller->name);
}

static int caller_new_bus(Caller **ret, Callers *callers, Conn *conn, const char *name)
{
        size_t size = strlen(name) + 1;
        struct CallerBus *bus = calloc(1, sizeof(*bus) + size);
        Caller *caller = calloc(1, sizeof(*caller));
        int r;

        if (!bus || !caller) {
                free(bus);
                free(caller);
                return -ENOMEM;
        }
        memcpy(bus->name, name, size);
        list_init(&bus->pending);
        list_init(&caller->lookups);
        caller->manager = callers->manager;
        caller->callers = callers;
        caller->conn = conn;
        caller->bus = bus;
        caller->name = bus->name;
        caller->uid = (uid_t) -1;
        list_link_tail(&callers->bus_callers, &bus->link);
        if (!tsearch(caller, &callers->by_name, compare_names))
                r = -ENOMEM;
        else
                r = ask_bus(caller);
        if (r < 0) {
                caller_free(caller);
                return r;
        }
        *ret = caller;
        return 0;
}

static int caller_get(Caller **ret, Callers *callers, Conn *conn, sd_bus_message *m)
{
        const char *sender = sd_bus_message_get_sender(m);
        Caller key = { .name = sender }, **found;

        if (conn_is_peer(conn)) {
                *ret = conn_userdata(conn);
                return 0;
        }
        if (!sender)
                return -EBADMSG;
        found = tfind(&key, &callers->by_name, compare_names);
        if (!found)
                return caller_new_bus(ret, callers, conn, sender);
        *ret = *found;
        return 0;
}

static int dispatch(Callers *callers, Conn *conn, sd_bus_message *m, sd_bus_error *error, CallFn fn,
        bool privileged)
{
        PendingCall *call;
        Caller *caller;
        int r;

        r = caller_get(&caller, callers, conn, m);
        if (r < 0)
                return r;
        if (!caller->bus || caller->bus->known)
                return run_call(caller, m, error, fn, privileged);
        if (caller->bus->n_pending >= PENDING_MAX)
                return sd_bus_error_set(error, SD_BUS_ERROR_LIMITS_EXCEEDED,
                        "Too many calls wait for the bus to say who sent them");
        call = calloc(1, sizeof(*call));
        if (!call)
                return -ENOMEM;
        *call = (PendingCall){
                .message = sd_bus_message_ref(m), .fn = fn, .privileged = privileged
        };
        list_link_tail(&caller->bus->pending, &call->link);
        caller->bus->n_pending++;
        return 1;
}

int callers_dispatch(
        Callers *callers, Conn *conn, sd_bus_message *m, sd_bus_error *error, CallFn fn)
{
        return dispatch(callers, conn, m, error, fn, false);
}

int callers_dispatch_privileged(
        Callers *callers, Conn *conn, sd_bus_message *m, sd_bus_error *error, CallFn fn)
{
        return dispatch(callers, conn, m, error, fn, true);
}
