/* SPDX-License-Identifier: MIT */
#include "proto/portal-api.h"
#include "util/error.h"
#include <jansson.h>
#include <string.h>

#define LOW_BYTES (64 << 20)

/* RFC 8908 section 5: the portal's page must be https, so that nobody on the way can change it. */
static void take_url(const json_t *member, char *dst)
{
        const char *s = json_string_value(member);
        Url url;

        if (s && strlen(s) == json_string_length(member) && url_parse(s, &url) >= 0 && url.https)
                strcpy(dst, s);
}

static usec_t take_seconds(const json_t *member)
{
        json_int_t v = json_integer_value(member);

        if (!json_is_integer(member) || v < 0)
                return USEC_INFINITY;
        return (usec_t) MIN(v, (json_int_t) INT32_MAX) * USEC_PER_SEC;
}

/* So few that they may be used up within minutes. */
static bool is_low(const json_t *member)
{
        return json_is_integer(member) && json_integer_value(member) < LOW_BYTES;
}

int portal_api_parse(const void *body, size_t size, PortalApi *ret)
{
        _cleanup_(json_decrefp) json_t *root = NULL;
        const json_t *captive;
        PortalApi api = { 0 };

        if (size > PORTAL_API_BODY_MAX)
                return -E2BIG;
        root = json_loadb(body, size, JSON_REJECT_DUPLICATES, NULL);
        captive = json_object_get(root, "captive");
        if (!json_is_boolean(captive))
                return -EBADMSG;
        api.captive = json_is_true(captive);
        api.can_extend_session = json_is_true(json_object_get(root, "can-extend-session"));
        api.remaining_usec = take_seconds(json_object_get(root, "seconds-remaining"));
        api.low_on_bytes = is_low(json_object_get(root, "bytes-remaining"));
        take_url(json_object_get(root, "user-portal-url"), api.user_portal_url);
        *ret = api;
        return 0;
}
