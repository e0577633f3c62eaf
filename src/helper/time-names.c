/* SPDX-License-Identifier: MIT */
#include "helper/time-nts.h"
#include "helper/time-private.h"
#include "util/log.h"
#include <ctype.h>
#include <string.h>

/*
 * Servers that the configuration names rule; those of leases are asked only where it names none, so
 * that whoever answers DHCP cannot outvote the owner of the machine. What a name stood for last
 * time is used until DNS says what it stands for now.
 */

/* How long an address that stopped answering is passed over, where its name has another. */
#define SILENT_USEC (USEC_PER_SEC << NTP_POLL_MAX)

static bool acceptable_host(const char *host)
{
        size_t n = strlen(host);

        for (size_t i = 0; i < n; i++)
                if (!isgraph((unsigned char) host[i]))
                        return false;
        return n > 0 && n < sizeof(((TimeName *) NULL)->host);
}

static TimeName *find(TimeClient *tc, const HostPort *hp, bool nts)
{
        list_foreach (it, &tc->names) {
                TimeName *name = list_entry(it, TimeName, link);

                if (strcmp(name->host, hp->host) == 0 && name->port == hp->port &&
                        name->key == hp->key && name->nts == nts)
                        return name;
        }
        return NULL;
}

static void on_retry(Timer *t, usec_t now)
{
        TimeName *name = container_of(t, TimeName, retry);

        time_name_refresh(name);
}

static void recall(TimeName *name)
{
        const TimeFiles *f = &name->client->files;

        for (size_t i = 0; i < f->n_remembered && name->n_addresses < TIME_ADDRESSES_MAX; i++)
                if (strcmp(f->remembered[i].host, name->host) == 0)
                        name->addresses[name->n_addresses++] = f->remembered[i].endpoint;
}

static void add_name(TimeClient *tc, const HostPort *hp, bool nts)
{
        TimeName *name;

        if (!acceptable_host(hp->host))
                return;
        name = calloc(1, sizeof(*name));
        if (!name)
                return;
        name->client = tc;
        name->wanted = true;
        name->nts = nts;
        name->port = hp->port;
        name->key = hp->key;
        name->backoff = (Backoff){
                .first_usec = USEC_PER_SEC, .max_usec = USEC_PER_MIN, .jitter_percent = 10
        };
        strcpy(name->host, hp->host);
        timer_init(&name->retry, tc->thread, on_retry);
        list_link_tail(&tc->names, &name->link);
        name->literal = endpoint_parse(hp->host, &name->addresses[0]) == 0;
        if (nts && time_nts_new(&name->key_exchange, name) < 0) {
                list_unlink(&name->link);
                free(name);
                return;
        }
        if (name->literal)
                name->n_addresses = 1;
        else
                recall(name);
        for (size_t i = 0; i < name->n_addresses; i++)
                if (hp->port && !nts)
                        name->addresses[i].port = hp->port;
        time_name_apply(name);
        time_name_refresh(name);
}

static void drop_name(TimeName *name)
{
        TimeClient *tc = name->client;

        lookup_cancel(name->lookup);
        time_nts_free(name->key_exchange);
        timer_cancel(&name->retry);
        for (unsigned id = 0; id < NTP_MAX_SOURCES; id++)
                if (tc->servers[id].name == name)
                        time_source_remove(tc, id);
        list_unlink(&name->link);
        free(name);
}

/* -- Addresses ------------------------------------------------------------------------------ */

/* With another key it is another source: a name that leads to the address of a server with a key
 * must not take its place. */
static bool in_use(const TimeName *name, const Endpoint *e)
{
        const TimeClient *tc = name->client;

        for (unsigned id = 0; id < NTP_MAX_SOURCES; id++)
                if (tc->servers[id].name && tc->servers[id].name->key == name->key &&
                        endpoint_equal(&tc->servers[id].endpoint, e))
                        return true;
        return false;
}

/* Told to stay away: never asked again, whatever DNS says (REQ_NTP 14). */
bool time_name_is_denied(const TimeName *name, const Endpoint *e)
{
        const TimeClient *tc = name->client;

        for (size_t i = 0; i < tc->n_denied; i++) {
                const TimeDenied *d = &tc->denied[i];

                /* Keys and time of one NTS server have ports of their own. */
                if (d->nts == name->nts && (name->nts ? ip_equal(&d->endpoint.addr, &e->addr)
                                                      : endpoint_equal(&d->endpoint, e)))
                        return true;
        }
        return false;
}

