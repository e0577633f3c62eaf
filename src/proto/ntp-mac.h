/* SPDX-License-Identifier: MIT */
#pragma once
/* The key id and MAC at the end of an NTP packet (RFC 5905 section 7.3, RFC 7822 section 7.5,
 * RFC 8573). */
#include "proto/ntp-keys.h"
#include "util/buf.h"

#define NTP_MAC_MIN 20 /* with its key id; what is shorter is an extension field or nothing */
#define NTP_MAC_MAX 24 /* longer digests are cut to fit */

/* Seals what stands in `w` so far. 0, -ENOBUFS, or -EIO when the library fails. */
int ntp_mac_write(Writer *w, const NtpKey *key);
/* Whether the packet ends, from `end` on (ntp_fields_valid()), with the MAC of this very key. */
bool ntp_mac_valid(const void *packet, size_t size, size_t end, const NtpKey *key);
