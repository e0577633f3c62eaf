/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * A question that a stage puts to its server again and again: once the network is there and the
 * stage may ask, at a pace that many devices at once can keep (full jitter, Retry-After, the window
 * after a power cut), and with the hold of the stage's rung, which says what came of it.
 */
#include "core/backoff.h"
#include "core/timer.h"
#include "helper/upper.h"
#include "state/ladder.h"

#define ASKER_TEXT_MAX 192

typedef struct Asker Asker;

typedef struct AskerOps AskerOps;
struct AskerOps {
        const char *who; /* as Waiting and the journal call the stage */
        /* Makes the request and hands it to asker_send(). */
        int (*ask)(Asker *a);
        /* Judges an HTTP answer: 0 when it was taken (and the next time asked for), or a negative
         * errno with words in `why`. */
        int (*take)(Asker *a, const FetchAnswer *answer, const char *body, size_t size,
                char why[static ASKER_TEXT_MAX]);
        /* Takes or drops the hold by what is known now. After each attempt, when time becomes true
         * or steps, when another stage changed, and at asker_evaluate_at(). */
        void (*evaluate)(Asker *a);
        bool (*may_ask)(const Asker *a); /* NULL: always */
};

struct Asker {
        Upper *upper;
        const AskerOps *ops;
        const char *url;
        char *ca;
        Hold *hold;
        Fetch *fetch;
        usec_t due; /* CLOCK_BOOTTIME, of the next question; USEC_INFINITY: none */
        usec_t asked;
        Timer timer, evaluate_timer;
        Backoff backoff;
        char failed[ASKER_TEXT_MAX]; /* why the last attempt came to nothing; empty: it did not */
        NetworkWatch network_watch;
        LadderWatch ladder_watch;
        UpperWatch upper_watch;
};

/* `a` is zeroed. Takes the hold of `state`, which is not asserted; no question is due. `url` must
 * stay; NULL: nobody is ever asked. `ca_file` is a CertificateAuthority=. */
int asker_init(Asker *a, Upper *upper, const AskerOps *ops, int state, const char *url,
        const char *ca_file);
void asker_deinit(Asker *a);

bool asker_time_is_true(const Asker *a);
usec_t asker_now(const Asker *a);
/* The next question is due in `wait`, whatever was due before; USEC_INFINITY: none. One that is in
 * flight comes first. */
void asker_ask_in(Asker *a, usec_t wait);
/* Calls evaluate() at this CLOCK_BOOTTIME, USEC_INFINITY: not. */
void asker_evaluate_at(Asker *a, usec_t deadline);
/* The attempt failed for this reason: the next one after a while. */
void asker_fail(Asker *a, const char *why, uint32_t retry_after_sec);
/* Asserts the hold: "WHAT (of URL): what the last attempt came to". */
void asker_explain(Asker *a, const char *code, const char *what);
/* From inside ask(): adds whom to ask, whom to believe and how long to wait, and sends. */
int asker_send(Asker *a, FetchRequest *request);
/* For take(): any status but 200. */
int asker_refuse_status(const FetchAnswer *answer, char why[static ASKER_TEXT_MAX]);
