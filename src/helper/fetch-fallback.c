/* SPDX-License-Identifier: MIT */
/* Built where nothing fetches. */
#include "helper/fetch.h"

int fetcher_new(Fetcher **ret, struct lws_context *cx, Resolver *resolver, const char *socket_path,
        const char *program)
{
        *ret = NULL;
        return 0;
}

Fetcher *fetcher_free(Fetcher *f)
{
        return NULL;
}
