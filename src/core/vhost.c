/* SPDX-License-Identifier: MIT */
#include "core/wsi-private.h"
#include <string.h>

int vhost_new(struct lws_vhost **ret, struct lws_context *cx, const char *name,
        const struct lws_protocols *protocols)
{
        struct lws_vhost *vhost = calloc(1, sizeof(*vhost));

        if (!vhost)
                return -ENOMEM;
        vhost->name = strdup(name);
        if (!vhost->name) {
                free(vhost);
                return -ENOMEM;
        }
        vhost->cx = cx;
        vhost->protocols = protocols;
        list_link_tail(&cx->vhosts, &vhost->link);
        *ret = vhost;
        return 0;
}

void vhosts_free(struct lws_context *cx)
{
        while (!list_is_empty(&cx->vhosts)) {
                struct lws_vhost *vhost =
                        list_entry(list_first(&cx->vhosts), struct lws_vhost, link);

                list_unlink(&vhost->link);
                free(vhost->name);
                free(vhost);
        }
}

void vhosts_tell(Thread *th, enum lws_callback_reasons reason)
{
        list_foreach (it, &th->cx->vhosts) {
                struct lws_vhost *vhost = list_entry(it, struct lws_vhost, link);
                const struct lws_protocols *p = vhost->protocols;

                for (; p && p->callback; p++) {
                        /* only names where it happens */
                        struct lws wsi = {
                                .thread = th, .vhost = vhost, .io.fd = -1, .protocol = p
                        };

                        (void) p->callback(&wsi, reason, NULL, NULL, 0);
                }
        }
}

struct lws_vhost *context_vhost_system(struct lws_context *cx)
{
        return cx->vhost_system;
}

struct lws_vhost *context_vhost_own(struct lws_context *cx)
{
        return cx->vhost_system ? cx->vhost_system
                                : list_entry(list_first(&cx->vhosts), struct lws_vhost, link);
}

_public_ struct lws_vhost *lws_get_vhost_by_name(struct lws_context *cx, const char *name)
{
        list_foreach (it, &cx->vhosts) {
                struct lws_vhost *vhost = list_entry(it, struct lws_vhost, link);

                if (name && strcmp(vhost->name, name) == 0)
                        return vhost;
        }
        return NULL;
}

_public_ const char *lws_get_vhost_name(struct lws_vhost *vhost)
{
        return vhost->name;
}
