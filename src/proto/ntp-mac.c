/* SPDX-License-Identifier: MIT */
#include "proto/ntp-mac.h"
#include "util/error.h"

/* Digests of more than 160 bits are cut: 24 octets are all that is told from an extension field. */
static int seal(const NtpKey *key, const void *data, size_t size, uint8_t ret[MAC_SIZE_MAX],
        size_t *ret_size)
{
        size_t n;

        if (mac_compute(key->type, key->data, key->size, data, size, ret, &n) < 0)
                return -EIO;
        *ret_size = MIN(n, (size_t) NTP_MAC_MAX - 4);
        return 0;
}

int ntp_mac_write(Writer *w, const NtpKey *key)
{
        uint8_t mac[MAC_SIZE_MAX];
        size_t size;

        if (w->failed)
                return -ENOBUFS;
        if (seal(key, w->data, w->pos, mac, &size) < 0)
                return -EIO;
        writer_u32(w, key->id);
        writer_bytes(w, mac, size);
        return w->failed ? -ENOBUFS : 0;
}

bool ntp_mac_valid(const void *packet, size_t size, size_t end, const NtpKey *key)
{
        Reader r = READER_INIT(packet, size);
        uint8_t mac[MAC_SIZE_MAX];
        const uint8_t *theirs;
        size_t mac_size;

        reader_skip(&r, end);
        if (reader_u32(&r) != key->id || r.failed || seal(key, packet, end, mac, &mac_size) < 0 ||
                reader_left(&r) != mac_size)
                return false;
        theirs = reader_bytes(&r, mac_size);
        return theirs && mac_equal(mac, theirs, mac_size);
}
