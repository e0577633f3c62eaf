/* SPDX-License-Identifier: MIT */
#pragma once
/* The leases of a link, kept in files that a person can read: STATE_DIR/KIND-NAME.lease. */
#include "helper/network.h"
#include "proto/lease-text.h"

/* A lease goes to the disk when nobody waits for anything any more. */
#define LEASE_SAVE_DELAY (300 * USEC_PER_MSEC)

/* A lease belongs to an identifier, not to whatever is called eth0 today. */
typedef struct LeaseOwner LeaseOwner;
struct LeaseOwner {
        const char *kind; /* "dhcp4", "dhcp6" */
        uint8_t id[256];
        size_t size;
};

/* This boot and this moment; valid until the next call. */
LeaseClocks lease_store_clocks(void);
/* The text (free it), or -ENOENT when there is none of this owner. */
int lease_store_load(const Link *link, const LeaseOwner *owner, char **ret);
/* Adds the owner to the text and saves it. `failed` keeps one trouble from being told twice. */
void lease_store_save(const Link *link, const LeaseOwner *owner, LeaseText *text, bool *failed);
/* The files follow a link that got another name. */
void lease_store_rename(const Link *link, const char *old_name);
void lease_store_remove(const Link *link, const char *kind);
