/* SPDX-License-Identifier: MIT */
#include "helper/link.h"
#include "helper/lease-store.h"
#include "helper/network-private.h"
#include "util/log.h"
#include "util/message-id.h"
#include "util/text.h"
#include <linux/if.h>
#include <linux/if_link.h>
#include <string.h>

/* IF_RA_MANAGED and IF_RA_OTHERCONF of the kernel, which no header exports. */
enum { INET6_FLAG_MANAGED = 0x40, INET6_FLAG_OTHER = 0x80 };

static void link_log(const Link *link, const char *what)
{
        log_event(LOG_SEV_INFO,
                LOG_FIELDS({ "MESSAGE_ID", MESSAGE_LINK }, { "LWSD_LINK", link->name },
                        { "LWSD_HELPER", "link" }),
                "%s: %s", link->name, what);
}

void link_mark_dirty(Link *link)
{
        link->state->dirty = true;
        network_touch(link->network);
}

/* -- What the kernel says ---------------------------------------------------------------------- */

/* DORMANT means that 802.1X has yet to pass, so that nothing may be sent (REQ_DHCP 43). */
static bool has_carrier(const RtnlLink *info)
{
        return (info->flags & IFF_UP) && (info->flags & IFF_LOWER_UP) &&
               (info->operstate == IF_OPER_UP || info->operstate == IF_OPER_UNKNOWN);
}

static void take_name(Link *link, const char *name)
{
        char old[sizeof(link->name)];

        text_copy(old, sizeof(old), link->name);
        text_copy(link->name, sizeof(link->name), name);
        link->state->link_changed = true;
        if (!old[0])
                return;
        log_info("%s: renamed to %s", old, name);
        if (link->managed)
                lease_store_rename(link, old);
}

static void take_info(Link *link, const RtnlLink *info)
{
        LinkState *s = link->state;
        bool known = link->name[0] != '\0';

        if (info->name[0] && strcmp(info->name, link->name) != 0)
                take_name(link, info->name);
        /* what is told first is no change: the address that was left in the kernel stays */
        if (known && (info->mac_len != link->mac_len ||
                             memcmp(info->mac, link->mac, info->mac_len) != 0))
                s->mac_changed = true;
        if (info->mtu != link->mtu)
                s->link_changed = true;
        memcpy(link->mac, info->mac, sizeof(link->mac));
        link->mac_len = info->mac_len;
        link->arp_type = info->arp_type;
        link->mtu = info->mtu;
        link->max_mtu = info->max_mtu;
        link->flags = info->flags;
        link->loopback = info->flags & IFF_LOOPBACK;
        link->carrier = has_carrier(info);
        s->operstate = info->operstate;
        /* the kernel drops routes of a link that goes down, those of IPv4 without a word */
        if (!(link->flags & IFF_UP)) {
                s->was_up = false;
                link_forget_routes(link);
        }
        /* A loss of less than a second may be told by nothing but its count. */
        if (s->had_carrier && (!link->carrier || info->carrier_downs != s->carrier_downs))
                s->blip = true;
        s->carrier_downs = info->carrier_downs;
}

void link_on_info(Link *link, const RtnlLink *info)
{
        if (!info->is_inet6) {
                link->state->seen = true;
                take_info(link, info);
        }
        if (info->has_inet6_flags)
                link->state->inet6_flags = info->inet6_flags;
        link_mark_dirty(link);
}

void link_on_resume(Link *link)
{
        link->state->blip = link->state->had_carrier;
        if (link->managed && link->carrier)
                link_ra_solicit(link);
        link_mark_dirty(link);
}

/* -- DHCP -------------------------------------------------------------------------------------- */

static void on_carrier_lost_for_good(Timer *t, usec_t now)
{
        LinkState *s = container_of(t, LinkState, carrier_timer);

        log_info("%s: no carrier for CarrierLossSec, its lease goes", s->link->name);
        if (s->dhcp4 && s->dhcp4_runs)
                dhcp4_client_stop(s->dhcp4);
        s->dhcp4_runs = false;
        if (s->dhcp6 && s->dhcp6_mode != DHCP6_MODE_OFF)
                (void) dhcp6_client_set_mode(s->dhcp6, DHCP6_MODE_OFF, &s->dhcp6_source);
        s->dhcp6_mode = DHCP6_MODE_OFF;
        link_ra_forget(s->link);
}

