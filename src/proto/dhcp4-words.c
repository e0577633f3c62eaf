/* SPDX-License-Identifier: MIT */
/* What people and the bus read about a DHCPv4 client. */
#include "proto/dhcp4-machine.h"
#include "util/error.h"
#include <arpa/inet.h>
#include <stdio.h>

static const char *const state_names[] = {
        [DHCP4_STATE_STOPPED] = "stopped",
        [DHCP4_STATE_DOWN] = "no-carrier",
        [DHCP4_STATE_INIT] = "init",
        [DHCP4_STATE_SELECTING] = "selecting",
        [DHCP4_STATE_REQUESTING] = "requesting",
        [DHCP4_STATE_PROBING] = "probing",
        [DHCP4_STATE_REBOOTING] = "rebooting",
        [DHCP4_STATE_BOUND] = "bound",
        [DHCP4_STATE_RENEWING] = "renewing",
        [DHCP4_STATE_REBINDING] = "rebinding",
};

static const char *const lost_names[] = {
        [DHCP4_LOST_EXPIRED] = "expired",
        [DHCP4_LOST_REFUSED] = "refused by the server",
        [DHCP4_LOST_CONFLICT] = "in use by another host",
        [DHCP4_LOST_RELEASED] = "released",
        [DHCP4_LOST_UNCONFIRMED] = "not confirmed",
        [DHCP4_LOST_REMOVED] = "somebody removed the address",
        [DHCP4_LOST_V6ONLY] = "IPv6 only",
        [DHCP4_LOST_REPLACED] = "replaced by another",
};

const char *dhcp4_state_to_string(Dhcp4State state)
{
        return (size_t) state < ELEMENTSOF(state_names) ? state_names[state] : NULL;
}

const char *dhcp4_lost_to_string(Dhcp4Lost why)
{
        return (size_t) why < ELEMENTSOF(lost_names) ? lost_names[why] : NULL;
}

bool dhcp4_lost_is_remembered(Dhcp4Lost why)
{
        switch (why) {
        case DHCP4_LOST_EXPIRED:
        case DHCP4_LOST_UNCONFIRMED:
        case DHCP4_LOST_REMOVED:
                return true;
        case DHCP4_LOST_REFUSED:
        case DHCP4_LOST_CONFLICT:
        case DHCP4_LOST_RELEASED:
        case DHCP4_LOST_V6ONLY:
        case DHCP4_LOST_REPLACED:
                return false;
        }
        return false;
}

const char *dhcp4_machine_waiting(const Dhcp4Machine *c, char *why, size_t size, usec_t *ret_next)
{
        char ip[INET_ADDRSTRLEN];
        unsigned n = c->retry.sent;
        const char *tries = n == 1 ? "try" : "tries";

        *ret_next = c->next;
        why[0] = 0;
        switch (c->state) {
        case DHCP4_STATE_STOPPED:
                snprintf(why, size, "DHCPv4 is stopped");
                return "stopped";
        case DHCP4_STATE_DOWN:
                snprintf(why, size, "no carrier");
                *ret_next = USEC_INFINITY;
                return "no-carrier";
        case DHCP4_STATE_INIT:
                snprintf(why, size, "%s", c->pause_why);
                return c->pause_code;
        case DHCP4_STATE_SELECTING:
                snprintf(why, size, "no offer after %u %s", n, tries);
                return "no-offer";
        case DHCP4_STATE_REQUESTING:
                inet_ntop(AF_INET, &c->server, ip, sizeof(ip));
                snprintf(why, size, "no answer from %s to our request after %u %s", ip, n, tries);
                return "no-ack";
        case DHCP4_STATE_PROBING:
                inet_ntop(AF_INET, &c->lease.address, ip, sizeof(ip));
                snprintf(why, size, "probing whether %s is in use", ip);
                *ret_next = acd_deadline(&c->acd);
                return "probing";
        case DHCP4_STATE_REBOOTING:
                if (c->use == DHCP4_USE_ACTIVE)
                        return "";
                inet_ntop(AF_INET, &c->lease.address, ip, sizeof(ip));
                snprintf(why, size, "nobody confirmed %s after %u %s", ip, n, tries);
                return "unconfirmed";
        case DHCP4_STATE_BOUND:
        case DHCP4_STATE_RENEWING:
        case DHCP4_STATE_REBINDING:
        case _DHCP4_STATE_MAX:
                return "";
        }
        return "";
}

void dhcp4_words_conflict(const Dhcp4Machine *c, char *why, size_t size)
{
        const uint8_t *mac = c->acd.other_mac;
        char ip[INET_ADDRSTRLEN];

        snprintf(why, size, "%s is in use by %02x:%02x:%02x:%02x:%02x:%02x, declined",
                inet_ntop(AF_INET, &c->lease.address, ip, sizeof(ip)), mac[0], mac[1], mac[2],
                mac[3], mac[4], mac[5]);
}

void dhcp4_words_refused(const Dhcp4Message *nak, char *why, size_t size)
{
        char ip[INET_ADDRSTRLEN];

        snprintf(why, size, "%s refused our request%s%.64s",
                inet_ntop(AF_INET, &nak->server, ip, sizeof(ip)), nak->text[0] ? ": " : "",
                nak->text);
}
