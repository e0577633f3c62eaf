/* SPDX-License-Identifier: MIT */
#include "helper/network.h"
#include "core/wsi.h"
#include "helper/network-private.h"
#include "util/fd.h"
#include "util/log.h"
#include <stdio.h>
#include <string.h>

/* -- Facts ------------------------------------------------------------------------------------- */

void link_facts_clear(LinkFacts *facts)
{
        endpoint_list_clear(&facts->dns);
        endpoint_list_clear(&facts->resolvers);
        host_port_list_clear(&facts->ntp);
        string_list_clear(&facts->domains);
        free(facts->captive_portal);
        *facts = (LinkFacts){ 0 };
}

void network_set_facts(Link *link, FactSource source, LinkFacts *facts)
{
        link_facts_clear(&link->facts[source]);
        link->facts[source] = *facts;
        *facts = (LinkFacts){ 0 };
        network_touch(link->network);
}

void network_touch(Network *n)
{
        if (!timer_is_set(&n->touch_timer))
                timer_set(&n->touch_timer, 0);
}

/* -- Look-ups ---------------------------------------------------------------------------------- */

uint64_t network_epoch(const Network *n)
{
        return n->epoch;
}

uint64_t network_epoch_digest(const Network *n)
{
        return n->epoch_digest;
}

void network_epoch_resume(Network *n, uint64_t epoch, uint64_t digest)
{
        n->epoch = epoch;
        n->epoch_digest = digest;
        n->epoch_resumes = true;
}

