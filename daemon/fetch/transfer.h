/* SPDX-License-Identifier: MIT */
#pragma once
/* One HTTP exchange with libcurl: no redirects, no proxies, no cookies, names resolved by who asks.
 */
#include "fetch/client-key.h"
#include "proto/fetch-wire.h"
#include "util/error.h"
#include <curl/curl.h>
#include <time.h>

typedef struct Transfer Transfer;
struct Transfer {
        FetchAnswer answer; /* its strings point at the members below */
        uint8_t *body;
        size_t body_size, body_max;
        ClientKey *key; /* who we are; NULL: nobody */
        bool too_big;
        time_t date; /* the server's; 0: it did not say */
        char message[CURL_ERROR_SIZE];
        char content_type[256], etag[256], location[2049], retry_after[64];
};

int transfer_new(Transfer **ret);
Transfer *transfer_free(Transfer *t);
DEFINE_CLEANUP(Transfer, transfer_free)

/* Does the request; whatever comes of it is in t->answer. */
void transfer_run(Transfer *t, const FetchRequest *request);
void transfer_fail(Transfer *t, FetchError error, const char *message);
