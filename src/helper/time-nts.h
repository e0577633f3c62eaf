/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * NTS for one configured server: key exchange over TLS when keys are missing or refused, never two
 * at once, with a back-off that outlives a restart; cookies that no restart spends twice. Never
 * plain NTP instead (REQ_NTP 34-39).
 *
 * Before the clock is true a certificate cannot be too young, only too old for the floor of the
 * clock; but it has to be good at the time that its server then tells. Once the clock is true the
 * exchange is made again, and what fails then is dropped: for good if the clock is proven by an
 * authenticated server, else until the next exchange.
 */
#include "helper/time-private.h"

int time_nts_new(TimeNts **ret, TimeName *name);
TimeNts *time_nts_free(TimeNts *n);

/* Asks for keys as soon as that is possible and allowed; harmless to call at any time. */
void time_nts_start(TimeNts *n);
/* Out of cookies, or the server refuses them. */
void time_nts_need_keys(TimeNts *n);
/* There is a resolver: an exchange that waits for it goes on. */
void time_nts_resolver_set(TimeNts *n);
/* The network changed: what could not be sent may be sent now. */
void time_nts_network_changed(TimeNts *n);
/* The clock is true: what was accepted before is checked again. */
void time_nts_synchronized(TimeNts *n);
/* An authenticated answer: the keys work. */
void time_nts_answered(TimeNts *n);
/* The NTP server asked us to stay away: another one is looked for. */
void time_nts_denied(TimeNts *n);
/* At the time its server tells the certificate would not be good: nothing it says counts. */
void time_nts_contradicted(TimeNts *n);
/* Sees to it that the cookie of the next request is in no file. False: another address, and with it
 * another source, has taken the place of this one. */
bool time_nts_before_request(TimeNts *n);
/* Why there are no keys; NULL while there are. */
const char *time_nts_why(const TimeNts *n);
