/* SPDX-License-Identifier: MIT */
#include "proto/nts-fields.h"
#include "proto/ntp-message.h"
#include <string.h>

#define SEAL_SIZE (8 + NTS_NONCE_SIZE + SIV_TAG_SIZE)

int nts_session_add_cookie(NtsSession *s, const void *data, size_t size)
{
        /* A field is a multiple of 4 and at least 16 octets; what must be padded cannot be told
         * from its padding. */
        if (size == 0 || size > NTS_COOKIE_MAX)
                return -EINVAL;
        if (s->n_cookies == NTS_COOKIES) {
                s->unsaved -= s->unsaved > 0;
                memmove(&s->cookies[0], &s->cookies[1], sizeof(s->cookies[0]) * --s->n_cookies);
        }
        s->cookies[s->n_cookies].size = (uint16_t) size;
        memcpy(s->cookies[s->n_cookies++].data, data, size);
        return 0;
}

static size_t padded(size_t size)
{
        return (size + 3) & ~(size_t) 3;
}

static uint8_t *field_begin(Writer *w, uint16_t type, size_t body)
{
        size_t size = MAX(padded(body), (size_t) NTP_FIELD_MIN - 4);
        uint8_t *p;

        writer_u16(w, type);
        writer_u16(w, (uint16_t) (size + 4));
        p = writer_reserve(w, size);
        if (p)
                memset(p, 0, size);
        return p;
}

static int seal(NtsSession *s, Writer *w, Rng *rng)
{
        uint8_t nonce[NTS_NONCE_SIZE], tag[SIV_TAG_SIZE];
        size_t covered = w->pos;
        uint8_t *body;

        rng->fill(rng, nonce, sizeof(nonce));
        body = field_begin(w, NTS_FIELD_AUTHENTICATOR, 4 + sizeof(nonce) + sizeof(tag));
        if (!body)
                return -ENOBUFS;
        if (siv_encrypt(s->c2s, (SivPart[]){ { w->data, covered }, { nonce, sizeof(nonce) } }, 2,
                    NULL, 0, tag) < 0)
                return -EIO;
        body[1] = sizeof(nonce);
        body[3] = sizeof(tag);
        memcpy(body + 4, nonce, sizeof(nonce));
        memcpy(body + 4 + sizeof(nonce), tag, sizeof(tag));
        return 0;
}

int nts_request_write(
        NtsSession *s, Writer *w, const uint8_t unique_id[NTS_UNIQUE_ID_SIZE], Rng *rng)
{
        NtsCookie cookie;
        uint8_t *body;

        if (s->n_cookies == 0)
                return -EAGAIN;
        cookie = s->cookies[0];
        s->unsaved -= s->unsaved > 0;
        memmove(&s->cookies[0], &s->cookies[1], sizeof(s->cookies[0]) * --s->n_cookies);
        body = field_begin(w, NTS_FIELD_UNIQUE_ID, NTS_UNIQUE_ID_SIZE);
        if (body)
                memcpy(body, unique_id, NTS_UNIQUE_ID_SIZE);
        body = field_begin(w, NTS_FIELD_COOKIE, cookie.size);
        if (body)
                memcpy(body, cookie.data, cookie.size);
        /* The answer brings one cookie for the one spent and one for each placeholder. */
        for (size_t i = s->n_cookies + 1; i < NTS_COOKIES; i++) {
                if (writer_left(w) < padded(cookie.size) + 4 + SEAL_SIZE)
                        break;
                (void) field_begin(w, NTS_FIELD_PLACEHOLDER, cookie.size);
        }
        return w->failed ? -ENOBUFS : seal(s, w, rng);
}

static bool unique_id_matches(const NtpField *f, const uint8_t *unique_id)
{
        return f->body.size == NTS_UNIQUE_ID_SIZE &&
               memcmp(f->body.data, unique_id, NTS_UNIQUE_ID_SIZE) == 0;
}

/* Cookies stand as extension fields inside the sealed part. */
static void take_cookies(NtsSession *s, const uint8_t *plain, size_t size)
{
        Reader r = READER_INIT(plain, size);
        NtpField f;

        for (size_t n = 0; n < NTS_COOKIES && ntp_field_next(&r, &f); n++)
                if (f.type == NTS_FIELD_COOKIE)
                        (void) nts_session_add_cookie(s, f.body.data, f.body.size);
}

static int open_sealed(NtsSession *s, const uint8_t *packet, NtpField *f)
{
        uint16_t nonce_size = reader_u16(&f->body), sealed_size = reader_u16(&f->body);
        const uint8_t *nonce = reader_bytes(&f->body, padded(nonce_size));
        const uint8_t *sealed = reader_bytes(&f->body, sealed_size);
        uint8_t plain[2048];

        if (!nonce || !sealed || nonce_size == 0 || sealed_size < SIV_TAG_SIZE ||
                sealed_size - SIV_TAG_SIZE > (int) sizeof(plain))
                return -EBADMSG;
        if (siv_decrypt(s->s2c, (SivPart[]){ { packet, f->start }, { nonce, nonce_size } }, 2,
                    sealed, sealed_size, plain) < 0)
                return -EBADMSG;
        take_cookies(s, plain, sealed_size - SIV_TAG_SIZE);
        return 0;
}

int nts_reply_check(
        NtsSession *s, const void *packet, size_t size, const uint8_t unique_id[NTS_UNIQUE_ID_SIZE])
{
        unsigned ids = 0, seals = 0;
        NtpField f, seal_field = { 0 };
        Reader r = READER_INIT(packet, 0);
        size_t end;

        if (!ntp_fields_valid(packet, size, &end))
                return -EBADMSG;
        r.size = end;
        reader_skip(&r, NTP_HEADER_SIZE);
        while (ntp_field_next(&r, &f)) {
                if (f.type == NTS_FIELD_UNIQUE_ID) {
                        /* What stands behind the seal is not covered by it. */
                        if (seals > 0 || !unique_id_matches(&f, unique_id))
                                return -EBADMSG;
                        ids++;
                } else if (f.type == NTS_FIELD_AUTHENTICATOR) {
                        seals++;
                        seal_field = f;
                }
        }
        if (ids != 1 || seals != 1)
                return -EBADMSG;
        return open_sealed(s, packet, &seal_field);
}

bool nts_reply_has_unique_id(
        const void *packet, size_t size, const uint8_t unique_id[NTS_UNIQUE_ID_SIZE])
{
        Reader r = READER_INIT(packet, 0);
        size_t end;
        NtpField f;

        if (!ntp_fields_valid(packet, size, &end))
                return false;
        r.size = end;
        reader_skip(&r, NTP_HEADER_SIZE);
        while (ntp_field_next(&r, &f))
                if (f.type == NTS_FIELD_UNIQUE_ID && unique_id_matches(&f, unique_id))
                        return true;
        return false;
}
