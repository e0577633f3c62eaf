/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What a person may choose, as values. daemon/config.c fills it from files; helpers only read it.
 * Owned by the daemon, immutable while it is in use; a reload makes a new one and hands it over
 * with system_reload().
 */
#include "proto/ntp-keys.h"
#include "util/addr.h"
#include "util/clock.h"
#include "util/error.h"
#include <lwsd/lws-states.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Growable arrays: `items` is NULL when `n` is 0. */
typedef struct StringList StringList;
struct StringList {
        char **items;
        size_t n;
};

typedef struct EndpointList EndpointList;
struct EndpointList {
        Endpoint *items;
        size_t n;
};

typedef struct PrefixList PrefixList;
struct PrefixList {
        IpPrefix *items;
        size_t n;
};

/* NAME[:PORT][#KEY] of a time server; port 0: the protocol's own; key 0: none. */
typedef struct HostPort HostPort;
struct HostPort {
        char *host;
        uint16_t port;
        uint32_t key;
};

typedef struct HostPortList HostPortList;
struct HostPortList {
        HostPort *items;
        size_t n;
};

typedef enum RequireFamily {
        REQUIRE_FAMILY_ANY,
        REQUIRE_FAMILY_IPV4,
        REQUIRE_FAMILY_IPV6,
        REQUIRE_FAMILY_BOTH,
} RequireFamily;

typedef enum DhcpMode { DHCP_MODE_NO, DHCP_MODE_IPV4, DHCP_MODE_IPV6, DHCP_MODE_YES } DhcpMode;
typedef enum ClientIdentifier { CLIENT_IDENTIFIER_DUID, CLIENT_IDENTIFIER_MAC } ClientIdentifier;
typedef enum ConflictDetection {
        CONFLICT_DETECTION_FAST,
        CONFLICT_DETECTION_STRICT,
        CONFLICT_DETECTION_NO,
} ConflictDetection;
typedef enum DnsOverTls {
        DNS_OVER_TLS_NO,
        DNS_OVER_TLS_OPPORTUNISTIC,
        DNS_OVER_TLS_YES,
} DnsOverTls;
typedef enum TimeObserve {
        TIME_OBSERVE_AUTO, /* observe where no server is known */
        TIME_OBSERVE_NO,
        TIME_OBSERVE_YES,
} TimeObserve;

/* One [Link GLOB] section; the first section whose glob matches a link's name rules it. */
typedef struct LinkSettings LinkSettings;
struct LinkSettings {
        char *glob;
        bool managed;
        DhcpMode dhcp;
        PrefixList addresses;
        EndpointList gateways;
        EndpointList dns;
        HostPortList ntp;
        StringList domains;
        uint32_t metric; /* 0: our default, 1024 */
        ClientIdentifier client_identifier;
        bool rapid_commit;
        ConflictDetection conflict_detection;
        usec_t carrier_loss_usec;
        bool send_hostname;
        bool use_dns, use_ntp, use_routes, use_mtu, use_domains;
};

typedef struct DnsSettings DnsSettings;
struct DnsSettings {
        EndpointList servers;
        EndpointList fallback_servers;
        StringList domains;
        StringList pins; /* DNSPins=: SPKI SHA-256 in base64 */
        DnsOverTls over_tls;
        char *certificate_authority; /* file; NULL: the system's store */
        bool cache;
        size_t cache_max_bytes;
        usec_t stale_usec;
        bool read_hosts;
        EndpointList stub; /* empty: no stub */
};

typedef struct TimeSettings TimeSettings;
struct TimeSettings {
        HostPortList servers;
        HostPortList nts_servers;
        char *certificate_authority;
        char *key_file; /* NULL: none */
        NtpKeys keys;   /* what is in it */
        bool set_clock;
        TimeObserve observe;
        usec_t poll_min_usec, poll_max_usec;
        unsigned min_sources;
        bool require_authenticated;
        bool interleaved;
};

typedef enum StageProvider {
        STAGE_PROVIDER_NONE,    /* passes */
        STAGE_PROVIDER_HOLD,    /* waits for a hold to have been taken and let go */
        STAGE_PROVIDER_BUILTIN, /* ours: for example EST (RFC 7030), OAuth (RFC 6749, RFC 8705) */
} StageProvider;

