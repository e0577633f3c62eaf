/* SPDX-License-Identifier: MIT */
#include "proto/oauth.h"
#include "util/error.h"
#include <jansson.h>
#include <string.h>
#include <strings.h>

static bool is_unreserved(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               (c && strchr("-._~", c));
}

static void write_encoded(Writer *w, const char *s)
{
        static const char hex[] = "0123456789ABCDEF";

        for (; *s; s++) {
                char escaped[3] = { '%', hex[(uint8_t) *s >> 4], hex[*s & 15] };

                writer_bytes(w, is_unreserved(*s) ? s : escaped, is_unreserved(*s) ? 1 : 3);
        }
}

static void write_text(Writer *w, const char *s)
{
        writer_bytes(w, s, strlen(s));
}

int oauth_write_request(const char *client_id, const char *scope, Writer *w)
{
        write_text(w, "grant_type=client_credentials&client_id=");
        write_encoded(w, client_id);
        if (*scope) {
                write_text(w, "&scope=");
                write_encoded(w, scope);
        }
        return w->failed ? -E2BIG : 0;
}

static bool is_token(const char *s, size_t size)
{
        if (size == 0 || size > OAUTH_TOKEN_MAX)
                return false;
        for (size_t i = 0; i < size; i++)
                if (s[i] <= 0x20 || s[i] >= 0x7f)
                        return false;
        return true;
}

int oauth_token_new(const char *text, size_t size, OauthToken *ret)
{
        char *copy;

        if (!is_token(text, size))
                return -EBADMSG;
        copy = strndup(text, size);
        if (!copy)
                return -ENOMEM;
        *ret = (OauthToken){ .text = copy, .lifetime_usec = USEC_INFINITY };
        return 0;
}

int oauth_parse_token(const void *body, size_t size, OauthToken *ret)
{
        json_auto_t *root = json_loadb(body, size, JSON_REJECT_DUPLICATES, NULL);
        const json_t *token = json_object_get(root, "access_token");
        const json_t *expires = json_object_get(root, "expires_in");
        const char *type = json_string_value(json_object_get(root, "token_type"));
        usec_t lifetime = USEC_INFINITY;
        int r;

        if (!json_is_string(token) || !type || strcasecmp(type, "bearer") != 0)
                return -EBADMSG;
        if (expires) {
                json_int_t sec = json_integer_value(expires);

                if (!json_is_integer(expires) || sec <= 0)
                        return -EBADMSG;
                lifetime = (usec_t) MIN(sec, (json_int_t) INT32_MAX) * USEC_PER_SEC;
                if (lifetime < OAUTH_LIFETIME_MIN)
                        return -EBADMSG;
        }
        r = oauth_token_new(json_string_value(token), json_string_length(token), ret);
        if (r >= 0)
                ret->lifetime_usec = lifetime;
        return r;
}

void oauth_token_clear(OauthToken *token)
{
        if (token->text)
                explicit_bzero(token->text, strlen(token->text));
        free(token->text);
        *token = (OauthToken){ 0 };
}

void oauth_parse_error(const void *body, size_t size, char buf[static 64])
{
        json_auto_t *root = json_loadb(body, size, JSON_REJECT_DUPLICATES, NULL);
        const json_t *error = json_object_get(root, "error");

        buf[0] = 0;
        if (json_is_string(error) && json_string_length(error) < 64 &&
                is_token(json_string_value(error), json_string_length(error)))
                strcpy(buf, json_string_value(error));
}
