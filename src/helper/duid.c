/* SPDX-License-Identifier: MIT */
#include "helper/duid.h"
#include "util/buf.h"
#include <systemd/sd-id128.h>

#define APP_ID SD_ID128_MAKE(5d, 4b, 9c, 1e, 07, 6f, 4a, 52, 9f, 31, c8, 2a, 64, e0, b3, 17)

enum { DUID_LL = 3, DUID_UUID = 4 };

size_t duid_get(const Link *link, uint8_t ret[static DUID_SIZE_MAX])
{
        Writer w = WRITER_INIT(ret, DUID_SIZE_MAX);
        sd_id128_t id;

        if (sd_id128_get_machine_app_specific(APP_ID, &id) >= 0) {
                writer_u16(&w, DUID_UUID);
                writer_bytes(&w, id.bytes, sizeof(id.bytes));
        } else {
                writer_u16(&w, DUID_LL);
                writer_u16(&w, link->arp_type);
                writer_bytes(&w, link->mac, MIN(link->mac_len, DUID_SIZE_MAX - 4));
        }
        return w.pos;
}

uint32_t iaid_get(const Link *link)
{
        uint32_t hash = 2166136261u; /* FNV-1a */

        for (size_t i = 0; i < link->mac_len; i++)
                hash = (hash ^ link->mac[i]) * 16777619u;
        return hash;
}