static bool dhcp_wants(const LinkSettings *settings, DhcpMode family)
{
        return settings->dhcp == family || settings->dhcp == DHCP_MODE_YES;
}

static void carrier_up(Link *link)
{
        LinkState *s = link->state;

        timer_cancel(&s->carrier_timer);
        if (s->dhcp6)
                dhcp6_client_carrier(s->dhcp6, true);
        if (s->dhcp4 && s->dhcp4_runs)
                dhcp4_client_carrier(s->dhcp4, true);
        else if (s->dhcp4) {
                dhcp4_client_start(s->dhcp4);
                s->dhcp4_runs = true;
        }
}

static void carrier_down(Link *link, usec_t now)
{
        LinkState *s = link->state;

        if (s->dhcp4 && s->dhcp4_runs)
                dhcp4_client_carrier(s->dhcp4, false);
        if (s->dhcp6)
                dhcp6_client_carrier(s->dhcp6, false);
        timer_set(&s->carrier_timer, usec_add(now, link->settings->carrier_loss_usec));
}

/* An address that DHCPv6 can send from: link-local, its uniqueness checked. */
static const IpAddr *link_local(const Link *link)
{
        for (size_t i = 0; i < link->n_addresses; i++)
                if (link->addresses[i].prefix.addr.family == AF_INET6 &&
                        ip_is_link_local(&link->addresses[i].prefix.addr) &&
                        !link->addresses[i].tentative)
                        return &link->addresses[i].prefix.addr;
        return NULL;
}

/* REQ_DHCP 34: what the routers say decides. */
static void follow_router_flags(Link *link)
{
        LinkState *s = link->state;
        const IpAddr *source = link_local(link);
        Dhcp6Mode mode = s->inet6_flags & INET6_FLAG_MANAGED ? DHCP6_MODE_STATEFUL
                         : s->inet6_flags & INET6_FLAG_OTHER ? DHCP6_MODE_INFORMATION
                                                             : DHCP6_MODE_OFF;
        int r;

        /* A router that says less, or another one on the link that does, takes nothing away. */
        if (s->dhcp6 && mode < s->dhcp6_mode && dhcp6_client_has_answer(s->dhcp6))
                mode = s->dhcp6_mode;
        if (!s->dhcp6 || !link->carrier || !source ||
                (mode == s->dhcp6_mode &&
                        (mode == DHCP6_MODE_OFF || ip_equal(source, &s->dhcp6_source))))
                return;
        s->dhcp6_mode = mode;
        s->dhcp6_source = *source;
        r = dhcp6_client_set_mode(s->dhcp6, mode, source);
        if (r < 0)
                log_error("%s: cannot start DHCPv6: %s", link->name, strerror(-r));
}

/* -- Managing ---------------------------------------------------------------------------------- */

static void stop_dhcp4(Link *link)
{
        LinkState *s = link->state;

        if (s->dhcp4 && s->dhcp4_runs)
                dhcp4_client_stop(s->dhcp4);
        s->dhcp4 = dhcp4_client_free(s->dhcp4);
        s->dhcp4_runs = false;
        apply_flush(link, FACT_SOURCE_DHCP4);
        network_set_facts(link, FACT_SOURCE_DHCP4, &(LinkFacts){ 0 });
        link->dhcp_state = "";
        link->wait_code[0] = '\0';
}

static void new_dhcp4(Link *link)
{
        int r = dhcp4_client_new(&link->state->dhcp4, link);

        if (r < 0)
                log_warning("%s: no DHCPv4 here: %s", link->name, strerror(-r));
}

/* Another hardware address is another client. */
static void restart_dhcp4(Link *link)
{
        stop_dhcp4(link);
        new_dhcp4(link);
        link->state->had_carrier = false;
}

