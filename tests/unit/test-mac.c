/* SPDX-License-Identifier: MIT */
#include "crypto/mac.h"
#include "lib/suite.h"
#include "util/error.h"
#include "util/rng.h"
#include <nettle/cmac.h>
#include <string.h>

static size_t from_hex(const char *text, uint8_t *out)
{
        size_t n = 0;
        unsigned byte;

        for (; sscanf(text, "%2x", &byte) == 1; text += 2)
                out[n++] = (uint8_t) byte;
        return n;
}

/* RFC 4493 and NIST SP 800-38B for CMAC; the others by another program: printf KEYDATA | sha1sum */
START_TEST(known_answers)
{
        static const char aes128[] = "2b7e151628aed2a6abf7158809cf4f3c";
        static const char aes256[] =
                "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4";
        static const char block[] = "6bc1bee22e409f96e93d7e117393172a";
        static const struct {
                MacType type;
                const char *key, *data, *mac;
        } cases[] = {
                { MAC_AES128, aes128, "", "bb1d6929e95937287fa37d129b756746" },
                { MAC_AES128, aes128, block, "070a16b46b4d4144f79bdd9dd04a287c" },
                { MAC_AES256, aes256, "", "028962f61b7bf89efc6b551f4667d983" },
                { MAC_AES256, aes256, block, "28a7023f452e8f82bd4bf28d8c37c35c" },
                /* "abc" */
                { MAC_MD5, "61", "6263", "900150983cd24fb0d6963f7d28e17f72" },
                { MAC_SHA1, "6162", "63", "a9993e364706816aba3e25717850c26c9cd0d89d" },
                { MAC_SHA256, "616263", "",
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                uint8_t key[64], data[64], expected[64], mac[MAC_SIZE_MAX];
                size_t key_size = from_hex(cases[i].key, key), size = from_hex(cases[i].data, data);
                size_t n = from_hex(cases[i].mac, expected), got = 0;

                ck_assert_int_eq(
                        mac_compute(cases[i].type, key, key_size, data, size, mac, &got), 0);
                ck_assert_uint_eq(got, n);
                ck_assert(mac_equal(mac, expected, n));
                expected[n - 1] ^= 1;
                ck_assert(!mac_equal(mac, expected, n));
        }
}
END_TEST

START_TEST(cmac_as_nettle_has_it)
{
        Rng rng = rng_seeded(test_seed());

        for (size_t size = 0; size < 200; size++) {
                uint8_t key[16], data[200], mac[MAC_SIZE_MAX], other[16];
                struct cmac_aes128_ctx ctx;
                size_t n;

                rng.fill(&rng, key, sizeof(key));
                rng.fill(&rng, data, sizeof(data));
                ck_assert_int_eq(mac_compute(MAC_AES128, key, sizeof(key), data, size, mac, &n), 0);
                cmac_aes128_set_key(&ctx, key);
                cmac_aes128_update(&ctx, size, data);
                cmac_aes128_digest(&ctx, sizeof(other), other);
                ck_assert_uint_eq(n, sizeof(other));
                ck_assert_mem_eq(mac, other, sizeof(other));
        }
}
END_TEST

START_TEST(a_key_of_another_size_is_refused)
{
        uint8_t key[64] = { 0 }, mac[MAC_SIZE_MAX];
        size_t n = 7;

        ck_assert_int_eq(mac_compute(MAC_AES128, key, 15, "", 0, mac, &n), -EIO);
        ck_assert_int_eq(mac_compute(MAC_AES256, key, 33, "", 0, mac, &n), -EIO);
        ck_assert_uint_eq(mac_key_size(MAC_AES128), 16);
        ck_assert_uint_eq(mac_key_size(MAC_AES256), 32);
        ck_assert_uint_eq(mac_key_size(MAC_SHA512), 0);
}
END_TEST

START_TEST(md5_and_sha1_are_weak)
{
        for (int t = 0; t < _MAC_TYPE_MAX; t++)
                ck_assert_int_eq(mac_is_weak((MacType) t), t == MAC_MD5 || t == MAC_SHA1);
}
END_TEST

TEST_MAIN("mac", known_answers, cmac_as_nettle_has_it, a_key_of_another_size_is_refused,
        md5_and_sha1_are_weak)
