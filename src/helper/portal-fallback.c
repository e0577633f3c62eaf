/* SPDX-License-Identifier: MIT */
/* Built without captive portal detection: its rungs pass. */
#include "helper/portal.h"

int portal_check_new(PortalCheck **ret, struct lws_context *cx, Network *network, Fetcher *fetcher,
        const Settings *settings)
{
        *ret = NULL;
        return 0;
}

PortalCheck *portal_check_free(PortalCheck *c)
{
        return NULL;
}

void portal_check_watch_link(PortalCheck *c, PortalWatch *watch)
{
}

void portal_check_watch_unlink(PortalWatch *watch)
{
}

const char *portal_check_result(const PortalCheck *c)
{
        return "unknown";
}

const char *portal_check_url(const PortalCheck *c)
{
        return "";
}

void portal_check_recheck(PortalCheck *c, int ifindex)
{
}
