/* SPDX-License-Identifier: MIT */
#include "helper/time-nts.h"
#include "helper/time-nts-file.h"
#include "net/stream.h"
#include "util/log.h"
#include <stdio.h>
#include <string.h>

#define EXCHANGE_USEC (10 * USEC_PER_SEC)
#define SERVER_TRIES  2 /* requests to an address of the NTP server, where it has another */
#define REFRESH_USEC  (28 * USEC_PER_DAY) /* no keys are older, while the server answers */
#define RENEW_SEC     INT64_C(604800)     /* before its certificate ends, or a third of its time */
#define RENEW_TRIES   8                   /* in that time */
#define STAY_AWAY     "asked us to stay away"

/* Besides what is in the messages; takes the place of what is stored once the NTP server is known,
 * for until then the keys there are may be good. */
typedef struct NtsGot NtsGot;
struct NtsGot {
        uint8_t c2s[SIV_KEY_SIZE], s2c[SIV_KEY_SIZE];
        int64_t valid_from_sec, valid_until_sec;
};

struct TimeNts {
        TimeName *name;
        NtsStored stored; /* keys, cookies, where they are good for, the back-off */
        bool have_keys;
        bool strict;   /* its dates were wrong by a proven clock: no more benefit of the doubt */
        bool lenient;  /* they were by one that only servers without a proof have set */
        usec_t got_at; /* the keys, or read from their file */
        int id;        /* of the source, -1: none */
        Stream *stream;
        NtsKe ke;
        size_t next_address;
        Endpoint peer; /* of the exchange under way */
        bool reached;  /* it answered the TLS handshake */
        NtsGot got;
        Lookup *lookup; /* of the NTP server it named */
        Endpoint
                servers[TIME_ADDRESSES_MAX]; /* what that gave; the first ones are in use or dead */
        size_t n_servers;
        Timer timer; /* gives an exchange up, or starts the next */
        bool local_failure, exchanging, exchanging_relaxed;
        bool awaits_resolver; /* the exchange under way, which is not there at the start */
        char why[512];
};

static usec_t now_of(const TimeNts *n)
{
        return thread_now(n->name->client->thread);
}

static bool clock_is_true(const TimeNts *n)
{
        const NtpClient *ntp = n->name->client->ntp;

        return ntp && ntp->state == NTP_STATE_SYNCED;
}

static void end_exchange(TimeNts *n)
{
        n->stream = stream_free(n->stream);
        n->lookup = lookup_cancel(n->lookup);
        n->exchanging = n->awaits_resolver = false;
        timer_cancel(&n->timer);
        explicit_bzero(&n->ke, sizeof(n->ke));
        explicit_bzero(&n->got, sizeof(n->got));
}

static void save(TimeNts *n)
{
        nts_stored_save(&n->name->client->files, n->name->host, n->name->port, &n->stored);
}

static void save_cookies(TimeNts *n)
{
        if (n->have_keys && n->stored.session.unsaved == 0 && n->stored.session.n_cookies > 0) {
                /* keep the younger half for a restart, spend the older */
                n->stored.session.unsaved = (n->stored.session.n_cookies + 1) / 2;
                save(n);
        }
}

/* They are of no more use, here and at the next start. */
static void forget_keys(TimeNts *n)
{
        n->have_keys = n->stored.relaxed = false;
        n->stored.session.n_cookies = n->stored.session.unsaved = 0;
}

/* -- The source ----------------------------------------------------------------------------- */

static void drop_source(TimeNts *n)
{
        if (n->id >= 0)
                time_source_remove(n->name->client, (unsigned) n->id);
        n->id = -1;
}

/* The dates of its certificate were looked at by a clock that may have been wrong, and by the one
 * that we have the certificate is not good, or nobody knows. */
static bool is_doubtful(const TimeNts *n)
{
        int64_t now_sec = time_clock_now_nsec() / NTP_NSEC_PER_SEC;

        return n->stored.relaxed &&
               (now_sec < n->stored.valid_from_sec || now_sec > n->stored.valid_until_sec);
}

/* Whoever sets the clock without a proof could make any certificate look old: that is not the last
 * word about it. */
static bool gives_benefit(const TimeNts *n)
{
        return !n->strict &&
               (!clock_is_true(n) || (n->lenient && !ntp_client_is_proven(n->name->client->ntp)));
}

