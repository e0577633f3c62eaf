/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * One time server: when to ask it, what may count as its answer, and what its answers say. Pure;
 * times are CLOCK_BOOTTIME (`now`) and CLOCK_REALTIME in nanoseconds (`_nsec`).
 *
 * At most one request is out; a new one makes the old one's cookie worthless (REQ_NTP 4). Offsets
 * are server minus our clock. Our clock is steered all the time: `steered` is the sum of all that
 * (from ntp-discipline), so that offset + steered is what the free oscillator would have shown.
 */
#include "proto/ntp-exchange.h"
#include "proto/ntp-mac.h"
#include "proto/ntp-regress.h"
#include "proto/nts-fields.h"
#include "util/rng.h"
#include <math.h>

#define NTP_PACKET_MAX        1280
#define NTP_BURST             8
#define NTP_BURST_USEC        (2 * USEC_PER_SEC)
#define NTP_DISTANCE_USEC     USEC_PER_SEC /* between any two requests to one address */
#define NTP_POLL_MIN          4            /* 16 s */
#define NTP_POLL_MAX          10           /* 1024 s */
#define NTP_MAX_MISSES        8
#define NTP_MAX_ROOT_DISTANCE 3.0 /* of the server (root delay / 2 + dispersion) and of us */
#define NTP_FILTER            8   /* samples the smallest delay is looked for in */
#define NTP_AGREE_SEC         0.1

typedef enum NtpVerdict {
        NTP_VERDICT_UNKNOWN,        /* not asked yet */
        NTP_VERDICT_WAITING,        /* asked, no answer yet */
        NTP_VERDICT_UNREACHABLE,    /* eight requests without an answer */
        NTP_VERDICT_BAD_REPLY,      /* answers, but fails a check */
        NTP_VERDICT_UNSYNCHRONIZED, /* says that it does not know the time */
        NTP_VERDICT_KISS,           /* told us to go away */
        NTP_VERDICT_UNAUTHENTICATED,
        NTP_VERDICT_DISTANT,     /* root distance over the limit */
        NTP_VERDICT_FALSETICKER, /* outvoted */
        NTP_VERDICT_NO_MAJORITY,
        NTP_VERDICT_OUTLIER, /* a truechimer the cluster algorithm left out */
        NTP_VERDICT_SELECTED,
        _NTP_VERDICT_MAX,
} NtpVerdict;
DECLARE_STRTAB(ntp_verdict, NtpVerdict);

typedef enum NtpKiss {
        NTP_KISS_NONE,
        NTP_KISS_OTHER, /* unknown codes, X...: nothing to obey */
        NTP_KISS_RATE,
        NTP_KISS_DENY, /* and RSTR */
        NTP_KISS_NTSN,
} NtpKiss;

/* How our clock is being corrected: what it has been moved so far and how fast its oscillator is
 * thought to be off, the rate that corrects it. */
typedef struct NtpSteering NtpSteering;
struct NtpSteering {
        double steered, frequency, frequency_sd;
};

/* What a source says about our clock at one moment. */
typedef struct NtpEstimate NtpEstimate;
struct NtpEstimate {
        int64_t offset_nsec;
        double offset_sd, jitter;
        double frequency, frequency_sd; /* of the free oscillator; sd HUGE_VAL: not known */
        double delay, root_distance;
};

typedef struct NtpSource NtpSource;
struct NtpSource {
        bool used, dead; /* dead: DENY; never asked again */
        bool nts;
        bool interleave;     /* asks to be told when answers left, which makes us known again */
        NtsSession *session; /* NTS keys and cookies, owned by whoever added the source */
        NtpKey key;          /* of ours and the server's; id 0: none */
        int64_t valid_from_sec, valid_until_sec; /* of what vouches for it; 0: no end */
        bool doubtful; /* whether that is good no true clock has told yet */
        unsigned poll_min, poll_max;

