/* SPDX-License-Identifier: MIT */
/* What people and the bus read about a DHCPv6 client. */
#include "proto/dhcp6-machine.h"
#include "util/error.h"
#include <stdio.h>

static const char *const state_names[] = {
        [DHCP6_STATE_STOPPED] = "stopped",
        [DHCP6_STATE_DOWN] = "no-carrier",
        [DHCP6_STATE_SOLICITING] = "soliciting",
        [DHCP6_STATE_REQUESTING] = "requesting",
        [DHCP6_STATE_CONFIRMING] = "confirming",
        [DHCP6_STATE_BOUND] = "bound",
        [DHCP6_STATE_RENEWING] = "renewing",
        [DHCP6_STATE_REBINDING] = "rebinding",
        [DHCP6_STATE_DECLINING] = "declining",
        [DHCP6_STATE_RELEASING] = "releasing",
        [DHCP6_STATE_INFORMING] = "informing",
        [DHCP6_STATE_INFORMED] = "informed",
};

const char *dhcp6_state_to_string(Dhcp6State state)
{
        return (size_t) state < ELEMENTSOF(state_names) ? state_names[state] : NULL;
}

const char *dhcp6_machine_waiting(const Dhcp6Machine *m, char *why, size_t size, usec_t *ret_next)
{
        unsigned n = m->retry.sent;
        const char *tries = n == 1 ? "try" : "tries";

        *ret_next = m->next;
        why[0] = 0;
        switch (m->state) {
        case DHCP6_STATE_STOPPED:
                return "";
        case DHCP6_STATE_DOWN:
                snprintf(why, size, "no carrier");
                *ret_next = USEC_INFINITY;
                return "no-carrier";
        case DHCP6_STATE_SOLICITING:
                if (m->refused == DHCP6_STATUS_NO_ADDRS_AVAIL)
                        snprintf(why, size, "the DHCPv6 server has no address left");
                else
                        snprintf(why, size, "no DHCPv6 server after %u %s", n, tries);
                return m->refused == DHCP6_STATUS_NO_ADDRS_AVAIL ? "no-addresses" : "no-advertise";
        case DHCP6_STATE_REQUESTING:
                snprintf(why, size, "no answer to our DHCPv6 request after %u %s", n, tries);
                return "no-reply";
        case DHCP6_STATE_DECLINING:
                snprintf(why, size, "the address that DHCPv6 gave is in use by another host");
                return m->lease.n_addresses > 0 ? "" : "address-conflict";
        case DHCP6_STATE_INFORMING:
                if (m->stateful) /* beside a lease */
                        return "";
                snprintf(why, size, "no DHCPv6 information after %u %s", n, tries);
                return "no-information";
        case DHCP6_STATE_CONFIRMING:
        case DHCP6_STATE_BOUND:
        case DHCP6_STATE_RENEWING:
        case DHCP6_STATE_REBINDING:
        case DHCP6_STATE_RELEASING:
        case DHCP6_STATE_INFORMED:
        case _DHCP6_STATE_MAX:
                return "";
        }
        return "";
}
