/* SPDX-License-Identifier: MIT */
#pragma once
/* How much each user may pile up here. Root may have ten times as much. Pure. */
#include "util/error.h"
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef enum QuotaKind {
        QUOTA_ATTACHMENTS,
        QUOTA_HOLDS,
        QUOTA_LOOKUPS,
        QUOTA_CONNECTIONS,
        QUOTA_BYTES, /* on their way to and from its peers */
        _QUOTA_MAX,
} QuotaKind;

typedef struct QuotaUser QuotaUser;
typedef struct Quota Quota;
struct Quota {
        uint32_t limits[_QUOTA_MAX];
        QuotaUser *users; /* by uid */
        size_t n_users;
};

/* A zeroed Quota with limits set is ready. */
void quota_deinit(Quota *quota);
/* The limit of this user. */
uint64_t quota_limit(const Quota *quota, uid_t uid, QuotaKind kind);
/* All of `n` or -EDQUOT and nothing. */
int quota_take(Quota *quota, uid_t uid, QuotaKind kind, size_t n);
void quota_give(Quota *quota, uid_t uid, QuotaKind kind, size_t n);
uint64_t quota_used(const Quota *quota, uid_t uid, QuotaKind kind);
