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
        return 0;
}
