/* SPDX-License-Identifier: MIT */
#pragma once
/* What the text forms of DHCPv4 and DHCPv6 leases share: lines of "key=value" that a person can
 * read. */
#include "proto/dnr.h"
#include "util/clock.h"
#include "util/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LEASE_TEXT_SIZE 8192

/* Two clocks at one moment, to carry a lease over a reboot. */
typedef struct LeaseClocks LeaseClocks;
struct LeaseClocks {
        const char *boot_id; /* tells boots apart */
        usec_t boottime, realtime;
};

typedef struct LeaseText LeaseText;
struct LeaseText {
        char *buf;
        size_t size, len; /* len >= size: did not fit */
};

void _printf_(2, 3) lease_text_add(LeaseText *t, const char *fmt, ...);
/* "KEY-boottime-usec=N"; nothing for USEC_INFINITY. */
void lease_text_time(LeaseText *t, const char *key, usec_t boottime);
/* "KEY=0a1b" */
void lease_text_hex(LeaseText *t, const char *key, const uint8_t *bytes, size_t n);
/* The boot and both clocks. */
void lease_text_clocks(LeaseText *t, const LeaseClocks *at);
/* Where a server gave them. */
void lease_text_names(LeaseText *t, const char *search, const char *captive_portal);
/* "resolver=192.0.2.1:853#dns.example", for each; read by dnr_add_text(). */
void lease_text_resolvers(LeaseText *t, const DnrList *list);

typedef bool LeaseEntryFn(void *userdata, const char *key, char *value);
/* 0, or -EBADMSG when a line is none or the function refuses it. Lines with # are skipped. */
int lease_text_parse(const char *text, LeaseEntryFn *entry, void *userdata);
bool lease_number(const char *s, uint64_t max, uint64_t *ret);
bool lease_string(const char *s, char *ret, size_t size);
/* The number of bytes, or -1. */
int lease_hex(const char *s, uint8_t *ret, size_t size);
bool lease_uri(const char *s, char *ret, size_t size);
/* Host names with blanks between. */
bool lease_domains(char *s, char *list, size_t size);
