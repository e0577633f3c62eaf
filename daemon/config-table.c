/* SPDX-License-Identifier: MIT */
#include "daemon/config-table.h"
#include <string.h>

static const char *const require_family_names[] = { "any", "ipv4", "ipv6", "both", NULL };
static const char *const dhcp_names[] = { "no", "ipv4", "ipv6", "yes", NULL };
static const char *const client_identifier_names[] = { "duid", "mac", NULL };
static const char *const conflict_names[] = { "fast", "strict", "no", NULL };
static const char *const over_tls_names[] = { "no", "opportunistic", "yes", NULL };
static const char *const observe_names[] = { "auto", "no", "yes", NULL };
static const char *const portal_wait_names[] = { "post-time", "pre-time", NULL };
static const char *const own_names[] = { "none", "hold", "lwsd", NULL };
static const char *const registration_names[] = { "none", "hold", "est", NULL };
static const char *const auth_names[] = { "none", "hold", "oauth", NULL };

#define SIZE(type, field) sizeof(((type *) 0)->field)
#define KEY(s, n, p, field)                                                                        \
        {                                                                                          \
                s, n, config_parse_##p, offsetof(Settings, field), SIZE(Settings, field)           \
        }
#define ENUM(s, n, field, e)                                                                       \
        {                                                                                          \
                s, n, config_parse_enum, offsetof(Settings, field), SIZE(Settings, field), e       \
        }
#define NUMBER(s, n, field, low, high)                                                             \
        {                                                                                          \
                s, n, config_parse_unsigned, offsetof(Settings, field), SIZE(Settings, field),     \
                        NULL, low, high                                                            \
        }
#define LINK(n, p, field)                                                                          \
        {                                                                                          \
                "Link", n, config_parse_##p, offsetof(LinkSettings, field),                        \
                        SIZE(LinkSettings, field)                                                  \
        }
#define LINK_ENUM(n, field, e)                                                                     \
        {                                                                                          \
                "Link", n, config_parse_enum, offsetof(LinkSettings, field),                       \
                        SIZE(LinkSettings, field), e                                               \
        }
/* What the stages that talk to a server have in common. */
#define STAGE(s, field)                                                                            \
        KEY(s, "Url", string, field.url), KEY(s, "Name", string, field.name),                      \
                KEY(s, "CertificateAuthority", string, field.certificate_authority)

/* config_parse_enum() writes an int. */
_Static_assert(sizeof(DhcpMode) == sizeof(int), "an enum of the table is not an int");

