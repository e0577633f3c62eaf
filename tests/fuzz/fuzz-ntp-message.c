/* SPDX-License-Identifier: MIT */
/* A datagram as the answer of a server: with the cookie it has, and with the right one put in, so
 * that every check behind the cookie is reached; then the same for an NTS source. */
#include "fuzz.h"
#include "proto/ntp-client.h"
#include <assert.h>
#include <string.h>

static const NtpKey key = { .id = 1, .type = MAC_AES128, .size = 16, .data = "0123456789abcde" };

static void seal(uint8_t *packet, size_t size)
{
        Writer w = WRITER_INIT(packet, size);

        if (size < NTP_HEADER_SIZE + NTP_MAC_MIN)
                return;
        w.pos = size - NTP_MAC_MIN;
        (void) ntp_mac_write(&w, &key);
}

/* Answers that make the next request ask for an interleaved one. */
static void answer_well(NtpClient *c)
{
        const int64_t second = NTP_NSEC_PER_SEC;

        for (int64_t t = 1; t <= 4; t++) {
                uint8_t request[NTP_PACKET_MAX], packet[NTP_HEADER_SIZE];
                Writer q = WRITER_INIT(request, sizeof(request)),
                       w = WRITER_INIT(packet, sizeof(packet));

                assert(ntp_client_request(c, 0, &q, (usec_t) t * USEC_PER_SEC, t * second) == 0);
                ntp_message_write(
                        &w, &(NtpMessage){ .version = 4,
                                    .mode = NTP_MODE_SERVER,
                                    .stratum = 1,
                                    .origin = c->sources[0].cookie,
                                    .receive = ntp_time_from_nsec(t * second + second / 4),
                                    .transmit = ntp_time_from_nsec(t * second + second / 4) });
                assert(ntp_client_receive(c, 0, packet, w.pos, (usec_t) t * USEC_PER_SEC + 500000,
                               t * second + second / 2) == NTP_CHECK_OK);
        }
}

/* Times near enough to be true, but for some bits, and nothing else in the way. */
static void make_likely(uint8_t *packet, NtpTime answered)
{
        NtpTime receive = ntp_time_from_nsec(25 * NTP_NSEC_PER_SEC / 4);

        packet[0] = 0x24;
        packet[1] = 1;
        memset(packet + 4, 0, 20);
        for (int i = 0; i < 5; i++)
                packet[32 + i] = (uint8_t) (receive >> (56 - 8 * i));
        for (int i = 0; i < 5; i++)
                packet[40 + i] = (uint8_t) (answered >> (56 - 8 * i));
}

static void interleaved(const uint8_t *data, size_t size)
{
        NtpConfig config = { .build_nsec = 1,
                .poll_min = 6,
                .poll_max = 10,
                .frequency_sd = 1e-4,
                .interleaved = true };
        uint8_t packet[2048], request[NTP_PACKET_MAX];
        Writer w = WRITER_INIT(request, sizeof(request));
        Rng rng = rng_seeded(size);
        NtpClient *c = NULL;
        NtpExchange before;
        NtpCheck check;

        if (size < NTP_HEADER_SIZE || size > sizeof(packet) ||
                ntp_client_new(&c, &config, 0, &rng) < 0)
                return;
        memcpy(packet, data, size);
        assert(ntp_client_add(c, "fuzz", false, 0) == 0);
        answer_well(c);
        before = c->sources[0].previous;
        assert(ntp_client_request(c, 0, &w, 6 * USEC_PER_SEC, 6 * NTP_NSEC_PER_SEC) == 0);
        memcpy(packet + 24, request + 32, 8);
        if (size % 2)
                make_likely(packet, before.receive);
        check = ntp_client_receive(
                c, 0, packet, size, 6 * USEC_PER_SEC + 500000, 13 * NTP_NSEC_PER_SEC / 2);
        if (check == NTP_CHECK_OK)
                assert(c->sources[0].interleaved &&
                        c->sources[0].previous.received_at > before.received_at);
        ntp_client_free(c);
}

static void one(const uint8_t *data, size_t size, bool nts, bool keyed, bool right_cookie)
{
        NtpConfig config = { .build_nsec = 1, .poll_min = 6, .poll_max = 10, .frequency_sd = 1e-4 };
        Rng rng = rng_seeded(size);
        NtsSession session = { .n_cookies = 1, .cookies = { { .size = 100 } } };
        uint8_t packet[2048], request[NTP_PACKET_MAX];
        Writer w = WRITER_INIT(request, sizeof(request));
        NtpClient *c = NULL;
        NtpCheck check;
        NtpEvent e;

        if (size > sizeof(packet) || ntp_client_new(&c, &config, 0, &rng) < 0)
                return;
        memcpy(packet, data, size);
        assert(ntp_client_add(c, "fuzz", nts, 0) == 0);
        if (nts)
                ntp_client_set_session(c, 0, &session, 0);
        if (keyed)
                ntp_client_set_key(c, 0, &key);
        assert(ntp_client_request(c, 0, &w, 0, 0) == 0);
        if (right_cookie && size >= NTP_HEADER_SIZE)
                memcpy(packet + 24, request + 40, 8);
        if (nts && size >= NTP_HEADER_SIZE + 36)
                memcpy(packet + 52, request + 52, 32); /* the unique id */
        if (keyed)
                seal(packet, size);
        check = ntp_client_receive(c, 0, packet, size, 1000, 1000000);
        if (check != NTP_CHECK_OK)
                assert(c->sources[0].n_samples == 0);
        while (ntp_client_pop_event(c, &e))
                ;
        ntp_client_free(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        one(data, size, false, false, false);
        one(data, size, false, false, true);
        one(data, size, true, false, true);
        one(data, size, false, true, true);
        interleaved(data, size);
        return 0;
}
