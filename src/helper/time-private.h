/* SPDX-License-Identifier: MIT */
#pragma once
/* What the files of the time helper share: time.c (states, clock, what others see), time-names.c
 * (which servers, at which addresses), time-sources.c (packets). */
#include "core/backoff.h"
#include "core/timer.h"
#include "helper/time-clock.h"
#include "helper/time-files.h"
#include "helper/time.h"
#include "proto/ntp-client.h"
#include <lwsd/lws-states.h>

#define TIME_ADDRESSES_MAX    8 /* kept of what a name has */
#define TIME_SOURCES_PER_NAME 4
#define TIME_NAMES_MAX        16
#define TIME_DENIED_MAX       32

typedef struct TimeNts TimeNts; /* helper/time-nts.h */

/* A server as somebody named it. */
typedef struct TimeName TimeName;
struct TimeName {
        List link;
        TimeClient *client;
        char host[256];
        uint16_t port;
        uint32_t key; /* id of the symmetric one; 0: none */
        bool nts, literal, wanted;
        bool plain; /* its name could not be asked for safely, for want of true time */
        Lookup *lookup;
        Timer retry;
        Backoff backoff;
        bool resolved;                           /* by DNS in this run, not only remembered */
        Endpoint addresses[TIME_ADDRESSES_MAX];  /* in order of preference */
        usec_t silent_until[TIME_ADDRESSES_MAX]; /* gave way to another one for so long */
        size_t n_addresses;
        TimeNts *key_exchange; /* NTS only */
};

/* A source of the machine, by its id, bound to a name and an address. */
typedef struct TimeServer TimeServer;
struct TimeServer {
        TimeName *name; /* NULL: free */
        Endpoint endpoint;
        struct lws *wsi;     /* of the request that is out */
        int64_t read_before; /* our clock, read just before it went */
        bool stamped;        /* its time stamp has come */
        int ifindex;         /* where the last answer came in */
};

/* When an address was last asked, whatever has become of the source that asked. */
typedef struct TimeContact TimeContact;
struct TimeContact {
        Endpoint endpoint;
        usec_t at;
};

/* Who asked us to stay away. A kiss that proves nothing says nothing about the NTS server there. */
typedef struct TimeDenied TimeDenied;
struct TimeDenied {
        Endpoint endpoint;
        bool nts;
};

struct TimeClient {
        struct lws_context *cx;
        Thread *thread;
        Network *network;
        Resolver *resolver;
        bool resolver_set; /* the start has come to it; NULL still where there is none */
        const Settings *settings;
        NetworkWatch network_watch;
        Hold *hold;
        List watches;
        Timer timer, notify;
        bool observing, kernel_synced;
        unsigned observe_tries;
        int64_t floor_nsec;
        usec_t last_sync_usec; /* CLOCK_REALTIME */
        usec_t synced_at;
        TimeClock clock;
        TimeFiles files;
        NtpClient *ntp; /* NULL while observing */
        List names;
        struct TlsConfig *tls; /* of NTS; NULL before its first use */
        TimeDenied denied[TIME_DENIED_MAX];
        size_t n_denied;
        TimeServer servers[NTP_MAX_SOURCES];
        TimeContact contacts[NTP_MAX_SOURCES];
};

/* -- time.c ------------------------------------------------------------------------------------ */
/* Carries out what the machine asks for, explains, and sets the timer: after every call into it. */
void time_client_drive(TimeClient *tc);
/* Something that others can see has changed. */
void time_client_touch(TimeClient *tc);

/* -- time-names.c ------------------------------------------------------------------------------ */
/* Whether anybody names a server: configuration or a lease. */
bool time_names_exist(const TimeClient *tc);
/* Brings names, and with them sources, in line with the configuration and the leases. */
void time_names_update(TimeClient *tc);
void time_names_clear(TimeClient *tc);
/* Asks again for the names that have no address yet. */
void time_names_retry(TimeClient *tc);
/* The address gave up on us, or we on it: use another one of its name, or ask for others. */
void time_name_lost_address(TimeName *name, unsigned id, bool for_good);
/* Whether that told us to stay away. */
bool time_name_is_denied(const TimeName *name, const Endpoint *e);
/* Asks DNS what it stands for now. */
void time_name_refresh(TimeName *name);
/* The addresses of a name changed. */
void time_name_apply(TimeName *name);
/* Keeps in the state folder what the selected sources are. */
void time_names_remember(TimeClient *tc);

/* -- time-sources.c ---------------------------------------------------------------------------- */
int time_source_add(TimeClient *tc, TimeName *name, const Endpoint *endpoint);
void time_source_remove(TimeClient *tc, unsigned id);
/* Sends every request that is due. */
void time_sources_send(TimeClient *tc);
/* "ntp.example (192.0.2.1)", or the address alone. */
const char *time_source_label(
        const TimeName *name, const Endpoint *endpoint, char *buf, size_t size);
