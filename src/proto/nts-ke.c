/* SPDX-License-Identifier: MIT */
#include "proto/nts-ke.h"
#include <string.h>

#define CRITICAL 0x8000

enum {
        RECORD_END = 0,
        RECORD_PROTOCOL = 1,
        RECORD_ERROR = 2,
        RECORD_WARNING = 3,
        RECORD_AEAD = 4,
        RECORD_COOKIE = 5,
        RECORD_SERVER = 6,
        RECORD_PORT = 7,
};

enum { PROTOCOL_NTPV4 = 0 };

void nts_ke_init(NtsKe *ke)
{
        *ke = (NtsKe){ .status = NTS_KE_MORE };
}

static void write_record(Writer *w, uint16_t type, int value)
{
        writer_u16(w, CRITICAL | type);
        writer_u16(w, value >= 0 ? 2 : 0);
        if (value >= 0)
                writer_u16(w, (uint16_t) value);
}

void nts_ke_write_request(Writer *w)
{
        write_record(w, RECORD_PROTOCOL, PROTOCOL_NTPV4);
        write_record(w, RECORD_AEAD, NTS_AEAD_AES_SIV_CMAC_256);
        write_record(w, RECORD_END, -1);
}

void nts_ke_context(bool s2c, uint8_t ret[5])
{
        ret[0] = ret[1] = PROTOCOL_NTPV4;
        ret[2] = 0;
        ret[3] = NTS_AEAD_AES_SIV_CMAC_256;
        ret[4] = s2c;
}

static NtsKeStatus fail(NtsKe *ke, const char *why)
{
        ke->status = NTS_KE_FAILED;
        ke->why = why;
        return ke->status;
}

static void take_choice(NtsKe *ke, bool *have, uint16_t expected, const char *why)
{
        /* One answer, and it is what we offered. */
        if (*have || ke->body_size != 2 || ke->body[0] != 0 || ke->body[1] != expected)
                fail(ke, why);
        *have = true;
}

static void take_cookie(NtsKe *ke)
{
        /* one that fits no request is as good as none */
        if (ke->body_size == 0 || ke->body_size > NTS_COOKIE_MAX || ke->n_cookies == NTS_COOKIES)
                return;
        ke->cookies[ke->n_cookies].size = (uint16_t) ke->body_size;
        memcpy(ke->cookies[ke->n_cookies++].data, ke->body, ke->body_size);
}

static void take_server(NtsKe *ke)
{
        if (ke->server[0] || ke->body_size == 0 || ke->body_size >= sizeof(ke->server)) {
                fail(ke, "the name of the NTP server is not one");
                return;
        }
        for (size_t i = 0; i < ke->body_size; i++)
                if (ke->body[i] <= ' ' || ke->body[i] >= 0x7f || ke->body[i] == '/') {
                        fail(ke, "the name of the NTP server is not one");
                        return;
                }
        memcpy(ke->server, ke->body, ke->body_size);
        ke->server[ke->body_size] = 0;
}

static void take_port(NtsKe *ke)
{
        uint16_t port = (uint16_t) (ke->body[0] << 8 | ke->body[1]);

        if (ke->port || ke->body_size != 2 || port == 0)
                fail(ke, "the port of the NTP server is not one");
        else
                ke->port = port;
}

static void take_end(NtsKe *ke, bool critical)
{
        if (!critical || ke->body_size != 0)
                fail(ke, "a malformed end of message");
        else if (!ke->have_protocol)
                fail(ke, "the server does not offer NTPv4");
        else if (!ke->have_aead)
                fail(ke, "the server does not offer AES-SIV-CMAC-256");
        else if (ke->n_cookies == 0)
                fail(ke, "the server gave no cookie that can be sent");
        else
                ke->status = NTS_KE_DONE;
}

static void take_record(NtsKe *ke)
{
        uint16_t type = (uint16_t) (ke->header[0] << 8 | ke->header[1]);
        bool critical = type & CRITICAL;

        switch (type & ~CRITICAL) {
        case RECORD_END:
                take_end(ke, critical);
                break;
        case RECORD_PROTOCOL:
                take_choice(
                        ke, &ke->have_protocol, PROTOCOL_NTPV4, "the server does not offer NTPv4");
                break;
        case RECORD_ERROR:
                fail(ke, "the server reports an error");
                break;
        case RECORD_WARNING:
                fail(ke, "the server reports a warning");
                break;
        case RECORD_AEAD:
                take_choice(ke, &ke->have_aead, NTS_AEAD_AES_SIV_CMAC_256,
                        "the server does not offer AES-SIV-CMAC-256");
                break;
        case RECORD_COOKIE:
                take_cookie(ke);
                break;
        case RECORD_SERVER:
                take_server(ke);
                break;
        case RECORD_PORT:
                take_port(ke);
                break;
        default:
                if (critical)
                        fail(ke, "a critical record of unknown type");
        }
}

static void feed_byte(NtsKe *ke, uint8_t byte)
{
        if (ke->header_size < sizeof(ke->header)) {
                ke->header[ke->header_size++] = byte;
                if (ke->header_size < sizeof(ke->header))
                        return;
                ke->body_left = (size_t) (ke->header[2] << 8 | ke->header[3]);
                ke->body_size = 0;
        } else {
                if (ke->body_size < sizeof(ke->body))
                        ke->body[ke->body_size++] = byte;
                ke->body_left--;
        }
        if (ke->body_left > 0)
                return;
        ke->header_size = 0;
        take_record(ke);
}

NtsKeStatus nts_ke_feed(NtsKe *ke, const uint8_t *data, size_t size)
{
        for (size_t i = 0; i < size && ke->status != NTS_KE_FAILED; i++) {
                if (ke->status == NTS_KE_DONE)
                        return fail(ke, "more behind the end of message");
                if (++ke->total > NTS_KE_MESSAGE_MAX)
                        return fail(ke, "the answer is too long");
                feed_byte(ke, data[i]);
        }
        return ke->status;
}

NtsKeStatus nts_ke_end(NtsKe *ke)
{
        return ke->status == NTS_KE_MORE ? fail(ke, "the answer has no end") : ke->status;
}
