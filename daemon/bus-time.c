/* SPDX-License-Identifier: MIT */
#include "daemon/bus-common.h"
#include "helper/system.h"
#include "helper/time.h"
#include "util/text.h"

static int do_synchronize(Caller *caller, sd_bus_message *m, sd_bus_error *error)
{
        TimeClient *tc = system_time(caller->manager->system);
        int r;

        if (!tc)
                return sd_bus_error_set(error, LWSD_ERROR_NOT_AVAILABLE,
                        "This lwsd was built without its time client, or that is turned off");
        r = time_client_synchronize(tc);
        if (r == -EOPNOTSUPP)
                return sd_bus_error_set(error, LWSD_ERROR_NOT_MANAGED,
                        "The clock is left to another daemon; see Observe= in lwsd.conf(5)");
        if (r == -ENETUNREACH || r == -ENOENT)
                return sd_bus_error_set(error, LWSD_ERROR_NO_SERVERS,
                        "There is no time server that could be asked; see [Time] in lwsd.conf(5)");
        if (r == -EAGAIN || r == -EBUSY)
                return sd_bus_error_set(error, LWSD_ERROR_RATE_LIMITED,
                        "The servers were asked a moment ago and must not be asked so soon again");
        return r < 0 ? r : sd_bus_reply_method_return(m, NULL);
}

METHOD_PRIVILEGED(synchronize, do_synchronize);

static TimeStatus status_of(void *userdata)
{
        TimeClient *tc = system_time(MANAGER(userdata)->system);
        TimeStatus status = { .confidence = TIME_CONFIDENCE_NONE };

        if (tc)
                time_client_status(tc, &status);
        return status;
}

static int append_text(sd_bus_message *m, const char *s)
{
        char text[256];

        text_copy(text, sizeof(text), s ? s : "");
        return sd_bus_message_append(m, "s", text);
}

#define STATUS_GETTER(name, type, member)                                                          \
        GETTER(name)                                                                               \
        {                                                                                          \
                return sd_bus_message_append(m, type, status_of(userdata).member);                 \
        }                                                                                          \
        extern int getter_semicolon_##name

STATUS_GETTER(synchronized, "b", synchronized);
STATUS_GETTER(offset, "x", offset_usec);
STATUS_GETTER(delay, "t", delay_usec);
STATUS_GETTER(jitter, "t", jitter_usec);
STATUS_GETTER(root_distance, "t", root_distance_usec);
STATUS_GETTER(stratum, "u", stratum);
STATUS_GETTER(leap, "u", leap);
STATUS_GETTER(poll_interval, "t", poll_interval_usec);
STATUS_GETTER(authenticated, "b", authenticated);
STATUS_GETTER(last_sync, "t", last_sync_usec);

GETTER(confidence)
{
        return sd_bus_message_append(
                m, "s", time_confidence_to_string(status_of(userdata).confidence));
}

GETTER(server_name)
{
        return append_text(m, status_of(userdata).server_name);
}

GETTER(server_address)
{
        TimeStatus status = status_of(userdata);

        return bus_append_address(m, &status.server_address, true);
}

static int append_source(sd_bus_message *m, const TimeSource *s)
{
        int r;

        if ((r = sd_bus_message_open_container(m, 'r', "sayuxtub")) < 0 ||
                (r = append_text(m, s->name)) < 0 ||
                (r = sd_bus_message_append_array(
                         m, 'y', s->address.bytes, ip_size(s->address.family))) < 0 ||
                (r = sd_bus_message_append(m, "uxtub", s->stratum, s->offset_usec, s->delay_usec,
                         (uint32_t) s->reach, s->selected)) < 0)
                return r;
        return sd_bus_message_close_container(m);
}

static int append_verdict(sd_bus_message *m, const TimeSource *s)
{
        return append_text(m, s->verdict);
}

static int append_mode(sd_bus_message *m, const TimeSource *s)
{
        return append_text(m, s->interleaved ? "interleaved" : "basic");
}

static int append_of_each(sd_bus_message *m, void *userdata, const char *type,
        int (*append)(sd_bus_message *m, const TimeSource *s))
{
        TimeClient *tc = system_time(MANAGER(userdata)->system);
        TimeSource source;
        int r;

        r = sd_bus_message_open_container(m, 'a', type);
        for (size_t i = 0; tc && r >= 0 && time_client_source(tc, i, &source); i++)
                r = append(m, &source);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

GETTER(sources)
{
        return append_of_each(m, userdata, "(sayuxtub)", append_source);
}

GETTER(source_verdicts)
{
        return append_of_each(m, userdata, "s", append_verdict);
}

GETTER(source_modes)
{
        return append_of_each(m, userdata, "s", append_mode);
}

const sd_bus_vtable bus_time_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS(
                "Synchronize", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_synchronize, UNPRIVILEGED),
        SD_BUS_SIGNAL_WITH_ARGS("ClockStepped", SD_BUS_ARGS("x", usec), 0),
        SD_BUS_PROPERTY("Synchronized", "b", get_synchronized, 0, CHANGES),
        SD_BUS_PROPERTY("Confidence", "s", get_confidence, 0, CHANGES),
        SD_BUS_PROPERTY("ServerName", "s", get_server_name, 0, CHANGES),
        SD_BUS_PROPERTY("ServerAddress", "(iay)", get_server_address, 0, CHANGES),
        SD_BUS_PROPERTY("OffsetUSec", "x", get_offset, 0, 0),
        SD_BUS_PROPERTY("DelayUSec", "t", get_delay, 0, 0),
        SD_BUS_PROPERTY("JitterUSec", "t", get_jitter, 0, 0),
        SD_BUS_PROPERTY("RootDistanceUSec", "t", get_root_distance, 0, 0),
        SD_BUS_PROPERTY("Stratum", "u", get_stratum, 0, CHANGES),
        SD_BUS_PROPERTY("Leap", "u", get_leap, 0, CHANGES),
        SD_BUS_PROPERTY("PollIntervalUSec", "t", get_poll_interval, 0, CHANGES),
        SD_BUS_PROPERTY("Authenticated", "b", get_authenticated, 0, CHANGES),
        SD_BUS_PROPERTY("LastSyncUSec", "t", get_last_sync, 0, 0),
        SD_BUS_PROPERTY("Sources", "a(sayuxtub)", get_sources, 0, 0),
        SD_BUS_PROPERTY("SourceVerdicts", "as", get_source_verdicts, 0, 0),
        SD_BUS_PROPERTY("SourceModes", "as", get_source_modes, 0, 0),
        SD_BUS_VTABLE_END,
};