static void deny(const TimeName *name, const Endpoint *e)
{
        TimeClient *tc = name->client;

        if (time_name_is_denied(name, e))
                return;
        if (tc->n_denied == TIME_DENIED_MAX)
                memmove(&tc->denied[0], &tc->denied[1], sizeof(tc->denied[0]) * --tc->n_denied);
        tc->denied[tc->n_denied++] = (TimeDenied){ .endpoint = *e, .nts = name->nts };
}

/* May become a source, now. */
static bool is_usable(const TimeName *name, size_t i)
{
        TimeClient *tc = name->client;

        return name->silent_until[i] <= thread_now(tc->thread) &&
               !time_name_is_denied(name, &name->addresses[i]);
}

static size_t find_address(const TimeName *name, const Endpoint *e)
{
        size_t i = 0;

        while (i < name->n_addresses && !endpoint_equal(&name->addresses[i], e))
                i++;
        return i;
}

/* A server with an address in both families is one server: only addresses of the preferred family
 * become sources, the others stand by for one that is lost. */
static bool take_address(TimeName *name, int family)
{
        TimeClient *tc = name->client;
        size_t sources = 0;
        bool any = false;

        for (unsigned id = 0; id < NTP_MAX_SOURCES; id++)
                sources += tc->servers[id].name == name && !tc->ntp->sources[id].dead;
        for (size_t i = 0; i < name->n_addresses && sources < TIME_SOURCES_PER_NAME; i++) {
                const Endpoint *e = &name->addresses[i];

                if (e->addr.family != family || !is_usable(name, i))
                        continue;
                any = true;
                if (!in_use(name, e) && time_source_add(tc, name, e) >= 0)
                        sources++;
        }
        return any;
}

void time_name_apply(TimeName *name)
{
        TimeClient *tc = name->client;
        int family = name->n_addresses > 0 ? name->addresses[0].addr.family : AF_UNSPEC;

        /* Its addresses are for the exchange of keys; that says where to ask for time. */
        if (name->nts) {
                time_nts_start(name->key_exchange);
                return;
        }

        /* An address that DNS no longer gives goes, unless it still gives time. */
        for (unsigned id = 0; id < NTP_MAX_SOURCES; id++)
                if (tc->servers[id].name == name &&
                        find_address(name, &tc->servers[id].endpoint) == name->n_addresses &&
                        !ntp_source_reachable(&tc->ntp->sources[id]))
                        time_source_remove(tc, id);
        if (family != AF_UNSPEC && !take_address(name, family))
                (void) take_address(name, family == AF_INET ? AF_INET6 : AF_INET);
}

/* What DNS says now, with what is known of the addresses that stay. */
static void set_addresses(TimeName *name, const LookupResult *result)
{
        TimeName old = *name;

        name->n_addresses = 0;
        for (size_t i = 0; i < result->n_addresses && i < TIME_ADDRESSES_MAX; i++) {
                const LookupAddress *a = &result->addresses[i];
                Endpoint e = { .addr = a->addr, .port = name->port };
                size_t before;

                e.ifindex = ip_is_link_local(&a->addr) ? a->ifindex : 0;
                before = find_address(&old, &e);
                name->silent_until[i] = before < old.n_addresses ? old.silent_until[before] : 0;
                name->addresses[name->n_addresses++] = e;
        }
}

static bool has_source(const TimeName *name)
{
        const TimeClient *tc = name->client;

        for (unsigned id = 0; id < NTP_MAX_SOURCES; id++)
                if (tc->servers[id].name == name && !tc->ntp->sources[id].dead)
                        return true;
        return false;
}

static void on_resolved(Lookup *lookup, const LookupResult *result, void *userdata)
{
        TimeName *name = userdata;
        TimeClient *tc = name->client;

        name->lookup = NULL;
        if (result->certificate_dates && !name->plain && tc->ntp->state != NTP_STATE_SYNCED) {
                /* REQ_DNS 36: DNS over TLS needs the time that this name is asked for */
                name->plain = true;
                time_name_refresh(name);
                return;
        }
        name->plain = false;
        if (result->error < 0 || result->n_addresses == 0) {
                log_debug("time: %s: no address (%s)", name->host, strerror(-result->error));
        } else {
                name->resolved = true;
                set_addresses(name, result);
                time_name_apply(name);
                time_client_touch(tc);
        }
        /* None, or none that may be asked: the name may have others later. */
        if (name->n_addresses > 0 && (name->nts || has_source(name)))
                backoff_reset(&name->backoff);
        else
                timer_set(&name->retry, usec_add(thread_now(tc->thread),
                                                backoff_next(&name->backoff, &RNG_KERNEL)));
        time_client_drive(tc);
}

