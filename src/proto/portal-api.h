/* SPDX-License-Identifier: MIT */
#pragma once
/* The captive portal API's answer (RFC 8908 section 5), from hostile JSON to values. Pure. */
#include "proto/url.h"
#include "util/clock.h"
#include <stddef.h>

#define PORTAL_API_BODY_MAX (64 << 10)

typedef struct PortalApi PortalApi;
struct PortalApi {
        bool captive;
        char user_portal_url[URL_MAX + 1]; /* empty: none that can be believed */
        usec_t remaining_usec;             /* of the session; USEC_INFINITY: not said */
        bool can_extend_session;
        bool low_on_bytes; /* the session ends soon by what is sent over it */
};

/* -EBADMSG for what is not such an object or lacks a boolean "captive"; -E2BIG over the limit.
 * Members of the wrong type or form other than "captive" are as if absent. */
int portal_api_parse(const void *body, size_t size, PortalApi *ret);
