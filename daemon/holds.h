/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Holds of other processes. Each is the reading end of a pipe here and the writing end there: when
 * every copy of theirs is closed, by whoever and however, the kernel says so. Our ends lie in
 * systemd's store as well, and who, why and whose they are in the runtime directory, so that a hold
 * outlives us.
 */
#include "core/thread.h"
#include "daemon/notify.h"
#include "daemon/quota.h"
#include "state/ladder.h"

typedef struct Holds Holds;

typedef struct HoldRecord HoldRecord;
struct HoldRecord {
        int state;
        uid_t uid;
        pid_t pid;
        char who[64], why[192];
};

/* Keeps a copy of the directory's descriptor. */
int holds_new(Holds **ret, Thread *th, Ladder *ladder, Quota *quota, int runtime_dirfd);
/* The holds go with it from the ladder, not from their holders. */
Holds *holds_free(Holds *holds);

/* -EDQUOT, or another errno. The descriptor is the caller's to send and close. */
int holds_take(Holds *holds, int state, const char *who, const char *why, uid_t uid, pid_t pid,
        int *ret_fd);
/* Takes those of `fds` that are holds back into force. */
void holds_restore(Holds *holds, StoredFd *fds, size_t n);
/* Stops when `fn` returns negative, and hands that on. */
int holds_foreach(Holds *holds, int (*fn)(void *userdata, const HoldRecord *hold), void *userdata);