/* Which rung waits for the captive portal check. */
typedef enum PortalWait { PORTAL_WAIT_POST_TIME, PORTAL_WAIT_PRE_TIME } PortalWait;

typedef struct PortalSettings PortalSettings;
struct PortalSettings {
        StageProvider provider;
        bool check;
        PortalWait wait;
        char *certificate_authority; /* file, for the API; NULL: the system's store */
        StringList urls;
};

static inline int portal_rung(const PortalSettings *s)
{
        return s->wait == PORTAL_WAIT_PRE_TIME ? LWS_SYSTATE_CPD_PRE_TIME
                                               : LWS_SYSTATE_CPD_POST_TIME;
}

typedef struct PolicySettings PolicySettings;
struct PolicySettings {
        StageProvider provider;
        char *file;
        char *url;
        char *key;                   /* file, PEM of the public key that signs */
        char *certificate_authority; /* file; NULL: the system's store */
};

typedef struct StageSettings StageSettings;
struct StageSettings {
        StageProvider provider;
        char *url;                   /* of the EST server, of the token endpoint */
        char *certificate_authority; /* file; NULL: the system's store */
        char *credential_file;       /* "user:password" for the first enrolment */
        char *key;                   /* URI of one that an OpenSSL provider holds; NULL: ours */
        char *key_provider;          /* its name; NULL: what openssl.cnf activates */
        char *name;                  /* common name asked for, client_id; NULL: the host's name */
        char *scope;
};

/* Hold=STATE:WHO */
typedef struct ExpectedHold ExpectedHold;
struct ExpectedHold {
        int state;
        char *who;
};

typedef struct ExpectedHoldList ExpectedHoldList;
struct ExpectedHoldList {
        ExpectedHold *items;
        size_t n;
};

typedef struct Settings Settings;
struct Settings {
        unsigned n_refs;
        int target;
        RequireFamily require_family;
        StringList require_links;
        usec_t flap_usec;
        usec_t spread_usec; /* after a boot the first question to our servers waits up to this */
        uint32_t quota_attachments, quota_holds, quota_lookups, quota_connections; /* per uid */
        ExpectedHoldList expected_holds;

        LinkSettings *links;
        size_t n_links;
        DnsSettings dns;
        TimeSettings time;
        PortalSettings portal;
        PolicySettings policy;
        StageSettings registration, auth1, auth2;

        char *runtime_dir; /* /run/lwsd */
        char *state_dir;   /* /var/lib/lwsd */
};

/* A Settings with every default in place and no link section. */
int settings_new(Settings **ret);
Settings *settings_ref(const Settings *s);
/* Lets go of a reference; the last one frees. */
Settings *settings_free(Settings *s);
DEFINE_CLEANUP(Settings, settings_free)
/* A link section with every default in place, appended; `glob` is copied. */
int settings_add_link(Settings *s, const char *glob, LinkSettings **ret);
/* The section for a link of this name, or NULL: observe it. */
const LinkSettings *settings_for_link(const Settings *s, const char *ifname);
/* Do they say the same, whatever their globs are? */
bool link_settings_equal(const LinkSettings *a, const LinkSettings *b);
bool time_settings_equal(const TimeSettings *a, const TimeSettings *b);
/* Do they say the same of portal, policy, registration and tokens? */
bool upper_settings_equal(const Settings *a, const Settings *b);
/* `*` and `?`, nothing else; linear time. */
bool glob_matches(const char *glob, const char *name);

int string_list_add(StringList *l, const char *s);
void string_list_clear(StringList *l);
int endpoint_list_add(EndpointList *l, const Endpoint *e);
void endpoint_list_clear(EndpointList *l);
int prefix_list_add(PrefixList *l, const IpPrefix *p);
void prefix_list_clear(PrefixList *l);
int host_port_list_add(HostPortList *l, const char *host, uint16_t port, uint32_t key);
void host_port_list_clear(HostPortList *l);
int expected_hold_list_add(ExpectedHoldList *l, int state, const char *who);
void expected_hold_list_clear(ExpectedHoldList *l);