/* What was let through can be looked at for good. */
static bool can_check_dates(const TimeNts *n)
{
        return n->have_keys && n->stored.relaxed && clock_is_true(n) &&
               (!gives_benefit(n) || !is_doubtful(n));
}

static void use_keys(TimeNts *n)
{
        TimeClient *tc = n->name->client;

        if (n->id >= 0 && !endpoint_equal(&tc->servers[n->id].endpoint, &n->stored.server))
                drop_source(n);
        if (n->id < 0)
                n->id = time_source_add(tc, n->name, &n->stored.server);
        if (n->id < 0)
                return;
        n->have_keys = true;
        n->got_at = now_of(n);
        n->why[0] = 0;
        ntp_client_set_validity(tc->ntp, (unsigned) n->id, n->stored.valid_from_sec,
                n->stored.valid_until_sec, is_doubtful(n));
        ntp_client_set_session(tc->ntp, (unsigned) n->id, &n->stored.session, now_of(n));
}

/* -- The exchange --------------------------------------------------------------------------- */

static const Endpoint *next_address(const TimeNts *n)
{
        return &n->name->addresses[n->next_address % n->name->n_addresses];
}

/* A server that told us to stay away is not asked for keys either (REQ_NTP 14). */
static bool find_address(TimeNts *n)
{
        for (size_t i = 0; i < n->name->n_addresses; i++, n->next_address++)
                if (!time_name_is_denied(n->name, next_address(n)))
                        return true;
        return false;
}

/* An address that is not there is no reason to wait before the next one of the name is tried. */
static bool has_another_address(TimeNts *n)
{
        while (++n->next_address % n->name->n_addresses != 0)
                if (!time_name_is_denied(n->name, next_address(n)))
                        return !n->reached;
        return false;
}

static void fail(TimeNts *n, const char *why, bool local)
{
        usec_t wait = 0;

        snprintf(n->why, sizeof(n->why), "%s: no keys: %s", n->name->host, why);
        end_exchange(n);
        n->local_failure = local;
        if (has_another_address(n)) {
                timer_set(&n->timer, 0);
                return;
        }
        wait = backoff_next(&n->stored.backoff, &RNG_KERNEL);
        if (local) /* nobody was troubled */
                n->stored.backoff.tries--;
        else /* it may have moved */
                time_name_refresh(n->name);
        log_event(local ? LOG_SEV_DEBUG : LOG_SEV_WARNING, LOG_FIELDS({ "LWSD_HELPER", "time" }),
                "time: %s; tried again in %.0f s", n->why, (double) wait * 1e-6);
        n->stored.not_before_sec =
                local ? 0 : time_clock_now_nsec() / NTP_NSEC_PER_SEC + (int64_t) (wait / 1000000);
        if (!local)
                save(n);
        timer_set(&n->timer, usec_add(now_of(n), wait));
}

/* The next address of the NTP server becomes the one that is asked; false: there is none that may
 * be. */
static bool take_server(TimeNts *n)
{
        while (n->n_servers > 0) {
                Endpoint server = n->servers[0];

                memmove(&n->servers[0], &n->servers[1], sizeof(server) * --n->n_servers);
                if (time_name_is_denied(n->name, &server))
                        continue;
                n->stored.server = server;
                return true;
        }
        return false;
}

static void add_server(TimeNts *n, const Endpoint *e)
{
        Endpoint *server = &n->servers[n->n_servers++];

        *server = *e;
        server->name[0] = 0;
        server->port = n->ke.port ? n->ke.port : NTP_PORT;
}