        /* the request that is out */
        bool pending, unsent;
        NtpTime cookie,
                interleaved_cookie; /* origin of an answer in either mode; 0: not that one */
        uint8_t unique_id[NTS_UNIQUE_ID_SIZE];
        NtpExchange out;

        /* when to ask */
        usec_t next_poll, last_request;
        usec_t not_before; /* somebody else of us asked it not long ago */
        usec_t last_wait;
        unsigned burst_left, poll, misses;
        int poll_score;
        uint8_t reach;
        uint64_t requests, replies;

        /* the last reply that counted */
        NtpMessage last;
        NtpExchange previous; /* all of it but when the answer really left; receive 0: none */
        bool interleaved;     /* it told that of the one before it */
        bool unsynchronized;  /* says so since, and stands for nothing until the next that counts */
        NtpCheck last_check;
        char kiss_code[5];
        NtpVerdict verdict;

        NtpSample samples[NTP_REGRESS_MAX];
        size_t n_samples;
        NtpSample suspect; /* far from the line; counts once the next agrees with it */
        bool has_suspect;
        NtpLine line; /* at the newest sample, from its offset */
};

void ntp_source_init(NtpSource *s, unsigned poll_min, unsigned poll_max, usec_t now);
/* Ask again soon, several times; never sooner than allowed. */
void ntp_source_burst(NtpSource *s, usec_t now);
/* Forgets what was measured: our clock jumped (REQ_NTP 30, 18). */
void ntp_source_forget(NtpSource *s);
/* Our clock was stepped by us: what was measured stays true. */
void ntp_source_stepped(NtpSource *s, int64_t step_nsec);

/* When the next request is due; USEC_INFINITY for a dead one. */
usec_t ntp_source_deadline(const NtpSource *s);
/* Writes the next request and makes it the one that is out. `local_nsec` is our clock before it
 * goes. 0, -EAGAIN when NTS has no cookie for it, or -EIO when it cannot be sealed (the poll is
 * counted all the same). */
int ntp_source_request(NtpSource *s, Writer *w, usec_t now, int64_t local_nsec, Rng *rng);
/* The request could not be sent: a miss (REQ_NTP 19). */
void ntp_source_send_failed(NtpSource *s);
/* Our clock when the packet was handed to the kernel, and the kernel's time stamp of it on its way
 * out; twice the same where there is none. */
void ntp_source_transmitted(NtpSource *s, int64_t handed_nsec, int64_t sent_nsec);

typedef struct NtpReply NtpReply;
struct NtpReply {
        NtpCheck check;
        NtpKiss kiss;
        NtpSample sample; /* on NTP_CHECK_OK */
        /* When an answer was interleaved its sample is a poll old; this is what its own exchange is
         * likely to say, until the next one tells. */
        NtpSample latest;
        bool has_latest;
};
/* Judges one datagram that came from the server's address and port. `received_nsec` INT64_MIN: the
 * kernel gave no time stamp. */
NtpReply ntp_source_receive(NtpSource *s, const void *data, size_t size, usec_t now,
        int64_t received_nsec, int64_t build_nsec, double steered);
/* Takes a sample in; false when it stands aside as a suspect. */
bool ntp_source_add(NtpSource *s, const NtpSample *sample, double frequency);
/* How many of the newest samples lie within 100 ms of the newest. */
size_t ntp_source_agreeing(const NtpSource *s);
/* False while there is no sample. */
bool ntp_source_estimate(
        const NtpSource *s, usec_t now, const NtpSteering *steering, NtpEstimate *ret);
/* Lets the poll interval follow how steady the offset is (REQ_NTP 18). */
void ntp_source_adapt_poll(NtpSource *s, double offset, double jitter);
usec_t ntp_source_poll_usec(const NtpSource *s);
/* What it says is known to be its own word. */
static inline bool ntp_source_authenticated(const NtpSource *s)
{
        return s->nts || (s->key.id != 0 && ntp_key_is_strong(&s->key));
}
static inline bool ntp_source_reachable(const NtpSource *s)
{
        return s->used && !s->dead && s->reach != 0;
}