static void stop_dhcp6(Link *link)
{
        LinkState *s = link->state;

        if (s->dhcp6 && s->dhcp6_mode != DHCP6_MODE_OFF)
                (void) dhcp6_client_set_mode(s->dhcp6, DHCP6_MODE_OFF, &s->dhcp6_source);
        s->dhcp6 = dhcp6_client_free(s->dhcp6);
        s->dhcp6_mode = DHCP6_MODE_OFF;
        apply_flush(link, FACT_SOURCE_DHCP6);
        network_set_facts(link, FACT_SOURCE_DHCP6, &(LinkFacts){ 0 });
}

/* With settings that are new or changed. A client that stays wanted begins anew, which takes its
 * address over from where it was left in the kernel. */
static void configure(Link *link)
{
        LinkState *s = link->state;
        int r;

        s->dhcp4 = dhcp4_client_free(s->dhcp4);
        s->dhcp6 = dhcp6_client_free(s->dhcp6);
        s->dhcp4_runs = s->had_carrier = false;
        s->dhcp6_mode = DHCP6_MODE_OFF;
        r = link_static_apply(link);
        if (r < 0)
                log_error("%s: cannot apply its settings: %s", link->name, strerror(-r));
        if (dhcp_wants(link->settings, DHCP_MODE_IPV4))
                new_dhcp4(link);
        if (!s->dhcp4)
                stop_dhcp4(link);
        r = dhcp_wants(link->settings, DHCP_MODE_IPV6) ? dhcp6_client_new(&s->dhcp6, link) : 0;
        if (r < 0)
                log_debug("%s: no DHCPv6 here: %s", link->name, strerror(-r));
        if (!s->dhcp6)
                stop_dhcp6(link);
}

static void send_link_request(Link *link, RtnlRequest *request)
{
        RtnlTag tag = { .ifindex = link->ifindex, .source = _FACT_SOURCE_MAX };
        int r = rtnl_send(link->network->rtnl, request, &tag);

        if (r < 0)
                log_warning("%s: cannot be set up: %s", link->name, strerror(-r));
}

static void begin_managing(Link *link)
{
        RtnlRequest request;

        link->managed = true;
        link_log(link, "managed");
        rtnl_build_link_promote(&request, 0, link->ifindex);
        send_link_request(link, &request);
        if (!(link->flags & IFF_UP)) {
                rtnl_build_link_up(&request, 0, link->ifindex);
                send_link_request(link, &request);
        }
        link->state->was_up = link->flags & IFF_UP;
        configure(link);
        if (link->carrier)
                link_ra_solicit(link);
}

/* The clients go without a word and leave in the kernel what they put there. */
static void drop_clients(Link *link)
{
        LinkState *s = link->state;

        s->dhcp4 = dhcp4_client_free(s->dhcp4);
        s->dhcp6 = dhcp6_client_free(s->dhcp6);
        s->dhcp4_runs = false;
        s->dhcp6_mode = DHCP6_MODE_OFF;
        for (int source = 0; source < _FACT_SOURCE_MAX; source++)
                apply_forget(link, (FactSource) source);
}

/* Another manager may have made ours its own by now, and removes what it does not want. */
static void end_managing(Link *link)
{
        timer_cancel(&link->state->carrier_timer);
        if (link->state->owner) {
                log_event(LOG_SEV_NOTICE,
                        LOG_FIELDS({ "MESSAGE_ID", MESSAGE_LINK }, { "LWSD_LINK", link->name },
                                { "LWSD_HELPER", "link" }),
                        "%s: %s has it, observed from here on", link->name, link->state->owner);
                drop_clients(link);
        } else {
                link_log(link, "no longer managed");
                stop_dhcp4(link);
                stop_dhcp6(link);
                apply_flush(link, FACT_SOURCE_STATIC);
        }
        network_set_facts(link, FACT_SOURCE_DHCP4, &(LinkFacts){ 0 });
        network_set_facts(link, FACT_SOURCE_DHCP6, &(LinkFacts){ 0 });
        link_ra_forget(link);
        link->dhcp_state = "";
        link->wait_code[0] = '\0';
        link->managed = false;
}

