/* SPDX-License-Identifier: MIT */
/*
 * org.freedesktop.DBus on the private socket: there is no bus, but programs that were told an
 * address talk as if there was one. They get the answers that a bus with two names on it would
 * give: theirs, and ours.
 */
#include "daemon/bus-common.h"
#include <string.h>
#include <unistd.h>

#define DRIVER_NAME "org.freedesktop.DBus"

static bool is_ours(const char *name)
{
        return strcmp(name, LWSD_BUS_NAME) == 0 || strcmp(name, LWSD_PEER_SENDER) == 0;
}

/* The unique name that owns a name, or NULL. */
static const char *owner_of(const BusContext *context, const char *name)
{
        if (is_ours(name))
                return LWSD_PEER_SENDER;
        if (strcmp(name, conn_peer_name(context->conn)) == 0)
                return conn_peer_name(context->conn);
        return strcmp(name, DRIVER_NAME) == 0 ? DRIVER_NAME : NULL;
}

static int no_owner(sd_bus_error *error, const char *name)
{
        return sd_bus_error_setf(error, SD_BUS_ERROR_NAME_HAS_NO_OWNER,
                "Nobody has the name \"%s\" on the private socket of lwsd", name);
}

static int method_hello(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        BusContext *context = userdata;

        return sd_bus_reply_method_return(m, "s", conn_peer_name(context->conn));
}

/* Signals come without asking; asking is fine. */
static int method_match(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        return sd_bus_reply_method_return(m, NULL);
}

static int read_owner(
        sd_bus_message *m, const BusContext *context, const char **ret, sd_bus_error *error)
{
        const char *name;
        int r;

        r = sd_bus_message_read(m, "s", &name);
        if (r < 0)
                return r;
        *ret = owner_of(context, name);
        return *ret ? 0 : no_owner(error, name);
}

static int method_get_name_owner(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        const char *owner;
        int r = read_owner(m, userdata, &owner, error);

        return r < 0 ? r : sd_bus_reply_method_return(m, "s", owner);
}

static int method_name_has_owner(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        const char *name;
        int r;

        r = sd_bus_message_read(m, "s", &name);
        return r < 0 ? r : sd_bus_reply_method_return(m, "b", owner_of(userdata, name) != NULL);
}

static int method_list_names(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        BusContext *context = userdata;

        return sd_bus_reply_method_return(m, "as", 4, DRIVER_NAME, LWSD_BUS_NAME, LWSD_PEER_SENDER,
                conn_peer_name(context->conn));
}

static int method_list_activatable_names(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        return sd_bus_reply_method_return(m, "as", 1, LWSD_BUS_NAME);
}

static int method_list_queued_owners(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        const char *owner;
        int r = read_owner(m, userdata, &owner, error);

        return r < 0 ? r : sd_bus_reply_method_return(m, "as", 1, owner);
}

static int method_start_service(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        const char *name;
        uint32_t flags;
        int r;

        r = sd_bus_message_read(m, "su", &name, &flags);
        if (r < 0)
                return r;
        if (!owner_of(userdata, name))
                return sd_bus_error_setf(error, SD_BUS_ERROR_SERVICE_UNKNOWN,
                        "\"%s\" cannot be started from the private socket of lwsd", name);
        return sd_bus_reply_method_return(m, "u", 2); /* already running */
}

static int method_request_name(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        return sd_bus_error_set(error, SD_BUS_ERROR_ACCESS_DENIED,
                "The private socket of lwsd is no bus; names cannot be had there");
}

static int method_get_id(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        return sd_bus_reply_method_return(m, "s", MANAGER(userdata)->instance_id);
}

/* Who a name is: the caller itself, or us. */
static int read_who(sd_bus_message *m, void *userdata, uint32_t *ret_uid, uint32_t *ret_pid,
        sd_bus_error *error)
{
        BusContext *context = userdata;
        const char *name;
        int r;

        r = sd_bus_message_read(m, "s", &name);
        if (r < 0)
                return r;
        if (!owner_of(context, name))
                return no_owner(error, name);
        if (strcmp(name, conn_peer_name(context->conn)) == 0) {
                const Caller *caller = conn_userdata(context->conn);

                *ret_uid = caller->uid;
                *ret_pid = (uint32_t) caller->pid;
        } else {
                *ret_uid = geteuid();
                *ret_pid = (uint32_t) getpid();
        }
        return 0;
}

static int method_get_uid(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        uint32_t uid, pid;
        int r = read_who(m, userdata, &uid, &pid, error);

        return r < 0 ? r : sd_bus_reply_method_return(m, "u", uid);
}

static int method_get_pid(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        uint32_t uid, pid;
        int r = read_who(m, userdata, &uid, &pid, error);

        return r < 0 ? r : sd_bus_reply_method_return(m, "u", pid);
}

static int method_get_credentials(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        uint32_t uid, pid;
        int r = read_who(m, userdata, &uid, &pid, error);

        return r < 0 ? r
                     : sd_bus_reply_method_return(
                               m, "a{sv}", 2, "UnixUserID", "u", uid, "ProcessID", "u", pid);
}

/* It is sent what everyone is sent. As with a bus, it has become a monitor once it has lost its
 * name. */
static int method_become_monitor(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        BusContext *context = userdata;
        int r;

        r = sd_bus_reply_method_return(m, NULL);
        if (r < 0)
                return r;
        r = sd_bus_emit_signal(sd_bus_message_get_bus(m), "/org/freedesktop/DBus", DRIVER_NAME,
                "NameLost", "s", conn_peer_name(context->conn));
        return r < 0 ? r : 1;
}

const sd_bus_vtable bus_monitoring_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("BecomeMonitor", "asu", NULL, method_become_monitor, UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

const sd_bus_vtable bus_driver_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("Hello", NULL, "s", method_hello, UNPRIVILEGED),
        SD_BUS_METHOD("AddMatch", "s", NULL, method_match, UNPRIVILEGED),
        SD_BUS_METHOD("RemoveMatch", "s", NULL, method_match, UNPRIVILEGED),
        SD_BUS_METHOD("GetNameOwner", "s", "s", method_get_name_owner, UNPRIVILEGED),
        SD_BUS_METHOD("NameHasOwner", "s", "b", method_name_has_owner, UNPRIVILEGED),
        SD_BUS_METHOD("ListNames", NULL, "as", method_list_names, UNPRIVILEGED),
        SD_BUS_METHOD(
                "ListActivatableNames", NULL, "as", method_list_activatable_names, UNPRIVILEGED),
        SD_BUS_METHOD("ListQueuedOwners", "s", "as", method_list_queued_owners, UNPRIVILEGED),
        SD_BUS_METHOD("StartServiceByName", "su", "u", method_start_service, UNPRIVILEGED),
        SD_BUS_METHOD("RequestName", "su", "u", method_request_name, UNPRIVILEGED),
        SD_BUS_METHOD("ReleaseName", "s", "u", method_request_name, UNPRIVILEGED),
        SD_BUS_METHOD("GetId", NULL, "s", method_get_id, UNPRIVILEGED),
        SD_BUS_METHOD("GetConnectionUnixUser", "s", "u", method_get_uid, UNPRIVILEGED),
        SD_BUS_METHOD("GetConnectionUnixProcessID", "s", "u", method_get_pid, UNPRIVILEGED),
        SD_BUS_METHOD(
                "GetConnectionCredentials", "s", "a{sv}", method_get_credentials, UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};