/* The servers are known: whatever the exchange gave is in use from here. */
static void adopt(TimeNts *n)
{
        NtsStored *st = &n->stored;

        if (!take_server(n)) {
                fail(n, "the NTP server it names " STAY_AWAY, false);
                return;
        }
        /* Cookies and keys belong together: those there were go with their keys. */
        memcpy(st->session.c2s, n->got.c2s, sizeof(n->got.c2s));
        memcpy(st->session.s2c, n->got.s2c, sizeof(n->got.s2c));
        st->valid_from_sec = n->got.valid_from_sec;
        st->valid_until_sec = n->got.valid_until_sec;
        st->session.n_cookies = st->session.unsaved = 0;
        for (size_t i = 0; i < n->ke.n_cookies; i++)
                (void) nts_session_add_cookie(
                        &st->session, n->ke.cookies[i].data, n->ke.cookies[i].size);
        st->session.unsaved = st->session.n_cookies;
        st->not_before_sec = 0;
        n->stored.relaxed = n->exchanging_relaxed;
        log_event(LOG_SEV_INFO, LOG_FIELDS({ "LWSD_HELPER", "time" }),
                "time: %s: keys and %zu cookies%s", n->name->host, st->session.n_cookies,
                n->stored.relaxed ? ", the dates of its certificate not looked at yet" : "");
        end_exchange(n);
        use_keys(n);
        save_cookies(n);
        if (can_check_dates(n)) { /* the clock became true in the meantime */
                n->lenient = false;
                timer_set(&n->timer, 0);
        }
}

static void on_server_resolved(Lookup *lookup, const LookupResult *result, void *userdata)
{
        TimeNts *n = userdata;

        n->lookup = NULL;
        if (result->n_addresses > 0) {
                n->n_servers = 0;
                for (size_t i = 0; i < result->n_addresses && i < ELEMENTSOF(n->servers); i++)
                        add_server(n, &(Endpoint){ .addr = result->addresses[i].addr });
                adopt(n);
        } else {
                fail(n, "the NTP server it names has no address", false);
        }
        time_client_drive(n->name->client);
}

static void find_server(TimeNts *n)
{
        TimeClient *tc = n->name->client;
        Endpoint server = n->peer;

        if (!n->ke.server[0] || strcmp(n->ke.server, n->name->host) == 0 ||
                endpoint_parse(n->ke.server, &server) == 0) {
                n->n_servers = 0;
                add_server(n, &server);
                adopt(n);
        } else if (!tc->resolver_set) {
                n->awaits_resolver = true;
        } else if (!tc->resolver || resolver_lookup_host(tc->resolver, &n->lookup, 0, n->ke.server,
                                            AF_UNSPEC, 0, on_server_resolved, n) < 0) {
                fail(n, "the NTP server it names cannot be looked up", false);
        }
}

static void finish(TimeNts *n)
{
        Tls *tls = stream_tls(n->stream);
        uint8_t c2s[5], s2c[5];

        nts_ke_context(false, c2s);
        nts_ke_context(true, s2c);
        if (tls_export(tls, NTS_KE_LABEL, c2s, sizeof(c2s), n->got.c2s, sizeof(n->got.c2s)) < 0 ||
                tls_export(tls, NTS_KE_LABEL, s2c, sizeof(s2c), n->got.s2c, sizeof(n->got.s2c)) <
                        0) {
                fail(n, "TLS gives no keys", false);
                return;
        }
        (void) tls_validity(tls, &n->got.valid_from_sec, &n->got.valid_until_sec);
        n->stream = stream_free(n->stream);
        find_server(n);
}

static void on_open(TimeNts *n)
{
        uint8_t request[64];
        Writer w = WRITER_INIT(request, sizeof(request));
        char alpn[32];

        n->reached = true;
        if (strcmp(tls_alpn(stream_tls(n->stream), alpn), NTS_KE_ALPN) != 0) {
                fail(n, "the server does not speak " NTS_KE_ALPN, false);
                return;
        }
        nts_ke_write_request(&w);
        if (stream_write(n->stream, request, w.pos) < 0)
                fail(n, "cannot write", false);
}

/* By the clock that we have its dates are wrong: what was believed while the clock was not true is
 * not any more, nor what it said. */
static void judge_dates(TimeNts *n)
{
        NtpClient *ntp = n->name->client->ntp;

        n->lenient = !ntp_client_is_proven(ntp);
        if (!n->stored.relaxed)
                return;
        forget_keys(n);
        n->strict |= !n->lenient;
        drop_source(n);
        ntp_client_disturbed(ntp, now_of(n));
}

static void on_closed(TimeNts *n, int error)
{
        char why[160];
        bool dates = stream_tls(n->stream) && tls_failed_for_time(stream_tls(n->stream));

        if (error == 0)
                (void) nts_ke_end(&n->ke);
        snprintf(why, sizeof(why), "%s", error < 0 ? stream_why(n->stream) : n->ke.why);
        if (dates && clock_is_true(n))
                judge_dates(n);
        fail(n, why, error == -ENETUNREACH || error == -EHOSTUNREACH || error == -ENETDOWN);
}

