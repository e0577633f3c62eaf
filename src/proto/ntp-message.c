/* SPDX-License-Identifier: MIT */
#include "proto/ntp-message.h"

static const char *const check_names[] = {
        [NTP_CHECK_OK] = "ok",
        [NTP_CHECK_LENGTH] = "length",
        [NTP_CHECK_FIELDS] = "fields",
        [NTP_CHECK_MODE] = "mode",
        [NTP_CHECK_VERSION] = "version",
        [NTP_CHECK_COOKIE] = "cookie",
        [NTP_CHECK_AUTHENTICATION] = "authentication",
        [NTP_CHECK_TIMESTAMPS] = "timestamps",
        [NTP_CHECK_KISS] = "kiss",
        [NTP_CHECK_STRATUM] = "stratum",
        [NTP_CHECK_LEAP] = "not-synchronized",
        [NTP_CHECK_DISTANCE] = "distance",
        [NTP_CHECK_REFERENCE] = "reference-time",
        [NTP_CHECK_SERVER_TIME] = "server-time",
        [NTP_CHECK_DELAY] = "delay",
        [NTP_CHECK_LOCAL_CLOCK] = "local-clock",
        [NTP_CHECK_BEFORE_BUILD] = "before-build",
        [NTP_CHECK_CERTIFICATE] = "certificate-dates",
};
DEFINE_STRTAB(ntp_check, NtpCheck, check_names);

void ntp_message_write(Writer *w, const NtpMessage *m)
{
        writer_u8(w, (uint8_t) (m->leap << 6 | (m->version & 7) << 3 | (m->mode & 7)));
        writer_u8(w, m->stratum);
        writer_u8(w, (uint8_t) m->poll);
        writer_u8(w, (uint8_t) m->precision);
        writer_u32(w, m->root_delay);
        writer_u32(w, m->root_dispersion);
        writer_u32(w, m->reference_id);
        writer_u64(w, m->reference);
        writer_u64(w, m->origin);
        writer_u64(w, m->receive);
        writer_u64(w, m->transmit);
}

int ntp_message_read(Reader *r, NtpMessage *ret)
{
        uint8_t first = reader_u8(r);
        NtpMessage m = { .leap = first >> 6, .version = first >> 3 & 7, .mode = first & 7 };

        m.stratum = reader_u8(r);
        m.poll = (int8_t) reader_u8(r);
        m.precision = (int8_t) reader_u8(r);
        m.root_delay = reader_u32(r);
        m.root_dispersion = reader_u32(r);
        m.reference_id = reader_u32(r);
        m.reference = reader_u64(r);
        m.origin = reader_u64(r);
        m.receive = reader_u64(r);
        m.transmit = reader_u64(r);
        if (r->failed)
                return -EBADMSG;
        *ret = m;
        return 0;
}

void ntp_message_write_request(Writer *w, NtpTime origin, NtpTime receive, NtpTime transmit)
{
        ntp_message_write(w, &(NtpMessage){ .version = NTP_VERSION,
                                     .mode = NTP_MODE_CLIENT,
                                     .origin = origin,
                                     .receive = receive,
                                     .transmit = transmit });
}

bool ntp_fields_valid(const void *packet, size_t size, size_t *ret_end)
{
        Reader r = READER_INIT(packet, size);
        size_t last = 0;

        reader_skip(&r, NTP_HEADER_SIZE);
        while (!r.failed && reader_left(&r) > 0) {
                Reader mark = r;
                uint16_t length;

                /* RFC 7822 7.5: so short a rest can only be a key id and a digest. */
                if (reader_left(&r) == 20 || reader_left(&r) == 24)
                        break;
                (void) reader_u16(&r);
                length = reader_u16(&r);
                if (r.failed || length < NTP_FIELD_MIN || length % 4 != 0)
                        return false;
                r = mark;
                last = length;
                reader_skip(&r, length);
        }
        if (r.failed || (reader_left(&r) == 0 && last > 0 && last < NTP_FIELD_LAST_MIN))
                return false;
        *ret_end = r.pos;
        return true;
}

bool ntp_field_next(Reader *r, NtpField *ret)
{
        NtpField f = { .start = r->pos };
        uint16_t length;

        if (reader_left(r) < 4)
                return false;
        f.type = reader_u16(r);
        length = reader_u16(r);
        if (length < 4)
                return false;
        f.body = reader_sub(r, length - 4u);
        if (r->failed)
                return false;
        *ret = f;
        return true;
}

NtpCheck ntp_message_check_header(const NtpMessage *m, NtpTime made, double max_distance_sec)
{
        double distance = ntp_short_sec(m->root_delay) / 2 + ntp_short_sec(m->root_dispersion);

        if (m->stratum < 1 || m->stratum > NTP_MAX_STRATUM)
                return NTP_CHECK_STRATUM;
        if (m->leap == NTP_LEAP_UNSYNC)
                return NTP_CHECK_LEAP;
        if (distance >= NTP_MAX_DISTANCE_SEC || distance >= max_distance_sec)
                return NTP_CHECK_DISTANCE;
        /* Zero is "never told", which some small servers say all their life. */
        if (m->reference != 0 && (int64_t) (made - m->reference) < 0)
                return NTP_CHECK_REFERENCE;
        return NTP_CHECK_OK;
}
