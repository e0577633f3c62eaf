/* SPDX-License-Identifier: MIT */
#include "helper/settings.h"
#include "util/error.h"
#include <lwsd/lws-states.h>
#include <string.h>

/* Makes room for one more element; the arrays are short, so growing by one is fine. */
static int grow(void *pitems, size_t n, size_t size)
{
        void **items = pitems, *p = reallocarray(*items, n + 1, size);

        if (!p)
                return -ENOMEM;
        *items = p;
        memset((char *) p + n * size, 0, size);
        return 0;
}

int string_list_add(StringList *l, const char *s)
{
        char *copy = strdup(s);

        if (!copy || grow(&l->items, l->n, sizeof(*l->items)) < 0) {
                free(copy);
                return -ENOMEM;
        }
        l->items[l->n++] = copy;
        return 0;
}

void string_list_clear(StringList *l)
{
        for (size_t i = 0; i < l->n; i++)
                free(l->items[i]);
        free(l->items);
        *l = (StringList){ 0 };
}

int endpoint_list_add(EndpointList *l, const Endpoint *e)
{
        if (grow(&l->items, l->n, sizeof(*l->items)) < 0)
                return -ENOMEM;
        l->items[l->n++] = *e;
        return 0;
}

void endpoint_list_clear(EndpointList *l)
{
        free(l->items);
        *l = (EndpointList){ 0 };
}

int prefix_list_add(PrefixList *l, const IpPrefix *p)
{
        if (grow(&l->items, l->n, sizeof(*l->items)) < 0)
                return -ENOMEM;
        l->items[l->n++] = *p;
        return 0;
}

void prefix_list_clear(PrefixList *l)
{
        free(l->items);
        *l = (PrefixList){ 0 };
}

int host_port_list_add(HostPortList *l, const char *host, uint16_t port, uint32_t key)
{
        char *copy = strdup(host);

        if (!copy || grow(&l->items, l->n, sizeof(*l->items)) < 0) {
                free(copy);
                return -ENOMEM;
        }
        l->items[l->n++] = (HostPort){ .host = copy, .port = port, .key = key };
        return 0;
}

void host_port_list_clear(HostPortList *l)
{
        for (size_t i = 0; i < l->n; i++)
                free(l->items[i].host);
        free(l->items);
        *l = (HostPortList){ 0 };
}

int expected_hold_list_add(ExpectedHoldList *l, int state, const char *who)
{
        char *copy = strdup(who);

        if (!copy || grow(&l->items, l->n, sizeof(*l->items)) < 0) {
                free(copy);
                return -ENOMEM;
        }
        l->items[l->n++] = (ExpectedHold){ .state = state, .who = copy };
        return 0;
}

void expected_hold_list_clear(ExpectedHoldList *l)
{
        for (size_t i = 0; i < l->n; i++)
                free(l->items[i].who);
        free(l->items);
        *l = (ExpectedHoldList){ 0 };
}

int settings_new(Settings **ret)
{
        Settings *s = calloc(1, sizeof(*s));

        if (!s)
                return -ENOMEM;
        *s = (Settings){
                .n_refs = 1,
                .target = LWS_SYSTATE_OPERATIONAL,
                .flap_usec = 300 * USEC_PER_MSEC,
                .quota_attachments = 4096,
                .quota_holds = 64,
                .quota_lookups = 256,
                .quota_connections = 256,
                .dns = { .cache = true,
                        .cache_max_bytes = 4 << 20,
                        .stale_usec = USEC_PER_DAY,
                        .read_hosts = true },
                .time = { .set_clock = true,
                        .poll_min_usec = 64 * USEC_PER_SEC,
                        .poll_max_usec = 1024 * USEC_PER_SEC,
                        .min_sources = 1 },
                .portal = { .provider = STAGE_PROVIDER_BUILTIN, .check = true },
                .policy = { .provider = STAGE_PROVIDER_BUILTIN },
        };
        *ret = s;
        return 0;
}

static void link_settings_clear(LinkSettings *l)
{
        free(l->glob);
        prefix_list_clear(&l->addresses);
        endpoint_list_clear(&l->gateways);
        endpoint_list_clear(&l->dns);
        host_port_list_clear(&l->ntp);
        string_list_clear(&l->domains);
}

static void stage_settings_clear(StageSettings *s)
{
        free(s->url);
        free(s->certificate_authority);
        free(s->credential_file);
        free(s->key);
        free(s->key_provider);
        free(s->name);
        free(s->scope);
}

Settings *settings_ref(const Settings *s)
{
        Settings *own = (Settings *) s; /* only the count changes */

        own->n_refs++;
        return own;
}

Settings *settings_free(Settings *s)
{
        if (!s || --s->n_refs > 0)
                return NULL;
        for (size_t i = 0; i < s->n_links; i++)
                link_settings_clear(&s->links[i]);
        free(s->links);
        expected_hold_list_clear(&s->expected_holds);
        string_list_clear(&s->require_links);
        endpoint_list_clear(&s->dns.servers);
        endpoint_list_clear(&s->dns.fallback_servers);
        endpoint_list_clear(&s->dns.stub);
        string_list_clear(&s->dns.domains);
        string_list_clear(&s->dns.pins);
        free(s->dns.certificate_authority);
        host_port_list_clear(&s->time.servers);
        host_port_list_clear(&s->time.nts_servers);
        free(s->time.certificate_authority);
        free(s->time.key_file);
        ntp_keys_clear(&s->time.keys);
        string_list_clear(&s->portal.urls);
        free(s->policy.file);
        free(s->policy.url);
        free(s->policy.key);
        free(s->policy.certificate_authority);
        free(s->portal.certificate_authority);
        stage_settings_clear(&s->registration);
        stage_settings_clear(&s->auth1);
        stage_settings_clear(&s->auth2);
        free(s->runtime_dir);
        free(s->state_dir);
        free(s);
        return NULL;
}

int settings_add_link(Settings *s, const char *glob, LinkSettings **ret)
{
        char *copy = strdup(glob);
        LinkSettings *l;

        if (!copy || grow(&s->links, s->n_links, sizeof(*s->links)) < 0) {
                free(copy);
                return -ENOMEM;
        }
        l = &s->links[s->n_links++];
        *l = (LinkSettings){
                .glob = copy,
                .managed = true,
                .dhcp = DHCP_MODE_YES,
                .conflict_detection = CONFLICT_DETECTION_FAST,
                .rapid_commit = true,
                .carrier_loss_usec = 5 * USEC_PER_SEC,
                .send_hostname = true,
                .use_dns = true,
                .use_ntp = true,
                .use_routes = true,
                .use_mtu = true,
                .use_domains = true,
        };
        *ret = l;
        return 0;
}

const LinkSettings *settings_for_link(const Settings *s, const char *ifname)
{
        for (size_t i = 0; i < s->n_links; i++)
                if (glob_matches(s->links[i].glob, ifname))
                        return &s->links[i];
        return NULL;
}

bool glob_matches(const char *glob, const char *name)
{
        const char *star = NULL, *resume = NULL;

        while (*name) {
                if (*glob == '*') {
                        star = glob++;
                        resume = name;
                } else if (*glob == '?' || *glob == *name) {
                        glob++;
                        name++;
                } else if (star) {
                        glob = star + 1;
                        name = ++resume;
                } else {
                        return false;
                }
        }
        while (*glob == '*')
                glob++;
        return *glob == 0;
}
