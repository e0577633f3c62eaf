/* SPDX-License-Identifier: MIT */
#include "helper/settings.h"
#include "util/text.h"
#include <string.h>

static bool same_strings(const StringList *a, const StringList *b)
{
        if (a->n != b->n)
                return false;
        for (size_t i = 0; i < a->n; i++)
                if (strcmp(a->items[i], b->items[i]) != 0)
                        return false;
        return true;
}

static bool same_endpoints(const EndpointList *a, const EndpointList *b)
{
        if (a->n != b->n)
                return false;
        for (size_t i = 0; i < a->n; i++)
                if (!endpoint_equal(&a->items[i], &b->items[i]))
                        return false;
        return true;
}

static bool same_prefixes(const PrefixList *a, const PrefixList *b)
{
        if (a->n != b->n)
                return false;
        for (size_t i = 0; i < a->n; i++)
                if (!ip_equal(&a->items[i].addr, &b->items[i].addr) ||
                        a->items[i].length != b->items[i].length)
                        return false;
        return true;
}

static bool same_hosts(const HostPortList *a, const HostPortList *b)
{
        if (a->n != b->n)
                return false;
        for (size_t i = 0; i < a->n; i++)
                if (strcmp(a->items[i].host, b->items[i].host) != 0 ||
                        a->items[i].port != b->items[i].port || a->items[i].key != b->items[i].key)
                        return false;
        return true;
}

bool time_settings_equal(const TimeSettings *a, const TimeSettings *b)
{
        return same_hosts(&a->servers, &b->servers) &&
               same_hosts(&a->nts_servers, &b->nts_servers) &&
               text_equal(a->certificate_authority, b->certificate_authority) &&
               ntp_keys_equal(&a->keys, &b->keys) && a->set_clock == b->set_clock &&
               a->observe == b->observe && a->poll_min_usec == b->poll_min_usec &&
               a->poll_max_usec == b->poll_max_usec && a->min_sources == b->min_sources &&
               a->require_authenticated == b->require_authenticated &&
               a->interleaved == b->interleaved;
}

static bool same_stage(const StageSettings *a, const StageSettings *b)
{
        return a->provider == b->provider && text_equal(a->url, b->url) &&
               text_equal(a->certificate_authority, b->certificate_authority) &&
               text_equal(a->credential_file, b->credential_file) && text_equal(a->key, b->key) &&
               text_equal(a->key_provider, b->key_provider) && text_equal(a->name, b->name) &&
               text_equal(a->scope, b->scope);
}

static bool same_policy(const PolicySettings *a, const PolicySettings *b)
{
        return a->provider == b->provider && text_equal(a->file, b->file) &&
               text_equal(a->url, b->url) && text_equal(a->key, b->key) &&
               text_equal(a->certificate_authority, b->certificate_authority);
}

bool upper_settings_equal(const Settings *a, const Settings *b)
{
        return a->portal.check == b->portal.check && a->portal.wait == b->portal.wait &&
               a->portal.provider == b->portal.provider &&
               text_equal(a->portal.certificate_authority, b->portal.certificate_authority) &&
               same_strings(&a->portal.urls, &b->portal.urls) &&
               same_policy(&a->policy, &b->policy) &&
               same_stage(&a->registration, &b->registration) && same_stage(&a->auth1, &b->auth1) &&
               same_stage(&a->auth2, &b->auth2) && a->spread_usec == b->spread_usec &&
               text_equal(a->state_dir, b->state_dir);
}

bool link_settings_equal(const LinkSettings *a, const LinkSettings *b)
{
        return a->managed == b->managed && a->dhcp == b->dhcp &&
               same_prefixes(&a->addresses, &b->addresses) &&
               same_endpoints(&a->gateways, &b->gateways) && same_endpoints(&a->dns, &b->dns) &&
               same_hosts(&a->ntp, &b->ntp) && same_strings(&a->domains, &b->domains) &&
               a->metric == b->metric && a->client_identifier == b->client_identifier &&
               a->rapid_commit == b->rapid_commit &&
               a->conflict_detection == b->conflict_detection &&
               a->carrier_loss_usec == b->carrier_loss_usec &&
               a->send_hostname == b->send_hostname && a->use_dns == b->use_dns &&
               a->use_ntp == b->use_ntp && a->use_routes == b->use_routes &&
               a->use_mtu == b->use_mtu && a->use_domains == b->use_domains;
}
