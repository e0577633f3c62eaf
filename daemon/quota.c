/* SPDX-License-Identifier: MIT */
#include "daemon/quota.h"
#include <assert.h>
#include <stdbool.h>
#include <string.h>

#define ROOT_FACTOR 10

struct QuotaUser {
        uid_t uid;
        uint64_t used[_QUOTA_MAX];
};

void quota_deinit(Quota *quota)
{
        free(quota->users);
        quota->users = NULL;
        quota->n_users = 0;
}

uint64_t quota_limit(const Quota *quota, uid_t uid, QuotaKind kind)
{
        return (uint64_t) quota->limits[kind] * (uid == 0 ? ROOT_FACTOR : 1);
}

/* Where the user is, or where it would have to go. */
static size_t find(const Quota *quota, uid_t uid)
{
        size_t low = 0, high = quota->n_users;

        while (low < high) {
                size_t mid = low + (high - low) / 2;

                if (quota->users[mid].uid < uid)
                        low = mid + 1;
                else
                        high = mid;
        }
        return low;
}

static bool is_at(const Quota *quota, size_t i, uid_t uid)
{
        return i < quota->n_users && quota->users[i].uid == uid;
}

static int insert(Quota *quota, size_t i, uid_t uid)
{
        QuotaUser *users = reallocarray(quota->users, quota->n_users + 1, sizeof(*users));

        if (!users)
                return -ENOMEM;
        memmove(users + i + 1, users + i, (quota->n_users - i) * sizeof(*users));
        users[i] = (QuotaUser){ .uid = uid };
        quota->users = users;
        quota->n_users++;
        return 0;
}

uint64_t quota_used(const Quota *quota, uid_t uid, QuotaKind kind)
{
        size_t i = find(quota, uid);

        return is_at(quota, i, uid) ? quota->users[i].used[kind] : 0;
}

int quota_take(Quota *quota, uid_t uid, QuotaKind kind, size_t n)
{
        size_t i = find(quota, uid);
        uint64_t used = is_at(quota, i, uid) ? quota->users[i].used[kind] : 0;
        uint64_t limit = quota_limit(quota, uid, kind);
        int r;

        /* a limit that was lowered may be below what is in use */
        if (n == 0)
                return 0;
        if (used > limit || n > limit - used)
                return -EDQUOT;
        if (!is_at(quota, i, uid)) {
                r = insert(quota, i, uid);
                if (r < 0)
                        return r;
        }
        quota->users[i].used[kind] += n;
        return 0;
}

void quota_give(Quota *quota, uid_t uid, QuotaKind kind, size_t n)
{
        size_t i = find(quota, uid);
        QuotaUser *u;

        if (n == 0)
                return;
        assert(is_at(quota, i, uid) && quota->users[i].used[kind] >= n);
        u = &quota->users[i];
        u->used[kind] -= n;
        for (size_t k = 0; k < _QUOTA_MAX; k++)
                if (u->used[k] > 0)
                        return;
        quota->n_users--;
        memmove(u, u + 1, (quota->n_users - i) * sizeof(*u));
}
