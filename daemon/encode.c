/* SPDX-License-Identifier: MIT */
#include "daemon/encode.h"
#include "dbus/names.h"
#include "state/table.h"
#include "util/buf.h"
#include "util/error.h"
#include <endian.h>
#include <string.h>

#define SERIAL UINT32_MAX
/* More than all but the ids ever takes. */
#define FRAME_SIZE 1024

enum { REPLY = 2, SIGNAL = 4 };
enum { FLAG_NO_REPLY_EXPECTED = 1 };
enum {
        FIELD_PATH = 1,
        FIELD_INTERFACE = 2,
        FIELD_MEMBER = 3,
        FIELD_REPLY_SERIAL = 5,
        FIELD_DESTINATION = 6,
        FIELD_SENDER = 7,
        FIELD_SIGNATURE = 8,
};

/* A length that is known later. */
typedef struct Length Length;
struct Length {
        uint8_t *at;
        size_t start;
};

static void align(Writer *w, size_t to)
{
        writer_zero(w, -w->pos & (to - 1));
}

static void put_u32(Writer *w, uint32_t v)
{
        align(w, sizeof(v));
        writer_bytes(w, &v, sizeof(v));
}

static void put_u64(Writer *w, uint64_t v)
{
        align(w, sizeof(v));
        writer_bytes(w, &v, sizeof(v));
}

static void put_text(Writer *w, const char *text)
{
        size_t n = strlen(text);

        put_u32(w, (uint32_t) n);
        writer_bytes(w, text, n + 1);
}

static void put_signature(Writer *w, const char *signature)
{
        size_t n = strlen(signature);

        writer_u8(w, (uint8_t) n);
        writer_bytes(w, signature, n + 1);
}

/* What the length is about is aligned, and the padding is no part of it. */
static Length begin(Writer *w, size_t to)
{
        Length length = { 0 };

        align(w, 4);
        length.at = writer_reserve(w, 4);
        align(w, to);
        length.start = w->pos;
        return length;
}

static void end(Writer *w, Length length)
{
        uint32_t n = (uint32_t) (w->pos - length.start);

        if (length.at)
                memcpy(length.at, &n, sizeof(n));
}

static void put_ids(Writer *w, const uint64_t *ids, size_t n)
{
        Length length = begin(w, 8);

        writer_bytes(w, ids, n * sizeof(*ids));
        end(w, length);
}

/* -- The frame --------------------------------------------------------------------------------- */

static void put_field(Writer *w, uint8_t field, const char *type)
{
        align(w, 8);
        writer_u8(w, field);
        put_signature(w, type);
}

static void put_text_field(Writer *w, uint8_t field, const char *type, const char *value)
{
        put_field(w, field, type);
        put_text(w, value);
}

/* Up to the length of the body, which follows once it is known. */
static Length begin_message(Writer *w, uint8_t type)
{
        Length body = { 0 };

        writer_u8(w, BYTE_ORDER == LITTLE_ENDIAN ? 'l' : 'B');
        writer_u8(w, type);
        writer_u8(w, FLAG_NO_REPLY_EXPECTED);
        writer_u8(w, 1); /* of the protocol */
        body.at = writer_reserve(w, 4);
        put_u32(w, SERIAL);
        return body;
}

/* A bus says itself who sends. */
static void end_fields(
        Writer *w, Length fields, Length *body, const char *to, const char *signature)
{
        if (to)
                put_text_field(w, FIELD_DESTINATION, "s", to);
        else
                put_text_field(w, FIELD_SENDER, "s", LWSD_PEER_SENDER);
        put_field(w, FIELD_SIGNATURE, "g");
        put_signature(w, signature);
        end(w, fields);
        align(w, 8);
        body->start = w->pos;
}

static int make_room(Writer *w, size_t n_ids)
{
        size_t size = FRAME_SIZE + n_ids * sizeof(uint64_t);
        uint8_t *data = malloc(size);

        if (!data)
                return -ENOMEM;
        *w = WRITER_INIT(data, size);
        return 0;
}

static int finish(Writer *w, Length body, Encoded *ret)
{
        end(w, body);
        if (w->failed) {
                free(w->data);
                return -EMSGSIZE;
        }
        *ret = (Encoded){ w->data, w->pos };
        return 0;
}

/* -- The messages ------------------------------------------------------------------------------ */

int encode_attach_reply(Encoded *ret, const char *to, uint32_t call, const uint64_t *ids, size_t n,
        bool many, const char *current)
{
        Length body, fields;
        Writer w;
        int r;

        r = make_room(&w, n);
        if (r < 0)
                return r;
        body = begin_message(&w, REPLY);
        fields = begin(&w, 8);
        put_field(&w, FIELD_REPLY_SERIAL, "u");
        put_u32(&w, call);
        end_fields(&w, fields, &body, to, many ? "ats" : "ts");
        if (many)
                put_ids(&w, ids, n);
        else
                put_u64(&w, ids[0]);
        put_text(&w, current);
        return finish(&w, body, ret);
}

static const char *signal_member(BrokerSignalKind kind)
{
        switch (kind) {
        case BROKER_SIGNAL_ATTACHED:
                return "Attached";
        case BROKER_SIGNAL_LEFT:
                return "Left";
        case BROKER_SIGNAL_EXPIRED:
                return "Expired";
        }
        return NULL;
}

static void put_detail(Writer *w, const char *key, uint64_t value)
{
        align(w, 8);
        put_text(w, key);
        put_signature(w, "t");
        put_u64(w, value);
}

int encode_broker_signal(Encoded *ret, const char *to, const BrokerSignal *signal)
{
        bool expired = signal->kind == BROKER_SIGNAL_EXPIRED;
        Length body, fields;
        Writer w;
        int r;

        r = make_room(&w, signal->n);
        if (r < 0)
                return r;
        body = begin_message(&w, SIGNAL);
        fields = begin(&w, 8);
        put_text_field(&w, FIELD_PATH, "o", LWSD_OBJECT_PATH);
        put_text_field(&w, FIELD_INTERFACE, "s", LWSD_INTERFACE_MANAGER);
        put_text_field(&w, FIELD_MEMBER, "s", signal_member(signal->kind));
        end_fields(&w, fields, &body, to, expired ? "ats" : "atsa{sv}");
        put_ids(&w, signal->ids, signal->n);
        put_text(&w, state_to_string(signal->state));
        if (!expired) {
                Length details = begin(&w, 8);

                put_detail(&w, "monotonic-usec", signal->monotonic_usec);
                put_detail(&w, "state-serial", signal->serial);
                end(&w, details);
        }
        return finish(&w, body, ret);
}