static void on_stream(
        Stream *stream, StreamEvent event, const uint8_t *data, size_t size, int error)
{
        TimeNts *n = stream_userdata(stream);

        switch (event) {
        case STREAM_OPEN:
                on_open(n);
                break;
        case STREAM_DATA:
                switch (nts_ke_feed(&n->ke, data, size)) {
                case NTS_KE_MORE:
                        break;
                case NTS_KE_DONE:
                        finish(n);
                        break;
                case NTS_KE_FAILED:
                        fail(n, n->ke.why, false);
                        break;
                }
                break;
        case STREAM_CLOSED:
                on_closed(n, error);
                break;
        }
        time_client_drive(n->name->client);
}

static int open_exchange(TimeNts *n)
{
        TimeClient *tc = n->name->client;
        TlsPeer peer = { .verify = true, .name = n->name->literal ? NULL : n->name->host };

        n->peer = *next_address(n);
        n->peer.port = n->name->port ? n->name->port : NTS_KE_PORT;
        peer.addr = n->peer.addr;
        n->exchanging_relaxed = gives_benefit(n);
        if (n->exchanging_relaxed)
                peer.young_until_sec = tc->floor_nsec / NTP_NSEC_PER_SEC;
        if (!tc->tls) {
                int r = tls_config_new(
                        &tc->tls, tc->settings->time.certificate_authority, NTS_KE_ALPN);

                if (r < 0)
                        return r;
                tls_config_require_1_3(tc->tls);
        }
        nts_ke_init(&n->ke);
        return stream_new_tls(&n->stream, context_vhost_system(tc->cx), tc->thread, &n->peer,
                NTS_KE_PORT, tc->tls, &peer, NULL, on_stream, n);
}

/* None of the servers known so far may be asked: the name may have others later. */
static void look_elsewhere(TimeNts *n)
{
        n->reached = true; /* and whoever is asked next is so after a wait */
        if (n->name->literal && !find_address(n)) {
                snprintf(n->why, sizeof(n->why), "%s: no keys: it " STAY_AWAY, n->name->host);
                save(n);
        } else {
                fail(n, "its server " STAY_AWAY, false);
        }
}

static void exchange(TimeNts *n)
{
        int64_t wait = n->stored.not_before_sec - time_clock_now_nsec() / NTP_NSEC_PER_SEC;
        int r;

        if (n->exchanging || n->name->n_addresses == 0)
                return;
        /* a clock that was set in between makes no wait longer than the longest */
        if (wait > 0 && wait <= (int64_t) (NTS_BACKOFF_MAX_USEC / USEC_PER_SEC) * 11 / 10) {
                timer_set(&n->timer, usec_add(now_of(n), (usec_t) wait * USEC_PER_SEC));
                return;
        }
        if (!find_address(n)) {
                look_elsewhere(n);
                return;
        }
        n->exchanging = true;
        n->local_failure = n->reached = false;
        timer_set(&n->timer, usec_add(now_of(n), EXCHANGE_USEC));
        r = open_exchange(n);
        if (r < 0)
                fail(n, strerror(-r), true);
}

static void on_timer(Timer *t, usec_t now)
{
        TimeNts *n = container_of(t, TimeNts, timer);

        if (n->exchanging)
                fail(n, "no answer", false);
        else
                exchange(n);
        time_client_drive(n->name->client);
}

/* -- What others call ----------------------------------------------------------------------- */

int time_nts_new(TimeNts **ret, TimeName *name)
{
        TimeNts *n = calloc(1, sizeof(*n));

        if (!n)
                return -ENOMEM;
        n->name = name;
        n->id = -1;
        timer_init(&n->timer, name->client->thread, on_timer);
        nts_stored_init(&n->stored);
        if (nts_stored_load(&name->client->files, name->host, name->port, &n->stored) &&
                n->stored.session.n_cookies > 0 && !time_name_is_denied(name, &n->stored.server))
                use_keys(n);
        snprintf(n->why, sizeof(n->why), "%s: no keys yet", name->host);
        *ret = n;
        return 0;
}

