/* SPDX-License-Identifier: MIT */
#include "proto/jws.h"
#include "util/base64.h"
#include <jansson.h>
#include <stdbool.h>
#include <string.h>

static int decode_part(const char *text, size_t size, uint8_t **ret, size_t *ret_size)
{
        uint8_t *p = malloc(BASE64_DECODED_MAX(size) + 1);
        int r;

        if (!p)
                return -ENOMEM;
        r = base64url_decode(text, size, p, ret_size);
        if (r < 0) {
                free(p);
                return r;
        }
        p[*ret_size] = 0;
        *ret = p;
        return 0;
}

/* The algorithm of a protected header; "crit" names what one must understand, and we do not. */
static int parse_header(const uint8_t *json, size_t size)
{
        json_auto_t *header = json_loadb((const char *) json, size, JSON_REJECT_DUPLICATES, NULL);
        const char *alg = json_string_value(json_object_get(header, "alg"));

        if (!alg || json_object_get(header, "crit"))
                return -EBADMSG;
        if (strcmp(alg, "EdDSA") == 0)
                return SIGNATURE_ED25519;
        if (strcmp(alg, "ES256") == 0)
                return SIGNATURE_ECDSA_P256_SHA256;
        return -EBADMSG;
}

static bool is_blank(char c)
{
        return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

int jws_verify(
        const PublicKey *key, const char *text, size_t size, char **ret_payload, size_t *ret_size)
{
        _cleanup_(freep) uint8_t *header = NULL, *payload = NULL, *signature = NULL;
        size_t header_size, payload_size, signature_size;
        const char *dot1, *dot2, *end;
        int r, alg;

        for (; size > 0 && is_blank(*text); size--)
                text++;
        for (; size > 0 && is_blank(text[size - 1]); size--)
                ;
        end = text + size;
        dot1 = memchr(text, '.', size);
        dot2 = dot1 ? memchr(dot1 + 1, '.', (size_t) (end - dot1 - 1)) : NULL;
        if (!dot2)
                return -EBADMSG;
        r = decode_part(text, (size_t) (dot1 - text), &header, &header_size);
        if (r >= 0)
                r = decode_part(dot1 + 1, (size_t) (dot2 - dot1 - 1), &payload, &payload_size);
        if (r >= 0)
                r = decode_part(dot2 + 1, (size_t) (end - dot2 - 1), &signature, &signature_size);
        if (r < 0)
                return r;
        alg = parse_header(header, header_size);
        if (alg < 0)
                return alg;
        r = public_key_verify(key, (SignatureAlgorithm) alg, text, (size_t) (dot2 - text),
                signature, signature_size);
        if (r < 0)
                return r;
        *ret_payload = (char *) TAKE_PTR(payload);
        *ret_size = payload_size;
        return 0;
}
