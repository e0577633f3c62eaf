/* SPDX-License-Identifier: MIT */
#include "crypto/siv.h"
#include "lib/suite.h"
#include "util/rng.h"
#include <errno.h>
#include <nettle/siv-cmac.h>
#include <string.h>

/* RFC 5297 appendix A.1: 16 octets of key for each half, one header, 14 octets. */
START_TEST(the_vector_of_the_rfc)
{
        static const uint8_t key[32] = { 0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0xfa, 0xf9, 0xf8, 0xf7, 0xf6,
                0xf5, 0xf4, 0xf3, 0xf2, 0xf1, 0xf0, 0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7,
                0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0xff };
        static const uint8_t ad[] = { 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19,
                0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f, 0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26,
                0x27 };
        static const uint8_t plain[] = { 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa,
                0xbb, 0xcc, 0xdd, 0xee };
        static const uint8_t expected[] = { 0x85, 0x63, 0x2d, 0x07, 0xc6, 0xe8, 0xf3, 0x7f, 0x95,
                0x0a, 0xcd, 0x32, 0x0a, 0x2e, 0xcc, 0x93, 0x40, 0xc0, 0x2b, 0x96, 0x90, 0xc4, 0xdc,
                0x04, 0xda, 0xef, 0x7f, 0x6a, 0xfe, 0x5c };
        uint8_t out[sizeof(expected)], back[sizeof(plain)];
        SivPart part = { ad, sizeof(ad) };

        ck_assert_int_eq(siv_encrypt(key, &part, 1, plain, sizeof(plain), out), 0);
        ck_assert_mem_eq(out, expected, sizeof(expected));
        ck_assert_int_eq(siv_decrypt(key, &part, 1, out, sizeof(out), back), 0);
        ck_assert_mem_eq(back, plain, sizeof(plain));
        out[20] ^= 1;
        ck_assert_int_eq(siv_decrypt(key, &part, 1, out, sizeof(out), back), -EBADMSG);
}
END_TEST

/* Header and nonce as NTS uses them, every length around the block size, against nettle. */
START_TEST(nettle_says_the_same)
{
        Rng rng = rng_seeded(test_seed());

        for (size_t size = 0; size < 70; size++) {
                uint8_t key[32], ad[100], nonce[16], plain[70], ours[86], theirs[86], back[70];
                struct siv_cmac_aes128_ctx ctx;
                size_t ad_size = size % 50;
                SivPart parts[] = { { ad, ad_size }, { nonce, sizeof(nonce) } };

                rng.fill(&rng, key, sizeof(key));
                rng.fill(&rng, ad, sizeof(ad));
                rng.fill(&rng, nonce, sizeof(nonce));
                rng.fill(&rng, plain, sizeof(plain));
                siv_cmac_aes128_set_key(&ctx, key);
                siv_cmac_aes128_encrypt_message(&ctx, sizeof(nonce), nonce, ad_size, ad,
                        size + SIV_TAG_SIZE, theirs, plain);
                ck_assert_int_eq(siv_encrypt(key, parts, 2, plain, size, ours), 0);
                ck_assert_mem_eq(ours, theirs, size + SIV_TAG_SIZE);
                ck_assert_int_eq(siv_decrypt(key, parts, 2, ours, size + SIV_TAG_SIZE, back), 0);
                if (size > 0)
                        ck_assert_mem_eq(back, plain, size);
                for (size_t i = 0; i < size + SIV_TAG_SIZE; i++) {
                        ours[i] ^= 0x10;
                        ck_assert_int_eq(
                                siv_decrypt(key, parts, 2, ours, size + SIV_TAG_SIZE, back),
                                -EBADMSG);
                        ours[i] ^= 0x10;
                }
        }
}
END_TEST

START_TEST(less_than_a_tag_is_no_message)
{
        uint8_t key[32] = { 0 }, data[15] = { 0 }, out[1];

        ck_assert_int_eq(siv_decrypt(key, NULL, 0, data, sizeof(data), out), -EBADMSG);
        ck_assert_int_eq(siv_decrypt(key, NULL, 0, data, 0, out), -EBADMSG);
}
END_TEST

TEST_MAIN("siv", the_vector_of_the_rfc, nettle_says_the_same, less_than_a_tag_is_no_message)
