/* SPDX-License-Identifier: MIT */
/* What is known of each kind without computing one. */
#include "crypto/mac.h"

typedef struct MacKind MacKind;
struct MacKind {
        unsigned char key_size; /* 0: any */
        bool weak;
};

static const MacKind kinds[_MAC_TYPE_MAX] = {
        [MAC_AES128] = { .key_size = 16 },
        [MAC_AES256] = { .key_size = 32 },
        [MAC_SHA1] = { .weak = true },
        [MAC_MD5] = { .weak = true },
};

size_t mac_key_size(MacType type)
{
        return kinds[type].key_size;
}

bool mac_is_weak(MacType type)
{
        return kinds[type].weak;
}
