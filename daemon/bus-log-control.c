/* SPDX-License-Identifier: MIT */
#include "daemon/bus-common.h"
#include "daemon/journal.h"
#include "util/log.h"
#include "util/strtab.h"

static const char *const level_names[] = { "emerg", "alert", "crit", "err", "warning", "notice",
        "info", "debug" };

GETTER(log_level)
{
        return sd_bus_message_append(m, "s", level_names[log_get_max_severity()]);
}

GETTER(log_target)
{
        return sd_bus_message_append(m, "s", journal_target());
}

GETTER(syslog_identifier)
{
        return sd_bus_message_append(m, "s", "lwsd");
}

static int set_property(const char *property, const char *value, sd_bus_error *error)
{
        if (strcmp(property, "LogLevel") == 0) {
                int level = strtab_find(level_names, ELEMENTSOF(level_names), value);

                if (level < LOG_SEV_ERR)
                        return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
                                "\"%s\" is no level; they are err, warning, notice, info and debug",
                                value);
                log_set_max_severity(level);
                return 0;
        }
        if (strcmp(property, "LogTarget") == 0) {
                if (journal_set_target(value) < 0)
                        return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
                                "\"%s\" is no target; they are journal, console and auto", value);
                return 0;
        }
        return sd_bus_error_setf(
                error, SD_BUS_ERROR_PROPERTY_READ_ONLY, "%s cannot be set", property);
}

static int do_set(Caller *caller, sd_bus_message *m, sd_bus_error *error)
{
        const char *interface, *property, *value;
        int r;

        r = sd_bus_message_rewind(m, 1);
        if (r >= 0)
                r = sd_bus_message_read(m, "ss", &interface, &property);
        if (r < 0)
                return r;
        r = sd_bus_message_read(m, "v", "s", &value);
        if (r < 0)
                return sd_bus_error_setf(
                        error, SD_BUS_ERROR_INVALID_ARGS, "%s is of type s", property);
        r = set_property(property, value, error);
        return r < 0 ? r : sd_bus_reply_method_return(m, NULL);
}

/* A setter in the vtable would have to answer at once, before the bus has said who asks. */
int bus_log_control_filter(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        BusContext *context = userdata;
        const char *interface;

        if (!sd_bus_message_is_method_call(m, "org.freedesktop.DBus.Properties", "Set") ||
                strcmp(sd_bus_message_get_path(m), LWSD_LOG_CONTROL_PATH) != 0 ||
                sd_bus_message_has_signature(m, "ssv") <= 0)
                return 0;
        if (sd_bus_message_read(m, "s", &interface) < 0 ||
                strcmp(interface, LWSD_LOG_CONTROL_INTERFACE) != 0) {
                (void) sd_bus_message_rewind(m, 1);
                return 0;
        }
        return callers_dispatch_privileged(
                context->manager->callers, context->conn, m, error, do_set);
}

/* Never reached, see above; sd-bus wants one for a property that can be written. */
static int set_refused(sd_bus *bus, const char *path, const char *interface, const char *property,
        sd_bus_message *value, void *userdata, sd_bus_error *error)
{
        return -EACCES;
}

const sd_bus_vtable bus_log_control_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_WRITABLE_PROPERTY("LogLevel", "s", get_log_level, set_refused, 0, UNPRIVILEGED),
        SD_BUS_WRITABLE_PROPERTY("LogTarget", "s", get_log_target, set_refused, 0, UNPRIVILEGED),
        SD_BUS_PROPERTY("SyslogIdentifier", "s", get_syslog_identifier, 0, CONST),
        SD_BUS_VTABLE_END,
};