TimeNts *time_nts_free(TimeNts *n)
{
        if (!n)
                return NULL;
        end_exchange(n);
        /* In no request any more: all that are left may wait for the next start. */
        if (n->have_keys) {
                n->stored.session.unsaved = 0;
                save(n);
        }
        drop_source(n);
        explicit_bzero(n, sizeof(*n));
        free(n);
        return NULL;
}

void time_nts_start(TimeNts *n)
{
        if (!n->have_keys && !timer_is_set(&n->timer))
                exchange(n);
}

void time_nts_need_keys(TimeNts *n)
{
        /* The cookies there are go on being tried (REQ_NTP 37). */
        if (n->stored.session.n_cookies == 0)
                n->have_keys = false;
        if (n->exchanging || timer_is_set(&n->timer))
                return;
        if (n->stored.backoff.tries > 0) {
                timer_set(&n->timer,
                        usec_add(now_of(n), backoff_next(&n->stored.backoff, &RNG_KERNEL)));
                return;
        }
        /* The keys of this exchange may be refused like the last: then it waits. */
        n->stored.backoff.tries++;
        exchange(n);
}

void time_nts_resolver_set(TimeNts *n)
{
        if (!n->awaits_resolver)
                return;
        n->awaits_resolver = false;
        find_server(n);
}

void time_nts_network_changed(TimeNts *n)
{
        if (n->have_keys || n->exchanging || !n->local_failure)
                return;
        timer_cancel(&n->timer);
        exchange(n);
}

static void check_dates(TimeNts *n)
{
        n->lenient = false;
        exchange(n);
}

void time_nts_synchronized(TimeNts *n)
{
        if (!n->exchanging && can_check_dates(n))
                check_dates(n);
}

/* Whether other keys are to be got while these are still good: a session should not end with the
 * certificate that its server has replaced long since (REQ_NTP 37). */
static bool should_renew(const TimeNts *n)
{
        int64_t now_sec = time_clock_now_nsec() / NTP_NSEC_PER_SEC;
        int64_t margin = MIN(RENEW_SEC, (n->stored.valid_until_sec - n->stored.valid_from_sec) / 3);
        usec_t age = usec_sub(now_of(n), n->got_at);

        if (!n->have_keys || !clock_is_true(n))
                return false;
        if (age >= REFRESH_USEC)
                return true;
        return n->stored.valid_until_sec != 0 && now_sec > n->stored.valid_until_sec - margin &&
               age >= (usec_t) margin * USEC_PER_SEC / RENEW_TRIES;
}

void time_nts_answered(TimeNts *n)
{
        /* Not while an exchange for other keys is under way or has failed: that one has to wait. */
        if (n->exchanging || timer_is_set(&n->timer))
                return;
        backoff_reset(&n->stored.backoff);
        if (n->lenient && can_check_dates(n))
                check_dates(n);
        else if (should_renew(n))
                exchange(n);
}

void time_nts_denied(TimeNts *n)
{
        /* The keys are good with every address of the NTP server. */
        if (n->stored.session.n_cookies > 0 && take_server(n)) {
                use_keys(n);
                save(n);
                return;
        }
        forget_keys(n);
        if (n->exchanging)
                save(n);
        else
                look_elsewhere(n);
}

void time_nts_contradicted(TimeNts *n)
{
        /* One that was good under a true clock, now or in an earlier run, has ended since: there
         * may be another. */
        bool ended = n->have_keys && !n->stored.relaxed;

        forget_keys(n);
        drop_source(n);
        if (n->exchanging)
                return;
        if (ended) {
                snprintf(n->why, sizeof(n->why), "%s: no keys: its certificate has ended",
                        n->name->host);
                timer_set(&n->timer, 0);
                return;
        }
        fail(n, "its certificate is not good at the time that it tells", false);
}

bool time_nts_before_request(TimeNts *n)
{
        const NtpSource *s = &n->name->client->ntp->sources[n->id];

        if (s->replies == 0 && s->requests >= SERVER_TRIES && take_server(n)) {
                use_keys(n);
                return false;
        }
        save_cookies(n);
        return true;
}

const char *time_nts_why(const TimeNts *n)
{
        return n->have_keys ? NULL : n->why;
}
