/* SPDX-License-Identifier: MIT */
#pragma once
/* One HTTP exchange with libcurl: no redirects, no proxies, no cookies, names resolved by who asks.
 */
#include "proto/fetch-wire.h"
#include "util/error.h"
#include <curl/curl.h>

typedef struct Transfer Transfer;
struct Transfer {
        FetchAnswer answer; /* its strings point at the members below */
        uint8_t *body;
        size_t body_size, body_max;
        bool too_big;
        char message[CURL_ERROR_SIZE];
        char content_type[256], etag[256], location[2049];
};

int transfer_new(Transfer **ret);
Transfer *transfer_free(Transfer *t);
DEFINE_CLEANUP(Transfer, transfer_free)

/* Does the request; whatever comes of it is in t->answer. */
void transfer_run(Transfer *t, const FetchRequest *request);
void transfer_fail(Transfer *t, FetchError error, const char *message);