void link_set_settings(Link *link, const LinkSettings *settings)
{
        const LinkSettings *old = link->settings;
        bool changed = link->managed && settings && !link_settings_equal(old, settings);

        /* while the old ones are still there for what has to end */
        if (link->managed && !(settings && settings->managed))
                end_managing(link);
        else if (changed && old->metric != settings->metric)
                apply_flush(link, FACT_SOURCE_STATIC); /* known by their metric */
        link->settings = settings;
        link_static_facts(link);
        if (changed && link->managed)
                configure(link);
        link_mark_dirty(link);
}

/* Whoever took a leased address away may know something: it is not put back before the server has
 * said that it is still ours. After a loss of carrier it is asked about anyway. */
static void ask_for_lost(Link *link, usec_t now)
{
        LinkState *s = link->state;

        if (!link->carrier || s->blip)
                return;
        if (s->dhcp4_runs && apply_lacks_address(link, FACT_SOURCE_DHCP4, now))
                dhcp4_client_address_lost(s->dhcp4);
        if (s->dhcp6 && apply_lacks_address(link, FACT_SOURCE_DHCP6, now))
                dhcp6_client_address_lost(s->dhcp6);
}

static void run(Link *link, usec_t now)
{
        LinkState *s = link->state;

        if ((link->flags & IFF_UP) && !s->was_up) {
                s->was_up = true;
                apply_again(link);
        }
        if (s->mac_changed && s->dhcp4)
                restart_dhcp4(link);
        else if (s->link_changed && s->dhcp4_runs)
                dhcp4_client_link_changed(s->dhcp4);
        if (s->lost_address)
                ask_for_lost(link, now);
        if (s->had_carrier && (s->blip || !link->carrier))
                carrier_down(link, now);
        if (link->carrier && (s->blip || !s->had_carrier))
                carrier_up(link);
        s->had_carrier = link->carrier;
        follow_router_flags(link);
}

void link_update(Link *link)
{
        LinkState *s = link->state;
        const LinkSettings *settings = settings_for_link(link->network->settings, link->name);
        bool wanted = settings && settings->managed && !link->loopback;
        const char *owner;

        s->dirty = false;
        if (settings != link->settings)
                link_set_settings(link, settings);
        owner = s->owner;
        s->owner = wanted ? link_owner(&link->network->owner_watch, link->ifindex) : NULL;
        if (s->owner && s->owner != owner && !link->managed)
                log_info("%s: %s has it, observed", link->name, s->owner);
        link_publish_mirror(link);
        if (link->managed && (!wanted || s->owner))
                end_managing(link);
        else if (!link->managed && wanted && !s->owner)
                begin_managing(link);
        if (link->managed)
                run(link, thread_now(network_thread(link->network)));
        s->blip = s->link_changed = s->mac_changed = s->lost_address = false;
}

/* -- Life -------------------------------------------------------------------------------------- */

int link_new(Link **ret, Network *network, const RtnlLink *info)
{
        Link *link = calloc(1, sizeof(*link));

        if (!link)
                return -ENOMEM;
        link->state = calloc(1, sizeof(*link->state));
        if (!link->state) {
                free(link);
                return -ENOMEM;
        }
        list_init(&link->link);
        link->network = network;
        link->ifindex = info->ifindex;
        link->dhcp_state = "";
        link->state->link = link;
        timer_init(&link->state->carrier_timer, network_thread(network), on_carrier_lost_for_good);
        apply_init(link);
        link_ra_init(link);
        *ret = link;
        return 0;
}

Link *link_free(Link *link)
{
        if (!link)
                return NULL;
        timer_cancel(&link->state->carrier_timer);
        timer_cancel(&link->state->ra_timer);
        timer_cancel(&link->state->solicit_timer);
        dhcp4_client_free(link->state->dhcp4);
        dhcp6_client_free(link->state->dhcp6);
        apply_free(link);
        for (int source = 0; source < _FACT_SOURCE_MAX; source++)
                link_facts_clear(&link->facts[source]);
        link_mirror_free(link);
        list_unlink(&link->link);
        free(link->state);
        free(link);
        return NULL;
}
