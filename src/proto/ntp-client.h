/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The whole NTP client as one machine: asks servers, selects, disciplines, and says what it waits
 * for. Pure: whoever binds it sends what is due, hands in what came with the time stamps of the
 * kernel, and carries out the events.
 *
 *      due/request -> (network) -> receive -> [checks, filter] -> select -> discipline -> events
 */
#include "proto/ntp-discipline.h"
#include "proto/ntp-select.h"
#include "util/addr.h"

typedef struct NtpConfig NtpConfig;
struct NtpConfig {
        int64_t build_nsec; /* no time before this is believed */
        int64_t floor_nsec; /* a clock below this is not right, whoever agrees with it */
        unsigned poll_min, poll_max, min_sources;
        bool require_authenticated;
        bool interleaved;               /* asks for it (RFC 9769) */
        bool control;                   /* may set the clock */
        double rate;                    /* what the kernel corrects by now */
        double frequency, frequency_sd; /* what is known of the oscillator */
};

typedef enum NtpState {
        NTP_STATE_STARTING, /* no time to be believed yet */
        NTP_STATE_SYNCED,
        NTP_STATE_LOST, /* was right once; its error may have grown beyond all use */
        _NTP_STATE_MAX,
} NtpState;

typedef enum NtpEventType {
        NTP_EVENT_STATE,
        NTP_EVENT_STEP,        /* by offset_nsec; answer with ntp_client_stepped() */
        NTP_EVENT_ADJUST,      /* apply ntp_client_adjustment() */
        NTP_EVENT_SELECTED,    /* another source leads */
        NTP_EVENT_NO_MAJORITY, /* those that answer contradict each other */
        NTP_EVENT_PANIC,       /* off by offset_nsec: refused */
        NTP_EVENT_KISS,
        NTP_EVENT_GONE,        /* this source will never be asked again: remove, perhaps replace */
        NTP_EVENT_UNREACHABLE, /* eight misses, or another: its name may mean others by now */
        NTP_EVENT_KEYS,        /* NTS: out of cookies, or they are refused */
} NtpEventType;

typedef struct NtpEvent NtpEvent;
struct NtpEvent {
        NtpEventType type;
        unsigned id;
        int64_t offset_nsec;
};

/* What to tell the kernel. */
typedef struct NtpAdjustment NtpAdjustment;
struct NtpAdjustment {
        double rate;
        double max_error, est_error;
        uint8_t leap; /* 1 insert, 2 delete at the end of this day */
        bool synced;
};

#define NTP_EVENT_QUEUE 32
#define NTP_LABEL_SIZE  ENDPOINT_STRLEN /* a name and its address */

typedef struct NtpClient NtpClient;
struct NtpClient {
        NtpConfig config;
        Rng *rng;
        NtpSource sources[NTP_MAX_SOURCES];
        char labels[NTP_MAX_SOURCES][NTP_LABEL_SIZE];
        NtpDiscipline discipline;
        NtpState state;
        bool confirmed_authenticated;
        bool bounded; /* by one that proves whose word its is, since we started over */
        bool stepping, panicked, disputed;
        int best;             /* the source that leads, or -1 */
        NtpEstimate estimate; /* the last combined one */
        usec_t estimated_at, last_network_burst;
        double estimated_steered; /* of our clock until then */
        uint8_t leap;
        int64_t leap_at;
        NtpEvent events[NTP_EVENT_QUEUE];
        size_t n_events;
};

int ntp_client_new(NtpClient **ret, const NtpConfig *config, usec_t now, Rng *rng);
NtpClient *ntp_client_free(NtpClient *c);
DEFINE_CLEANUP(NtpClient, ntp_client_free)

/* Returns the id, or -ENOSPC. `label` names the server for people. */
int ntp_client_add(NtpClient *c, const char *label, bool nts, usec_t now);
void ntp_client_remove(NtpClient *c, unsigned id);
/* The keys of an NTS source; owned by the caller, NULL while there are none. */
void ntp_client_set_session(NtpClient *c, unsigned id, NtsSession *session, usec_t now);
/* Asks with this key, which is copied, and believes only answers with it (REQ_NTP 40). */
void ntp_client_set_key(NtpClient *c, unsigned id, const NtpKey *key);
/* When the certificate is good that the keys were got with; 0, 0: not known. Doubtful: it is not by
 * the running clock, which may be wrong. */
void ntp_client_set_validity(
        NtpClient *c, unsigned id, int64_t from_sec, int64_t until_sec, bool doubtful);
const NtpSource *ntp_client_source(const NtpClient *c, unsigned id);

/* When to call ntp_client_timeout() at the latest. */
usec_t ntp_client_deadline(const NtpClient *c);
void ntp_client_timeout(NtpClient *c, usec_t now);
/* A source to send a request to now, or -1; ask until none is left. */
int ntp_client_due(const NtpClient *c, usec_t now);
/* Not before then. */
void ntp_client_postpone(NtpClient *c, unsigned id, usec_t until);
int ntp_client_request(NtpClient *c, unsigned id, Writer *w, usec_t now, int64_t local_nsec);
void ntp_client_send_failed(NtpClient *c, unsigned id);
void ntp_client_transmitted(NtpClient *c, unsigned id, int64_t handed_nsec, int64_t sent_nsec);
NtpCheck ntp_client_receive(NtpClient *c, unsigned id, const void *data, size_t size, usec_t now,
        int64_t received_nsec);

/* Whether the clock really was moved; false turns to measuring for good. */
void ntp_client_stepped(NtpClient *c, usec_t now, int64_t step_nsec, bool done);
void ntp_client_set_control(NtpClient *c, usec_t now, bool control, double rate);
/* The clock was moved by others, or the machine slept (REQ_NTP 18, 30). */
void ntp_client_disturbed(NtpClient *c, usec_t now);
/* The network changed: what failed may work now. */
void ntp_client_network_changed(NtpClient *c, usec_t now);
/* Synchronize() of a person. */
void ntp_client_burst(NtpClient *c, usec_t now);

/* The time is believed, and by the word of a server that proves that it is its own. */
bool ntp_client_is_proven(const NtpClient *c);

bool ntp_client_pop_event(NtpClient *c, NtpEvent *ret);
NtpAdjustment ntp_client_adjustment(const NtpClient *c);
/* Our offset and frequency as the best is known at `now`. */
double ntp_client_offset(const NtpClient *c, usec_t now);

/* Why the state is not SYNCED: a literal code, and words with no running clock in them. */
const char *ntp_client_waiting(const NtpClient *c, char *why, size_t size);