void time_name_refresh(TimeName *name)
{
        TimeClient *tc = name->client;

        if (name->literal || name->lookup || !tc->resolver)
                return;
        timer_cancel(&name->retry);
        if (resolver_lookup_host(tc->resolver, &name->lookup, 0, name->host, AF_UNSPEC,
                    name->plain ? LOOKUP_PLAIN : 0, on_resolved, name) < 0)
                name->lookup = NULL;
}

/* Another address of the name that could take the place of this one. */
static bool has_spare(const TimeName *name)
{
        for (size_t i = 0; i < name->n_addresses; i++)
                if (is_usable(name, i) && !in_use(name, &name->addresses[i]))
                        return true;
        return false;
}

void time_name_lost_address(TimeName *name, unsigned id, bool for_good)
{
        TimeClient *tc = name->client;
        Endpoint endpoint = tc->servers[id].endpoint;

        if (for_good)
                deny(name, &endpoint);
        if (name->nts) {
                if (for_good)
                        time_nts_denied(name->key_exchange);
                else
                        time_nts_need_keys(name->key_exchange);
                return;
        }
        /* The only address of a server may come back, and is asked less and less. */
        if (has_spare(name)) {
                size_t i = find_address(name, &endpoint);

                if (i < name->n_addresses)
                        name->silent_until[i] = usec_add(thread_now(tc->thread), SILENT_USEC);
                time_source_remove(tc, id);
                time_name_apply(name);
        }
        time_name_refresh(name);
}

/* -- Who names servers ---------------------------------------------------------------------- */

static bool configured(const TimeClient *tc)
{
        return tc->settings->time.servers.n > 0 || tc->settings->time.nts_servers.n > 0;
}

static void want(TimeClient *tc, const HostPortList *list, bool nts)
{
        size_t n = 0;

        list_foreach (it, &tc->names)
                n++;
        for (size_t i = 0; i < list->n && n < TIME_NAMES_MAX; i++) {
                TimeName *name = find(tc, &list->items[i], nts);

                if (name)
                        name->wanted = true;
                else
                        add_name(tc, &list->items[i], nts);
                n += !name;
        }
}

static bool link_names_servers(const Link *link)
{
        for (size_t i = 0; i < _FACT_SOURCE_MAX; i++)
                if (link->facts[i].ntp.n > 0)
                        return true;
        return false;
}

bool time_names_exist(const TimeClient *tc)
{
        if (configured(tc))
                return true;
        list_foreach (it, network_links(tc->network))
                if (link_names_servers(list_entry(it, Link, link)))
                        return true;
        return false;
}

void time_names_update(TimeClient *tc)
{
        list_foreach (it, &tc->names)
                list_entry(it, TimeName, link)->wanted = false;
        want(tc, &tc->settings->time.servers, false);
        want(tc, &tc->settings->time.nts_servers, true);
        if (!configured(tc))
                list_foreach (it, network_links(tc->network)) {
                        const Link *link = list_entry(it, Link, link);

                        for (size_t i = 0; i < _FACT_SOURCE_MAX; i++)
                                want(tc, &link->facts[i].ntp, false);
                }
        list_foreach_safe (it, &tc->names) {
                TimeName *name = list_entry(it, TimeName, link);

                if (!name->wanted)
                        drop_name(name);
        }
}

void time_names_clear(TimeClient *tc)
{
        list_foreach_safe (it, &tc->names)
                drop_name(list_entry(it, TimeName, link));
}

void time_names_retry(TimeClient *tc)
{
        list_foreach (it, &tc->names) {
                TimeName *name = list_entry(it, TimeName, link);

                if (!name->resolved) {
                        backoff_reset(&name->backoff); /* what failed there says nothing of here */
                        time_name_refresh(name);
                }
                if (name->nts)
                        time_nts_network_changed(name->key_exchange);
        }
}

void time_names_remember(TimeClient *tc)
{
        TimeRemembered items[TIME_REMEMBERED_MAX];
        size_t n = 0;

        for (unsigned id = 0; id < NTP_MAX_SOURCES; id++) {
                const TimeServer *server = &tc->servers[id];

                if (!server->name || server->name->literal || server->name->nts ||
                        tc->ntp->sources[id].n_samples == 0)
                        continue;
                items[n] = (TimeRemembered){ .endpoint = server->endpoint };
                items[n].endpoint.ifindex = 0;
                memcpy(items[n].host, server->name->host, sizeof(items[n].host));
                n++;
        }
        if (n > 0)
                time_files_remember(&tc->files, items, n);
}
