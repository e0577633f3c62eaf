/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Captive portal detection: proto/portal bound to the network's uplink, to the fetching process and
 * to the ladder. Takes a requirement hold of CPD_PRE_TIME or CPD_POST_TIME, whichever Wait= names.
 */
#include "helper/upper.h"

typedef struct PortalCheck PortalCheck;

int portal_check_new(PortalCheck **ret, Upper *upper);
PortalCheck *portal_check_free(PortalCheck *check);
DEFINE_CLEANUP(PortalCheck, portal_check_free)

/* "unknown", "internet", "portal" or "no-internet". */
const char *portal_check_result(const PortalCheck *check);
/* Where a person goes to satisfy the portal; empty when there is none. */
const char *portal_check_url(const PortalCheck *check);
/* ReportConnectivity(): look again now. `ifindex` 0: any link; another link's word changes nothing.
 */
void portal_check_recheck(PortalCheck *check, int ifindex);
