/* SPDX-License-Identifier: MIT */
/* No helper is built in: there is no vhost "system". */
#include "core/context-private.h"

int vhost_system_new(struct lws_vhost **ret, struct lws_context *cx)
{
        return 0;
}