static const ConfigKey config_keys[] = {
        KEY("Manager", "Target", state, target),
        ENUM("Manager", "RequireFamily", require_family, require_family_names),
        KEY("Manager", "RequireLinks", strings, require_links),
        KEY("Manager", "FlapSec", usec, flap_usec),
        { "Manager", "SpreadSec", config_parse_usec, offsetof(Settings, spread_usec),
                SIZE(Settings, spread_usec), NULL, 0, USEC_PER_DAY },
        NUMBER("Manager", "QuotaAttachments", quota_attachments, 1, 10000000),
        NUMBER("Manager", "QuotaHolds", quota_holds, 1, 100000),
        NUMBER("Manager", "QuotaLookups", quota_lookups, 1, 100000),
        NUMBER("Manager", "QuotaConnections", quota_connections, 1, 100000),
        KEY("Manager", "Hold", holds, expected_holds),

        LINK("Managed", bool, managed),
        LINK_ENUM("DHCP", dhcp, dhcp_names),
        LINK("Address", prefixes, addresses),
        LINK("Gateway", gateways, gateways),
        LINK("DNS", endpoints, dns),
        LINK("NTP", hosts, ntp),
        LINK("Domains", domains, domains),
        { "Link", "Metric", config_parse_unsigned, offsetof(LinkSettings, metric),
                SIZE(LinkSettings, metric), NULL, 0, UINT32_MAX },
        LINK_ENUM("ClientIdentifier", client_identifier, client_identifier_names),
        LINK("RapidCommit", bool, rapid_commit),
        LINK_ENUM("ConflictDetection", conflict_detection, conflict_names),
        LINK("CarrierLossSec", usec, carrier_loss_usec),
        LINK("SendHostname", bool, send_hostname),
        LINK("UseDNS", bool, use_dns),
        LINK("UseNTP", bool, use_ntp),
        LINK("UseRoutes", bool, use_routes),
        LINK("UseMTU", bool, use_mtu),
        LINK("UseDomains", bool, use_domains),

        KEY("DNS", "Servers", endpoints, dns.servers),
        KEY("DNS", "FallbackServers", endpoints, dns.fallback_servers),
        KEY("DNS", "Domains", domains, dns.domains),
        KEY("DNS", "DNSPins", strings, dns.pins),
        ENUM("DNS", "DNSOverTLS", dns.over_tls, over_tls_names),
        KEY("DNS", "CertificateAuthority", string, dns.certificate_authority),
        KEY("DNS", "Cache", bool, dns.cache),
        { "DNS", "CacheMaxBytes", config_parse_size, offsetof(Settings, dns.cache_max_bytes),
                SIZE(Settings, dns.cache_max_bytes), NULL, 0, 1ULL << 30 },
        KEY("DNS", "StaleSec", usec, dns.stale_usec),
        KEY("DNS", "ReadHosts", bool, dns.read_hosts),
        KEY("DNS", "Stub", listeners_or_no, dns.stub),

        KEY("Time", "Servers", hosts, time.servers),
        KEY("Time", "NTSServers", hosts, time.nts_servers),
        KEY("Time", "CertificateAuthority", string, time.certificate_authority),
        KEY("Time", "KeyFile", string, time.key_file),
        KEY("Time", "SetClock", bool, time.set_clock),
        ENUM("Time", "Observe", time.observe, observe_names),
        { "Time", "PollMinSec", config_parse_usec, offsetof(Settings, time.poll_min_usec),
                SIZE(Settings, time.poll_min_usec), NULL, USEC_PER_SEC, 0 },
        { "Time", "PollMaxSec", config_parse_usec, offsetof(Settings, time.poll_max_usec),
                SIZE(Settings, time.poll_max_usec), NULL, USEC_PER_SEC, 0 },
        NUMBER("Time", "MinSources", time.min_sources, 1, 64),
        KEY("Time", "RequireAuthenticated", bool, time.require_authenticated),
        KEY("Time", "Interleaved", bool, time.interleaved),

        ENUM("CaptivePortal", "Provider", portal.provider, own_names),
        KEY("CaptivePortal", "Check", bool, portal.check),
        KEY("CaptivePortal", "Urls", strings, portal.urls),
        KEY("CaptivePortal", "CertificateAuthority", string, portal.certificate_authority),
        ENUM("CaptivePortal", "Wait", portal.wait, portal_wait_names),

        ENUM("Policy", "Provider", policy.provider, own_names),
        KEY("Policy", "File", string, policy.file),
        KEY("Policy", "Url", string, policy.url),
        KEY("Policy", "Key", string, policy.key),
        KEY("Policy", "CertificateAuthority", string, policy.certificate_authority),

        ENUM("Registration", "Provider", registration.provider, registration_names),
        KEY("Registration", "CredentialFile", string, registration.credential_file),
        KEY("Registration", "Key", string, registration.key),
        KEY("Registration", "KeyProvider", string, registration.key_provider),
        STAGE("Registration", registration),
        ENUM("Auth1", "Provider", auth1.provider, auth_names),
        KEY("Auth1", "Scope", string, auth1.scope),
        STAGE("Auth1", auth1),
        ENUM("Auth2", "Provider", auth2.provider, auth_names),
        KEY("Auth2", "Scope", string, auth2.scope),
        STAGE("Auth2", auth2),
};

const ConfigKey *config_key_find(const char *section, const char *name)
{
        for (size_t i = 0; i < ELEMENTSOF(config_keys); i++)
                if (strcmp(config_keys[i].section, section) == 0 &&
                        strcmp(config_keys[i].name, name) == 0)
                        return &config_keys[i];
        return NULL;
}

bool config_section_exists(const char *section)
{
        for (size_t i = 0; i < ELEMENTSOF(config_keys); i++)
                if (strcmp(config_keys[i].section, section) == 0)
                        return true;
        return false;
}
