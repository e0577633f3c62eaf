/* SPDX-License-Identifier: MIT */
/* Built without captive portal detection: its rungs pass. */
#include "helper/portal.h"

int portal_check_new(PortalCheck **ret, Upper *upper)
{
        *ret = NULL;
        return 0;
}

PortalCheck *portal_check_free(PortalCheck *c)
{
        return NULL;
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
