/* SPDX-License-Identifier: MIT */
#include "daemon/quota.h"
#include "lib/suite.h"

START_TEST(each_user_has_its_own_and_root_ten_times)
{
        Quota q = { .limits = { 4, 1, 1, 1 } };

        ck_assert_int_eq(quota_take(&q, 1000, QUOTA_ATTACHMENTS, 3), 0);
        ck_assert_int_eq(quota_take(&q, 1000, QUOTA_ATTACHMENTS, 2), -EDQUOT);
        ck_assert_uint_eq(quota_used(&q, 1000, QUOTA_ATTACHMENTS), 3);
        ck_assert_int_eq(quota_take(&q, 1000, QUOTA_ATTACHMENTS, 1), 0);
        ck_assert_int_eq(quota_take(&q, 1000, QUOTA_HOLDS, 1), 0);
        ck_assert_int_eq(quota_take(&q, 500, QUOTA_ATTACHMENTS, 4), 0);
        ck_assert_int_eq(quota_take(&q, 0, QUOTA_ATTACHMENTS, 40), 0);
        ck_assert_int_eq(quota_take(&q, 0, QUOTA_ATTACHMENTS, 1), -EDQUOT);
        ck_assert_int_eq(quota_take(&q, 7, QUOTA_ATTACHMENTS, SIZE_MAX), -EDQUOT);
        quota_give(&q, 1000, QUOTA_ATTACHMENTS, 4);
        ck_assert_int_eq(quota_take(&q, 1000, QUOTA_HOLDS, 1), -EDQUOT);
        quota_give(&q, 1000, QUOTA_HOLDS, 1);
        quota_give(&q, 500, QUOTA_ATTACHMENTS, 4);
        quota_give(&q, 0, QUOTA_ATTACHMENTS, 40);
        ck_assert_uint_eq(q.n_users, 0);
        quota_deinit(&q);
}
END_TEST

START_TEST(a_lowered_limit_only_stops_more)
{
        Quota q = { .limits = { 4, 1, 1, 1 } };

        ck_assert_int_eq(quota_take(&q, 1000, QUOTA_ATTACHMENTS, 4), 0);
        q.limits[QUOTA_ATTACHMENTS] = 2;
        ck_assert_int_eq(quota_take(&q, 1000, QUOTA_ATTACHMENTS, 1), -EDQUOT);
        quota_give(&q, 1000, QUOTA_ATTACHMENTS, 4);
        quota_deinit(&q);
}
END_TEST

TEST_MAIN("quota", each_user_has_its_own_and_root_ten_times, a_lowered_limit_only_stops_more)
