/* SPDX-License-Identifier: MIT */
#include "helper/time-nts.h"
#include "net/tls.h"
#include "util/fd.h"
#include "util/log.h"
#include "util/message-id.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OBSERVE_MIN_USEC   USEC_PER_SEC
#define OBSERVE_MAX_USEC   (16 * USEC_PER_SEC)
#define OBSERVE_IDLE_USEC  (10 * USEC_PER_MIN)
#define UNKNOWN_FREQUENCY  100e-6 /* what a crystal nobody has measured may be off */
#define MEASURED_FREQUENCY 1e-6   /* and one that was, some time ago */
#define TIMESYNC_DIR       "/run/systemd/timesync"
#define SYNCHRONIZED_FILE  "synchronized"
#define LEAP_NSEC          NTP_NSEC_PER_SEC

static const char *const confidence_names[] = {
        [TIME_CONFIDENCE_NONE] = "none",
        [TIME_CONFIDENCE_FLOOR] = "floor",
        [TIME_CONFIDENCE_AGREED] = "agreed",
        [TIME_CONFIDENCE_AUTHENTICATED] = "authenticated",
};

const char *time_confidence_to_string(TimeConfidence c)
{
        return (size_t) c < ELEMENTSOF(confidence_names) ? confidence_names[c] : NULL;
}

/* -- Telling -------------------------------------------------------------------------------- */

void time_client_touch(TimeClient *tc)
{
        if (!timer_is_set(&tc->notify))
                timer_set(&tc->notify, 0);
}

static void on_notify(Timer *t, usec_t now)
{
        TimeClient *tc = container_of(t, TimeClient, notify);

        list_foreach_safe (it, &tc->watches) {
                TimeWatch *w = list_entry(it, TimeWatch, link);

                w->changed(w);
        }
}

static void tell_step(TimeClient *tc, int64_t nsec)
{
        list_foreach_safe (it, &tc->watches) {
                TimeWatch *w = list_entry(it, TimeWatch, link);

                if (w->stepped)
                        w->stepped(w, nsec / NSEC_PER_USEC);
        }
}

static usec_t to_monotonic(usec_t boottime)
{
        usec_t now = clock_boottime_usec();

        if (boottime == USEC_INFINITY)
                return 0;
        return usec_add(clock_monotonic_usec(), usec_sub(boottime, now));
}

/* No source at all: either names have no address yet, or NTS no keys. */
static const char *explain_names(const TimeClient *tc, char *why, size_t size)
{
        const TimeName *unresolved = NULL;

        list_foreach (it, &tc->names) {
                const TimeName *name = list_entry(it, TimeName, link);

                if (name->n_addresses == 0)
                        unresolved = name;
                else if (name->nts && time_nts_why(name->key_exchange)) {
                        snprintf(why, size, "%s", time_nts_why(name->key_exchange));
                        return "no-keys";
                }
        }
        if (!unresolved) {
                snprintf(why, size, "no time server is known");
                return "no-server";
        }
        snprintf(why, size, "%s: its address is not known yet", unresolved->host);
        return "no-address";
}

static void explain(TimeClient *tc)
{
        char why[320];
        const char *code;

        if (tc->observing) {
                if (tc->kernel_synced)
                        hold_drop(tc->hold);
                else
                        hold_assert(tc->hold, "not-synchronized", 0,
                                "%s, and the kernel's clock is not synchronized by anyone",
                                tc->settings->time.observe == TIME_OBSERVE_YES
                                        ? "the clock is left to others"
                                        : "no time server is known");
                return;
        }
        if (tc->ntp->state == NTP_STATE_SYNCED) {
                hold_drop(tc->hold);
                return;
        }
        code = ntp_client_waiting(tc->ntp, why, sizeof(why));
        if (strcmp(code, "no-server") == 0)
                code = explain_names(tc, why, sizeof(why));
        hold_assert(tc->hold, code, to_monotonic(ntp_client_deadline(tc->ntp)), "%s", why);
}

/* -- Files others look at ------------------------------------------------------------------- */

static void touch_file(int dirfd, const char *name)
{
        _cleanup_fd_ int fd =
                openat(dirfd, name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);

        if (fd >= 0)
                (void) futimens(fd, NULL);
}

