/* SPDX-License-Identifier: MIT */
#pragma once
/* A DNS record as text, as in a zone file. Pure; everything in it comes from outside. */
#include <stddef.h>
#include <stdint.h>

/* "MX", "TYPE65280"; -EINVAL for what is neither. */
int rr_type_from_string(const char *s, uint16_t *ret);
/* Writes "MX" or "TYPE65280". */
void rr_type_to_string(uint16_t type, char *buf, size_t size);

typedef struct RrText RrText;
struct RrText {
        char *name, *data; /* printable ASCII; the caller frees */
        uint16_t type, class;
        uint32_t ttl;
};

/* Reads one whole record with names not compressed, as lwsd gives it. The data of a type that is
 * not known, or that is not what its type says, is written as RFC 3597 has it. 0, -EBADMSG or
 * -ENOMEM. */
int rr_parse(const void *wire, size_t size, RrText *ret);
void rr_text_deinit(RrText *text);
