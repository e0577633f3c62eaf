/* SPDX-License-Identifier: MIT */
#include "proto/dhcp6-reconfigure.h"
#include "crypto/hmac.h"
#include <assert.h>
#include <string.h>

static_assert(HMAC_MD5_SIZE == DHCP6_AUTH_SIZE, "the key and the code are of one size");

void dhcp6_reconfigure_learn(Dhcp6ReconfigureKey *key, const Dhcp6Message *reply)
{
        if (reply->auth.type != DHCP6_AUTH_KEY)
                return;
        key->server = reply->server;
        key->replay = reply->auth.replay;
        memcpy(key->key, reply->auth.value, sizeof(key->key));
}

/* The code is that of the message with zeros in its place. */
static bool is_authentic(const uint8_t key[static DHCP6_AUTH_SIZE], const Dhcp6Auth *auth,
        const uint8_t *data, size_t size)
{
        static const uint8_t zeros[DHCP6_AUTH_SIZE];
        size_t behind = auth->value_at + sizeof(zeros);
        const HmacPart parts[] = { { data, auth->value_at }, { zeros, sizeof(zeros) },
                { data + behind, size - behind } };

        return hmac_md5_verify(key, DHCP6_AUTH_SIZE, parts, 3, auth->value) == 0;
}

Dhcp6Type dhcp6_reconfigure_check(
        Dhcp6ReconfigureKey *key, const Dhcp6Message *msg, const void *data, size_t size)
{
        if (msg->auth.type != DHCP6_AUTH_CODE || key->server.size == 0 ||
                !dhcp6_duid_equal(&msg->server, &key->server) || msg->auth.replay <= key->replay ||
                !is_authentic(key->key, &msg->auth, data, size))
                return DHCP6_NONE;
        key->replay = msg->auth.replay;
        return msg->reconfigure;
}