static bool timesyncd_is_enabled(void)
{
        return access("/etc/systemd/system/sysinit.target.wants/systemd-timesyncd.service", F_OK) ==
               0;
}

/* Our own folder always; that of timesyncd, which timedatectl and time-sync.target look at, only
 * where it is there for us to write and timesyncd is not the one that does (REQ_NTP 42). */
static void mark_synchronized(TimeClient *tc)
{
        _cleanup_fd_ int own = -EBADF, shared = -EBADF;
        const char *dir = tc->settings->runtime_dir;

        if (!dir)
                return;
        own = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (own >= 0)
                touch_file(own, SYNCHRONIZED_FILE);
        if (strcmp(dir, "/run/lwsd") != 0 || timesyncd_is_enabled())
                return;
        shared = open(TIMESYNC_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (shared >= 0)
                touch_file(shared, SYNCHRONIZED_FILE);
}

/* The time that is kept is the floor of the next start, and old certificates are refused by it.
 * Where there are servers that are to prove the time, nobody else may move it past the end of
 * theirs. */
static void keep_clock(TimeClient *tc, usec_t now, bool force)
{
        if (tc->settings->time.nts_servers.n == 0 || ntp_client_is_proven(tc->ntp))
                time_files_save_clock(&tc->files, now, force);
}

/* -- Events of the machine ------------------------------------------------------------------ */

static const char *leader(const TimeClient *tc)
{
        return tc->ntp->best >= 0 ? tc->ntp->labels[tc->ntp->best] : "?";
}

static void on_state(TimeClient *tc)
{
        const NtpSource *s = tc->ntp->best >= 0 ? &tc->ntp->sources[tc->ntp->best] : NULL;

        switch (tc->ntp->state) {
        case NTP_STATE_SYNCED:
                log_event(LOG_SEV_INFO,
                        LOG_FIELDS({ "MESSAGE_ID", MESSAGE_CLOCK }, { "LWSD_HELPER", "time" }),
                        "time: %s by %s, offset %+.6f s, stratum %u",
                        tc->ntp->discipline.control ? "synchronized" : "measured", leader(tc),
                        ntp_client_offset(tc->ntp, thread_now(tc->thread)),
                        s ? s->last.stratum : 0);
                mark_synchronized(tc);
                list_foreach (it, &tc->names)
                        if (list_entry(it, TimeName, link)->nts)
                                time_nts_synchronized(list_entry(it, TimeName, link)->key_exchange);
                if (tc->ntp->discipline.control)
                        keep_clock(tc, thread_now(tc->thread), true);
                break;
        case NTP_STATE_LOST:
                log_event(LOG_SEV_WARNING,
                        LOG_FIELDS({ "MESSAGE_ID", MESSAGE_CLOCK }, { "LWSD_HELPER", "time" }),
                        "time: no server has answered for so long that the clock is not to be "
                        "trusted any more");
                break;
        case NTP_STATE_STARTING:
                break;
        case _NTP_STATE_MAX:
                break;
        }
}

static void on_step(TimeClient *tc, int64_t offset_nsec)
{
        int r = time_clock_step(&tc->clock, offset_nsec);

        if (r >= 0)
                log_event(LOG_SEV_NOTICE,
                        LOG_FIELDS({ "MESSAGE_ID", MESSAGE_STEP }, { "LWSD_HELPER", "time" }),
                        "time: clock stepped by %+.6f s, as %s says", (double) offset_nsec * 1e-9,
                        leader(tc));
        ntp_client_stepped(tc->ntp, thread_now(tc->thread), offset_nsec, r >= 0);
        if (r >= 0)
                tell_step(tc, offset_nsec);
}

static void on_adjust(TimeClient *tc)
{
        NtpAdjustment a = ntp_client_adjustment(tc->ntp);
        usec_t now = thread_now(tc->thread);
        const NtpDiscipline *d = &tc->ntp->discipline;

        if (!d->control)
                return;
        if (time_clock_adjust(&tc->clock, &a) == -EPERM) {
                ntp_client_set_control(tc->ntp, now, false, time_clock_kernel().rate);
                return;
        }
        if (!a.synced)
                return;
        keep_clock(tc, now, false);
        if (d->frequency_sd < MEASURED_FREQUENCY)
                time_files_save_drift(&tc->files, now, d->frequency, d->frequency_sd, false);
}

static void on_lost_address(TimeClient *tc, unsigned id, bool for_good)
{
        if (tc->servers[id].name)
                time_name_lost_address(tc->servers[id].name, id, for_good);
}

static void handle_event(TimeClient *tc, const NtpEvent *e)
{
        const char *label = tc->ntp->labels[e->id];
        const LogField *fields = LOG_FIELDS({ "LWSD_HELPER", "time" });
        const Link *link;

        switch (e->type) {
        case NTP_EVENT_STATE:
                on_state(tc);
                break;
        case NTP_EVENT_STEP:
                on_step(tc, e->offset_nsec);
                break;
        case NTP_EVENT_ADJUST:
                on_adjust(tc);
                break;
        case NTP_EVENT_SELECTED:
                link = network_link_by_index(tc->network, tc->servers[e->id].ifindex);
                log_event(LOG_SEV_INFO,
                        LOG_FIELDS({ "MESSAGE_ID", MESSAGE_SERVER }, { "LWSD_HELPER", "time" },
                                { "LWSD_LINK", link ? link->name : "" }),
                        "time: %s is followed", label);
                time_names_remember(tc);
                break;
        case NTP_EVENT_NO_MAJORITY:
                log_event(LOG_SEV_WARNING, fields,
                        "time: the servers contradict each other and no majority agrees: "
                        "the clock is left alone");
                break;
        case NTP_EVENT_PANIC:
                log_event(LOG_SEV_ERR, fields,
                        "time: %s is %+.0f s away, which is refused; set the clock by hand or "
                        "restart lwsd if that is right",
                        leader(tc), (double) e->offset_nsec * 1e-9);
                break;
        case NTP_EVENT_KISS:
                log_event(LOG_SEV_WARNING, fields, "time: %s says %s", label,
                        tc->ntp->sources[e->id].kiss_code);
                break;
        case NTP_EVENT_GONE:
                on_lost_address(tc, e->id, true);
                break;
        case NTP_EVENT_UNREACHABLE:
                if (tc->ntp->sources[e->id].misses == NTP_MAX_MISSES)
                        log_event(LOG_SEV_NOTICE, fields, "time: %s does not answer", label);
                on_lost_address(tc, e->id, false);
                break;
        case NTP_EVENT_KEYS:
                if (tc->servers[e->id].name)
                        time_nts_need_keys(tc->servers[e->id].name->key_exchange);
                break;
        }
}

void time_client_drive(TimeClient *tc)
{
        usec_t now = thread_now(tc->thread);
        NtpEvent e;

        if (tc->observing)
                return;
        ntp_client_timeout(tc->ntp, now);
        time_sources_send(tc);
        while (ntp_client_pop_event(tc->ntp, &e))
                handle_event(tc, &e);
        if (tc->ntp->state == NTP_STATE_SYNCED && tc->ntp->estimated_at != tc->synced_at) {
                tc->synced_at = tc->ntp->estimated_at;
                tc->last_sync_usec = clock_realtime_usec();
        }
        explain(tc);
        time_client_touch(tc);
        timer_set(&tc->timer, ntp_client_deadline(tc->ntp));
}

/* -- The clock moves ------------------------------------------------------------------------ */

static void on_moved(TimeClock *clock, int64_t by_nsec, bool slept)
{
        TimeClient *tc = container_of(clock, TimeClient, clock);

        if (tc->observing) {
                timer_set(&tc->timer, 0);
                return;
        }
        /* A leap second is a step that was agreed on. */
        if (!slept && tc->ntp->leap_at != 0 &&
                llabs(time_clock_now_nsec() - tc->ntp->leap_at) < 10 * LEAP_NSEC &&
                llabs(llabs(by_nsec) - LEAP_NSEC) < LEAP_NSEC / 4)
                return;
        log_event(LOG_SEV_NOTICE, LOG_FIELDS({ "LWSD_HELPER", "time" }),
                slept ? "time: the machine slept: asking the servers again"
                      : "time: somebody moved the clock by %+.6f s: asking the servers again",
                (double) by_nsec * 1e-9);
        ntp_client_disturbed(tc->ntp, thread_now(tc->thread));
        timer_set(&tc->timer, 0);
        if (!slept)
                tell_step(tc, by_nsec);
}

/* -- Observing ------------------------------------------------------------------------------ */

/* What another daemon's word for "the clock is right" is: the kernel's flag, or timesyncd's file,
 * which it leaves where the kernel is not its own to tell (a container). */
static bool others_synchronized(void)
{
        return time_clock_kernel().synced || access(TIMESYNC_DIR "/" SYNCHRONIZED_FILE, F_OK) == 0;
}

static void observe(TimeClient *tc, usec_t now)
{
        bool synced = others_synchronized();
        usec_t wait = OBSERVE_IDLE_USEC;

        if (synced != tc->kernel_synced)
                log_event(LOG_SEV_INFO, LOG_FIELDS({ "LWSD_HELPER", "time" }), "time: %s",
                        synced ? "another daemon keeps the clock, and it is synchronized"
                               : "the clock is no longer synchronized");
        if (synced)
                tc->observe_tries = 0;
        else
                wait = MIN(OBSERVE_MIN_USEC << MIN(tc->observe_tries++, 8u), OBSERVE_MAX_USEC);
        tc->kernel_synced = synced;
        explain(tc);
        time_client_touch(tc);
        timer_set(&tc->timer, usec_add(now, wait));
}

static void on_timer(Timer *t, usec_t now)
{
        TimeClient *tc = container_of(t, TimeClient, timer);

        time_clock_check(&tc->clock);
        if (tc->observing)
                observe(tc, now);
        else
                time_client_drive(tc);
}

/* -- Observing or acting -------------------------------------------------------------------- */

/* No clock of a device can be right before the sources it runs, or before it last was (REQ_NTP
 * 26). */
static void raise_to_floor(TimeClient *tc)
{
        int64_t now = time_clock_now_nsec();

        if (now >= tc->floor_nsec || time_clock_step(&tc->clock, tc->floor_nsec - now) < 0)
                return;
        log_event(LOG_SEV_NOTICE, LOG_FIELDS({ "LWSD_HELPER", "time" }),
                "time: the clock was before the last time known to be past: moved on by %.0f s",
                (double) (tc->floor_nsec - now) * 1e-9);
        tell_step(tc, tc->floor_nsec - now);
}

static unsigned exponent_of(usec_t wait)
{
        unsigned e = 0;

        while (e < 17 && (USEC_PER_SEC << (e + 1)) <= wait)
                e++;
        return e;
}

static int start(TimeClient *tc)
{
        const TimeSettings *s = &tc->settings->time;
        usec_t now = thread_now(tc->thread);
        NtpConfig config = { .build_nsec = time_files_build_nsec(),
                .poll_min = exponent_of(s->poll_min_usec),
                .poll_max = exponent_of(s->poll_max_usec),
                .min_sources = s->min_sources,
                .require_authenticated = s->require_authenticated,
                .interleaved = s->interleaved,
                .frequency_sd = UNKNOWN_FREQUENCY };
        int r;

        tc->floor_nsec = time_files_floor_nsec(&tc->files);
        if (s->set_clock) {
                raise_to_floor(tc);
                time_clock_take_over(&tc->clock);
        }
        config.floor_nsec = tc->floor_nsec;
        config.control = s->set_clock && !tc->clock.denied;
        config.rate = time_clock_kernel().rate;
        config.frequency = fabs(config.rate) <= NTP_MAX_FREQUENCY ? config.rate : 0;
        if (time_files_drift(&tc->files, &config.frequency, &config.frequency_sd))
                config.frequency_sd = fmax(config.frequency_sd, MEASURED_FREQUENCY);
        r = ntp_client_new(&tc->ntp, &config, now, &RNG_KERNEL);
        if (r < 0)
                return r;
        tc->observing = false;
        time_names_update(tc);
        time_client_drive(tc);
        return 0;
}

/* The clock goes on at the frequency it was found to need, with no slew left in it. */
static void leave_clock(TimeClient *tc)
{
        NtpDiscipline *d = &tc->ntp->discipline;
        usec_t now = thread_now(tc->thread);
        NtpAdjustment a = ntp_client_adjustment(tc->ntp);

        if (!d->control || d->updates == 0)
                return;
        a.rate = d->frequency;
        (void) time_clock_adjust(&tc->clock, &a);
        if (!a.synced)
                return;
        keep_clock(tc, now, true);
        if (d->frequency_sd < MEASURED_FREQUENCY * 10)
                time_files_save_drift(&tc->files, now, d->frequency, d->frequency_sd, true);
}

static void stop(TimeClient *tc)
{
        if (!tc->ntp)
                return;
        leave_clock(tc);
        time_names_clear(tc);
        tc->ntp = ntp_client_free(tc->ntp);
        tc->observing = true;
}

static bool should_observe(const TimeClient *tc)
{
        switch (tc->settings->time.observe) {
        case TIME_OBSERVE_YES:
                return true;
        case TIME_OBSERVE_NO:
                return false;
        case TIME_OBSERVE_AUTO:
                return !time_names_exist(tc);
        }
        return true;
}

static int choose(TimeClient *tc)
{
        if (should_observe(tc)) {
                stop(tc);
                observe(tc, thread_now(tc->thread));
                return 0;
        }
        if (!tc->ntp)
                return start(tc);
        time_names_update(tc);
        time_client_drive(tc);
        return 0;
}

static void on_network(NetworkWatch *watch, bool epoch_changed)
{
        TimeClient *tc = container_of(watch, TimeClient, network_watch);

        if (choose(tc) < 0)
                log_error("time: cannot start: out of memory");
        if (!tc->ntp)
                return;
        time_names_retry(tc);
        if (!epoch_changed)
                return;
        ntp_client_network_changed(tc->ntp, thread_now(tc->thread));
        time_client_drive(tc);
}

/* -- What others call ----------------------------------------------------------------------- */

int time_client_new(TimeClient **ret, Network *network, const Settings *settings)
{
        struct lws_context *cx = network_context(network);
        _cleanup_(time_client_freep) TimeClient *tc = NULL;
        int r;

        tc = calloc(1, sizeof(*tc));
        if (!tc)
                return -ENOMEM;
        tc->cx = cx;
        tc->thread = context_thread(cx, 0);
        tc->network = network;
        tc->settings = settings;
        tc->observing = true;
        list_init(&tc->watches);
        list_init(&tc->names);
        timer_init(&tc->timer, tc->thread, on_timer);
        timer_init(&tc->notify, tc->thread, on_notify);
        time_files_init(&tc->files, settings->state_dir);
        time_files_load_servers(&tc->files);
        r = hold_new(&tc->hold, context_ladder(cx), LWS_SYSTATE_TIME_VALID, HOLD_REQUIRED, "ntp");
        if (r < 0)
                return r;
        r = time_clock_init(&tc->clock, cx, on_moved);
        if (r < 0)
                return r;
        tc->network_watch.changed = on_network;
        network_watch_link(network, &tc->network_watch);
        r = choose(tc);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(tc);
        return 0;
}

void time_client_set_resolver(TimeClient *tc, Resolver *resolver)
{
        tc->resolver = resolver;
        tc->resolver_set = true;
        list_foreach (it, &tc->names) {
                TimeName *name = list_entry(it, TimeName, link);

                time_name_refresh(name);
                if (name->nts)
                        time_nts_resolver_set(name->key_exchange);
        }
}

TimeClient *time_client_free(TimeClient *tc)
{
        if (!tc)
                return NULL;
        stop(tc);
        if (tc->network_watch.changed)
                network_watch_unlink(&tc->network_watch);
        timer_cancel(&tc->timer);
        timer_cancel(&tc->notify);
        time_clock_deinit(&tc->clock);
        time_files_deinit(&tc->files);
        tls_config_free(tc->tls);
        hold_free(tc->hold);
        free(tc);
        return NULL;
}

/* What was learned is kept where nothing says otherwise: starting anew takes longer than a state
 * may be gone unnoticed. A certificate authority is read again, for its file may be another one. */
int time_client_reload(TimeClient *tc, const Settings *settings)
{
        bool same = time_settings_equal(&tc->settings->time, &settings->time) &&
                    !settings->time.certificate_authority && !tc->clock.denied;

        tc->settings = settings;
        if (same)
                return choose(tc);
        stop(tc);
        tc->clock.denied = false;
        return choose(tc);
}

void time_client_watch_link(TimeClient *tc, TimeWatch *watch)
{
        list_link_tail(&tc->watches, &watch->link);
}

void time_client_watch_unlink(TimeWatch *watch)
{
        list_unlink(&watch->link);
}

int time_client_synchronize(TimeClient *tc)
{
        if (tc->observing)
                return -EOPNOTSUPP;
        if (list_is_empty(&tc->names))
                return -ENOENT;
        time_names_retry(tc);
        ntp_client_burst(tc->ntp, thread_now(tc->thread));
        timer_set(&tc->timer, 0);
        return 0;
}

static TimeConfidence confidence(const TimeClient *tc)
{
        if (tc->observing)
                return tc->kernel_synced ? TIME_CONFIDENCE_AGREED : TIME_CONFIDENCE_NONE;
        if (tc->ntp->state == NTP_STATE_SYNCED)
                return tc->ntp->confirmed_authenticated ? TIME_CONFIDENCE_AUTHENTICATED
                                                        : TIME_CONFIDENCE_AGREED;
        return time_clock_now_nsec() >= tc->floor_nsec ? TIME_CONFIDENCE_FLOOR
                                                       : TIME_CONFIDENCE_NONE;
}

static uint64_t to_usec(double sec)
{
        return sec > 0 && sec < 1e12 ? (uint64_t) llrint(sec * 1e6) : 0;
}

void time_client_status(TimeClient *tc, TimeStatus *ret)
{
        TimeStatus s = { .confidence = confidence(tc),
                .server_name = "",
                .observing = tc->observing,
                .synchronized = tc->kernel_synced && tc->observing,
                .leap = NTP_LEAP_UNSYNC,
                .last_sync_usec = tc->last_sync_usec };

        if (time_clock_is_disturbed(&tc->clock))
                timer_set(&tc->timer, 0);
        if (tc->ntp) {
                double offset = ntp_client_offset(tc->ntp, thread_now(tc->thread));

                /* "measured" is no promise about the clock itself */
                s.synchronized = tc->ntp->state == NTP_STATE_SYNCED &&
                                 (tc->ntp->discipline.control || fabs(offset) < NTP_STEP_SEC);
                s.authenticated = s.confidence == TIME_CONFIDENCE_AUTHENTICATED;
        }
        if (tc->ntp && tc->ntp->best >= 0) {
                const NtpSource *source = &tc->ntp->sources[tc->ntp->best];
                const TimeServer *server = &tc->servers[tc->ntp->best];

                s.server_name = server->name ? server->name->host : "";
                s.server_address = server->endpoint.addr;
                s.offset_usec = llrint(ntp_client_offset(tc->ntp, thread_now(tc->thread)) * 1e6);
                s.delay_usec = to_usec(tc->ntp->estimate.delay);
                s.jitter_usec = to_usec(tc->ntp->estimate.jitter);
                s.root_distance_usec = to_usec(tc->ntp->estimate.root_distance);
                s.stratum = source->last.stratum;
                s.leap = source->last.leap;
                s.poll_interval_usec = ntp_source_poll_usec(source);
        }
        *ret = s;
}

bool time_client_source(const TimeClient *tc, size_t i, TimeSource *ret)
{
        for (unsigned id = 0; tc->ntp && id < NTP_MAX_SOURCES; id++) {
                const NtpSource *s = &tc->ntp->sources[id];
                const TimeServer *server = &tc->servers[id];

                if (!s->used || !server->name || i-- > 0)
                        continue;
                *ret = (TimeSource){ .name = server->name->host,
                        .address = server->endpoint.addr,
                        .stratum = s->last.stratum,
                        .reach = s->reach,
                        .selected = s->verdict == NTP_VERDICT_SELECTED,
                        .interleaved = s->interleaved,
                        .verdict = ntp_verdict_to_string(s->verdict) };
                if (s->n_samples > 0) {
                        ret->offset_usec = s->samples[s->n_samples - 1].offset_nsec / NSEC_PER_USEC;
                        ret->delay_usec = to_usec(s->samples[s->n_samples - 1].delay);
                }
                return true;
        }
        return false;
}
