/* SPDX-License-Identifier: MIT */
#include "lib/suite.h"
#include "proto/ntp-message.h"
#include "proto/nts-fields.h"
#include <string.h>

#define COOKIE_SIZE 100

typedef struct World World;
struct World {
        NtsSession session;
        Rng rng;
        uint8_t id[NTS_UNIQUE_ID_SIZE];
        uint8_t packet[2048];
        size_t size;
};

static World world(size_t cookies)
{
        World w = { .rng = rng_seeded(test_seed()) };
        uint8_t cookie[COOKIE_SIZE];

        w.rng.fill(&w.rng, &w.session.c2s, sizeof(w.session.c2s));
        w.rng.fill(&w.rng, &w.session.s2c, sizeof(w.session.s2c));
        w.rng.fill(&w.rng, w.id, sizeof(w.id));
        for (size_t i = 0; i < cookies; i++) {
                memset(cookie, (int) i + 1, sizeof(cookie));
                ck_assert_int_eq(nts_session_add_cookie(&w.session, cookie, sizeof(cookie)), 0);
        }
        return w;
}

static int request(World *w)
{
        Writer out = WRITER_INIT(w->packet, 1280);
        int r;

        ntp_message_write_request(&out, 0, 0, 42);
        r = nts_request_write(&w->session, &out, w->id, &w->rng);
        w->size = out.pos;
        return r;
}

START_TEST(a_request_has_what_it_needs)
{
        World w = world(3);
        unsigned ids = 0, cookies = 0, placeholders = 0, seals = 0;
        NtpField f;
        Reader r;
        size_t end;

        ck_assert_int_eq(request(&w), 0);
        ck_assert_uint_eq(w.session.n_cookies, 2);
        ck_assert(ntp_fields_valid(w.packet, w.size, &end));
        ck_assert_uint_eq(end, w.size);
        r = READER_INIT(w.packet, w.size);
        reader_skip(&r, 48);
        while (ntp_field_next(&r, &f)) {
                ck_assert_uint_eq(seals, 0); /* the seal is last */
                ids += f.type == NTS_FIELD_UNIQUE_ID && f.body.size == 32;
                cookies += f.type == NTS_FIELD_COOKIE && f.body.size == COOKIE_SIZE &&
                           f.body.data[0] == 1;
                placeholders += f.type == NTS_FIELD_PLACEHOLDER && f.body.size == COOKIE_SIZE;
                seals += f.type == NTS_FIELD_AUTHENTICATOR;
        }
        ck_assert_uint_eq(ids, 1);
        ck_assert_uint_eq(cookies, 1);
        ck_assert_uint_eq(placeholders, 5); /* 2 left + 1 + 5 = 8 */
        ck_assert_uint_eq(seals, 1);
}
END_TEST

START_TEST(without_a_cookie_nothing_goes)
{
        World w = world(1);

        ck_assert_int_eq(request(&w), 0);
        ck_assert_int_eq(request(&w), -EAGAIN);
}
END_TEST

/* What a server sends: unique id, and `n` cookies under seal. */
static void reply(World *w, size_t n, const uint8_t *key)
{
        uint8_t plain[8 * (COOKIE_SIZE + 4)] = { 0 }, nonce[16] = { 7 };
        Writer out = WRITER_INIT(w->packet, sizeof(w->packet)),
               in = WRITER_INIT(plain, sizeof(plain));
        size_t covered;

        for (size_t i = 0; i < n; i++) {
                writer_u16(&in, NTS_FIELD_COOKIE);
                writer_u16(&in, COOKIE_SIZE + 4);
                memset(writer_reserve(&in, COOKIE_SIZE), 0x80 + (int) i, COOKIE_SIZE);
        }
        ntp_message_write(&out, &(NtpMessage){ .version = 4, .mode = 4 });
        writer_u16(&out, NTS_FIELD_UNIQUE_ID);
        writer_u16(&out, 36);
        writer_bytes(&out, w->id, sizeof(w->id));
        covered = out.pos;
        writer_u16(&out, NTS_FIELD_AUTHENTICATOR);
        writer_u16(&out, (uint16_t) (8 + sizeof(nonce) + SIV_TAG_SIZE + in.pos));
        writer_u16(&out, sizeof(nonce));
        writer_u16(&out, (uint16_t) (SIV_TAG_SIZE + in.pos));
        writer_bytes(&out, nonce, sizeof(nonce));
        ck_assert_int_eq(
                siv_encrypt(key, (SivPart[]){ { w->packet, covered }, { nonce, sizeof(nonce) } }, 2,
                        plain, in.pos, writer_reserve(&out, SIV_TAG_SIZE + in.pos)),
                0);
        w->size = out.pos;
}

START_TEST(new_cookies_come_from_under_the_seal)
{
        World w = world(0);

        reply(&w, 3, w.session.s2c);
        ck_assert_int_eq(nts_reply_check(&w.session, w.packet, w.size, w.id), 0);
        ck_assert_uint_eq(w.session.n_cookies, 3);
        ck_assert_uint_eq(w.session.cookies[2].data[5], 0x82);
        for (int i = 0; i < 4; i++)
                ck_assert_int_eq(nts_reply_check(&w.session, w.packet, w.size, w.id), 0);
        ck_assert_uint_eq(w.session.n_cookies, NTS_COOKIES);
}
END_TEST

START_TEST(any_changed_octet_is_noticed)
{
        World w = world(0);

        reply(&w, 1, w.session.s2c);
        for (size_t i = 0; i < w.size; i++) {
                w.packet[i] ^= 1;
                ck_assert_int_eq(nts_reply_check(&w.session, w.packet, w.size, w.id), -EBADMSG);
                w.packet[i] ^= 1;
        }
        for (size_t size = 0; size < w.size; size++)
                ck_assert_int_eq(nts_reply_check(&w.session, w.packet, size, w.id), -EBADMSG);
        ck_assert_uint_eq(w.session.n_cookies, 0);
        ck_assert_int_eq(nts_reply_check(&w.session, w.packet, w.size, w.id), 0);
}
END_TEST

START_TEST(the_wrong_key_or_id_is_noticed)
{
        World w = world(0);
        uint8_t other[NTS_UNIQUE_ID_SIZE] = { 0 };

        reply(&w, 1, w.session.c2s);
        ck_assert_int_eq(nts_reply_check(&w.session, w.packet, w.size, w.id), -EBADMSG);
        reply(&w, 1, w.session.s2c);
        ck_assert_int_eq(nts_reply_check(&w.session, w.packet, w.size, other), -EBADMSG);
        ck_assert(nts_reply_has_unique_id(w.packet, w.size, w.id));
        ck_assert(!nts_reply_has_unique_id(w.packet, w.size, other));
}
END_TEST

START_TEST(plain_replies_are_refused)
{
        World w = world(0);
        Writer out = WRITER_INIT(w.packet, sizeof(w.packet));

        ntp_message_write(&out, &(NtpMessage){ .version = 4, .mode = 4 });
        ck_assert_int_eq(nts_reply_check(&w.session, w.packet, out.pos, w.id), -EBADMSG);
}
END_TEST

TEST_MAIN("nts-fields", a_request_has_what_it_needs, without_a_cookie_nothing_goes,
        new_cookies_come_from_under_the_seal, any_changed_octet_is_noticed,
        the_wrong_key_or_id_is_noticed, plain_replies_are_refused)
