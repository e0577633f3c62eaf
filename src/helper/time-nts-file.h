/* SPDX-License-Identifier: MIT */
#pragma once
/* What NTS keeps of a server over restarts, in a file only its owner can read (REQ_NTP 39). */
#include "core/backoff.h"
#include "helper/time-files.h"
#include "proto/nts-ke.h"

#define NTS_BACKOFF_MAX_USEC USEC_PER_DAY

typedef struct NtsStored NtsStored;
struct NtsStored {
        NtsSession session;
        Endpoint server;                         /* NTP: address and port */
        Backoff backoff;                         /* of key exchanges */
        int64_t not_before_sec;                  /* CLOCK_REALTIME of the next, 0: any time */
        int64_t valid_from_sec, valid_until_sec; /* of the certificate; 0: not known */
        bool relaxed; /* it was looked at before the clock was true: to be done again */
};

void nts_stored_init(NtsStored *s);
/* False when there is none; the cookies read are still in the file. */
bool nts_stored_load(const TimeFiles *f, const char *host, uint16_t port, NtsStored *ret);
/* Writes all but the cookies at the front that the session calls unsaved. */
void nts_stored_save(TimeFiles *f, const char *host, uint16_t port, const NtsStored *s);
