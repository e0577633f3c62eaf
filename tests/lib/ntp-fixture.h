/* SPDX-License-Identifier: MIT */
#pragma once
/* One source and a server in memory that answers it well, for tests to spoil. */
#include "lib/suite.h"
#include "proto/ntp-source.h"

#define T0    (INT64_C(1800000000) * NTP_NSEC_PER_SEC)
#define BUILD (INT64_C(1790000000) * NTP_NSEC_PER_SEC)
#define MS    INT64_C(1000000)

typedef struct Peer Peer;
struct Peer {
        NtpSource source;
        Rng rng;
        usec_t now;
        uint8_t request[NTP_PACKET_MAX];
        size_t request_size;
        NtpMessage reply;
        uint8_t extra[64];
        size_t extra_size, cut;
};

static inline void ask(Peer *p)
{
        Writer w = WRITER_INIT(p->request, sizeof(p->request));

        ck_assert_int_eq(
                ntp_source_request(&p->source, &w, p->now, T0 + (int64_t) p->now * 1000, &p->rng),
                0);
        p->request_size = w.pos;
        /* an honest answer: 10 ms there, 1 ms inside, 10 ms back; the clock is right */
        p->reply = (NtpMessage){ .version = 4,
                .mode = 4,
                .stratum = 2,
                .precision = -20,
                .reference = 1,
                .origin = p->source.cookie,
                .receive = ntp_time_from_nsec(T0 + (int64_t) p->now * 1000 + 10 * MS),
                .transmit = ntp_time_from_nsec(T0 + (int64_t) p->now * 1000 + 11 * MS) };
        p->reply.reference = p->reply.receive - 1;
}

static inline Peer peer(void)
{
        Peer p = { .rng = rng_seeded(test_seed()), .now = 1000 * USEC_PER_SEC };

        ntp_source_init(&p.source, 6, 10, p.now);
        ask(&p);
        return p;
}

static inline NtpReply answer_after(Peer *p, int64_t trip_nsec)
{
        uint8_t buf[256] = { 0 };
        Writer w = WRITER_INIT(buf, sizeof(buf));
        usec_t now = p->now + (usec_t) (trip_nsec / 1000);

        ntp_message_write(&w, &p->reply);
        writer_bytes(&w, p->extra, p->extra_size);
        return ntp_source_receive(&p->source, buf, w.pos - p->cut, now,
                T0 + (int64_t) p->now * 1000 + trip_nsec, BUILD, 0);
}

static inline NtpCheck answer(Peer *p)
{
        return answer_after(p, 21 * MS).check;
}
