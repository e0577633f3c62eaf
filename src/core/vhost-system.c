/* SPDX-License-Identifier: MIT */
/* At least one helper is built in: all of their sockets are bound to this vhost. */
#include "core/context-private.h"

int vhost_system_new(struct lws_vhost **ret, struct lws_context *cx)
{
        return vhost_new(ret, cx, "system", NULL);
}
