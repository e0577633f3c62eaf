/* SPDX-License-Identifier: MIT */
/* Without the NTP client nobody here looks at the time, and nothing waits for it. */
#include "helper/time.h"

const char *time_confidence_to_string(TimeConfidence c)
{
        return "none";
}

int time_client_new(TimeClient **ret, Network *network, const Settings *settings)
{
        *ret = NULL;
        return 0;
}

void time_client_set_resolver(TimeClient *tc, Resolver *resolver)
{
}

TimeClient *time_client_free(TimeClient *tc)
{
        return NULL;
}

int time_client_reload(TimeClient *tc, const Settings *settings)
{
        return 0;
}

void time_client_watch_link(TimeClient *tc, TimeWatch *watch)
{
        list_init(&watch->link);
}

void time_client_watch_unlink(TimeWatch *watch)
{
}

void time_client_status(TimeClient *tc, TimeStatus *ret)
{
        *ret = (TimeStatus){ .server_name = "", .confidence = TIME_CONFIDENCE_NONE };
}

bool time_client_source(const TimeClient *tc, size_t i, TimeSource *ret)
{
        return false;
}

int time_client_synchronize(TimeClient *tc)
{
        return -EOPNOTSUPP;
}
