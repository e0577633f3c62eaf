/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * HTTP without HTTP in this process: the name is resolved here, by our resolver and for the right
 * link, the exchange is done by lwsd-fetch behind a socket (systemd's, or a child of ours where
 * there is no such socket), and the answer comes back in a callback. One connection per exchange,
 * so that one slow server delays nobody and a process that dies costs one answer. Thread 0 only.
 */
#include "helper/resolver.h"
#include "proto/fetch-wire.h"

typedef struct Fetcher Fetcher;
typedef struct Fetch Fetch;

/* `answer` and `body` are valid inside the callback. */
typedef void (*FetchFn)(Fetch *fetch, const FetchAnswer *answer, const void *body, size_t body_size,
        void *userdata);

/* `socket_path` is where systemd listens for lwsd-fetch, `program` what is started when nobody
 * does. */
int fetcher_new(Fetcher **ret, struct lws_context *cx, Resolver *resolver, const char *socket_path,
        const char *program);
Fetcher *fetcher_free(Fetcher *fetcher);
DEFINE_CLEANUP(Fetcher, fetcher_free)

/* Starts `request` (copied; `addresses` are filled here), with names of `link` where not NULL,
 * bound to it. -EINVAL for a URL that is none. */
int fetch_new(Fetch **ret, Fetcher *fetcher, const FetchRequest *request, const Link *link,
        FetchFn fn, void *userdata);
/* Gives up in this time, if that is sooner than otherwise. */
void fetch_hurry(Fetch *fetch, usec_t usec);
/* No callback follows. Not needed after the callback: a fetch frees itself. */
Fetch *fetch_free(Fetch *fetch);

/* Reads the file of a CertificateAuthority= key for FetchRequest.ca_pem; NULL gives NULL. Logs and
 * returns a negative errno when it cannot be used. The caller frees. */
int fetch_load_ca(const char *path, char **ret_pem);
