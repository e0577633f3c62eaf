/* SPDX-License-Identifier: MIT */
#include "crypto/hmac.h"
#include "lib/suite.h"
#include <errno.h>
#include <string.h>

/* RFC 2202 section 2, cases 2 and 3 */
START_TEST(the_vectors_of_the_rfc)
{
        static const char text[] = "what do ya want for nothing?";
        static const uint8_t code[] = { 0x75, 0x0c, 0x78, 0x3e, 0x6a, 0xb0, 0xb5, 0x03, 0xea, 0xa8,
                0x6e, 0x31, 0x0a, 0x5d, 0xb7, 0x38 };
        static const uint8_t code3[] = { 0x56, 0xbe, 0x34, 0x52, 0x1d, 0x14, 0x4c, 0x88, 0xdb, 0xb8,
                0xc7, 0x33, 0xf0, 0xe8, 0xb3, 0xf6 };
        uint8_t key[16], data[50], wrong[HMAC_MD5_SIZE];
        HmacPart parts[] = { { text, 5 }, { text, 0 }, { text + 5, strlen(text) - 5 } };

        ck_assert_int_eq(hmac_md5_verify("Jefe", 4, parts, 3, code), 0);
        for (size_t i = 0; i < sizeof(wrong); i++) {
                memcpy(wrong, code, sizeof(wrong));
                wrong[i] ^= 1;
                ck_assert_int_eq(hmac_md5_verify("Jefe", 4, parts, 3, wrong), -EBADMSG);
        }
        ck_assert_int_eq(hmac_md5_verify("Jeff", 4, parts, 3, code), -EBADMSG);
        ck_assert_int_eq(hmac_md5_verify("Jefe", 4, parts, 2, code), -EBADMSG);
        memset(key, 0xaa, sizeof(key));
        memset(data, 0xdd, sizeof(data));
        ck_assert_int_eq(
                hmac_md5_verify(key, sizeof(key), &(HmacPart){ data, sizeof(data) }, 1, code3), 0);
}
END_TEST

TEST_MAIN("hmac", the_vectors_of_the_rfc)