/* Where the link of that index is, or would be. */
static size_t index_find(const Network *n, int ifindex)
{
        size_t low = 0, high = n->n_links;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (n->index[middle]->ifindex < ifindex)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

Link *network_link_by_index(Network *n, int ifindex)
{
        size_t i = index_find(n, ifindex);

        return i < n->n_links && n->index[i]->ifindex == ifindex ? n->index[i] : NULL;
}

Link *network_link_by_name(Network *n, const char *name)
{
        list_foreach (it, &n->links) {
                Link *link = list_entry(it, Link, link);

                if (strcmp(link->name, name) == 0)
                        return link;
        }
        return NULL;
}

List *network_links(Network *n)
{
        return &n->links;
}

struct lws_context *network_context(const Network *n)
{
        return n->cx;
}

Thread *network_thread(const Network *n)
{
        return n->thread;
}

struct lws_vhost *network_vhost(const Network *n)
{
        return n->vhost;
}

const Settings *network_settings(const Network *n)
{
        return n->settings;
}

/* -- What the kernel tells --------------------------------------------------------------------- */

static Link *add_link(Network *n, const RtnlLink *info)
{
        size_t i = index_find(n, info->ifindex);
        Link *link;

        if (n->n_links >= n->index_allocated) {
                size_t allocated = MAX(n->index_allocated * 2, (size_t) 8);
                Link **grown = reallocarray(n->index, allocated, sizeof(Link *));

                if (!grown)
                        return NULL;
                n->index = grown;
                n->index_allocated = allocated;
        }
        if (link_new(&link, n, info) < 0)
                return NULL;
        list_link_before(i < n->n_links ? &n->index[i]->link : &n->links, &link->link);
        memmove(n->index + i + 1, n->index + i, (n->n_links - i) * sizeof(Link *));
        n->index[i] = link;
        n->n_links++;
        return link;
}

static void remove_link(Network *n, Link *link)
{
        size_t i = index_find(n, link->ifindex);

        n->n_links--;
        memmove(n->index + i, n->index + i + 1, (n->n_links - i) * sizeof(Link *));
        link_free(link);
}

static void on_link(Network *n, const RtnlLink *info, bool removed)
{
        Link *link = network_link_by_index(n, info->ifindex);

        if (removed) {
                /* IPv6 alone leaves a link too, which is not its end */
                if (link && !info->is_inet6) {
                        log_debug("%s: gone", link->name);
                        remove_link(n, link);
                        network_touch(n);
                }
                return;
        }
        if (!link && !info->is_inet6)
                link = add_link(n, info);
        if (link)
                link_on_info(link, info);
}

/* Each hop on its link. A replaced route is not told of: where it is not clear which one it was,
 * everything is read again. */
static void on_route(Network *n, const RtnlMessage *m)
{
        RtnlRoute one = m->route;
        size_t like = 0;

        if (m->replaced && !n->syncing) {
                list_foreach (it, &n->links)
                        like += link_routes_like(list_entry(it, Link, link), &m->route, false);
                if (like == 1)
                        list_foreach (it, &n->links)
                                link_routes_like(list_entry(it, Link, link), &m->route, true);
                else if (like > 1)
                        rtnl_resync(n->rtnl);
        }
        one.n_hops = 1;
        for (size_t i = 0; i < m->route.n_hops; i++) {
                Link *link = network_link_by_index(n, m->route.hops[i].ifindex);

                one.hops[0] = m->route.hops[i];
                if (link)
                        link_on_route(link, &one, m->removed);
        }
}

static void on_message(void *userdata, const RtnlMessage *m)
{
        Network *n = userdata;
        Link *link;

        switch (m->kind) {
        case RTNL_LINK:
                on_link(n, &m->link, m->removed);
                break;
        case RTNL_ADDRESS:
                link = network_link_by_index(n, m->address.ifindex);
                if (link)
                        link_on_address(link, &m->address, m->removed);
                break;
        case RTNL_ROUTE:
                on_route(n, m);
                break;
        case RTNL_ND:
                link = network_link_by_index(n, m->nd.ifindex);
                if (link)
                        link_on_nd(link, &m->nd);
                break;
        case RTNL_IGNORED:
        case RTNL_ERROR:
        case RTNL_DONE:
        case RTNL_OVERRUN:
                break;
        }
}

static void on_sync_begin(void *userdata)
{
        Network *n = userdata;

        n->syncing = true;
        list_foreach (it, &n->links)
                link_sync_begin(list_entry(it, Link, link));
}

static void on_sync_end(void *userdata)
{
        Network *n = userdata;

        n->syncing = false;
        n->synced = true;
        list_foreach_safe (it, &n->links) {
                Link *link = list_entry(it, Link, link);

                if (!link->state->seen) {
                        remove_link(n, link);
                        continue;
                }
                link_sync_end(link);
                if (link->managed || link->state->apply_due)
                        apply_all(link);
        }
        network_touch(n);
}

static void on_reply(void *userdata, const RtnlTag *tag, int error, const char *text)
{
        Link *link = network_link_by_index(userdata, tag->ifindex);

        if (link)
                apply_on_reply(link, tag, error, text);
}

static const RtnlHandlers rtnl_handlers = {
        .message = on_message,
        .sync_begin = on_sync_begin,
        .sync_end = on_sync_end,
        .reply = on_reply,
};

/* -- Once for all that happened in a turn ------------------------------------------------------ */

static void tell_watches(Network *n)
{
        bool epoch_changed = n->epoch_changed;
        List *it;

        n->epoch_changed = false;
        list_walk_begin(&n->watch_walk, &n->watches);
        while ((it = list_walk_next(&n->watch_walk))) {
                NetworkWatch *watch = list_entry(it, NetworkWatch, link);

                watch->changed(watch, epoch_changed);
        }
}

static void on_touch(Timer *t, usec_t now)
{
        Network *n = container_of(t, Network, touch_timer);

        /* half a picture says nothing */
        if (!n->synced)
                return;
        list_foreach (it, &n->links) {
                Link *link = list_entry(it, Link, link);

                if (link->state->dirty)
                        link_update(link);
        }
        owner_watch_renew(&n->owner_watch);
        network_judge(n);
        network_update_epoch(n, now);
        tell_watches(n);
}

static void on_owners_changed(OwnerWatch *w)
{
        Network *n = container_of(w, Network, owner_watch);

        list_foreach (it, &n->links)
                link_mark_dirty(list_entry(it, Link, link));
}

/* The machine may have been carried elsewhere, and what was said about time has gone on: as after a
 * loss of carrier, leases are confirmed before they count. */
void network_resumed(Network *n)
{
        log_info("Back from a suspend: links, leases and servers are checked");
        rtnl_resync(n->rtnl);
        list_foreach (it, &n->links)
                link_on_resume(list_entry(it, Link, link));
        n->epoch_changed = true;
        network_touch(n);
}

static void on_resumed(SuspendWatch *w)
{
        network_resumed(container_of(w, Network, suspend_watch));
}

void network_watch_link(Network *n, NetworkWatch *watch)
{
        list_link_tail(&n->watches, &watch->link);
}

void network_watch_unlink(NetworkWatch *watch)
{
        list_unlink(&watch->link);
}

/* -- Renew and release ------------------------------------------------------------------------- */

static int both_families(Link *link, int (*v4)(Dhcp4Client *), int (*v6)(Dhcp6Client *))
{
        LinkState *s = link->state;
        int r4 = s->dhcp4 && s->dhcp4_runs ? v4(s->dhcp4) : -EOPNOTSUPP;
        int r6 = s->dhcp6 && s->dhcp6_mode != DHCP6_MODE_OFF ? v6(s->dhcp6) : -EOPNOTSUPP;

        return r4 >= 0 || r6 >= 0 ? 0 : r4 != -EOPNOTSUPP ? r4 : r6;
}

int network_link_renew(Link *link)
{
        return both_families(link, dhcp4_client_renew, dhcp6_client_renew);
}

int network_link_release(Link *link)
{
        return both_families(link, dhcp4_client_release, dhcp6_client_release);
}

/* -- Life -------------------------------------------------------------------------------------- */

static int take_holds(Network *n)
{
        Ladder *ladder = context_ladder(n->cx);
        int r;

        r = hold_new(&n->coldplug, ladder, LWS_SYSTATE_IFACE_COLDPLUG, HOLD_REQUIRED, "link");
        if (r < 0)
                return r;
        r = hold_new(&n->dhcp, ladder, LWS_SYSTATE_DHCP, HOLD_REQUIRED, "link");
        if (r < 0)
                return r;
        hold_assert(n->coldplug, "cold-plug", 0, "reading the links that exist");
        hold_assert(n->dhcp, "cold-plug", 0, "reading the links that exist");
        ladder_set_flap(ladder, n->settings->flap_usec);
        return 0;
}

DEFINE_CLEANUP(Network, network_free)

int network_new(Network **ret, struct lws_context *cx, const Settings *settings)
{
        _cleanup_(network_freep) Network *n = calloc(1, sizeof(*n));
        int r;

        if (!n)
                return -ENOMEM;
        n->cx = cx;
        n->thread = context_thread(cx, 0);
        n->vhost = context_vhost_own(cx);
        n->settings = settings;
        list_init(&n->links);
        list_init(&n->watches);
        timer_init(&n->touch_timer, n->thread, on_touch);
        network_epoch_init(n);
        r = take_holds(n);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(n);
        return 0;
}

int network_start(Network *n)
{
        int r;

        r = owner_watch_init(&n->owner_watch, n->vhost, n->thread, on_owners_changed);
        if (r < 0)
                log_warning("Other managers of links are not watched: %s", strerror(-r));
        r = suspend_watch_init(&n->suspend_watch, n->vhost, n->thread, on_resumed);
        if (r < 0)
                log_warning("A suspend will not be noticed: %s", strerror(-r));
        return rtnl_new(&n->rtnl, n->vhost, n->thread, &rtnl_handlers, n);
}

/* What is in the kernel stays there: the next start finds it, or its lifetime ends. */
Network *network_free(Network *n)
{
        if (!n)
                return NULL;
        while (!list_is_empty(&n->links))
                remove_link(n, list_entry(n->links.next, Link, link));
        free(n->index);
        while (!list_is_empty(&n->watches))
                list_unlink(n->watches.next);
        timer_cancel(&n->touch_timer);
        timer_cancel(&n->epoch_timer);
        network_snapshot_clear(&n->snapshot);
        owner_watch_deinit(&n->owner_watch);
        suspend_watch_deinit(&n->suspend_watch);
        rtnl_free(n->rtnl);
        hold_free(n->coldplug);
        hold_free(n->dhcp);
        free(n);
        return NULL;
}

int network_reload(Network *n, const Settings *settings)
{
        n->settings = settings;
        ladder_set_flap(context_ladder(n->cx), settings->flap_usec);
        list_foreach (it, &n->links) {
                Link *link = list_entry(it, Link, link);

                link_set_settings(link, settings_for_link(settings, link->name));
        }
        network_touch(n);
        return 0;
}
