/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * A file of symmetric keys, as chronyd and ntpd have them: one "ID TYPE KEY" a line. Pure; nothing
 * of a key's own text is in any message.
 */
#include "crypto/mac.h"

#define NTP_KEY_MAX       128 /* octets of one key */
#define NTP_KEYS_MAX      256
#define NTP_KEYS_FILE_MAX (128 << 10)

typedef struct NtpKey NtpKey;
struct NtpKey {
        uint32_t id; /* 0: none */
        MacType type;
        uint8_t size;
        uint8_t data[NTP_KEY_MAX];
};

typedef struct NtpKeys NtpKeys;
struct NtpKeys {
        NtpKey *items;
        size_t n;
};

typedef struct NtpKeysFault NtpKeysFault;
struct NtpKeysFault {
        unsigned line;
        const char *why;
};

/* 0, -ENOMEM, or -EINVAL and what is wrong with which line. */
int ntp_keys_parse(NtpKeys *ret, const char *text, size_t size, NtpKeysFault *ret_fault);
const NtpKey *ntp_keys_find(const NtpKeys *keys, uint32_t id);
bool ntp_keys_equal(const NtpKeys *a, const NtpKeys *b);
void ntp_keys_clear(NtpKeys *keys);
/* 1 .. 2^32 - 1, decimal; 0 for anything else. */
uint32_t ntp_key_id_parse(const char *text);
/* Whether an answer that carries its MAC is as good as one of NTS. */
bool ntp_key_is_strong(const NtpKey *key);
